"""nurture signoff: somebody at the clinic stands by words, in a role, or no longer does (decision 22)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from engine.cli.opening import Now, Opened, open_all, present
from engine.cli.refusing import FAILED, No, misused, not_found
from engine.cli.showing import CHANNELS, aside, count, say, someone, table
from engine.cli.signable import SHOWN, Campaigns, Scope, Words, findings, is_error, scope_of, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.config import Settings
    from engine.core.findings import Finding
    from engine.core.signoff import Signature, Which

_LONGEST_NAME = 80
_LONGEST_REASON = 500


def a_day(text: str) -> date:
    """A day in ISO."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter("This is no day. Write it like 2026-11-22.") from None


def signoff(
    ctx: typer.Context,
    role: Annotated[str, typer.Option(help="The role in which you sign, one of settings' [signoff] roles.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="The name of the person who signs.")],
    campaigns: Campaigns = None,
    on: Annotated[
        date | None, typer.Option(parser=a_day, metavar="DAY", help="When it was signed. Without it: today.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="Only this language: en, es.")] = None,
    template: Annotated[str | None, typer.Option(metavar="NAME", help="Only the message of this name.")] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take back what this role has signed, by whomever.")
    ] = False,
    why: Annotated[str | None, typer.Option(help="With --withdraw: the reason, for the log.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    now: Now = None,
) -> None:
    """Sign the words of messages, in one role: they are sent once every role has signed.

    A signature is of exactly these words, in this language; when they change it ends by itself. What breaks a rule is
    not signed: exit code 1. Read the messages first: nurture preview CAMPAIGN
    """
    opened = open_all(ctx)
    moment = present(now, opened.settings)
    if why is not None and not withdraw:
        raise misused("--why goes with --withdraw.")
    hand = _Hand(
        role=_role(role, opened.settings),
        by=_name(by, "--by"),
        on=_day(on, moment, opened.zone),
        at=moment,
        why=None if why is None else _name(why, "--why", longest=_LONGEST_REASON),
        yes=yes,
    )
    if withdraw:
        _withdraw(opened, scope_of(opened, campaigns, template, language, None), hand)
    elif not _sign(opened, scope_of(opened, campaigns, template, language, opened.settings.languages.served), hand):
        raise typer.Exit(FAILED)


@dataclass(frozen=True, slots=True)
class _Hand:
    """Who signs, in which role, when."""

    role: str
    by: str
    on: date
    at: datetime
    why: str | None
    yes: bool

    def entry(self, which: "Which", words: str, *, withdrawn: bool = False) -> "Signature":
        """What is written of it."""
        from engine.core.signoff import Signature

        return Signature(which, words, self.role, self.by, self.on, self.at, someone(), withdrawn, self.why)


def _role(role: str, settings: "Settings") -> str:
    from engine.config.values import DEMO_ROLE

    if role in settings.signoff.roles:
        return role
    roles = ", ".join(settings.signoff.roles)
    if role == DEMO_ROLE:
        raise misused(f"--role: nobody signs as “{DEMO_ROLE}”. Here sign: {roles}.")
    raise misused(f"--role: there is no such role. Here sign: {roles} ([signoff] roles in settings.toml).")


def _name(text: str, option: str, *, longest: int = _LONGEST_NAME) -> str:
    name = " ".join(text.split())
    if not name or not name.isprintable():
        raise misused(f"{option}: write it in letters.")
    if len(name) > longest:
        raise misused(f"{option}: it has more than {longest} characters.")
    return name


def _day(on: date | None, now: datetime, zone: str) -> date:
    today = now.astimezone(ZoneInfo(zone)).date()
    if on is not None and on > today:
        raise misused(f"--on: {on} is yet to come; at the clinic it is {today}.")
    return on or today


def _sign(opened: Opened, scope: Scope, hand: _Hand) -> bool:
    """Show, ask, write. False: something was refused."""
    from engine.core.signoff import State
    from engine.store import signoffs

    refused = [finding for finding in findings(opened, scope) if is_error(finding)]
    words = words_of(opened, scope)
    if not words and not refused:
        raise not_found("There are no such words. `nurture signoffs` lists what there is to sign.")
    _refuse(refused)
    files = {finding.file for finding in refused}
    sound = [one for one in words if not one.stands_in(files)]
    new = [one for one in sound if one.part(hand.role).state is not State.SIGNED]
    if not new:
        say(f"Nothing to sign as {hand.role}: of {count(len(sound), 'message')} without an error all are signed.")
        return not refused
    _show(new, opened, scope)
    _ask(f"Sign {count(len(new), 'message')} as {hand.role}, in the name of {hand.by}, on {hand.on}?", hand.yes)
    with opened.store.begin() as conn:
        signoffs.write(conn, [hand.entry(one.which, one.hash) for one in new])
    say(f"{count(len(new), 'message')} signed as {hand.role} by {hand.by} on {hand.on}.")
    for line in _still_missing(new, hand.role):
        say(line)
    return not refused


def _refuse(findings: "Sequence[Finding]") -> None:
    for finding in findings:
        aside(str(finding))
    if findings:
        aside(f"Not signed: {count(len(findings), 'thing')} to mend first.")


def _show(words: "Sequence[Words]", opened: Opened, scope: Scope) -> None:
    """What a signature would be of, with what needs a human's eye."""
    files = {one.file for one in words}
    table(("campaign", "message", "channel", "language", "words", "file"), [
        (one.which.campaign, one.which.template, CHANNELS[one.which.channel], one.which.language, one.hash[:SHOWN],
         one.file) for one in words
    ])  # fmt: skip
    for finding in findings(opened, scope):
        if not is_error(finding) and finding.file in files:
            say(str(finding))


def _still_missing(words: "Sequence[Words]", role: str) -> "Iterator[str]":
    """What other roles have yet to do for these."""
    from engine.core.signoff import State

    for other in (part.role for part in words[0].parts if part.role != role):
        open_ = sum(one.part(other).state is not State.SIGNED for one in words)
        if open_:
            yield f"Still to be signed as {other}: {open_} of them."


def _ask(question: str, yes: bool) -> None:
    if yes:
        return
    if not typer.get_text_stream("stdin").isatty():
        raise misused("Nobody is here to be asked. Add --yes once you have read the messages.")
    if not typer.confirm(question):
        raise No("Nothing was written.")


def _withdraw(opened: Opened, scope: Scope, hand: _Hand) -> None:
    """Take back every signature of the role that stands, of words past and present."""
    from engine.core.signoff import standing
    from engine.store import signoffs

    with opened.store.read() as conn:
        entries = signoffs.entries(conn, scope.campaigns)
    mine = [e for e in standing(entries, hand.role) if scope.has(e.which.campaign, e.which.template, e.which.language)]
    if not mine:
        say(f"Nothing to withdraw: nothing of this is signed as {hand.role}.")
        return
    table(("campaign", "message", "channel", "language", "words", "signed"), [
        (e.which.campaign, e.which.template, CHANNELS[e.which.channel], e.which.language, e.hash[:SHOWN],
         f"{e.on} by {e.by}") for e in mine
    ])  # fmt: skip
    number = count(len(mine), "signature")
    _ask(f"Withdraw {number} of {hand.role}, in the name of {hand.by}?", hand.yes)
    with opened.store.begin() as conn:
        signoffs.write(conn, [hand.entry(e.which, e.hash, withdrawn=True) for e in mine])
    say(f"{number} of {hand.role} withdrawn by {hand.by}. Messages in these words are held from the next look on.")
