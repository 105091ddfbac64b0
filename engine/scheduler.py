"""A step falls due: claim enrolments in batches, decide each afresh, write messages and next looks together."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from engine.core.decisions import Ask, Complete, Send, Skip, Wait, decide
from engine.core.enrolment import Enrolment, EnrolmentStatus
from engine.core.messages import Status
from engine.core.reasons import Reason
from engine.core.situation import Done, Situation, Traffic
from engine.house import House
from engine.store import enrolments, outbox, people

log = logging.getLogger("nurture.scheduler")

BATCH = 500
# A guard against a plan that never comes to rest; no shipped campaign has a tenth of this many steps.
MOST_DECISIONS = 2000


@dataclass(slots=True)
class Filled:
    """What a tick decided."""

    looked_at: int = 0
    queued: int = 0
    skipped: int = 0
    tasks: int = 0
    completed: int = 0
    troubled: int = 0


@dataclass(slots=True)
class _Batch:
    """What one batch will write: one transaction, a few statements."""

    now: datetime
    messages: list[Mapping[str, Any]] = field(default_factory=list)
    positions: list[Mapping[str, Any]] = field(default_factory=list)
    tasks: list[tuple[str, str, str, int]] = field(default_factory=list)
    # What this batch queued already: the next person at the same address must see it.
    fresh: dict[int | str, list[Traffic]] = field(default_factory=dict)  # by contact and by address

    def remember(self, traffic: Traffic) -> None:
        """Let the rest of the batch see it."""
        for name in (traffic.contact_id, traffic.address_key):
            self.fresh.setdefault(name, []).append(traffic)


def fill(house: House, now: datetime, batch: int = BATCH) -> Filled:
    """Decide everything that is due at `now`, campaigns of higher priority first. Many processes may do so at once."""
    filled = Filled()
    for campaign in house.running():
        while fill_batch(house, campaign, now, batch, filled):
            pass
    return filled


def fill_batch(house: House, campaign: str, now: datetime, limit: int, filled: Filled) -> bool:
    """One transaction: claim, load, decide, write. False when nothing (more) is due."""
    with house.store.begin() as conn:
        due = enrolments.claim_due(conn, campaign, now, limit)
        if not due:
            return False
        situations = enrolments.situations(conn, due, now)
        work = _Batch(now)
        for e in due:
            _one(house, e, situations[e.id], work, filled)
        outbox.write(conn, work.messages)
        enrolments.settle_position(conn, work.positions)
        for key, kind, words, contact_id in work.tasks:
            people.open_task(conn, key, kind, words, now, contact_id=contact_id)
        filled.looked_at += len(due)
        return len(due) == limit


def _one(house: House, e: Enrolment, situation: Situation, work: _Batch, filled: Filled) -> None:
    """Decide one enrolment until it rests. Trouble with one pushes that one an hour on; the others go their way."""
    before, asked = len(work.messages), len(work.tasks)
    try:
        _until_rest(house, e, _with_fresh(situation, work.fresh), work, filled)
    except Exception as error:
        # The class only: the text of an exception may hold somebody's data.
        log.error("enrolment %s cannot be decided: %s", e.ref, type(error).__name__)
        del work.messages[before:], work.tasks[asked:]
        filled.troubled += 1
        work.positions.append(_position(e, work.now + timedelta(hours=1), "error", 0))
        words = f"Enrolment {e.ref} in {e.campaign} cannot be decided ({type(error).__name__}). Tell the engineers."
        work.tasks.append((f"error:{e.ref}", "error", words, e.contact_id))


def _with_fresh(situation: Situation, fresh: dict[int | str, list[Traffic]]) -> Situation:
    names: list[int | str] = [situation.contact.id, *(p.key for p in situation.points)]
    mine = {t.message_id: t for name in names for t in fresh.get(name, [])}
    return replace(situation, traffic=(*situation.traffic, *mine.values())) if mine else situation


def _until_rest(house: House, e: Enrolment, situation: Situation, work: _Batch, filled: Filled) -> None:
    campaign = house.plan(e.campaign, e.version)
    if campaign is None:
        work.positions.append(_position(e, work.now + timedelta(hours=1), Reason.CAMPAIGN_BROKEN, 0))
        return
    decided = 0
    while decided < MOST_DECISIONS:
        decision = decide(campaign, situation, work.now, house.terms)
        match decision:
            case Wait():
                if decision.reason is Reason.CONDITION_ERROR and decision.occurrence is not None:
                    work.tasks.append(_condition_task(e, decision))
                work.positions.append(_position(e, decision.until, decision.reason, decided))
                return
            case Complete():
                filled.completed += 1
                work.positions.append(_position(e, None, None, decided, over=work.now))
                return
            case Send() | Skip() | Ask():
                situation = _apply(house, e, campaign.purpose, situation, decision, work, filled)
                decided += 1
    raise RuntimeError("the campaign does not come to rest")


def _apply(
    house: House,
    e: Enrolment,
    purpose: str,
    situation: Situation,
    decision: Send | Skip | Ask,
    work: _Batch,
    filled: Filled,
) -> Situation:
    step, number = decision.occurrence.step.key, decision.occurrence.number
    row = _message(house, e, purpose, decision, work.now)
    if isinstance(decision, Send):
        filled.queued += 1
        # The id is not known before the insert; a negative one keeps fresh traffic apart from the loaded.
        traffic = Traffic(
            -len(work.messages) - 1,
            e.contact_id,
            decision.point.key,
            e.campaign,
            decision.point.channel,
            purpose,
            work.now,
        )
        work.remember(traffic)
        done, more = Done(step, number, Status.QUEUED, None), traffic
    else:
        filled.skipped += 1
        done, more = Done(step, number, Status.SKIPPED, work.now), None
        if isinstance(decision, Ask):
            filled.tasks += 1
            work.tasks.append((f"step:{e.ref}:{step}:{number}", "step", decision.words, e.contact_id))
    work.messages.append(row)
    return enrolments.with_done(situation, done, more)


def _message(house: House, e: Enrolment, purpose: str, decision: Send | Skip | Ask, now: datetime) -> dict[str, Any]:
    step, number = decision.occurrence.step.key, decision.occurrence.number
    send = decision if isinstance(decision, Send) else None
    return {
        "ref": house.refs("message", e.ref, step, number),
        "origin": f"step:{e.ref}:{step}:{number}",
        "enrolment_id": e.id,
        "contact_id": e.contact_id,
        "campaign": e.campaign,
        "step": step,
        "occurrence": number,
        "purpose": purpose,
        "channel": send.point.channel if send else None,
        "template": send.choice.template if send else None,
        "contact_point_id": send.point.id if send else None,
        "address_key": send.point.key if send else None,
        "status": Status.QUEUED if send else Status.SKIPPED,
        "reason": decision.reason,
        "rule": decision.rule[:64],
        "facts": json.loads(json.dumps(decision.facts, default=str)),
        "due_at": decision.occurrence.due,
        "first_allowed": send.first_allowed if send else None,
        "send_at": now if send else None,
        "counts_at": now if send else None,
        "created_at": now,
        "settled_at": None if send else now,
    }


def _position(
    e: Enrolment, until: datetime | None, waits_for: str | None, decided: int, over: datetime | None = None
) -> dict[str, Any]:
    return {
        "b_id": e.id,
        "b_due_at": until,
        "b_waits_for": waits_for,
        "b_status": EnrolmentStatus.ACTIVE if over is None else EnrolmentStatus.COMPLETED,
        "b_reason": None if over is None else Reason.COMPLETED,
        "b_ended_at": over,
        "b_decided": decided,
    }


def _condition_task(e: Enrolment, wait: Wait) -> tuple[str, str, str, int]:
    assert wait.occurrence is not None
    step = wait.occurrence.step.key
    words = f"{e.campaign}: the condition of step '{step}' cannot be read. {wait.facts.get('problem', '')}"
    return f"condition:{e.ref}:{step}", "condition", words, e.contact_id
