"""Which occurrences of a campaign's steps an enrolment has still before it, and when each falls due."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core import timing
from engine.core.campaign import Campaign, Step
from engine.core.enrolment import Enrolment
from engine.core.messages import SETTLED
from engine.core.situation import Done

# A moved anchor starts a new generation of `day` and `before` occurrences, so that a reminder which went out for
# the old date goes out again for the new one, and (enrolment, step, occurrence) still never repeats.
GENERATION = 1000


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a step falls due (UTC). `number` tells repeats and moved anchors apart."""

    step: Step
    number: int
    due: datetime


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is still to do, soonest first; `blocked` when the chain waits for a message that is not settled."""

    occurrences: tuple[Occurrence, ...]
    blocked: bool


def ahead(campaign: Campaign, enrolment: Enrolment, done: Iterable[Done], zone: str) -> Ahead:
    """The occurrences without a row in the send log (the log is the position). `zone`: the contact's home zone."""
    rows = {(d.step, d.occurrence): d for d in done}
    chained = _chained(campaign, enrolment, rows, zone)
    anchored = [
        o for step in campaign.steps for o in _anchored(step, enrolment, zone) if (step.key, o.number) not in rows
    ]
    found = anchored if chained in (None, "blocked") else [*anchored, chained]
    order = {step.key: i for i, step in enumerate(campaign.steps)}
    found = sorted((o for o in found if isinstance(o, Occurrence)), key=lambda o: (o.due, order[o.step.key], o.number))
    blocked = any(d.status not in SETTLED for d in rows.values())
    return Ahead(tuple(found), blocked)


def _chained(
    campaign: Campaign, enrolment: Enrolment, rows: dict[tuple[str, int], Done], zone: str
) -> Occurrence | str | None:
    """The first `after` step without a row, counted from when the one before it was settled (decision 2)."""
    since = enrolment.started_at
    for step in campaign.steps:
        if step.kind != "after":
            continue
        row = rows.get((step.key, 0))
        if row is None:
            return Occurrence(step, 0, timing.add(since, step.offset, zone, step.at))
        if row.status not in SETTLED or row.settled_at is None:
            return "blocked"
        since = max(since, row.settled_at)
    return None


def _anchored(step: Step, enrolment: Enrolment, zone: str) -> Iterator[Occurrence]:
    first = enrolment.moves * GENERATION
    if step.kind == "before":
        back = timing.Offset(-step.offset.days, -step.offset.exact)
        yield Occurrence(step, first, timing.add(enrolment.anchor_at, back, zone))
    elif step.kind == "after_move" and enrolment.moves:
        yield Occurrence(step, enrolment.moves, timing.add(enrolment.known_at, step.offset, zone))
    elif step.kind == "day" and step.repeat is None:
        yield Occurrence(step, first, timing.add(enrolment.anchor_at, step.offset, zone, step.at))
    elif step.kind == "day":
        yield from _repeats(step, enrolment, zone, first)


def _repeats(step: Step, enrolment: Enrolment, zone: str, first: int) -> Iterator[Occurrence]:
    """Every named weekday from the step's day on, for so many weeks, at the step's clock time."""
    assert step.repeat is not None
    anchor = timing.local(enrolment.anchor_at, zone)
    start = anchor.date() + timedelta(days=step.offset.days)
    at = step.at or anchor.time()
    number = first
    for days in range(step.repeat.weeks * 7):
        day = start + timedelta(days=days)
        if day.weekday() in step.repeat.weekdays and (days // 7) % step.repeat.every == 0:
            yield Occurrence(step, number, timing.to_utc(day, at, zone))
            number += 1
