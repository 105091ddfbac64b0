"""Which occurrences of a campaign's steps an enrolment has still before it, and when each falls due."""

from collections.abc import Collection, Container, Iterator
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


@dataclass(slots=True)
class Occurrence:
    """One time that a step falls due (UTC). `number` tells repeats and moved anchors apart."""

    step: Step
    number: int
    due: datetime


@dataclass(slots=True)
class Ahead:
    """What is still to do, soonest first; `blocked` when the chain waits for a message that is not settled."""

    occurrences: tuple[Occurrence, ...]
    blocked: bool


def ahead(campaign: Campaign, enrolment: Enrolment, done: Collection[Done], zone: str) -> Ahead:
    """The occurrences without a row in the send log (the log is the position). `zone`: the contact's home zone."""
    rows = {(d.step, d.occurrence): d for d in done}
    found: list[Occurrence] = []
    for step in campaign.anchored:
        if step.repeat is not None:
            found += [o for o in _repeats(step, enrolment, zone) if (step.key, o.number) not in rows]
        elif (one := _anchored(step, enrolment, zone, rows)) is not None:
            found.append(one)
    if (chained := _chained(campaign, enrolment, rows, zone)) is not None:
        found.append(chained)
    if len(found) > 1:
        found.sort(key=lambda o: (o.due, o.step.line, o.number))
    return Ahead(tuple(found), not SETTLED.issuperset([d.status for d in rows.values()]))


def _chained(
    campaign: Campaign, enrolment: Enrolment, rows: dict[tuple[str, int], Done], zone: str
) -> Occurrence | None:
    """The first `after` step without a row, counted from when the one before it was settled (decision 2).

    None: there is none, or the one before it is not settled.
    """
    since = enrolment.started_at
    for step in campaign.chain:
        row = rows.get((step.key, 0))
        if row is None:
            return Occurrence(step, 0, timing.add(since, step.offset, zone, step.at))
        if row.status not in SETTLED or row.settled_at is None:
            return None
        since = max(since, row.settled_at)
    return None


def _anchored(step: Step, enrolment: Enrolment, zone: str, rows: Container[tuple[str, int]]) -> Occurrence | None:
    """The occurrence of a step that comes once, unless it has a row."""
    number = enrolment.moves if step.kind == "after_move" else enrolment.moves * GENERATION
    if (step.key, number) in rows:
        return None
    if step.kind == "before":
        back = timing.Offset(-step.offset.days, -step.offset.exact)
        return Occurrence(step, number, timing.add(enrolment.anchor_at, back, zone))
    if step.kind == "day":
        return Occurrence(step, number, timing.add(enrolment.anchor_at, step.offset, zone, step.at))
    return Occurrence(step, number, timing.add(enrolment.known_at, step.offset, zone)) if enrolment.moves else None


def _repeats(step: Step, enrolment: Enrolment, zone: str) -> Iterator[Occurrence]:
    """Every named weekday from the step's day on, for so many weeks, at the step's clock time."""
    assert step.repeat is not None
    anchor = timing.local(enrolment.anchor_at, zone)
    start = anchor.date() + timedelta(days=step.offset.days)
    at = step.at or anchor.time()
    number = enrolment.moves * GENERATION
    for days in range(step.repeat.weeks * 7):
        day = start + timedelta(days=days)
        if day.weekday() in step.repeat.weekdays and (days // 7) % step.repeat.every == 0:
            yield Occurrence(step, number, timing.to_utc(day, at, zone))
            number += 1
