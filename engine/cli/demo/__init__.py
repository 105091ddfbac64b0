"""`nurture demo`: a clinic's year in a minute. No accounts, no server; every message ends in a folder."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.refusing import No
from engine.cli.showing import console, count, heading, say, stamp

if TYPE_CHECKING:
    from engine.cli.demo.play import Played
    from engine.cli.opening import Opened

MARK = ".nurture-demo"  # stands in a folder that the demo made, and may therefore remove
PEOPLE = (
    ("ann.archer@example.com", "Ann: enquiry, booking, moved once, treatment, a year of aftercare"),
    (
        "cat.castillo@example.org",
        "Cat: answered STOP to a text; her emails have a consent of their own and go on",
    ),
    ("dan.dvorak@example.net", "Dan: email only, booked, did not come"),
)


def demo(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Option(help="Where the demo's own project is made. An old demo there is removed.")
    ] = Path("var/demo"),
) -> None:
    """A clinic's year in a minute: sample enquiries, a clock turned by hand, every message in a folder."""
    from engine.cli.demo.play import play
    from engine.cli.demo.script import END, START
    from engine.cli.opening import settings_of

    source = settings_of(ctx).project
    project = _project(source, folder if folder.is_absolute() else source / folder)
    opened = _opened(project)
    heading("1. Enquiries from the clinic's form")
    _import(opened, source / "examples" / "enquiries.csv", START)
    heading("2. Twelve months, from one moment at which something is due to the next")
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    screen = console()
    columns = (TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, disable=not screen.is_terminal) as bar:
        task = bar.add_task(f"{START:%d %b %Y}", total=(END - START).total_seconds())

        def at(now: datetime) -> None:
            bar.update(task, completed=(now - START).total_seconds(), description=f"{now:%d %b %Y}")

        def happened(now: datetime, words: str) -> None:
            screen.print(f"  {stamp(now, opened.zone)}  {words}")

        played = play(opened, happened, at)
    _account(opened, played)
    heading("5. Where to look next")
    _next(opened, played, project)


def _failed(sentence: str) -> No:
    return No(sentence)


def _project(source: Path, folder: Path) -> Path:
    """A project of the demo's own: the shipped campaigns and words, the demo's failures, its own database."""
    from engine.cli.demo.script import FAULTS

    if folder.exists():
        if not (folder / MARK).exists():
            raise _failed(f"{folder.name} exists and was not made by the demo. Name another folder: --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    (folder / MARK).touch()
    for name in ("campaigns", "templates", "mappings"):
        shutil.copytree(source / name, folder / name)
    settings = (source / "settings.toml").read_text(encoding="utf-8")
    (folder / "settings.toml").write_text(settings + FAULTS, encoding="utf-8")
    return folder


def _opened(project: Path) -> "Opened":
    from engine.cli.opening import store_of, with_catalogue
    from engine.config import load_settings

    settings = load_settings(project)
    if not settings.only_mailbox:
        raise _failed(
            "The demo sends nothing, so it needs the mailbox as the only provider (settings.toml, [sending])."
        )
    opened = with_catalogue(settings, store_of(settings))
    if opened.catalogue.findings:
        raise _failed("Campaigns or templates are broken; the demo needs them all. See: nurture check")
    return opened


def _import(opened: "Opened", file: Path, now: datetime) -> None:
    from engine.core.contact import Refusal
    from engine.core.enquiry_mapping import Mapping
    from engine.core.enquiry_table import read_table
    from engine.importing import import_rows

    table = read_table(file.read_bytes())
    mapping = Mapping.read((opened.settings.project / "mappings" / "web_form.toml").read_text(encoding="utf-8"))
    if isinstance(table, Refusal) or isinstance(mapping, tuple):
        raise _failed("The demo's own sample cannot be read. Fetch the project anew.")
    imported = import_rows(opened.house, table, mapping, now)
    fates = ", ".join(f"{n} {fate}" for fate, n in sorted(imported.counts().items()))
    say(f"  {count(len(table.rows), 'row')}: {fates}.")
    for fate in imported.fates:
        for words in (*fate.problems, *fate.notes):
            say(f"  row {fate.row:>2} ({fate.fate}): {words}")


def _account(opened: "Opened", played: "Played") -> None:
    from engine.cli.demo.play import balance, contact_of, twice

    heading("3. Three of the people")
    for address, title in PEOPLE:
        say(f"\n  {title}")
        _timeline(opened, contact_of(opened, address)[1])
    heading("4. The account")
    due, became = balance(opened)
    for status, n in sorted(became.items(), key=lambda item: -item[1]):
        say(f"  {n:>5}  {status}")
    total = sum(became.values())
    say(f"  {total:>5}  together; {due} fell due: {'it balances' if total == due else 'IT DOES NOT BALANCE'}")
    say("")
    died = "was killed (SIGKILL)" if played.killed else "SURVIVED, which the demo did not expect"
    say(f"  The engine {died} while it handed messages over: {played.abandoned} in doubt when it came back.")
    doubts = played.found + played.resent
    say(f"  With those whose answer was lost, {doubts} messages were in doubt during the year. The mailbox was asked:")
    say(f"  it had {played.found} of them; the {played.resent} that it had not went again, once.")
    doubled = twice(opened.settings.mailbox_folder)
    say(f"  Messages that anybody got twice, counted in the mailbox: {doubled}.")
    if total != due or doubled or not played.killed:
        raise _failed("The demo did not end as it must. Please tell the engineers.")


def _timeline(opened: "Opened", ref: str, most: int = 16) -> None:
    from engine.store import seeing

    with opened.store.read() as conn:
        rows = seeing.log_rows(conn, contact_ref=ref)
    for row in rows[:most]:
        at = row.sent_at or row.settled_at or row.created_at
        why = "" if row.status in ("sent", "delivered") else f" ({row.reason.replace('_', ' ')})"
        say(f"    {stamp(at, opened.zone)}  {row.channel or '-':5}  {row.status + why:28}  {row.campaign}/{row.step}")
    if len(rows) > most:
        last = rows[-1]
        at = last.sent_at or last.settled_at or last.created_at
        say(f"    ... {len(rows) - most} more, the last on {at.astimezone(UTC):%d %B %Y}: {last.campaign}/{last.step}")


def _next(opened: "Opened", played: "Played", project: Path) -> None:
    shown = project.relative_to(Path.cwd()) if project.is_relative_to(Path.cwd()) else project
    ann = played.refs["ann.archer@example.com"]
    nurture = f".venv/bin/nurture --project {shown}"
    say(f"  The messages, a folder a person:   {shown}/{opened.settings.mailbox.folder}/{ann}")
    say(f"  What became of everything:         {nurture} status")
    say(f"  The send log:                      {nurture} log --contact {ann}")
    say(f"  Why somebody got what they got:    {nurture} why {ann}")
    say(f"  What staff must do:                {nurture} tasks")
    say("  A campaign before it is sent:      .venv/bin/nurture preview therapy_basics")
    say("  How to write one:                  docs/campaigns.md")
