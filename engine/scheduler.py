"""A step falls due: claim enrolments in batches, decide each afresh, write what was decided and the next looks."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from engine.core.campaign import Campaign
from engine.core.consent import Purpose
from engine.core.decisions import Ask, Complete, Send, Skip, Wait, decide
from engine.core.enrolment import Enrolment
from engine.core.messages import Status
from engine.core.reasons import Reason
from engine.core.situation import Done, Situation, Traffic
from engine.house import House
from engine.store import enrolments, outbox, people
from engine.store.enrolments import Position

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
    skipped: list[outbox.Skipped] = field(default_factory=list)
    decided: list[outbox.Decided] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    tasks: list[tuple[str, str, str, int]] = field(default_factory=list)
    # What this batch decided already: the next person at the same address must see it.
    fresh: dict[int | str, list[Traffic]] = field(default_factory=dict)  # by contact and by address

    def remember(self, traffic: Traffic) -> None:
        """Let the rest of the batch see it."""
        for name in (traffic.contact_id, traffic.address_key):
            self.fresh.setdefault(name, []).append(traffic)


def fill(house: House, now: datetime, batch: int = BATCH) -> Filled:
    """Decide everything that is due at `now` into the outbox, campaigns of higher priority first.

    Many processes may do so at once, and others may deliver (`sender.deliver_batch`); `tick` decides and sends in one.
    """
    filled = Filled()
    for campaign in house.running():
        while fill_batch(house, campaign, now, batch, filled):
            pass
    return filled


def fill_batch(house: House, campaign: str, now: datetime, limit: int, filled: Filled) -> bool:
    """One transaction: claim, load, decide, write. False when nothing (more) is due."""
    with house.store.begin() as conn:
        looked_at, decided = decide_batch(conn, house, campaign, now, limit, filled)
        queue(conn, decided, now)
        return looked_at == limit


def queue(conn: sa.Connection, decided: Sequence[outbox.Decided], now: datetime) -> None:
    """Put messages that shall go now into the outbox: they are asked again when they are taken."""
    if decided:
        outbox.stay(conn, decided)
        waiting = [outbox.Written(d.c, Status.QUEUED, d.c.reason, d.c.rule, send_at=now) for d in decided]
        outbox.launch(conn, waiting, now, timedelta())


def decide_batch(
    conn: sa.Connection, house: House, campaign: str, now: datetime, limit: int, filled: Filled
) -> tuple[int, list[outbox.Decided]]:
    """Claim and decide what is due of one campaign; how many enrolments that were, and the messages that shall go.

    Everything is written but those messages: the caller writes them in this transaction, as queued or on their way.
    """
    due = enrolments.claim_due(conn, campaign, now, limit)
    if not due:
        return 0, []
    due = enrolments.undisturbed(conn, due)
    situations = enrolments.situations(conn, due, now)
    work = _Batch(now)
    for e in due:
        _one(house, e, situations[e.id], work, filled)
    outbox.skip(conn, work.skipped, now)
    for id_, decided in zip(outbox.new_ids(conn, len(work.decided)), work.decided, strict=True):
        decided.c.id = id_
    enrolments.settle_position(conn, work.positions)
    for key, kind, words, contact_id in work.tasks:
        people.open_task(conn, key, kind, words, now, contact_id=contact_id)
    filled.looked_at += len(due)
    return len(due), work.decided


def _one(house: House, e: Enrolment, situation: Situation, work: _Batch, filled: Filled) -> None:
    """Decide one enrolment until it rests. Trouble with one pushes that one an hour on; the others go their way."""
    written, going, asked = len(work.skipped), len(work.decided), len(work.tasks)
    try:
        work.positions.append(_until_rest(house, e, _with_fresh(situation, work.fresh), work, filled))
    except Exception as error:
        # The class only: the text of an exception may hold somebody's data.
        log.error("enrolment %s cannot be decided: %s", e.ref, type(error).__name__)
        del work.skipped[written:], work.decided[going:], work.tasks[asked:]
        filled.troubled += 1
        work.positions.append(Position(e.id, work.now + timedelta(hours=1), "error", 0))
        words = f"Enrolment {e.ref} in {e.campaign} cannot be decided ({type(error).__name__}). Tell the engineers."
        work.tasks.append((f"error:{e.ref}", "error", words, e.contact_id))
        return


def _moved_on(house: House, campaign: Campaign, after: Situation, going: Sequence[outbox.Decided]) -> Wait | None:
    """What it waits for as if these messages had gone already: then their acceptance changes nothing.

    It is only a moment to look again: of whatever else becomes of them the enrolment hears (`outbox.stay`, `change`).
    None: that is not known before it is.
    """
    now = going[-1].c.created_at
    gone = after
    for d in going:
        gone = enrolments.with_done(gone, Done(d.c.step, d.c.occurrence, Status.SENT, now))
    decision = decide(campaign, gone, now, house.terms)
    if not isinstance(decision, Wait) or decision.until is None or decision.until <= now:
        return None
    if decision.reason is Reason.CONDITION_ERROR:
        return None
    rests = partial(_rests, house, campaign, after, now)
    for d in going:
        d.situation, d.rests, d.moved_on = after, rests, decision.until
    return decision


def _rests(house: House, campaign: Campaign, situation: Situation, now: datetime) -> tuple[datetime | None, str | None]:
    """What it waits for until the outcome of its messages is known. It waits: it would have with them gone, too."""
    decision = decide(campaign, situation, now, house.terms)
    return (decision.until, decision.reason.value) if isinstance(decision, Wait) else (now, None)


def _with_fresh(situation: Situation, fresh: dict[int | str, list[Traffic]]) -> Situation:
    names: list[int | str] = [situation.contact.id, *(p.key for p in situation.points)]
    mine = {t.message_id: t for name in names for t in fresh.get(name, [])}
    return replace(situation, traffic=(*situation.traffic, *mine.values())) if mine else situation


def _until_rest(house: House, e: Enrolment, situation: Situation, work: _Batch, filled: Filled) -> Position:
    """Decide until there is nothing to do now; where it stands then."""
    campaign = house.plan(e.campaign, e.version)
    if campaign is None:
        return Position(e.id, work.now + timedelta(hours=1), Reason.CAMPAIGN_BROKEN.value, 0)
    done, before = 0, len(work.decided)
    while done < MOST_DECISIONS:
        decision = decide(campaign, situation, work.now, house.terms)
        if isinstance(decision, Wait):
            if decision.reason is Reason.CONDITION_ERROR and decision.occurrence is not None:
                work.tasks.append(_condition_task(e, decision))
            return Position(e.id, decision.until, decision.reason.value, done)
        if isinstance(decision, Complete):
            filled.completed += 1
            return Position(e.id, None, None, done, over=work.now)
        situation = _apply(house, e, campaign, situation, decision, work, filled)
        done += 1
        if isinstance(decision, Send):
            moved_on = _moved_on(house, campaign, situation, work.decided[before:])
            if moved_on is not None:
                return Position(e.id, moved_on.until, moved_on.reason.value, done)
    raise RuntimeError("the campaign does not come to rest")


def _apply(
    house: House,
    e: Enrolment,
    campaign: Campaign,
    situation: Situation,
    decision: Send | Skip | Ask,
    work: _Batch,
    filled: Filled,
) -> Situation:
    step, number = decision.occurrence.step.key, decision.occurrence.number
    if isinstance(decision, Send):
        filled.queued += 1
        # The id is not known before the insert; a negative one keeps fresh traffic apart from the loaded.
        name, point, now = -len(work.decided) - 1, decision.point, work.now
        traffic = Traffic(name, e.contact_id, point.key, e.campaign, point.channel, campaign.purpose, now)
        work.remember(traffic)
        after = enrolments.with_done(situation, Done(step, number, Status.QUEUED, None), traffic)
        claimed = _claimed(house, e, campaign.purpose, decision, work.now)
        work.decided.append(outbox.Decided(claimed, campaign, after, situation.contact, decision.point))
        return after
    filled.skipped += 1
    if isinstance(decision, Ask):
        filled.tasks += 1
        work.tasks.append((f"step:{e.ref}:{step}:{number}", "step", decision.words, e.contact_id))
    work.skipped.append(_skipped(house, e, campaign.purpose, decision, work.now))
    return enrolments.with_done(situation, Done(step, number, Status.SKIPPED, work.now), None)


def _claimed(house: House, e: Enrolment, purpose: Purpose, send: Send, now: datetime) -> outbox.Claimed:
    step, number = send.occurrence.step.key, send.occurrence.number
    return outbox.Claimed(
        id=0,
        ref=house.refs.at(now, "message", e.ref, step, number),
        enrolment_id=e.id,
        contact_id=e.contact_id,
        campaign=e.campaign,
        step=step,
        occurrence=number,
        purpose=purpose,
        channel=send.point.channel,
        template=send.choice.template,
        point_id=send.point.id,
        address_key=send.point.key,
        due_at=send.occurrence.due,
        first_allowed=send.first_allowed,
        created_at=now,
        facts=send.facts,
        reason=send.reason,
        rule=send.rule,
        fresh=True,
    )


def _skipped(house: House, e: Enrolment, purpose: Purpose, decision: Skip | Ask, now: datetime) -> outbox.Skipped:
    step, number = decision.occurrence.step.key, decision.occurrence.number
    return outbox.Skipped(
        ref=house.refs.at(now, "message", e.ref, step, number),
        enrolment_id=e.id,
        contact_id=e.contact_id,
        campaign=e.campaign,
        step=step,
        occurrence=number,
        purpose=purpose,
        reason=decision.reason,
        rule=decision.rule,
        facts=decision.facts,
        due_at=decision.occurrence.due,
    )


def _condition_task(e: Enrolment, wait: Wait) -> tuple[str, str, str, int]:
    assert wait.occurrence is not None
    step = wait.occurrence.step.key
    words = f"{e.campaign}: the condition of step '{step}' cannot be read. {wait.facts.get('problem', '')}"
    return f"condition:{e.ref}:{step}", "condition", words, e.contact_id
