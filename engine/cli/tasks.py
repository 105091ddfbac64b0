"""nurture tasks, settle: what people at the clinic must do, and what they decided."""

from enum import StrEnum
from typing import Annotated

import typer

from engine.cli.opening import Json, Now, open_all, present, settings_of, store_of
from engine.cli.refusing import No, not_found
from engine.cli.showing import columns, day_and_time, heading, plain, say, say_json, someone, stamp, table


class Verdict(StrEnum):
    """What a person found out about a message in doubt."""

    SENT = "sent"
    NOT_SENT = "not-sent"
    RESEND = "resend"


def settle(
    ctx: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's name, from the log or the task.")],
    verdict: Annotated[Verdict, typer.Argument(help="It went; it did not; or send it (again).")],
    by: Annotated[str | None, typer.Option(help="Who decides it. Without it, your name on this machine.")] = None,
    now: Now = None,
) -> None:
    """Decide a message that may have gone or not.

    A held one can be tried again with `resend`, or closed with `not-sent`.
    """
    from engine import doubt
    from engine.store import seeing

    opened = open_all(ctx)
    with opened.store.read() as conn:
        row = seeing.message_by_ref(conn, ref)
    if row is None:
        raise not_found("There is no such message. `nurture log --status in_doubt` names them.")
    if not doubt.settle(opened.house, ref, verdict.value, by or someone(), present(now, opened.settings)):
        raise No(
            f"Nothing to settle: this message is {row.status}. Messages in doubt can be settled, and held ones"
            " be resent or closed as not-sent."
        )
    ends = {"sent": "It counts as sent.", "not-sent": "It counts as not sent.", "resend": "It goes at the next look."}
    say(f"{ends[verdict.value]} Recorded as decided by {by or someone()}.")


def tasks(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: Json = False,
) -> None:
    """What people at the clinic must do. One in full: nurture tasks show NUMBER. Done: nurture tasks done NUMBER"""
    from engine.store import seeing

    if ctx.invoked_subcommand is not None:
        return
    settings = settings_of(ctx)
    with store_of(settings, ctx).read() as conn:
        rows = seeing.tasks(conn, open_only=not every)
    if as_json:
        for row in rows:
            say_json(columns(row, "contact_id", "message_id"))
        return
    if not rows:
        say("No open tasks.")
        return
    zone = settings.clinic.zone
    table(("number", "since", "kind", "contact", "message", "what to do"), [
        (r.id, stamp(r.opened_at, zone), r.kind, r.contact or "-", r.message or "-",
         r.words + (f" (done {day_and_time(r.closed_at, zone)} by {r.closed_by})" if r.closed_at else ""))
        for r in rows
    ], right=("number",))  # fmt: skip


def task_shown(
    ctx: typer.Context, number: Annotated[int, typer.Argument(help="The task's number.")], as_json: Json = False
) -> None:
    """One task; for a reply also the words that were written to us."""
    from engine.store import seeing

    settings = settings_of(ctx)
    with store_of(settings, ctx).read() as conn:
        row = next((r for r in seeing.tasks(conn, open_only=False) if r.id == number), None)
        if row is None:
            raise not_found("There is no task of this number. `nurture tasks --all` lists them.")
        kind, _, name = row.key.partition(":")
        reply = seeing.reply_by_id(conn, int(name)) if kind == "reply" else None
    written = None if reply is None else reply.words
    if as_json:
        say_json({**columns(row, "contact_id", "message_id"), "written": written})
        return
    zone = settings.clinic.zone
    say(f"Task {row.id} ({row.kind}), since {day_and_time(row.opened_at, zone)}: {row.words}")
    for name, value in (("Contact", row.contact), ("Message", row.message), ("Closed by", row.closed_by)):
        if value:
            say(f"{name}: {value}")
    if reply is not None:
        heading(f"They wrote, from {reply.address}")
        say(plain(reply.words))


def task_done(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(help="The task's number.")],
    by: Annotated[str | None, typer.Option(help="Who did it. Without it, your name on this machine.")] = None,
    now: Now = None,
) -> None:
    """A task is done. Closing a person's last open reply lets their messages go on."""
    from engine import inbox

    opened = open_all(ctx)
    if not inbox.finish_task(opened.house, number, by or someone(), present(now, opened.settings)):
        raise not_found("There is no open task of this number. `nurture tasks` lists them.")
    say(f"Task {number} is done. Recorded as closed by {by or someone()}.")
