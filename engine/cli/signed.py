"""nurture signoffs: which words are signed, by whom, and what is missing."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.opening import Json, Opened, open_all
from engine.cli.refusing import FAILED, misused
from engine.cli.showing import CHANNELS, count, say, say_json, stamp, table
from engine.cli.signable import SHOWN, Campaigns, Scope, Words, scope_of, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.config import Settings
    from engine.core.signoff import Part


def signoffs(
    ctx: typer.Context,
    campaigns: Campaigns = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only what some role has yet to sign; exit code 1 if there is any.")
    ] = False,
    log: Annotated[bool, typer.Option("--log", help="Every signature and withdrawal, oldest first.")] = False,
    as_json: Json = False,
) -> None:
    """Which words are signed, by whom and when, and what is missing."""
    opened = open_all(ctx)
    scope = scope_of(opened, campaigns, None, None, opened.settings.languages.served)
    if log:
        if missing:
            raise misused("--log and --missing do not go together.")
        _show_log(opened, scope, as_json)
        return
    words = [one for one in words_of(opened, scope) if one.missing or not missing]
    lacking = sum(bool(one.missing) for one in words)
    if as_json:
        for one in words:
            say_json(_document(one))
    else:
        _show_parts(words, opened.settings, lacking)
    if missing and lacking:
        raise typer.Exit(FAILED)


def _show_parts(words: "Sequence[Words]", settings: "Settings", lacking: int) -> None:
    if words:
        heads = ("campaign", "message", "channel", "language", "words", *settings.signoff.roles)
        table(heads, [
            (one.which.campaign, one.which.template, CHANNELS[one.which.channel], one.which.language,
             one.hash[:SHOWN], *map(_told, one.parts)) for one in words
        ])  # fmt: skip
    if not lacking:
        say("Every role has signed.")
        return
    say(f"{count(lacking, 'message')} not signed by every role. To sign: nurture signoff --role ROLE --by NAME")
    if settings.signoff.demo:
        say("Until then they go as “demo”, into the mailbox only ([signoff] demo).")


def _told(part: "Part") -> str:
    """A role's part, in words."""
    from engine.core.signoff import State

    entry = part.entry
    if entry is None:
        return "missing"
    match part.state:
        case State.SIGNED:
            return f"{entry.on} by {entry.by}"
        case State.CHANGED:
            return f"missing: words changed since {entry.on}, by {entry.by}"
        case _:
            return f"missing: withdrawn {entry.on} by {entry.by}" + (f" ({entry.why})" if entry.why else "")


def _document(one: Words) -> dict[str, Any]:
    said = [
        {
            "role": part.role,
            "state": part.state,
            "by": None if part.entry is None else part.entry.by,
            "on": None if part.entry is None else part.entry.on,
        }
        for part in one.parts
    ]
    return {**one.which._asdict(), "file": one.file, "hash": one.hash, "roles": said, "missing": one.missing}


def _show_log(opened: Opened, scope: Scope, as_json: bool) -> None:
    from engine.store import signoffs

    with opened.store.read() as conn:
        entries = signoffs.entries(conn, scope.campaigns)
    if as_json:
        for e in entries:
            row = {key: getattr(e, key) for key in ("hash", "role", "by", "on", "recorded_at", "actor")}
            say_json({**e.which._asdict(), **row, "withdrawn": e.withdrawn, "why": e.why})
        return
    if not entries:
        say("Nothing has been signed.")
        return
    table(("recorded", "what", "role", "by", "on", "campaign", "message", "channel", "language", "words", "why"), [
        (stamp(e.recorded_at, opened.zone), "withdrawn" if e.withdrawn else "signed", e.role, e.by, e.on,
         e.which.campaign, e.which.template, CHANNELS[e.which.channel], e.which.language, e.hash[:SHOWN],
         e.why or "") for e in entries
    ])  # fmt: skip
