"""nurture run, tick, pause, resume: the clock, and the hand on the brake."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from engine.cli.opening import Now, Opened, a_moment, clock, open_all, present, read_again
from engine.cli.refusing import FAILED, INTERRUPTED, misused, not_found
from engine.cli.showing import aside, count, progress, say, someone, stamp

if TYPE_CHECKING:
    from pathlib import Path

    from engine.tick import Ticked

log = logging.getLogger("nurture")


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """SIGTERM and Ctrl+C set the event instead of killing; a third Ctrl+C kills after all.

    More SIGTERMs change nothing: supervisors repeat it, and have SIGKILL.
    """
    stop = threading.Event()
    by_hand = 0

    def handle(number: int, _frame: object) -> None:
        nonlocal by_hand
        stop.set()
        if number == signal.SIGINT:
            by_hand += 1
            if by_hand == 2:
                log.warning("still finishing what is in flight; a third Ctrl+C leaves it in doubt")
                # Not Python's own answer: at its end it would wait for what is in flight all the same.
                signal.signal(number, signal.SIG_DFL)

    numbers = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    before: dict[int, Any] = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ------------------------------------------------------------------------------------------------------ run


def run(ctx: typer.Context) -> None:
    """Run the clinic, until SIGTERM or Ctrl+C.

    Every few seconds (sending.tick_seconds): look at what is due, decide, send, settle. A second process on the
    same database does no harm. When it is told to end it claims nothing more, finishes what is in flight, and
    exits with 0. Changed campaigns and templates are read again by themselves; changed settings need a restart.
    """
    from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]

    # What goes wrong before the settings are read is not logged: it is told, and ends the command.
    opened = open_all(ctx)
    handler = logging.StreamHandler()
    handler.setFormatter(_Clinics(opened.zone))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    log.setLevel(logging.INFO)
    # It would report every look that it left out because the one before was still at work.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    with stopping() as stop:
        turns = _Turns(opened, stop)
        seconds = opened.settings.sending.tick_seconds
        scheduler = BackgroundScheduler(timezone=UTC)
        scheduler.add_job(
            turns.one, "interval", seconds=seconds, coalesce=True, max_instances=1, misfire_grace_time=None,
            next_run_time=clock(),
        )  # fmt: skip
        log.info("running; a look every %s seconds; %s", seconds, _carriers(opened))
        scheduler.start()
        stop.wait()
        log.info("told to end; finishing what is in flight")
        scheduler.shutdown(wait=True)
    if turns.fatal is not None:
        raise turns.fatal
    log.info("ended")


class _Clinics(logging.Formatter):
    """Lines with the time on the clinic's clock."""

    def __init__(self, zone: str) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self.zone = ZoneInfo(zone)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """As 2026-11-20 10:00:07 EST."""
        return f"{datetime.fromtimestamp(record.created, self.zone):%Y-%m-%d %H:%M:%S %Z}"


def _carriers(opened: Opened) -> str:
    if opened.settings.only_mailbox:
        return f"every message goes into the folder {opened.settings.mailbox.folder}, none leaves this machine"
    return f"messages leave by {', '.join(sorted({*opened.settings.sending.real}))}"


class _Turns:
    """What one wake-up of the scheduler does. Trouble with one turn is logged, and the next one tries again."""

    def __init__(self, opened: Opened, stop: threading.Event) -> None:
        self.opened, self.stop = opened, stop
        self.fatal: Exception | None = None
        self.files = _files(opened.settings.project)
        self.pauses: dict[str, datetime] = {}  # since when, of the providers paused at the look before
        self._warn()
        self._probe_at_once()

    def one(self) -> None:
        """One look at everything."""
        from engine.tick import ClockTurnedBack, tick

        if self.stop.is_set():
            return
        try:
            self._read_again()
            done = tick(self.opened.house, self.opened.carriers, clock, self.stop.is_set)
            self._tell_pauses()
        except ClockTurnedBack as error:
            self.fatal = error
            self.stop.set()
        except Exception as error:
            # The class only: the text may hold somebody's data.
            log.error("this look failed (%s); the next one tries again", type(error).__name__)
        else:
            if not done.idle:
                log.log(logging.WARNING if _needs_a_look(done) else logging.INFO, "%s", in_words(done))

    def _probe_at_once(self) -> None:
        """Who starts this may just have repaired what a provider was paused for."""
        from engine.store import senders

        with self.opened.store.begin() as conn:
            senders.probe_now(conn, clock())

    def _tell_pauses(self) -> None:
        """A line when a provider is paused, and one when it works again."""
        from engine.store import seeing

        with self.opened.store.read() as conn:
            paused = {row.provider: row for row in seeing.provider_pauses(conn) if row.until is not None}
        for name, row in paused.items():
            if self.pauses.get(name) != row.since:
                until, why = stamp(row.until, self.opened.zone), row.detail.strip().rstrip(".")
                log.error("%s is paused until %s: %s. Its messages wait. Run: nurture doctor", name, until, why)
        for name in sorted(self.pauses.keys() - paused.keys()):
            log.info("%s works again", name)
        self.pauses = {name: row.since for name, row in paused.items()}

    def _read_again(self) -> None:
        """Campaigns and templates, when one of their files has changed."""
        files = _files(self.opened.settings.project)
        if files == self.files:
            return
        try:
            self.opened = read_again(self.opened)
        except Exception as error:
            # An editor was replacing the file, perhaps: the next look tries again, this one goes by what was read.
            log.error("campaigns and templates cannot be read again (%s); the old ones go on", type(error).__name__)
            return
        self.files = files
        log.info("campaigns and templates were read again")
        self._warn()

    def _warn(self) -> None:
        for finding in self.opened.catalogue.findings:
            log.warning("%s", finding)


def _files(project: "Path") -> frozenset[tuple[str, int, int]]:
    """What stands in the campaigns and templates, as far as file names, times and sizes tell."""
    paths = [path for folder in ("campaigns", "templates") for path in (project / folder).rglob("*") if path.is_file()]
    return frozenset((str(path), (info := path.stat()).st_mtime_ns, info.st_size) for path in paths)


def _needs_a_look(done: "Ticked") -> bool:
    """Whether somebody should read what this look did: something is in doubt, or was given to staff."""
    return any((done.sent.in_doubt, done.swept.abandoned, done.swept.asked_staff))


def in_words(done: "Ticked") -> str:
    """What a look did, in one line."""
    filled, sent, swept = done.filled, done.sent, done.swept
    parts = {
        "enrolments looked at": filled.looked_at,
        "queued": filled.queued,
        "skipped": filled.skipped - filled.tasks,
        "staff tasks": filled.tasks,
        "completed": filled.completed,
        "TROUBLED": filled.troubled,
        "sent": sent.sent,
        "put off": sent.put_off,
        "not sent": sent.not_sent,
        "in doubt": sent.in_doubt + swept.abandoned,
        "found sent after doubt": swept.found,
        "resent after doubt": swept.resent,
        "doubts given to staff": swept.asked_staff,
        "held ones tried again": swept.released,
    }
    return ", ".join(f"{number:,} {name}" for name, number in parts.items() if number) or "nothing was due"


# ----------------------------------------------------------------------------------------------------- tick


def tick(
    ctx: typer.Context,
    now: Now = None,
    until: Annotated[
        datetime | None,
        typer.Option(parser=a_moment, metavar="MOMENT", help="Rehearsals: turn the clock on to this moment."),
    ] = None,
) -> None:
    """One look at everything that is due: decide, send, settle.

    With --until the clock is turned by hand, from one moment at which something is due to the next (mailbox only).
    """
    opened = open_all(ctx)
    if until is not None or (now is not None and now > clock()):
        present(until or now, opened.settings)  # refused where a real provider is configured
    with stopping() as stop:
        done = _turn(opened, now, until, stop) if until is not None else _once(opened, now, stop)
    say(f"{stamp(done.now, opened.zone)}: {in_words(done)}.")
    for finding in opened.catalogue.findings:
        aside(str(finding))
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)


def _once(opened: Opened, now: datetime | None, stop: threading.Event) -> "Ticked":
    from engine import tick as ticking

    return ticking.tick(opened.house, opened.carriers, clock if now is None else lambda: now, stop.is_set)


def _turn(opened: Opened, now: datetime | None, until: datetime, stop: threading.Event) -> "Ticked":
    """Turn the clock, with a bar that shows how far it is. Ctrl+C ends it between two moments."""
    from engine import tick as ticking

    start = now or _where_it_stands(opened)
    if until < start:
        raise misused(
            f"--until lies before {stamp(start, opened.zone)}, where the clock stands. It is never turned back."
        )
    total = ticking.Ticked(start)
    with progress() as bar:
        task = bar.add_task("Turning the clock (days)", total=max((until - start).days, 1))
        for done in ticking.turn(opened.house, opened.carriers, start, until):
            _add(total, done)
            bar.update(task, completed=(done.now - start).days)
            if stop.is_set():
                break
    return total


def _add(total: "Ticked", done: "Ticked") -> None:
    """Sum up what many looks did."""
    total.now = done.now
    for part in ("swept", "filled", "sent"):
        sums, more = getattr(total, part), getattr(done, part)
        for name in type(sums).__dataclass_fields__:
            setattr(sums, name, getattr(sums, name) + getattr(more, name))


def _where_it_stands(opened: Opened) -> datetime:
    from engine.store import seeing

    with opened.store.read() as conn:
        last = seeing.last_tick(conn)
    return max(clock(), last) if last is not None else clock()


# -------------------------------------------------------------------------------------------- pause, resume

Campaign = Annotated[str, typer.Argument(help="The campaign.")]
By = Annotated[str | None, typer.Option(help="Who does it. Without it, your name on this machine.")]


def pause(ctx: typer.Context, campaign: Campaign, by: By = None, now: Now = None) -> None:
    """Stop a campaign for the time being.

    Its people wait, nothing more of it is decided or sent. Exits and STOP go on working.
    """
    from engine.store import marks

    opened = open_all(ctx)
    _known(opened, campaign)
    with opened.store.begin() as conn:
        new = marks.pause(conn, campaign, by or someone(), present(now, opened.settings))
    say("Paused." if new else "It was paused already.")
    say(f"To let it go on: nurture resume {campaign}")


def _known(opened: Opened, campaign: str) -> None:
    known = {*opened.catalogue.campaigns, *opened.catalogue.broken}
    if campaign not in known:
        raise not_found(f"There is no such campaign. There are: {', '.join(sorted(known)) or 'none yet'}.")


def resume(
    ctx: typer.Context,
    campaign: Campaign,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; change nothing.")] = False,
    now: Now = None,
) -> None:
    """Let a paused campaign go on.

    First it counts whom and what that would release, and what of it has grown stale, and asks.
    """
    from engine.store import marks
    from engine.studio.release import would_release

    opened = open_all(ctx)
    moment = present(now, opened.settings)
    with opened.store.read() as conn:
        paused = campaign in marks.paused(conn)
    if not paused:
        _known(opened, campaign)
        say("It is not paused.")
        return
    would = would_release(opened.house, campaign, moment)
    least = "at least " if would.cut_short else ""
    say(
        f"It would release {least}{count(would.people, 'person', 'people')} and {count(would.messages, 'message')}."
        f" {least.capitalize()}{count(would.stale, 'message is', 'messages are')} stale and would be left out."
    )
    if dry_run:
        return
    if not yes:
        if not typer.get_text_stream("stdin").isatty():
            raise misused("Nobody is there to be asked. Add --yes to let it go on, or --dry-run to count only.")
        if not typer.confirm("Let it go on?"):
            raise typer.Exit(FAILED)
    with opened.store.begin() as conn:
        marks.resume(conn, campaign)
    say("It goes on at the next look.")
