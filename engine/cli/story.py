"""What happened to one person and why, what is next, and what they agreed to: in sentences a receptionist understands.

Read from the rows, and for what is next decided afresh by the same function that sends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engine.cli.sentences import about_message, ended, if_nothing_changes, standing, whereabouts_in_words
from engine.cli.showing import day, day_and_time, initials, masked
from engine.core.campaign import Campaign
from engine.core.decisions import decide, where
from engine.core.enrolment import DECLINED_SENTENCES, Declined, Enrolment, EnrolmentStatus
from engine.core.situation import Contact, Point, Situation
from engine.house import House
from engine.store import enrolments, marks, people, seeing


@dataclass(frozen=True, slots=True)
class Told:
    """One message: the row of the log, and why it stands as it does."""

    message: str
    step: str
    occurrence: int
    channel: str | None
    status: str
    at: datetime
    reason: str
    rule: str
    facts: Mapping[str, Any]
    words: str


@dataclass(frozen=True, slots=True)
class Journey:
    """One person going through one campaign."""

    campaign: str
    title: str
    status: str
    since: datetime
    began_with: str
    messages: tuple[Told, ...]
    next: str


@dataclass(frozen=True, slots=True)
class Way:
    """One address: what may be sent there, purpose by purpose."""

    channel: str
    address: str
    purposes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about one person that explains what they get."""

    contact: str
    name: str
    place: str
    paused: str | None
    ways: tuple[Way, ...]
    happened: tuple[str, ...]
    journeys: tuple[Journey, ...]
    answers: tuple[Told, ...]
    declined: tuple[str, ...]
    tasks: tuple[str, ...] = field(default=())


def story(
    conn: sa.Connection, house: House, contact_id: int, now: datetime, *, full: bool = False, step: str | None = None
) -> Story:
    """Tell it. `full`: with whole names and addresses. `step`: this one in every detail."""
    zone = house.settings.clinic.zone
    contact = people.load_contacts(conn, [contact_id])[contact_id]
    mine = enrolments.of_contact(conn, contact_id)
    situations = enrolments.situations(conn, mine, now)
    nowhere = _bare(conn, contact)
    rows = seeing.log_rows(conn, contact_ref=contact.ref)
    consents = {c.id: c for c in seeing.consent_rows(conn, contact_id)}
    events = seeing.events_of(conn, contact_id)
    kinds = {e.id: e.kind for e in events}
    tellers = _Tellers(house, now, zone, marks.paused(conn), consents, step)
    names = (contact.first_name, contact.last_name)
    return Story(
        contact=contact.ref,
        name=" ".join(filter(None, names)) or "no name" if full else initials(*names),
        place=whereabouts_in_words(where(nowhere, house.terms)),
        paused=contact.paused,
        ways=tuple(
            _way(p, nowhere, seeing.suppression_rows(conn, [p.key]), consents.values(), zone, full)
            for p in nowhere.points
        ),
        happened=tuple(f"{day_and_time(e.occurred_at, zone)}: {e.kind} (from {e.source})" for e in events),
        journeys=tuple(
            tellers.journey(e, situations[e.id], [r for r in rows if r.enrolment_id == e.id], standing_row)
            for e, standing_row in zip(mine, seeing.enrolment_rows(conn, contact_id), strict=True)
        ),
        answers=tuple(tellers.message(r, None) for r in rows if r.enrolment_id is None),
        declined=tuple(_declined(d, kinds, zone) for d in seeing.declines_of(conn, contact_id)),
        tasks=tuple(f"{t.id}: {t.words}" for t in seeing.tasks(conn) if t.contact_id == contact_id),
    )


@dataclass(frozen=True, slots=True)
class _Tellers:
    """What every sentence of one story needs at hand."""

    house: House
    now: datetime
    zone: str
    paused: frozenset[str]
    consents: Mapping[int, Any]
    detailed: str | None

    def journey(self, e: Enrolment, situation: Situation, rows: Sequence[seeing.Row], row: seeing.Row) -> Journey:
        plan = self.house.plan(e.campaign, e.version)
        return Journey(
            campaign=e.campaign,
            title=plan.title if plan else e.campaign,
            status=e.status.value,
            since=e.started_at,
            began_with=str(e.event.get("kind", "")),
            messages=tuple(self.message(r, plan) for r in rows),
            next=self.following(e, plan, situation, row),
        )

    def message(self, row: seeing.Row, plan: Campaign | None) -> Told:
        consent = self.consents.get(row.facts.get("consent"))
        step = plan.step(row.step) if plan else None
        at = row.sent_at or row.settled_at or row.created_at
        words = about_message(row, step, consent, self.zone, full=row.step == self.detailed)
        return Told(
            row.ref, row.step, row.occurrence, row.channel, row.status, at, row.reason, row.rule, row.facts, words
        )

    def following(self, e: Enrolment, plan: Campaign | None, situation: Situation, row: seeing.Row) -> str:
        """What comes next, as things stand."""
        if e.status is not EnrolmentStatus.ACTIVE:
            return ended(row, self.zone)
        if e.campaign in self.house.catalogue.broken:
            return "Nothing, until the campaign's file is repaired: nurture check says what is wrong with it."
        if e.campaign not in self.house.catalogue.campaigns or plan is None:
            return "Nothing: the campaign's file is gone, or the version this person is on cannot be read any more."
        if e.campaign in self.paused:
            return f"Nothing while the campaign is paused. To let it go on: nurture resume {e.campaign}"
        decision = decide(plan, situation, self.now, self.house.terms)
        return if_nothing_changes(decision, plan, situation, self.house.terms, self.zone)


def _bare(conn: sa.Connection, contact: Contact) -> Situation:
    """The person without any campaign: addresses, consents, suppressions."""
    points = people.load_points(conn, [contact.id]).get(contact.id, ())
    closed = people.load_suppressions(conn, [p.key for p in points])
    moment = datetime.min.replace(tzinfo=UTC)
    nothing = Enrolment(0, "", "", "", contact.id, "", moment, moment, moment, 0, EnrolmentStatus.ACTIVE)
    return Situation(
        nothing,
        contact,
        points,
        people.load_consents(conn, [contact.id]).get(contact.id, ()),
        tuple(s for p in points for s in closed.get(p.key, ())),
    )


def _way(point: Point, situation: Situation, closings: Sequence[Any], ledger: Any, zone: str, full: bool) -> Way:
    address = point.address if full else masked(point.channel, point.address)
    return Way(point.channel.value, address, standing(point, situation, closings, list(ledger), zone))


def _declined(row: seeing.Row, kinds: Mapping[int, str], zone: str) -> str:
    known = {d.value for d in Declined}
    why = DECLINED_SENTENCES[Declined(row.reason)] if row.reason in known else row.reason
    return f"{row.campaign}, after “{kinds.get(row.event_id, 'an event')}” on {day(row.at, zone)}: {why}"
