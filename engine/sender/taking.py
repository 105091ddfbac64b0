"""Claim queued messages, and ask of what stands now whatever was asked when deciding (decision 26)."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.core.campaign import Step
from engine.core.decisions import where
from engine.core.enrolment import EnrolmentStatus
from engine.core.messages import Status
from engine.core.permission import Blocked, Deferred, paused, permit, refusal
from engine.core.reasons import Reason
from engine.core.situation import Point
from engine.house import House
from engine.providers import (
    Carriers,
)
from engine.sender.calls import Ready, Sent
from engine.sender.launching import ANSWER_WITHIN, LEASE, broken, held, hold, launch, level
from engine.store import enrolments, outbox, people
from engine.store.outbox import Decided

log = logging.getLogger("nurture.sender")


def take(
    conn: sa.Connection, house: House, carriers: Carriers, ids: Sequence[int], now: datetime, result: Sent
) -> list[Ready]:
    """Claim these queued messages, ask consent, hours, caps and lateness again, and write the intent."""
    claimed = outbox.claim(conn, ids, now)
    if not claimed:
        return []
    of = enrolments.by_ids(conn, [c.enrolment_id for c in claimed if c.enrolment_id is not None])
    situations = enrolments.situations(conn, of.values(), now)
    strangers = people.load_contacts(conn, [c.contact_id for c in claimed if c.enrolment_id is None])
    to = outbox.points(conn, [c.point_id for c in claimed])
    going = []
    for c in claimed:
        situation = None if c.enrolment_id is None else situations[c.enrolment_id]
        contact = strangers[c.contact_id] if situation is None else situation.contact
        e = None if situation is None else situation.enrolment
        campaign = None if e is None else house.plan(e.campaign, e.version)
        point = Point(c.point_id, c.channel, to[c.point_id], c.address_key)
        item = Decided(c, campaign, situation, contact, point)
        try:
            allowed = _still_allowed(conn, house, carriers, item, now, result)
        except Exception as error:
            # One bad message never stops the others; the class only, an exception may hold somebody's data.
            log.error("message %s cannot be judged: %s", c.ref, type(error).__name__)
            stuck = held(item, broken(error))
            outbox.launch(conn, [stuck], now, LEASE)
            hold(conn, [stuck], now)
            result.not_sent += 1
            continue
        if allowed:
            going.append(item)
    return launch(conn, house, carriers, going, now, result)


def _still_allowed(
    conn: sa.Connection, house: House, carriers: Carriers, item: Decided, now: datetime, result: Sent
) -> bool:
    """Everything that was asked when deciding, asked again of what stands now (decision 26)."""
    c, campaign, situation = item.c, item.campaign, item.situation
    if situation is None:
        if now > c.created_at + ANSWER_WITHIN:
            _not_sent(conn, c, Reason.LATE, "TCPA-R-5", now, result)
            return False
        return True
    step = campaign.step(c.step) if campaign is not None else None
    if campaign is None or step is None:
        _put_off(conn, c, Reason.CAMPAIGN_BROKEN, "campaign", now + timedelta(hours=1), result)
        return False
    if situation.enrolment.status is not EnrolmentStatus.ACTIVE:
        values = {"status": Status.CANCELLED, "reason": Reason.EXITED, "settled_at": now}
        outbox.change(conn, c.id, Status.QUEUED, values)
        result.not_sent += 1
        return False
    if paused(situation.contact, campaign.purpose):
        _put_off(conn, c, Reason.PERSON_PAUSED, "decision 9", None, result)
        return False
    no = refusal(item.point, c.purpose, situation)
    if no is not None:
        _not_sent(conn, c, *no, now, result, step)
        return False
    if carriers.ceiling(c.channel) < level(house, item):
        return True  # held until somebody may carry it, however late that is: then its lateness is asked
    return _in_time(conn, house, item, step, now, result)


def _in_time(conn: sa.Connection, house: House, item: Decided, step: Step, now: datetime, result: Sent) -> bool:
    """Lateness, hours, caps and priority, asked again."""
    c, campaign, situation = item.c, item.campaign, item.situation
    assert campaign is not None and situation is not None
    place = where(situation, house.terms)
    verdict = permit(campaign, situation, step, c.first_allowed, item.point, now, place, house.terms, itself=c.id)
    if isinstance(verdict, Deferred):
        _put_off(conn, c, verdict.reason, verdict.rule, verdict.until, result)
        return False
    if isinstance(verdict, Blocked):
        _not_sent(conn, c, verdict.reason, verdict.rule, now, result, step)
        return False
    return True


def _put_off(
    conn: sa.Connection, c: outbox.Claimed, reason: Reason, rule: str, until: datetime | None, result: Sent
) -> None:
    values = {"send_at": until, "counts_at": until, "reason": reason, "rule": rule[:64]}
    outbox.change(conn, c.id, Status.QUEUED, values)
    result.put_off += 1


def _not_sent(
    conn: sa.Connection,
    c: outbox.Claimed,
    reason: Reason,
    rule: str,
    now: datetime,
    result: Sent,
    step: Step | None = None,
) -> None:
    values = {"status": Status.SKIPPED, "reason": reason, "rule": rule[:64], "settled_at": now}
    outbox.change(conn, c.id, Status.QUEUED, values)
    ask_instead(conn, step, c.ref, c.id, c.contact_id, now)
    result.not_sent += 1


def ask_instead(
    conn: sa.Connection, step: Step | None, ref: str, message_id: int, contact_id: int, now: datetime
) -> None:
    """A step with a task to fall back on (a care check-in) is not dropped because its message did not go."""
    if step is not None and step.task is not None:
        people.open_task(conn, f"step:{ref}", "step", step.task, now, contact_id=contact_id, message_id=message_id)
