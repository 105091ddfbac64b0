"""nurture reply, receipt: word comes back, taken in by hand."""

from typing import Annotated, Any

import typer

from engine.cli.opening import Json, Now, open_all, present
from engine.cli.refusing import misused, not_found
from engine.cli.showing import count, say, say_json
from engine.cli.taking import At


def reply(
    ctx: typer.Context,
    words: Annotated[str, typer.Argument(help="What they wrote, word for word.")],
    sender: Annotated[str, typer.Option("--from", help="The number or address it came from.")],
    id_: Annotated[
        str | None, typer.Option("--id", help="The provider's id of it: taken once. Else one is made up.")
    ] = None,
    as_json: Json = False,
    now: Now = None,
) -> None:
    """Somebody wrote to us.

    STOP, START and HELP are obeyed; clear wishes not to be written to as well; any other words pause automation for
    that person and make a task.
    """
    from engine.core.contact import Channel, Email, Refusal, normal_email, normal_phone
    from engine.inbox import take_reply

    opened = open_all(ctx)
    moment = present(now, opened.settings)
    email = "@" in sender
    read = normal_email(sender) if email else normal_phone(sender)
    if isinstance(read, Refusal):
        raise misused(f"--from: {read}")
    address = read.address if isinstance(read, Email) else read.e164
    channel = Channel.EMAIL if email else Channel.SMS
    name = id_ or opened.house.refs("reply", channel, address, words, moment.isoformat())
    provider = opened.settings.sending.names(channel)[0]
    heard = take_reply(opened.house, channel, address, words, provider, name, moment)
    if as_json:
        say_json(heard)
        return
    say(_heard(heard, "address" if email else "number"))


def _heard(heard: Any, whence: str) -> str:
    if heard.fate == "duplicate":
        return "This reply was taken before; nothing changed."
    meant = {
        "stop": f"STOP: nothing more goes to this {whence}.",
        "start": "START: appointment and care texts may go again; marketing needs a new consent.",
        "help": "HELP: they ask who we are.",
        "revoked": "They took consent back; a task tells staff. Nothing more goes where they said no.",
    }.get(heard.meaning, "Words for a person: their automation waits, and a task asks somebody to answer.")
    people = (
        "It came from nobody we know."
        if heard.contacts == 0
        else f"It came from {count(heard.contacts, 'person', 'people')} we know."
    )
    parts = [meant, people]
    if heard.cancelled:
        parts.append(f"{count(heard.cancelled, 'message')} taken back.")
    if heard.answered:
        parts.append("The answer goes out at the next look.")
    return " ".join(parts)


def receipt(
    ctx: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's name, from the log.")],
    word: Annotated[
        str, typer.Argument(help="sent, delivered, undelivered, failed, bounced, complained, or the provider's own.")
    ],
    code: Annotated[str | None, typer.Option(help="The provider's code.")] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="The provider's id of this report: applied once. Else one is made up.")
    ] = None,
    provider: Annotated[str, typer.Option(help="The provider.")] = "mailbox",
    at: At = None,
    as_json: Json = False,
    now: Now = None,
) -> None:
    """A provider reports on a message. Applied once, and forward only."""
    from engine.inbox import take_receipt

    opened = open_all(ctx)
    moment = present(now, opened.settings)
    name = id_ or opened.house.refs("receipt", provider, ref, word, code or "")
    fate = take_receipt(opened.house, provider, name, ref, word, code, at or moment, moment)
    if fate == "unknown message":
        raise not_found("There is no such message. The report was kept.")
    sentences = {
        "duplicate": "This report was taken before; nothing changed.",
        "unknown word": "The word is not known here. It was kept, and changed nothing.",
        "kept": "Kept. It changes nothing: the message is further on already.",
        "applied": "Applied.",
    }
    say_json({"fate": fate}) if as_json else say(sentences.get(fate, fate))
