"""May this message go to this address at this moment? Asked when deciding, and again just before sending."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from engine.core import timing
from engine.core.campaign import Campaign, Cap, Choice, Step
from engine.core.consent import Purpose, SuppressionReason, consent_for, suppressed
from engine.core.contact import Channel
from engine.core.jurisdiction import Whereabouts, legal_windows, national_holidays, sms_cap
from engine.core.occurrences import Occurrence
from engine.core.reasons import Reason
from engine.core.rulebook import Rules
from engine.core.situation import Contact, Point, Situation, Traffic

_A_DAY = timing.Offset(exact=timedelta(hours=24))

# We hear of a date a moment after it was made: that much later still counts as in time.
JUST_HEARD = timedelta(minutes=1)

# Why automation waits for a person (`contact.paused`).
PAUSED_BY_REPLY = "replied"
PAUSED_BY_STAFF = "staff"

# A reminder that moves earlier aims at this long before the last allowed moment: the engine looks every few seconds,
# and a provider may ask for later once or twice. At the very last moment it would be lost.
ROOM = timedelta(minutes=30)


MOST_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every campaign: the law's rules, the clinic's zone and caps, priorities."""

    rules: Rules
    clinic_zone: str
    caps: Mapping[Channel, tuple[Cap, ...]] = field(default_factory=dict)  # marketing only (decision 7)
    priorities: Mapping[str, int] = field(default_factory=dict)  # of the marketing campaigns
    # Answers that hold for many people, kept: where somebody may be, and the hours there.
    kept: dict[Any, Any] = field(init=False, default_factory=dict, repr=False, compare=False)

    def keep(self, name: Any, answer: Any) -> None:
        """Remember an answer; all are forgotten when they have become too many."""
        if len(self.kept) >= MOST_KEPT:
            self.kept.clear()
        self.kept[name] = answer


@dataclass(slots=True)
class Reached:
    """A choice of the step that has an address with consent."""

    choice: Choice
    point: Point
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unreached:
    """No choice of the step reaches the person. `task`: the words for staff, if the step has a task to fall back on."""

    reason: Reason
    rule: str
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may go now."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now; ask again then."""

    until: datetime
    reason: Reason
    rule: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Blocked:
    """Not any more."""

    reason: Reason
    rule: str


def paused(contact: Contact, purpose: Purpose) -> bool:
    """Whether automation waits for this person. A reply pauses marketing (decision 9), staff pause everything."""
    if contact.paused is None or purpose is Purpose.SERVICE:
        return False
    return contact.paused == PAUSED_BY_STAFF or purpose is Purpose.MARKETING


def refusal(point: Point, purpose: Purpose, situation: Situation) -> tuple[Reason, str] | None:
    """Why this address may not be written to for this purpose, with the rule; None when it may (G2, G3)."""
    why = suppressed(situation.suppressions, point.key, purpose)
    if why is SuppressionReason.STOP:
        return Reason.STOPPED, "TCPA-R-1"
    if why is not None:
        return Reason.SUPPRESSED, f"suppression.{why}"
    if purpose is not Purpose.SERVICE and consent_for(situation.consents, point.key, purpose) is None:
        return Reason.NO_CONSENT, "TCPA-C-6"
    return None


def reach(step: Step, purpose: Purpose, situation: Situation) -> Reached | Unreached:
    """The first of the step's choices that reaches the person.

    What STOP refused is not sent round by another channel (decision 11); a task for staff still may be.
    """
    first: tuple[Reason, str] | None = None
    for choice in step.choices:
        if choice.channel is None:
            reason, rule = first or (Reason.TASK_INSTEAD, "step.task")
            return Unreached(reason, rule, choice.template)
        points = _newest_first(situation, purpose, choice.channel)
        if not points:
            first = first or (Reason.NO_ADDRESS, f"step.{choice.channel}")
            continue
        if first is not None and first[0] is Reason.STOPPED:
            continue
        for point in points:
            no = refusal(point, purpose, situation)
            if no is None:
                consent = consent_for(situation.consents, point.key, purpose)
                return Reached(choice, point, {"consent": consent.id if consent else None})
            first = first or no
    assert first is not None
    return Unreached(*first)


def _newest_first(situation: Situation, purpose: Purpose, channel: Channel) -> list[Point]:
    """The addresses of a channel, the one that consent was given for last before the others: people change numbers."""

    points = [p for p in situation.points if p.channel is channel]
    if len(points) < 2:
        return points

    def given(point: Point) -> tuple[bool, float, int]:
        consent = consent_for(situation.consents, point.key, purpose)
        return (True, consent.given_at.timestamp(), consent.id) if consent else (False, 0.0, point.id)

    return sorted(points, key=given, reverse=True)


def reachable(campaign: Campaign, situation: Situation) -> bool:
    """Whether anything the campaign sends could reach this person, or staff in their place, as things stand now."""
    choices = {choice.channel for step in campaign.steps for choice in step.choices}
    return None in choices or any(
        point.channel in choices and refusal(point, campaign.purpose, situation) is None for point in situation.points
    )


def windows(
    campaign: Campaign, point: Point, now: datetime, place: Whereabouts, terms: Terms
) -> tuple[timing.ZonedWindow, ...]:
    """The law's hours in every candidate zone, then the campaign's own in the home zone (decision 3)."""
    name = (campaign.name, campaign.version, point.channel, now.date(), place)
    found: tuple[timing.ZonedWindow, ...] | None = terms.kept.get(name)
    if found is None:
        found = _windows(campaign, point, now, place, terms)
        terms.keep(name, found)
    return found


def _windows(
    campaign: Campaign, point: Point, now: datetime, place: Whereabouts, terms: Terms
) -> tuple[timing.ZonedWindow, ...]:
    legal = legal_windows(place, campaign.purpose, point.channel, now.date(), terms.rules)
    send = campaign.send
    if send.days is None and send.hours is None and send.avoid is None:
        return legal
    hours = send.hours or (timing.MIDNIGHT, timing.MIDNIGHT)
    days = send.days if send.days is not None else frozenset(range(7))
    closed = national_holidays(send.avoid) if send.avoid else frozenset[date]()
    return (*legal, timing.ZonedWindow(place.home_zone, timing.week(*hours, days), "send", closed))


def allowed_from(
    campaign: Campaign,
    situation: Situation,
    occurrence: Occurrence,
    point: Point,
    place: Whereabouts,
    terms: Terms,
) -> datetime | None:
    """The first moment law and window allow this occurrence; for a `before` step the last one not after it."""
    open_hours = windows(campaign, point, occurrence.due, place, terms)
    if occurrence.step.kind == "before":
        known = situation.enrolment.known_at - JUST_HEARD
        early = tuple(replace(w, floor=w.floor + ROOM) for w in open_hours)
        return timing.last_open(occurrence.due, early, known) or timing.last_open(occurrence.due, open_hours, known)
    return timing.next_open(occurrence.due, open_hours)


def permit(
    campaign: Campaign,
    situation: Situation,
    step: Step,
    first_allowed: datetime,
    point: Point,
    now: datetime,
    place: Whereabouts,
    terms: Terms,
    itself: int | None = None,
) -> Allowed | Deferred | Blocked:
    """Lateness, hours, caps and priority for one address at `now`. `itself`: the message's own id, not counted."""
    if step.late.begun and now >= situation.enrolment.anchor_at:
        return Blocked(Reason.BEGUN, "decision 5")
    if step.late.skip_after is not None and now > timing.add(first_allowed, step.late.skip_after, place.home_zone):
        return Blocked(Reason.LATE, "step.late")
    open_hours = windows(campaign, point, now, place, terms)
    opens = timing.next_open(now, open_hours)
    if opens is None:
        return Blocked(Reason.NO_OPEN_MOMENT, "decision 4")
    if opens > now:
        closed = timing.closed_by(now, open_hours)
        rule = closed.rule if closed else "send"
        if step.kind == "before":
            return Blocked(Reason.NO_OPEN_MOMENT, "decision 4")
        return Deferred(opens, Reason.SEND_WINDOW if rule == "send" else Reason.QUIET_HOURS, rule)
    full = _capped(campaign, situation, point, now, place, terms, itself) if situation.traffic else None
    return full or _yields(campaign, situation, now, place, terms) or Allowed()


def _capped(
    campaign: Campaign,
    situation: Situation,
    point: Point,
    now: datetime,
    place: Whereabouts,
    terms: Terms,
    itself: int | None,
) -> Deferred | None:
    # Of two that wait for the last place the older goes; otherwise each would make room for the other for ever.
    traffic = [
        t
        for t in situation.traffic
        if t.message_id != itself and not (itself is not None and t.waiting and t.message_id > itself)
    ]
    frees: list[tuple[datetime, str]] = []
    if campaign.purpose is Purpose.MARKETING:
        same = [t for t in traffic if t.channel is point.channel and t.purpose == Purpose.MARKETING]
        for cap in terms.caps.get(point.channel, ()):
            frees += _full(cap, same, situation, point, now, "caps")
        if point.channel is Channel.SMS and (law := sms_cap(place, now.date(), terms.rules)):
            frees += _full(Cap(law[0], _A_DAY), same, situation, point, now, law[1])
    if campaign.send.cap is not None:
        own = [t for t in traffic if t.campaign == campaign.name]
        frees += _full(campaign.send.cap, own, situation, point, now, "send.cap")
    consent = consent_for(situation.consents, point.key, campaign.purpose)
    if consent is not None and consent.most is not None and consent.most_days is not None:
        promised = Cap(consent.most, timing.Offset(days=consent.most_days))
        kind = [t for t in traffic if t.channel is point.channel and t.purpose == campaign.purpose]
        frees += _full(promised, kind, situation, point, now, "TCPA-F-3")
    if frees:
        until, rule = max(frees)
        return Deferred(until, Reason.CAP, rule)
    return None


def _full(
    cap: Cap, traffic: list[Traffic], situation: Situation, point: Point, now: datetime, rule: str
) -> list[tuple[datetime, str]]:
    """When the cap has room again, counted per person and per address; empty when it has room now."""
    if len(traffic) < cap.count:
        return []
    period = timedelta(days=cap.period.days) + cap.period.exact
    frees = []
    if rule == "caps":
        rule = f"caps.{point.channel} {cap}"
    for mine in (
        [t.at for t in traffic if t.contact_id == situation.contact.id],
        [t.at for t in traffic if t.address_key == point.key],
    ):
        recent = sorted(at for at in mine if at > now - period)
        if len(recent) >= cap.count:
            frees.append((recent[-cap.count] + period, rule))
    return frees


def _yields(
    campaign: Campaign, situation: Situation, now: datetime, place: Whereabouts, terms: Terms
) -> Deferred | None:
    """A marketing campaign lets one of higher priority go first that wants the same person later the same day."""
    if campaign.purpose is not Purpose.MARKETING or not situation.rivals:
        return None
    today = timing.local(now, place.home_zone).date()
    for rival in situation.rivals:
        if rival.waits_for in ("error", Reason.CONDITION_ERROR):
            continue  # looked at again hourly, and may never send
        higher = terms.priorities.get(rival.campaign, campaign.priority) > campaign.priority
        if higher and rival.due_at > now and timing.local(rival.due_at, place.home_zone).date() == today:
            return Deferred(rival.due_at + timedelta(minutes=1), Reason.PRIORITY, "priority", {"for": rival.campaign})
    return None
