"""A clinic event arrives: contact, event once, consents and revocations, exits before enrolments, anchors moved.

All of it in one transaction; whatever was declined is kept with its reason.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.core.campaign import Campaign
from engine.core.consent import SuppressionReason
from engine.core.contact import Channel
from engine.core.decisions import where
from engine.core.enrolment import (
    Begin,
    Declined,
    Enrolment,
    EnrolmentStatus,
    Event,
    enrols,
    exits,
    moves,
    newest_move,
    unreadable_move,
)
from engine.core.permission import reachable
from engine.core.phi import names_health
from engine.core.situation import Point, Situation
from engine.house import House
from engine.store import addresses, enrolments, people


class IntakeError(Exception):
    """The event cannot be taken; the sentence says why and what to do. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Who:
    """What an event says of the person. Addresses are in their normal forms already (core/contact.py)."""

    ref: str | None = None  # our own name for a contact that is known
    external_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    can_text: bool = True  # False: a landline, a toll-free number or an extension; kept for calls only
    zip: str | None = None
    state: str | None = None
    country: str | None = None
    zone: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """A consent that came with the event: for this channel, by the wording of this form in settings."""

    channel: Channel
    form: str
    ip: str | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event with everything it brings."""

    event: Event
    who: Who
    granted: tuple[Granted, ...] = ()
    revoked: frozenset[Channel] = frozenset()
    notes: tuple[tuple[str, str], ...] = ()  # (kind, words for staff), without personal data
    origin: str = "event"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the event."""

    fate: str  # "new" or "duplicate"
    contact: str
    enrolled: tuple[str, ...] = ()
    exited: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    declined: tuple[tuple[str, Declined], ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)


def take_event(house: House, incoming: Incoming, now: datetime) -> Taken:
    """Take one event, in one transaction of its own.

    Raises IntakeError when the contact or a consent form is not known, or there is nothing to know the person by.
    """
    with house.store.begin() as conn:
        return take(conn, house, incoming, now)


def take(conn: sa.Connection, house: House, incoming: Incoming, now: datetime) -> Taken:
    """The same inside a transaction that the caller holds."""
    event, who = incoming.event, incoming.who
    contact_id, ref = _contact(conn, house, who, now, _agreed_in(house, incoming.granted))
    event_id = people.add_event(
        conn,
        {
            "source": event.source,
            "external_id": event.id,
            "kind": event.kind,
            "contact_id": contact_id,
            "occurred_at": event.occurred_at,
            "received_at": now,
            "payload": dict(event.payload),
        },
    )
    if event_id is None:
        return Taken("duplicate", ref)
    if names_health(event.payload):
        people.set_named_health(conn, contact_id)
    _points(conn, house, contact_id, who, now)
    _lives_now(conn, contact_id, who, event)
    _consents(conn, house, incoming, contact_id, event_id, now)
    notes = [*incoming.notes, *_namesakes(conn, house, who, contact_id)]
    for kind, words in notes:
        people.open_task(conn, f"{kind}:{ref}", kind, words, now, contact_id=contact_id)
    taken = _apply(conn, house, event, event_id, contact_id, now)
    return Taken("new", ref, *taken, notes=tuple(words for _, words in notes))


def identity_of(who: Who) -> str:
    """What makes two enquiries one person (decision 17): the clinic's own id, else email and name.

    A phone never merges two people: without an email it is the number together with the name.
    """
    name = f"{who.first_name or ''} {who.last_name or ''}".casefold().strip()
    if who.external_id:
        parts: tuple[str, ...] = ("id", who.external_id)
    elif who.email:
        parts = ("email", who.email.casefold(), name)
    elif who.phone:
        parts = ("phone", who.phone, name)
    else:
        raise IntakeError(
            "There is nothing to know this person by. Give an external id, an email address or a phone number."
        )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _known(conn: sa.Connection, house: House, who: Who) -> int | None:
    """The contact that this is, if we have them: by the clinic's own id, else by email and name, else by an address
    that came without a name and has one owner. Somebody with another id of the clinic's is somebody else.
    """
    if who.external_id and (found := people.by_external_id(conn, who.external_id)) is not None:
        return found
    if who.email or who.phone:
        same = people.find_contact(conn, identity_of(replace(who, external_id=None)))
        if same is not None and (not who.external_id or people.external_id(conn, same) is None):
            return same
    if who.first_name or who.last_name or who.external_id:
        return people.find_contact(conn, identity_of(who))
    keys = [house.address_key(c, a) for c, a in ((Channel.EMAIL, who.email), (Channel.SMS, who.phone)) if a]
    owners = {owner for key in keys for owner in people.contacts_at(conn, key)}
    return owners.pop() if len(owners) == 1 else None


def _agreed_in(house: House, granted: Sequence[Granted]) -> str | None:
    """The language of the form that somebody agreed on: the one they are written to in (decision 16)."""
    forms = house.settings.consent_forms
    return next((forms[one.form].language for one in granted if one.form in forms), None)


def _contact(
    conn: sa.Connection, house: House, who: Who, now: datetime, agreed_in: str | None = None
) -> tuple[int, str]:
    if who.ref is not None:
        known = people.contact_by_ref(conn, who.ref)
        if known is None:
            raise IntakeError(f"There is no contact {who.ref}. `nurture contact list` names them.")
        return known, who.ref
    known = _known(conn, house, who)
    identity = identity_of(who)
    place = {"zip": who.zip, "state": who.state, "country": who.country, "zone": who.zone}
    names = {
        "first_name": who.first_name,
        "last_name": who.last_name,
        "external_id": who.external_id,
        "phone": who.phone,
    }
    if known is not None:
        people.fill_contact(conn, known, place, names)
        return known, people.load_contacts(conn, [known])[known].ref
    ref = house.refs("contact", identity)
    language = who.language or agreed_in or house.settings.languages.served[0]
    row = {"ref": ref, "identity": identity, "language": language, "created_at": now, **place}
    return people.add_contact(conn, row, names), ref


def _lives_now(conn: sa.Connection, contact_id: int, who: Who, event: Event) -> None:
    """Where somebody said last that they live is where their nights are; an old form told late changes nothing."""
    if who.state is None and who.zip is None:
        return
    if any(e.occurred_at > event.occurred_at for e in people.events_since(conn, contact_id, event.occurred_at)):
        return
    known = people.load_contacts(conn, [contact_id])[contact_id]
    if who.state is not None and who.state != known.state:
        people.set_place(conn, contact_id, who.zip, who.state)
    elif who.zip is not None and who.zip != known.zip:
        people.set_place(conn, contact_id, who.zip, who.state or known.state)


def _points(conn: sa.Connection, house: House, contact_id: int, who: Who, now: datetime) -> None:
    for channel, address in ((Channel.EMAIL, who.email), (Channel.SMS, who.phone if who.can_text else None)):
        if address is not None:
            people.add_point(conn, contact_id, channel, address, house.address_key(channel, address), now)


def _namesakes(conn: sa.Connection, house: House, who: Who, contact_id: int) -> list[tuple[str, str]]:
    """A second person with the same number and name but another identity: staff say whether they are one."""
    if who.phone is None or who.ref is not None or who.external_id:
        return []
    others = [i for i in people.contacts_at(conn, house.address_key(Channel.SMS, who.phone)) if i != contact_id]
    mine = (who.first_name or "", who.last_name or "")
    for other in people.load_contacts(conn, others).values():
        if (other.first_name or "", other.last_name or "") == mine:
            return [("same_person", "Two contacts share a phone number and a name. Are they one person?")]
    return []


def _consents(
    conn: sa.Connection, house: House, incoming: Incoming, contact_id: int, event_id: int, now: datetime
) -> None:
    """Write what was granted and taken back. A revocation also closes the address (decision 15)."""
    event = incoming.event
    points = people.load_points(conn, [contact_id]).get(contact_id, ())
    named = _named(house, points, incoming.who)
    rows: list[Mapping[str, Any]] = []
    for grant in incoming.granted:
        if grant.channel in incoming.revoked or grant.channel not in named:
            continue
        for words in house.form(grant.form, grant.channel, event.occurred_at):
            rows.append(
                {
                    "contact_id": contact_id,
                    "channel": grant.channel,
                    "address_key": named[grant.channel].key,
                    "granted": True,
                    "origin": incoming.origin,
                    "given_at": event.occurred_at,
                    "recorded_at": now,
                    "ip": grant.ip,
                    "event_id": event_id,
                    **words,
                }
            )
    people.add_consents(conn, rows)
    for point in points:
        if point.channel in incoming.revoked:
            addresses.close(conn, point.channel, point.key, SuppressionReason.REVOKED, incoming.origin, now, house.plan)


def _named(house: House, points: tuple[Point, ...], who: Who) -> dict[Channel, Point]:
    """The address of each channel that consent is for: the one that came with it and no other, else the newest."""
    came = {c: house.address_key(c, a) for c, a in ((Channel.EMAIL, who.email), (Channel.SMS, who.phone)) if a}
    return {p.channel: p for p in points if came.get(p.channel, p.key) == p.key}


def _apply(
    conn: sa.Connection, house: House, event: Event, event_id: int, contact_id: int, now: datetime
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[tuple[str, Declined], ...]]:
    """Exits first, then moved anchors, then new enrolments."""
    enrolments.hold(conn, contacts=[contact_id])
    mine = enrolments.of_contact(conn, contact_id)
    since = people.events_since(conn, contact_id, event.occurred_at)
    exited, moved, enrolled = [], [], []
    declined: list[tuple[str, Declined]] = []
    for e in mine:
        campaign = house.plan(e.campaign, e.version)
        if campaign is None:
            continue
        if exits(campaign, event, e):
            enrolments.end(conn, [e.id], EnrolmentStatus.EXITED, event.kind, now)
            exited.append(e.campaign)
        elif unreadable_move(campaign, event):
            words = (
                f"'{event.kind}' came for {e.campaign} without a date that can be read. Send it again with its date."
            )
            people.open_task(conn, f"move:{event_id}", "move", words, now, contact_id=contact_id)
        elif (anchor := moves(campaign, event, e, since)) is not None:
            enrolments.move(conn, e.id, anchor, now, [s.key for s in campaign.steps if s.kind != "after"])
            moved.append(e.campaign)
    mine = enrolments.of_contact(conn, contact_id) if exited else mine
    for campaign in _enrolling(conn, house, now):
        answer = _enrol(conn, house, campaign, event, event_id, contact_id, mine, since, now)
        if isinstance(answer, Declined):
            enrolments.add_decline(conn, event_id, contact_id, campaign.name, answer, now)
            declined.append((campaign.name, answer))
        elif answer:
            enrolled.append(campaign.name)
    return tuple(enrolled), tuple(exited), tuple(moved), tuple(declined)


def _enrolling(conn: sa.Connection, house: House, now: datetime) -> list[Campaign]:
    """The campaigns that may take this event, higher priority first.

    For one whose file is broken today its newest kept text: people enrol, and wait until it is repaired. Where
    there is none, staff are asked to enrol them later: the event itself comes only once.
    """
    found = house.campaigns()
    for name in house.catalogue.broken:
        version = enrolments.newest_version(conn, name)
        campaign = house.plan(name, version) if version else None
        if campaign is not None:
            found.append(campaign)
        else:
            words = f"Events came while campaigns/{name}.toml was broken. Once repaired: nurture enrol {name} CONTACT"
            people.open_task(conn, f"broken:{name}", "broken", words, now)
    return found


def _enrol(
    conn: sa.Connection,
    house: House,
    campaign: Campaign,
    event: Event,
    event_id: int,
    contact_id: int,
    mine: list[Enrolment],
    since: list[Event],
    now: datetime,
) -> Declined | bool:
    if event.kind not in campaign.enrol.on:
        return False
    draft = Enrolment(
        0, "", campaign.name, campaign.version, contact_id, "", event.occurred_at, event.occurred_at, now, 0,
        EnrolmentStatus.ACTIVE, event.fields,
    )  # fmt: skip
    situation: Situation = enrolments.situations(conn, [draft], now)[0]
    answer = enrols(
        campaign,
        event,
        mine,
        lambda: situation.names(campaign.purpose),
        where(situation, house.terms).home_zone,
        since,
    )
    if answer is None or isinstance(answer, Declined):
        return answer or False
    if not reachable(campaign, situation):
        return Declined.NO_CONSENT
    if (moved := newest_move(campaign, event, since)) is not None:
        answer = replace(answer, anchor_at=moved)
    return _begin(conn, house, campaign, event, event_id, situation, answer, now) or Declined.ALREADY


def _begin(
    conn: sa.Connection,
    house: House,
    campaign: Campaign,
    event: Event,
    event_id: int,
    situation: Situation,
    begin: Begin,
    now: datetime,
) -> bool:
    enrolments.keep_version(conn, campaign.name, campaign.version, campaign.text, now)
    row = {
        "ref": house.refs("enrolment", campaign.name, situation.contact.ref, begin.episode),
        "campaign": campaign.name,
        "version": campaign.version,
        "contact_id": situation.contact.id,
        "episode": begin.episode,
        "event_id": event_id,
        "started_at": event.occurred_at,
        "anchor_at": begin.anchor_at,
        "known_at": now,
        "status": EnrolmentStatus.ACTIVE,
        "due_at": now,
    }
    return enrolments.begin(conn, row) is not None
