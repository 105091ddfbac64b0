"""Campaigns of a few lines and situations made by hand, so that a test reads as one row of a table."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.core.campaign import Campaign, Cap
from engine.core.campaign_file import parse_campaign
from engine.core.consent import PURPOSES, Consent, Purpose, Suppression, SuppressionReason
from engine.core.contact import Channel, address_key
from engine.core.decisions import Ask, Complete, Decision, Send, Skip, Wait, decide
from engine.core.enrolment import Enrolment, EnrolmentStatus
from engine.core.messages import Status
from engine.core.permission import Terms
from engine.core.situation import Contact, Done, Point, Rival, Situation, Traffic
from engine.core.timing import Offset
from tests.core.moments import utc
from tests.core.people import NY, RULES

TERMS = Terms(
    rules=RULES,
    clinic_zone=NY,
    caps={
        Channel.EMAIL: (Cap(1, Offset.parse("24 hours")), Cap(3, Offset(days=7))),
        Channel.SMS: (Cap(1, Offset.parse("24 hours")), Cap(2, Offset(days=7))),
    },
    priorities={"plan": 20, "first": 60, "last": 10},
)

ANN_EMAIL, ANN_PHONE = "ann@example.com", "+16175550101"
EMAIL = Point(1, Channel.EMAIL, ANN_EMAIL, address_key(Channel.EMAIL, ANN_EMAIL))
PHONE = Point(2, Channel.SMS, ANN_PHONE, address_key(Channel.SMS, ANN_PHONE))
ANN = Contact(7, "annref", "Ann", "Lee", "en", None, None, "MA", "US")


def plan(text: str, *, purpose: str = "marketing", name: str = "plan", head: str = "") -> Campaign:
    """A campaign for enquiries with these steps; `head` goes before them."""
    enrol = head if "[enrol]" in head else f'[enrol]\non = "enquiry"\n{head}'
    return parse_campaign(
        f'title = "Plan"\npurpose = "{purpose}"\npriority = 20\n{enrol}\n{text}',
        name=name,
        file=f"campaigns/{name}.toml",
    )


VISIT = '[enrol]\non = "booking"\nper = "appointment"\nanchor = "event.starts_at"\nmove = "reschedule"\n'


def visit(text: str, *, purpose: str = "appointment", head: str = "") -> Campaign:
    """A campaign that counts down to an appointment."""
    return plan(text, purpose=purpose, head=VISIT + head)


def step(key: str, *lines: str) -> str:
    """One `[[step]]`."""
    return "\n".join(("[[step]]", f'key = "{key}"', *lines, ""))


def consent(
    point: Point,
    purpose: Purpose = Purpose.MARKETING,
    *,
    granted: bool = True,
    given: datetime | None = None,
    number: int = 1,
    most: int | None = None,
    days: int | None = None,
) -> Consent:
    """A row of the ledger."""
    at = given or utc("Thu 2026-01-01 00:00")
    return Consent(number, point.channel, point.key, purpose, granted, "form", at, most, days)


EVERYTHING = tuple(consent(point, purpose) for point in (EMAIL, PHONE) for purpose in PURPOSES)


EMAIL_ONLY = tuple(c for c in EVERYTHING if c.channel is Channel.EMAIL)


def suppression(point: Point, reason: SuppressionReason = SuppressionReason.STOP) -> tuple[Suppression, ...]:
    """The address closed for every purpose."""
    return tuple(Suppression(i, point.key, p, reason, lifted=False) for i, p in enumerate(PURPOSES, 1))


def done(step: str, at: str | None, status: Status = Status.SENT, occurrence: int = 0) -> Done:
    """A row of the send log."""
    return Done(step, occurrence, status, None if at is None else utc(at))


def traffic(
    at: str,
    point: Point = EMAIL,
    *,
    contact: int = ANN.id,
    campaign: str = "other",
    purpose: str = "marketing",
    number: int = 99,
) -> Traffic:
    """A message that counts toward caps."""
    return Traffic(number, contact, point.key, campaign, point.channel, purpose, utc(at))


def situation(
    campaign: Campaign,
    started: str,
    *,
    anchor: str | None = None,
    known: str | None = None,
    moves: int = 0,
    rows: Iterable[Done] = (),
    points: tuple[Point, ...] = (EMAIL, PHONE),
    consents: tuple[Consent, ...] = EVERYTHING,
    suppressions: tuple[Suppression, ...] = (),
    counted: Iterable[Traffic] = (),
    rivals: Iterable[Rival] = (),
    happened: Iterable[str] = (),
    event: Mapping[str, Any] | None = None,
    waits_for: str | None = None,
    **contact: Any,
) -> Situation:
    """Ann's enrolment as it stands."""
    enrolment = Enrolment(
        id=1,
        ref="enrolref",
        campaign=campaign.name,
        version=campaign.version,
        contact_id=ANN.id,
        episode="e-1",
        started_at=utc(started),
        anchor_at=utc(anchor or started),
        known_at=utc(known or started),
        moves=moves,
        status=EnrolmentStatus.ACTIVE,
        event={"kind": "enquiry"} if event is None else event,
        waits_for=waits_for,
    )
    return Situation(
        enrolment=enrolment,
        contact=replace(ANN, **contact),
        points=points,
        consents=consents,
        suppressions=suppressions,
        done=tuple(rows),
        traffic=tuple(counted),
        rivals=tuple(rivals),
        happened=frozenset(happened),
    )


def said(decision: Decision) -> str:
    """The decision in one line, as the tables write it."""
    match decision:
        case Send():
            return f"send {_name(decision)} by {decision.choice.channel}"
        case Skip():
            return f"skip {_name(decision)}: {decision.reason} ({decision.rule})"
        case Ask():
            return f"ask {_name(decision)}: {decision.words}"
        case Complete():
            return "complete"
        case Wait():
            until = "an outcome" if decision.until is None else f"{decision.until:%a %Y-%m-%d %H:%M}"
            return f"wait until {until}: {decision.reason} ({decision.rule})"


def _name(decision: Send | Skip | Ask) -> str:
    number = decision.occurrence.number
    return decision.occurrence.step.key + (f"#{number}" if number else "")


def at(campaign: Campaign, situation: Situation, moment: str, terms: Terms = TERMS) -> str:
    """What is decided at this moment (UTC)."""
    return said(decide(campaign, situation, utc(moment), terms))
