"""nurture event, enrol: one thing that happened at the clinic, taken in by hand."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.opening import Json, Now, Opened, a_moment, open_all, present
from engine.cli.refusing import misused, not_found
from engine.cli.showing import day_and_time, say, say_json

if TYPE_CHECKING:
    from engine.intake import Granted, Taken, Who

Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data", metavar="KEY=VALUE", help="What the event carries: appointment=A-17, starts_at=2026-12-01T15:30Z"
    ),
]
At = Annotated[
    datetime | None, typer.Option("--at", parser=a_moment, metavar="MOMENT", help="When it happened. Without it: now.")
]


def event(
    ctx: typer.Context,
    kind: Annotated[
        str, typer.Argument(help="What happened: booking, reschedule, cancel, arrived, no_show, treatment ...")
    ],
    contact: Annotated[
        str | None, typer.Option(metavar="REF", help="Somebody we know, by the name in the log.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Else the person's email address,")] = None,
    phone: Annotated[str | None, typer.Option(help="mobile number,")] = None,
    first_name: Annotated[str | None, typer.Option(help="first name")] = None,
    last_name: Annotated[str | None, typer.Option(help="and last name.")] = None,
    external_id: Annotated[str | None, typer.Option(help="The clinic's own number for the person.")] = None,
    state: Annotated[str | None, typer.Option(help="Where the person lives: two letters.")] = None,
    zip_code: Annotated[str | None, typer.Option("--zip", help="Their ZIP.")] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="The event's own id: taken once. Without it one is made up.")
    ] = None,
    at: At = None,
    data: Data = None,
    consent: Annotated[
        list[str] | None, typer.Option(metavar="FORM:CHANNEL", help="Consent given with it, by a form in settings.")
    ] = None,
    source: Annotated[str, typer.Option(help="Where it comes from.")] = "staff",
    as_json: Json = False,
    now: Now = None,
) -> None:
    """Something happened at the clinic: a booking, a treatment ...

    It enrols, ends or moves whatever the campaigns say. Taken once by its id; nothing is sent before the next look.
    """
    from engine.core.enrolment import Event
    from engine.intake import Incoming, take_event

    opened = open_all(ctx)
    moment = present(now, opened.settings)
    a_known_word(kind, opened)
    who = _who(opened, contact, external_id, email, phone, first_name, last_name, state, zip_code)
    happened = at or moment
    if happened > moment:
        raise misused(
            "--at lies in the future. An event has happened; an appointment's date goes into --data starts_at=..."
        )
    name = id_ or _name(opened, kind, who, happened)
    incoming = Incoming(Event(source, name, kind, happened, payload(data or [])), who, tuple(_consents(consent or [])))
    _tell(take_event(opened.house, incoming, moment), as_json)


def _words(opened: Opened) -> list[str]:
    """Every event that a campaign listens to."""
    campaigns = opened.catalogue.campaigns.values()
    return sorted(
        {kind for c in campaigns for kind in (*c.enrol.on, *c.enrol.move, *c.exit.on)}
        | set(opened.settings.events.words)
    )


def a_known_word(kind: str, opened: Opened) -> None:
    """Refuse an event whose word nobody knows: it would be taken, and enrol and end nothing."""
    from engine.core.nearest import nearest

    known = _words(opened)
    if kind in known:
        return
    meant = nearest(kind, known)
    guess = f" Did you mean “{meant}”?" if meant else ""
    if meant or opened.settings.events.words:
        remedy = "A new word goes into settings.toml, [events] words."
        raise misused(f"No campaign knows this event.{guess} Known: {', '.join(sorted(known))}. {remedy}")


def _who(opened: Opened, ref: str | None, *known: str | None) -> "Who":
    """The person. Addresses in their normal forms, or a refusal that repeats nothing."""
    from engine.core.contact import Refusal, normal_email, normal_name, normal_phone
    from engine.core.postal import normal_state
    from engine.intake import Who

    external_id, email, phone, first_name, last_name, state, zip_code = known
    if ref is not None:
        _there(opened, ref)
        if any(known):
            raise misused("--contact names the person already: leave the other options about them out.")
        return Who(ref=ref)
    if not (external_id or email or phone):
        raise misused("Say who: --contact REF, or --email, --phone, --external-id.")
    read: dict[str, Any] = {}
    for option, text, normal in (
        ("--email", email, normal_email), ("--phone", phone, normal_phone), ("--state", state, normal_state),
        ("--first-name", first_name, normal_name), ("--last-name", last_name, normal_name),
    ):  # fmt: skip
        value = normal(text) if text else None
        if isinstance(value, Refusal):
            raise misused(f"{option}: {value}")
        read[option] = value
    return Who(
        external_id=external_id,
        first_name=read["--first-name"],
        last_name=read["--last-name"],
        email=read["--email"].address if read["--email"] else None,
        phone=read["--phone"].e164 if read["--phone"] else None,
        zip=zip_code,
        state=read["--state"],
        country=read["--phone"].country if read["--phone"] else None,
    )


def _there(opened: Opened, ref: str) -> None:
    from engine.store import people

    with opened.store.read() as conn:
        if people.contact_by_ref(conn, ref) is None:
            raise not_found("There is no such contact. `nurture contact list` names them.")


def _name(opened: Opened, kind: str, who: "Who", at: datetime) -> str:
    """A name for an event that came without one: the same command with the same --at is the same event."""
    from engine.intake import identity_of

    return opened.house.refs("event", kind, who.ref or identity_of(who), at.isoformat())


def payload(pairs: Iterable[str]) -> dict[str, str]:
    """What an event carries, from KEY=VALUE. Moments (names that end in _at) must say their zone."""
    said = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip().isidentifier():
            raise misused("--data is written KEY=VALUE, such as appointment=A-17.")
        value = value.strip()
        if key.strip().endswith("_at"):
            # Said with a zone or not at all: a reminder an hour off helps nobody.
            value = a_moment(value).isoformat()
        said[key.strip()] = value
    return said


def _consents(pairs: Iterable[str]) -> "Iterable[Granted]":
    from engine.core.contact import Channel
    from engine.intake import Granted

    for pair in pairs:
        form, _, channel = pair.rpartition(":")
        if not form or channel not in list(Channel):
            raise misused("--consent is written FORM:CHANNEL, such as web_form_2026:sms.")
        yield Granted(Channel(channel), form)


def _tell(taken: "Taken", as_json: bool) -> None:
    if as_json:
        say_json(taken)
        return
    if taken.fate == "duplicate":
        say(f"This event was taken before; nothing changed. Contact {taken.contact}.")
        return
    say(f"Taken. Contact {taken.contact}.")
    for names, words in (
        (taken.enrolled, "Enrolled in"),
        (taken.exited, "Left"),
        (taken.moved, "Moved to the new date"),
    ):
        if names:
            say(f"{words}: {', '.join(names)}.")
    _tell_declines(taken)
    for note in taken.notes:
        say(f"A task for staff: {note}")
    if not (taken.enrolled or taken.exited or taken.moved or taken.declined):
        say("No campaign had anything to do with it.")


def _tell_declines(taken: "Taken") -> None:
    from engine.core.enrolment import DECLINED_SENTENCES, Declined

    for name, reason in taken.declined:
        say(f"Not enrolled in {name}. {DECLINED_SENTENCES[reason]}")
    if any(reason is Declined.NO_CONSENT for _, reason in taken.declined):
        say("If they agreed on one of your forms, record the event again and say so: --consent FORM:CHANNEL")


def enrol(
    ctx: typer.Context,
    campaign: Annotated[str, typer.Argument(help="The campaign.")],
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="Who: the name in the log, an address or a name.")],
    data: Data = None,
    as_json: Json = False,
    now: Now = None,
) -> None:
    """Enrol somebody by hand.

    It is taken as if the campaign's first enrolling event had come in, from “staff”.

    Whatever else listens to that event does as it always does. Consent, conditions and re-entry hold as ever.
    """
    from engine.cli.contacts import find_one
    from engine.core.enrolment import Event
    from engine.intake import Incoming, Who, take_event
    from engine.store import people

    opened = open_all(ctx)
    moment = present(now, opened.settings)
    plan = opened.catalogue.campaigns.get(campaign)
    if plan is None:
        broken = " Its file is broken: nurture check says what is wrong." if campaign in opened.catalogue.broken else ""
        raise not_found(
            f"There is no such campaign in order.{broken} There are: {', '.join(opened.catalogue.campaigns)}."
        )
    said = payload(data or [])
    needed = [
        name for name in (plan.enrol.per, (plan.enrol.anchor or "").removeprefix("event.")) if name and name not in said
    ]
    if needed:
        raise misused(
            f"This campaign needs to know: {', '.join(needed)}. Add: " + " ".join(f"--data {n}=..." for n in needed)
        )
    with opened.store.read() as conn:
        who = find_one(conn, contact)
        ref = people.load_contacts(conn, [who])[who].ref
    kind = plan.enrol.on[0]
    named = _name(opened, kind, Who(ref=ref), moment)
    if not as_json:
        say(f"Taken as the event “{kind}” of {day_and_time(moment, opened.zone)}, from staff.")
    _tell(
        take_event(
            opened.house, Incoming(Event("staff", named, kind, moment, said), Who(ref=ref), origin="staff"), moment
        ),
        as_json,
    )
