"""nurture send-test: one message to an address of one's own, to see a provider carry it."""

import base64
import secrets
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from engine.cli.opening import Now, Opened, open_all, present
from engine.cli.refusing import FAILED, No, misused
from engine.cli.showing import CHANNELS, aside, day_and_time, say

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.core.contact import Channel
    from engine.providers import AddressBlocked, Evidence, Outcome, Outgoing, Provider, Refused

_NIGHT_FROM, _NIGHT_TO = 21, 8  # hours on the clinic's clock (TCPA-QH-1)
_VALID = timedelta(minutes=10)  # a test that comes later only puzzles whoever waited for it
_CARRIES = {"mailbox": ("email", "sms"), "twilio": ("sms",), "sendgrid": ("email",), "smtp": ("email",)}
_CONTACT = "send-test"  # nobody's name; the mailbox has a folder called so


def send_test(
    ctx: typer.Context,
    to: Annotated[str, typer.Option(help="The number or email address: one of your own.")],
    by: Annotated[
        str | None,
        typer.Option(metavar="PROVIDER", help="twilio, sendgrid, smtp or mailbox. Without it, the first in settings."),
    ] = None,
    at_night: Annotated[
        bool, typer.Option("--at-night", help="Text also between 9 PM and 8 AM on the clinic's clock.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    now: Now = None,
) -> None:
    """Send one neutral message to yourself, to see that a provider carries it.

    It is not part of the send log: no consent is asked and no cap counts it, so name an address of your own. One that
    is suppressed (STOP) gets nothing. Exit code 0 when the provider accepted it, else 1.
    """
    from engine.providers import Accepted

    channel, address = _read(to)
    opened = open_all(ctx)
    moment = present(now, opened.settings)
    provider = _chosen(opened, channel, by)
    _refuse(opened, provider, channel, address)
    if channel == "sms" and not at_night:
        _refuse_at_night(moment, opened.zone)
    out = _message(opened.settings, channel, address)
    say(f"One {CHANNELS[channel]} to {address}, {_way(opened.settings, provider)}: “{out.text.partition(chr(10))[0]}”")
    _ask(yes)
    outcome = provider.send(out, moment)
    tell = say if isinstance(outcome, Accepted) else aside
    for sentence in (*_became(provider.name, outcome), *_asked_again(provider, out, outcome, moment)):
        tell(sentence)
    if not isinstance(outcome, Accepted):
        raise typer.Exit(FAILED)


def _read(to: str) -> "tuple[Channel, str]":
    from engine.core.contact import Channel, Email, Refusal, normal_email, normal_phone

    read = normal_email(to) if "@" in to else normal_phone(to)
    if isinstance(read, Refusal):
        raise misused(f"--to: {read}")
    if isinstance(read, Email):
        return Channel.EMAIL, read.address
    if read.note is not None:
        aside(read.note)
    return Channel.SMS, read.e164


def _chosen(opened: Opened, channel: "Channel", by: str | None) -> "Provider":
    of_channel = opened.carriers.by_channel[channel]
    found = of_channel[0] if by is None else next((p for p in of_channel if p.name == by), None)
    if found is None:
        raise misused(f"--by: {_why_not(by or '', channel)} [sending] names: {', '.join(p.name for p in of_channel)}.")
    return found


def _why_not(by: str, channel: "Channel") -> str:
    if by not in _CARRIES:
        return f"there is no such provider. There are: {', '.join(_CARRIES)}."
    if channel not in _CARRIES[by]:
        carried, given = ("texts", "an email address") if channel == "email" else ("emails", "a number")
        return f"{by} carries {carried}; this is {given}."
    return f"settings do not have it carry {'an email' if channel == 'email' else 'a text'}."


def _refuse(opened: Opened, provider: "Provider", channel: "Channel", address: str) -> None:
    """Not to who said no, for whatever purpose; and not where this provider may not send."""
    from engine.core.consent import PURPOSES, SuppressionReason, suppressed
    from engine.core.phi import PhiLevel
    from engine.store import people

    key = opened.house.address_key(channel, address)
    with opened.store.read() as conn:
        rows = people.load_suppressions(conn, [key]).get(key, ())
    closed = {suppressed(rows, key, purpose) for purpose in PURPOSES} - {None}
    if SuppressionReason.STOP in closed:
        whose = "number" if channel == "sms" else "address"
        raise No(f"This {whose} answered STOP: nothing goes there.", f"Take another {whose} of your own.")
    if closed:
        raise No("This address is suppressed: nothing goes there.", "Take another address of your own.")
    if not provider.carries(PhiLevel.GENERIC, address):
        raise No(f"{provider.name} may send nothing there.", "Take another address of your own.")


def _refuse_at_night(moment: datetime, zone: str) -> None:
    hour = moment.astimezone(ZoneInfo(zone)).hour
    if hour >= _NIGHT_FROM or hour < _NIGHT_TO:
        raise No(
            f"It is {day_and_time(moment, zone)} at the clinic: no texts.", "Add --at-night to send it all the same."
        )


def _message(settings: "Settings", channel: "Channel", address: str) -> "Outgoing":
    """Neutral words: they say nothing about anybody."""
    from engine.core.contact import Channel
    from engine.providers import Outgoing

    # Opaque and new each time, in the form of a message's own.
    ref = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    clinic = settings.clinic
    if channel is Channel.SMS:
        words = f"{clinic.brand}: this is a test message. Nothing to do. Reply STOP to stop."
        return Outgoing(ref, 1, _CONTACT, channel, address, words, expires_in=_VALID)
    words = f"This is a test message from {clinic.name}, to see that our email arrives. There is nothing to do."
    ours = f"{clinic.name}, {clinic.address}"
    return Outgoing(
        message=ref,
        attempt=1,
        contact=_CONTACT,
        channel=channel,
        to=address,
        text=f"{words}\n\n{ours}\n",
        subject=f"A test message from {clinic.name}",
        html=f"<p>{escape(words)}</p>\n<p>{escape(ours)}</p>\n",
        headers=(("From", f'"{clinic.name}" <{clinic.email}>'), ("Reply-To", clinic.reply_to or clinic.email)),
    )


def _way(settings: "Settings", provider: "Provider") -> str:
    """From where, and by whom."""
    match provider.name:
        case "mailbox":
            return f"into the folder {settings.mailbox.folder}/{_CONTACT} (nothing leaves this machine)"
        case "twilio":
            return f"from {settings.twilio.from_number or settings.twilio.messaging_service_sid} by twilio"
        case name:
            return f"from {settings.clinic.email} by {name}"


def _ask(yes: bool) -> None:
    if yes:
        return
    if not typer.get_text_stream("stdin").isatty():
        raise misused("Nobody is there to be asked. Add --yes to send it.")
    if not typer.confirm("Send it?"):
        raise typer.Exit(FAILED)


def _became(name: str, outcome: "Outcome") -> tuple[str, str]:
    """How the call ended, and what to do."""
    from engine import providers as of

    match outcome:
        case of.Accepted():
            said = f"Accepted: {name} calls it {outcome.provider_id}."
            return said, "Accepted is not yet delivered: see that it is there, and not among the spam."
        case of.TryLater():
            return (
                f"Not sent, for now: {outcome.detail}",
                "Try again later. A campaign's message would do so by itself.",
            )
        case of.SlowDown():
            return f"Not sent, too fast: {outcome.detail}", "Try again in a minute; lower per_second if it stays so."
        case of.Refused():
            said = f"Not sent, and never will be as it is{_coded(outcome)}: {outcome.detail}"
            return said, "See what the code means: docs/providers.md names where."
        case of.AddressBlocked():
            said = f"Not sent: nothing goes to this address{_coded(outcome)}: {outcome.detail}"
            return said, "Take another address. A campaign would suppress it."
        case of.Misconfigured():
            said = f"Not sent, and nothing else would be: {outcome.detail}"
            return said, "Mend that, then: nurture doctor"
        case of.Unreachable():
            said = f"Surely not sent: {outcome.detail}"
            return said, "Check this machine's way out (DNS, firewall, proxy), then: nurture doctor"
        case of.InDoubt():
            said = f"It may have gone or not: {outcome.detail}"
            return said, "Look whether it arrives before you try again."


def _coded(outcome: "Refused | AddressBlocked") -> str:
    """The provider's code, where its sentence does not say it."""
    return "" if outcome.code in outcome.detail else f" ({outcome.code})"


def _asked_again(provider: "Provider", out: "Outgoing", outcome: "Outcome", started: datetime) -> tuple[str, ...]:
    """Whether the provider, asked afterwards, knows the message: what a message in doubt depends on."""
    from engine.providers import Accepted, InDoubt, Sought

    if not provider.can_be_asked or not isinstance(outcome, Accepted | InDoubt):
        return ()
    sought = Sought(out.message, out.attempt, out.contact, out.channel, out.to, out.text, started)
    evidence = provider.find(sought)
    return (f"Asked again, {provider.name} {_knows(evidence, outcome)}",)


def _knows(evidence: "Evidence", outcome: "Outcome") -> str:
    from engine.providers import Absent, Accepted, Found, Unknown

    match evidence:
        case Found(provider_ids):
            if isinstance(outcome, Accepted) and outcome.provider_id in provider_ids:
                return "has it."
            return f"has one like it: {', '.join(provider_ids)}."
        case Absent():
            return "does not show it. That can take some minutes."
        case Unknown(detail):
            return f"gave no answer: {detail}"
