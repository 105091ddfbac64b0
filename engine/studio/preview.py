"""One person, one campaign, a clock that is turned: what would be sent when, and every message in its words.

The decisions are those of `decide`, on a situation in memory: each message is taken as sent the moment it may go.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.core import timing
from engine.core.campaign import Campaign
from engine.core.consent import Consent, Purpose
from engine.core.contact import Channel
from engine.core.decisions import Ask, Complete, Send, Skip, Wait, decide, where
from engine.core.enrolment import Begin, Declined, Enrolment, EnrolmentStatus, Event, enrols
from engine.core.messages import Status
from engine.core.permission import Terms
from engine.core.reasons import Reason
from engine.core.rulebook import Rules
from engine.core.situation import Contact, Done, Point, Situation, Traffic
from engine.house import House
from engine.words import Held, Words, words_of

# Numbers and addresses that belong to nobody.
EMAIL = "ann@example.com"
LINE = "5550142"
# A guard against a plan that never comes to rest.
MOST_TURNS = 5000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody imagined. Who has no consent for a channel has an address there all the same."""

    first_name: str | None = "Ann"
    last_name: str | None = "Example"
    state: str | None = None
    zip: str | None = None
    zone: str | None = None
    language: str = "en"
    phone: str | None = None  # without one, a number of their own state
    consents: frozenset[Channel] = frozenset(Channel)


@dataclass(frozen=True, slots=True)
class Move:
    """The anchor is moved: at this moment, to that one."""

    at: datetime
    to: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """One occurrence settled: sent with these words, left out, or given to staff. `waited`: for what, before."""

    at: datetime
    decision: Send | Skip | Ask
    words: Words | Held | None
    waited: tuple[Reason, ...]


def _number_in(state: str, rules: Rules) -> str:
    """A number with an area code of this state: another's would add that state's hours."""
    codes = (code for code, place in rules.areas.items() if place is not None and place.states == (state,))
    return f"+1{min(codes, default='617')}{LINE}"


def imagined(house: House, campaign: Campaign, person: Person, event: Event) -> Situation:
    """The situation of a person who has just enrolled by this event. The enrolment itself is a draft."""
    phone = person.phone or _number_in(person.state or house.settings.clinic.state, house.terms.rules)
    points = (
        Point(1, Channel.EMAIL, EMAIL, house.address_key(Channel.EMAIL, EMAIL)),
        Point(2, Channel.SMS, phone, house.address_key(Channel.SMS, phone)),
    )
    contact = Contact(
        1, "preview", person.first_name, person.last_name, person.language, person.zone, person.zip, person.state, None
    )
    consents = tuple(
        _consent(house, point, campaign.purpose, event.occurred_at)
        for point in points
        if point.channel in person.consents
    )
    return Situation(draft(campaign, event, contact.id), contact, points, consents, happened=frozenset({event.kind}))


def _consent(house: House, point: Point, purpose: Purpose, at: datetime) -> Consent:
    """Consent by the clinic's own form where it has one for this, because the form may promise a number."""
    for name, form in house.settings.consent_forms.items():
        box = form.box(point.channel, purpose)
        if box is not None:
            most = box.frequency
            days = None if most is None else most.period.days or 1
            return Consent(
                point.id, point.channel, point.key, purpose, True, name, at, most.count if most else None, days
            )
    return Consent(point.id, point.channel, point.key, purpose, True, None, at)


def draft(campaign: Campaign, event: Event, contact_id: int) -> Enrolment:
    """The enrolment before it is known whether, and from which anchor, it begins."""
    at = event.occurred_at
    return Enrolment(
        0,
        "preview",
        campaign.name,
        campaign.version,
        contact_id,
        "preview",
        at,
        at,
        at,
        0,
        EnrolmentStatus.ACTIVE,
        event.fields,
    )


def example_event(campaign: Campaign, at: datetime, payload: Mapping[str, Any], clinic_zone: str) -> Event:
    """The campaign's first enrolling event, with what it needs made up: an appointment ten days ahead at 10:00."""
    made: dict[str, Any] = {}
    if campaign.enrol.anchor is not None:
        ten_days = timing.local(at, clinic_zone).date() + timedelta(days=10)
        starts = timing.to_utc(ten_days, datetime.min.time().replace(hour=10), clinic_zone)
        made[campaign.enrol.anchor.removeprefix("event.")] = starts.isoformat()
    if campaign.enrol.per is not None:
        made[campaign.enrol.per] = "preview"
    return Event("preview", "preview", campaign.enrol.on[0], at, {**made, **payload})


def begun(campaign: Campaign, event: Event, situation: Situation, terms: Terms) -> Situation | Declined:
    """The situation with its enrolment begun, or why the campaign would not take this person."""
    zone = where(situation, terms).home_zone
    answer = enrols(campaign, event, (), lambda: situation.names(campaign.purpose), zone)
    if isinstance(answer, Begin):
        return replace(situation, enrolment=replace(situation.enrolment, anchor_at=answer.anchor_at))
    return answer or Declined.CONDITION


def play(house: House, campaign: Campaign, situation: Situation, moves: Sequence[Move] = ()) -> Iterator[Shown]:
    """Turn the clock from one moment at which something happens to the next, until nothing is left to do."""
    now, turns = situation.enrolment.started_at, sorted(moves, key=lambda move: move.at)
    waited: dict[tuple[str, int], dict[Reason, None]] = {}
    for number in range(1, MOST_TURNS):
        while turns and turns[0].at <= now:
            situation = _moved(situation, turns.pop(0))
        decision = decide(campaign, situation, now, house.terms)
        match decision:
            case Complete():
                if not turns:
                    return
                now = turns[0].at
            case Wait():
                following = [at for at in (decision.until, turns[0].at if turns else None) if at is not None]
                if not following:
                    return
                if decision.occurrence is not None and decision.reason is not Reason.NOT_DUE:
                    key = decision.occurrence.step.key, decision.occurrence.number
                    waited.setdefault(key, {})[decision.reason] = None
                # Always onwards: a decision that waits for this very moment would wait for ever.
                now = max(min(following), now + timedelta(seconds=1))
            case Send() | Skip() | Ask():
                key = decision.occurrence.step.key, decision.occurrence.number
                words = _words(house, campaign, situation, decision, number, now)
                yield Shown(now, decision, words, tuple(waited.get(key, ())))
                situation = after(situation, decision, campaign, now, Status.SENT, number)


def _words(
    house: House, campaign: Campaign, situation: Situation, decision: Send | Skip | Ask, number: int, now: datetime
) -> Words | Held | None:
    if not isinstance(decision, Send):
        return None
    return words_of(
        house,
        message_id=number,
        campaign=campaign.name,
        template=decision.choice.template,
        channel=decision.point.channel,
        purpose=campaign.purpose,
        contact=situation.contact,
        enrolment=situation.enrolment,
        home_zone=where(situation, house.terms).home_zone,
        now=now,
    )


def after(
    situation: Situation, decision: Send | Skip | Ask, campaign: Campaign, now: datetime, status: Status, number: int
) -> Situation:
    """The situation once the decision is carried out; `status` is what a message to be sent has become."""
    step, occurrence = decision.occurrence.step.key, decision.occurrence.number
    if not isinstance(decision, Send):
        return replace(situation, done=(*situation.done, Done(step, occurrence, Status.SKIPPED, now)))
    settled = now if status is Status.SENT else None
    traffic = Traffic(
        -number, situation.contact.id, decision.point.key, campaign.name, decision.point.channel, campaign.purpose, now
    )
    return replace(
        situation,
        done=(*situation.done, Done(step, occurrence, status, settled)),
        traffic=(*situation.traffic, traffic),
    )


def _moved(situation: Situation, move: Move) -> Situation:
    e = situation.enrolment
    moved = replace(e, anchor_at=move.to, known_at=move.at, moves=e.moves + 1)
    return replace(situation, enrolment=moved)
