"""decide(campaign, situation, now): what should happen now for one enrolment, and why. Pure; used by the scheduler,
the sender, `preview` and `why` alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.core import timing
from engine.core.campaign import Campaign, Choice
from engine.core.conditions import ConditionError
from engine.core.jurisdiction import Whereabouts, whereabouts
from engine.core.occurrences import Occurrence, ahead
from engine.core.permission import (
    JUST_HEARD,
    Allowed,
    Blocked,
    Deferred,
    Reached,
    Terms,
    allowed_from,
    paused,
    permit,
    reach,
)
from engine.core.reasons import Reason
from engine.core.situation import Point, Situation

Facts = Mapping[str, Any]


@dataclass(slots=True)
class Send:
    """Queue this occurrence now, to this address, with this template."""

    occurrence: Occurrence
    choice: Choice
    point: Point
    first_allowed: datetime
    facts: Facts
    reason: Reason = Reason.DUE
    rule: str = "decide"


@dataclass(slots=True)
class Wait:
    """Nothing to write. Look again at `until`; None: only an outcome, an event or a person can move it."""

    until: datetime | None
    reason: Reason
    rule: str
    facts: Facts
    occurrence: Occurrence | None = None


@dataclass(slots=True)
class Skip:
    """Settle this occurrence without a message."""

    occurrence: Occurrence
    reason: Reason
    rule: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a person at the clinic to do it: a task instead of a message."""

    occurrence: Occurrence
    words: str
    facts: Facts
    reason: Reason = Reason.TASK_INSTEAD
    rule: str = "step.task"


@dataclass(frozen=True, slots=True)
class Complete:
    """Every step is settled and the anchor can move no more: the enrolment is over."""

    reason: Reason = Reason.COMPLETED
    rule: str = "decide"


Decision = Send | Wait | Skip | Ask | Complete


def where(situation: Situation, terms: Terms) -> Whereabouts:
    """Where this person may be, from their own word, ZIP, state and area code (decision 3)."""
    if situation.place is None:
        situation.place = _where(situation, terms)
    return situation.place


def _where(situation: Situation, terms: Terms) -> Whereabouts:
    contact = situation.contact
    phone = situation.phone()
    # Of a number in North America only the area code tells something: few answers serve many people.
    told = phone[:5] if phone is not None and phone.startswith("+1") else phone
    name = (contact.zone, contact.zip, contact.state, contact.country, told)
    found: Whereabouts | None = terms.kept.get(name)
    if found is None:
        found = whereabouts(
            zone=contact.zone,
            zip=contact.zip,
            state=contact.state,
            country=contact.country,
            phone=phone,
            clinic_zone=terms.clinic_zone,
            rules=terms.rules,
        )
        terms.keep(name, found)
    return found


def decide(campaign: Campaign, situation: Situation, now: datetime, terms: Terms) -> Decision:
    """The one next thing for this enrolment at `now` (UTC). Call again after applying it, until it says Wait or
    Complete.

    Of several occurrences due at once the earliest that may go, or must be settled, is named; one that has to
    wait for its hours does not hold up the others.
    """
    place = where(situation, terms)
    left = ahead(campaign, situation.enrolment, situation.done, place.home_zone)
    if not left.occurrences:
        return _nothing_left(campaign, situation, now, left.blocked)
    soonest: Wait | None = None
    sleeping: Occurrence | None = None
    for occurrence in left.occurrences:
        # A `before` step never goes later than it says, so its own moment may lie before its nominal one.
        if occurrence.due > now and occurrence.step.kind != "before":
            sleeping = sleeping or occurrence
            continue
        verdict = _judge(campaign, situation, occurrence, left.occurrences, now, place, terms)
        if not isinstance(verdict, Wait):
            return verdict
        soonest = verdict if soonest is None else _sooner(soonest, verdict)
    if sleeping is None:
        assert soonest is not None
        return soonest
    if soonest is not None and soonest.until is not None and soonest.until <= sleeping.due:
        return soonest
    return _not_due(sleeping, _facts(sleeping, place))


def _sooner(one: Wait, other: Wait) -> Wait:
    """Of two that wait, the one to look at first; the first of them where both, or neither, say the same moment."""
    if other.until is None or (one.until is not None and one.until <= other.until):
        return one
    return other


def _not_due(occurrence: Occurrence, facts: Facts) -> Wait:
    return Wait(occurrence.due, Reason.NOT_DUE, f"step.{occurrence.step.kind}", facts, occurrence)


def _facts(occurrence: Occurrence, place: Whereabouts) -> dict[str, Any]:
    return {"due": occurrence.due.isoformat(), **place.told}


def _nothing_left(campaign: Campaign, situation: Situation, now: datetime, blocked: bool) -> Decision:
    if blocked:
        return Wait(None, Reason.AWAITING_OUTCOME, "decision 2", {})
    if campaign.enrol.move and now < situation.enrolment.anchor_at:
        # The appointment may still be moved, and its reminders with it.
        return Wait(situation.enrolment.anchor_at, Reason.NOT_DUE, "enrol.move", {})
    return Complete()


def _judge(
    campaign: Campaign,
    situation: Situation,
    occurrence: Occurrence,
    others: tuple[Occurrence, ...],
    now: datetime,
    place: Whereabouts,
    terms: Terms,
) -> Decision:
    """One occurrence that is due, or may go early: send, skip, ask or wait."""
    step, facts = occurrence.step, _facts(occurrence, place)
    if paused(situation.contact, campaign.purpose):
        return Wait(
            None,
            Reason.PERSON_PAUSED,
            "decision 9",
            {**facts, "paused": situation.contact.paused},
            occurrence,
        )
    if step.kind == "before" and (missed := _missed(situation, occurrence, others, now)):
        return Skip(occurrence, missed, "decision 5", facts)
    if occurrence.due <= now and (unmet := _unmet(campaign, situation, occurrence, now, place, facts)):
        return unmet
    route = reach(step, campaign.purpose, situation)
    if not isinstance(route, Reached):
        if occurrence.due > now:
            return _not_due(occurrence, facts)
        if route.task is not None:
            return Ask(occurrence, route.task, {**facts, "because": route.reason.value})
        return Skip(occurrence, route.reason, route.rule, facts)
    facts |= route.facts
    return _timed(campaign, situation, occurrence, route, now, place, terms, facts)


def _unmet(
    campaign: Campaign,
    situation: Situation,
    occurrence: Occurrence,
    now: datetime,
    place: Whereabouts,
    facts: Facts,
) -> Decision | None:
    """What the step's own condition says against it, asked when the step may go; None when it is met."""
    condition = occurrence.step.condition
    if condition is None:
        return None
    try:
        if condition.holds(situation.names(campaign.purpose)):
            return None
    except ConditionError as error:
        return _unclear(occurrence, now, place, {**facts, "problem": str(error)})
    return Skip(occurrence, Reason.CONDITION, "step.if", {**facts, "if": condition.text})


def _unclear(occurrence: Occurrence, now: datetime, place: Whereabouts, facts: Facts) -> Decision:
    """A condition that cannot be read waits for staff, asked again hourly, but never beyond the step's lateness."""
    late = occurrence.step.late.skip_after
    if late is not None and now > timing.add(occurrence.due, late, place.home_zone):
        return Skip(occurrence, Reason.CONDITION_ERROR, "step.if", facts)
    return Wait(now + timedelta(hours=1), Reason.CONDITION_ERROR, "step.if", facts, occurrence)


def _timed(
    campaign: Campaign,
    situation: Situation,
    occurrence: Occurrence,
    route: Reached,
    now: datetime,
    place: Whereabouts,
    terms: Terms,
    facts: dict[str, Any],
) -> Decision:
    first = allowed_from(campaign, situation, occurrence, route.point, place, terms)
    if first is None:
        if occurrence.due > now:
            return _not_due(occurrence, facts)
        return _unsent(occurrence, Reason.NO_OPEN_MOMENT, "decision 4", facts)
    facts["first_allowed"] = first.isoformat()
    if first > now and occurrence.step.kind == "before":
        return Wait(first, Reason.NOT_DUE, "step.before", facts, occurrence)
    # It goes before its nominal moment, so its condition was not asked yet.
    if occurrence.due > now and (unmet := _unmet(campaign, situation, occurrence, now, place, facts)):
        return unmet
    verdict = permit(campaign, situation, occurrence.step, first, route.point, now, place, terms)
    if isinstance(verdict, Deferred):
        return Wait(verdict.until, verdict.reason, verdict.rule, {**facts, **verdict.facts}, occurrence)
    if isinstance(verdict, Blocked):
        waited = situation.enrolment.waits_for
        return _unsent(
            occurrence, verdict.reason, verdict.rule, {**facts, **({"waited_for": waited} if waited else {})}
        )
    assert isinstance(verdict, Allowed)
    return Send(occurrence, route.choice, route.point, first, facts)


def _unsent(occurrence: Occurrence, reason: Reason, rule: str, facts: Facts) -> Skip | Ask:
    """Too late, or no hour left for it: a step that has a task to fall back on (a care check-in) is not dropped."""
    if occurrence.step.task is not None:
        return Ask(occurrence, occurrence.step.task, {**facts, "because": reason.value})
    return Skip(occurrence, reason, rule, facts)


def _missed(
    situation: Situation, occurrence: Occurrence, others: tuple[Occurrence, ...], now: datetime
) -> Reason | None:
    """Whether a reminder before the anchor has lost its point: begun, never possible, or overtaken by a later one."""
    enrolment = situation.enrolment
    if now >= enrolment.anchor_at:
        return Reason.BEGUN
    if occurrence.due > now:
        return None
    if occurrence.due < enrolment.known_at - JUST_HEARD:
        return Reason.NOT_IN_TIME
    if any(o.step.kind == "before" and occurrence.due < o.due <= now for o in others):
        return Reason.SUPERSEDED
    return None
