"""nurture log, message: the send log, line by line, and one message in full."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.contacts import find_one
from engine.cli.opening import Json, a_moment, settings_of, store_of
from engine.cli.refusing import misused, not_found
from engine.cli.showing import (
    CHANNELS,
    aside,
    columns,
    heading,
    masked,
    plain,
    plainly,
    say,
    say_json,
    stamp,
    table,
)  # fmt: skip

if TYPE_CHECKING:
    from engine.store import Store
    from engine.store.seeing import Row

_LAST = 100
_COLOURS = {"sent": "green", "delivered": "green", "failed": "red", "in_doubt": "red", "held": "yellow"}

Filters = Mapping[str, Any]


def log(
    ctx: typer.Context,
    campaign: Annotated[str | None, typer.Option(help="Of this campaign.")] = None,
    contact: Annotated[str | None, typer.Option(metavar="REF", help="To this contact.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="With this status. May be given several times.")] = None,
    step: Annotated[str | None, typer.Option(help="Of this step.")] = None,
    channel: Annotated[str | None, typer.Option(help="email or sms.")] = None,
    since: Annotated[
        datetime | None, typer.Option(parser=a_moment, metavar="MOMENT", help="Changed since, as 2026-11-20T15:00Z.")
    ] = None,
    last: Annotated[
        int | None, typer.Option(min=1, help=f"The newest so many (a screen: {_LAST}; --json: all).")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on, and show what comes. Ctrl+C ends it.")] = False,
    as_json: Json = False,
) -> None:
    """The send log: what was sent, or not, and why.

    A line: when (or until when), contact, message, channel, status, campaign/step, reason. Opaque names only.
    """
    from engine.store import seeing

    settings = settings_of(ctx)
    store = store_of(settings, ctx)
    if campaign is not None and campaign != "service":
        _is_there(settings.project, store, campaign)
    if contact is not None:
        with store.read() as conn:
            contact = seeing.contact_ref(conn, find_one(conn, contact))
    filters: dict[str, Any] = {
        "campaign": campaign, "contact_ref": contact, "status": _statuses(status or []), "step": step,
        "channel": _channel(channel), "since": since,
    }  # fmt: skip
    limit = last if last is not None or as_json else _LAST
    with store.read() as conn:
        rows = seeing.log_rows(conn, **filters, limit=None if limit is None else limit + 1)
    more, rows = limit is not None and len(rows) > limit, rows[-limit:] if limit else rows
    if more and last is None:
        aside(f"The newest {limit}. More with --last NUMBER, or all of it with --json.")
    zone = settings.clinic.zone
    for row in rows:
        say_log(row, zone, as_json)
    if not rows and not follow and not as_json:
        say("Nothing in the log fits.")
    if follow:
        for row in followed(store, filters, rows, lambda: time.sleep(1)):
            say_log(row, zone, as_json)


def _is_there(project: Path, store: "Store", campaign: str) -> None:
    """An empty log of a campaign that does not exist would read as "we never wrote to them"."""
    from engine.store import seeing

    if not (project / "campaigns" / f"{campaign}.toml").exists():
        with store.read() as conn:
            if not seeing.log_rows(conn, campaign=campaign, limit=1):
                raise not_found("There is no such campaign, and none of this name ever sent anything.")


def _statuses(asked: list[str]) -> list[str]:
    from engine.core.messages import Status

    known = [status.value for status in Status]
    if set(asked) - set(known):
        raise misused(f"There is no such status. Known: {', '.join(known)}.")
    return asked


def _channel(asked: str | None) -> str | None:
    if asked not in (None, "email", "sms", "text"):
        raise misused("A channel is email or sms.")
    return "sms" if asked == "text" else asked


def followed(store: "Store", filters: Filters, shown: "list[Row]", wait: Callable[[], None]) -> "Iterator[Row]":
    """New rows of the log, and rows whose status changed since they were shown, for ever."""
    from engine.core.messages import SETTLED
    from engine.store import seeing

    newest = max((row.id for row in shown), default=0)
    moving = {row.id: row.status for row in shown if row.status not in SETTLED}
    while True:
        with store.read() as conn:
            changed = seeing.log_rows(conn, **{**filters, "status": ()}, ids=list(moving)) if moving else []
            rows = [row for row in changed if row.status != moving[row.id]]
            rows += seeing.log_rows(conn, **filters, after_id=newest)
        for row in rows:
            newest = max(newest, row.id)
            moving[row.id] = row.status
            if row.status in SETTLED:
                del moving[row.id]
            yield row
        wait()


def say_log(row: "Row", zone: str, as_json: bool) -> None:
    """One line of the log."""
    if as_json:
        say_json(log_entry(row))
        return
    status = typer.style(f"{row.status:<9}", fg=_COLOURS.get(row.status))
    step = f"{row.campaign}/{row.step}" + (f"#{row.occurrence}" if row.occurrence else "")
    channel = f"{CHANNELS.get(row.channel, '-'):<5}"
    say("  ".join((stamp(_at(row), zone), row.contact, row.ref, channel, status, step, reason(row))))


def _at(row: "Row") -> datetime:
    moment: datetime = row.sent_at or row.settled_at or row.created_at
    return moment


def reason(row: "Row") -> str:
    """Why, in a sentence; with what is to be repaired, where something is."""
    from engine.core.reasons import SENTENCES, Reason

    known = row.reason in {r.value for r in Reason}
    sentence = SENTENCES[Reason(row.reason)] if known else f"{row.reason}."
    problem = row.facts.get("problem")
    return f"{sentence} {problem}" if problem else sentence


def log_entry(row: "Row") -> dict[str, Any]:
    """A row of the log for machines."""
    names = (
        "campaign", "step", "occurrence", "channel", "purpose", "status", "reason", "rule", "facts", "due_at",
        "first_allowed", "created_at", "sent_at", "settled_at", "provider", "tries", "resent", "segments",
    )  # fmt: skip
    entry = {"message": row.ref, "contact": row.contact, "at": _at(row), "sentence": reason(row)}
    return entry | {name: getattr(row, name) for name in names}


def message(
    ctx: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's name, from the log.")],
    full: Annotated[bool, typer.Option("--full", help="With the whole address.")] = False,
    as_json: Json = False,
) -> None:
    """One message in full: attempts, receipts, words as sent."""
    from engine.store import seeing

    settings = settings_of(ctx)
    with store_of(settings, ctx).read() as conn:
        row = next(iter(seeing.log_rows(conn, ref=ref)), None)
        if row is None:
            raise not_found("There is no such message. `nurture log` names them.")
        attempts, receipts = seeing.attempts_of(conn, row.id), seeing.receipts_of(conn, row.id)
        bodies = seeing.bodies_of(conn, row.id)
    tries = [columns(a, "id", "message_id") for a in attempts]
    reports = [columns(r, "id", "message_id") for r in receipts]
    words = [
        {
            **columns(b, "message_id"),
            "to_address": b.to_address if full else masked(row.channel, b.to_address),
        }
        for b in bodies
    ]
    if as_json:
        say_json({**log_entry(row), "attempts": tries, "receipts": reports, "words": words})
        return
    zone = settings.clinic.zone
    say_log(row, zone, False)
    say(f"Rule: {row.rule}")
    for name, value in plainly(row.facts).items():
        say(f"  {name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    if tries:
        heading("Attempts")
        heads = ("number", "started", "ended", "provider", "outcome", "code", "detail")
        table(heads, [
            (a.number, stamp(a.started_at, zone), stamp(a.ended_at, zone), a.provider, a.outcome or "no answer",
             a.code or "", a.detail or "")
            for a in attempts
        ])  # fmt: skip
    if reports:
        heading("What the provider reported")
        table(("at", "provider", "word", "code", "changed the message"), [
            (stamp(r.at, zone), r.provider, r.word, r.code or "", "yes" if r.applied else "no") for r in receipts
        ])  # fmt: skip
    for body in words:
        heading(f"The words of attempt {body['attempt']}, to {body['to_address']}")
        say(
            plain("\n".join(filter(None, (body["subject"] and f"Subject: {body['subject']}\n", body["text"])))).rstrip()
        )


__all__ = ["followed", "log", "message"]
