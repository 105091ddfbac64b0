"""What would go out if a paused campaign went on now, and what has grown stale. Reads only."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from engine.core.decisions import Ask, Send, Skip, decide, where
from engine.core.enrolment import Enrolment
from engine.core.messages import Status
from engine.core.permission import Blocked, permit
from engine.core.reasons import Reason
from engine.core.situation import Point, Situation
from engine.house import House
from engine.store import enrolments, seeing
from engine.studio.preview import after

STALE = frozenset({Reason.LATE, Reason.BEGUN, Reason.SUPERSEDED, Reason.NOT_IN_TIME, Reason.NO_OPEN_MOMENT})
_BATCH = 500
# No plan of ours has as many decisions due at one moment.
_MOST_DECISIONS = 500


@dataclass(slots=True)
class Release:
    """`people`: due to be looked at. `messages`: would be queued at once, or are queued. `stale`: too late by now."""

    people: int = 0
    messages: int = 0
    stale: int = 0
    cut_short: bool = False  # there are more people than were looked at


def would_release(house: House, campaign: str, now: datetime, most: int = 20_000) -> Release:
    """Decide for everybody who is due, as the scheduler would, and write nothing. At most so many people."""
    found = Release()
    with house.store.read() as conn:
        due = enrolments.claim_due(conn, campaign, now, most + 1)
        found.cut_short = len(due) > most
        for start in range(0, min(len(due), most), _BATCH):
            batch = due[start : min(start + _BATCH, most)]
            situations = enrolments.situations(conn, batch, now)
            for e in batch:
                _decide(house, e, situations[e.id], now, found)
        _queued(conn, house, campaign, now, found)
    return found


def _decide(house: House, e: Enrolment, situation: Situation, now: datetime, found: Release) -> None:
    found.people += 1
    plan = house.plan(e.campaign, e.version)
    if plan is None:
        return
    for number in range(1, _MOST_DECISIONS):
        decision = decide(plan, situation, now, house.terms)
        if isinstance(decision, Send):
            found.messages += 1
        elif isinstance(decision, Skip):
            found.stale += decision.reason in STALE
        elif not isinstance(decision, Ask):
            return
        situation = after(situation, decision, plan, now, Status.QUEUED, number)


def _queued(conn: sa.Connection, house: House, campaign: str, now: datetime, found: Release) -> None:
    """What stands in the outbox already: asked once more whether it is still in time."""
    rows = seeing.log_rows(conn, campaign=campaign, status=[Status.QUEUED])
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        of = enrolments.by_ids(conn, [row.enrolment_id for row in batch if row.enrolment_id is not None])
        situations = enrolments.situations(conn, of.values(), now)
        for row in batch:
            stale = row.enrolment_id is not None and _is_stale(house, row, situations[row.enrolment_id], now)
            found.messages += not stale
            found.stale += stale


def _is_stale(house: House, row: seeing.Row, situation: Situation, now: datetime) -> bool:
    plan = house.plan(situation.enrolment.campaign, situation.enrolment.version)
    step = plan.step(row.step) if plan else None
    point = next((p for p in situation.points if p.id == row.contact_point_id), None)
    if plan is None or step is None or not isinstance(point, Point):
        return False
    place = where(situation, house.terms)
    verdict = permit(plan, situation, step, row.first_allowed, point, now, place, house.terms, itself=row.id)
    return isinstance(verdict, Blocked)


__all__ = ["Release", "would_release"]
