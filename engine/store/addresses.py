"""Closing an address: suppression, what waits for it cancelled, who is left without a way."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from engine.core.campaign import Campaign
from engine.core.consent import PURPOSES, Purpose, SuppressionReason
from engine.core.contact import Channel
from engine.core.enrolment import EnrolmentStatus
from engine.core.messages import WAITING
from engine.core.permission import reachable
from engine.core.reasons import Reason
from engine.store import enrolments, outbox, people
from engine.store.schema import enrolment, message

Plan = Callable[[str, str], Campaign | None]  # (campaign, version) -> the plan, None while its file is broken


def ask_instead(conn: sa.Connection, plan: Plan, message_id: int, now: datetime) -> bool:
    """A step with a task to fall back on (a care check-in) is not dropped because its message did not arrive."""
    m = message.c
    row = conn.execute(
        sa.select(m.ref, m.step, m.contact_id, enrolment.c.campaign, enrolment.c.version)
        .join(enrolment, enrolment.c.id == m.enrolment_id)
        .where(m.id == message_id)
    ).first()
    campaign = None if row is None else plan(row.campaign, row.version)
    step = None if row is None or campaign is None else campaign.step(row.step)
    if row is None or step is None or step.task is None:
        return False
    return people.open_task(
        conn, f"step:{row.ref}", "step", step.task, now, contact_id=row.contact_id, message_id=message_id
    )


def close(
    conn: sa.Connection,
    channel: Channel,
    address_key: str,
    reason: SuppressionReason,
    origin: str,
    now: datetime,
    plan: Plan,
    *,
    purposes: Iterable[Purpose] = PURPOSES,
    actor: str | None = None,
) -> int:
    """Suppress an address for everybody who shares it and cancel what waits for it, in this transaction.

    Enrolments go on by another consented address, else they exit as unreachable (decision 11). Returns how many
    messages were cancelled.
    """
    wanted = tuple(purposes)
    enrolments.hold(conn, addresses=[address_key])
    people.suppress(conn, channel, address_key, reason, origin, now, purposes=wanted, actor=actor)
    waiting = sa.and_(outbox.to_address(address_key), message.c.purpose.in_(wanted))
    stopped = list(conn.execute(sa.select(message.c.id).where(waiting, message.c.status.in_(WAITING))).scalars())
    cancelled = enrolments.cancel_waiting(conn, waiting, Reason.REVOKED, f"suppression.{reason}", now)
    for message_id in stopped:
        ask_instead(conn, plan, message_id, now)
    contact_ids = people.contacts_at(conn, address_key)
    drop_unreachable(conn, contact_ids, plan, now)
    # What was cancelled is settled: the chain may go on by the other channel.
    enrolments.wake(conn, enrolment.c.contact_id.in_(contact_ids), now)
    return cancelled


def revive(conn: sa.Connection, contact_ids: Sequence[int], plan: Plan, now: datetime) -> None:
    """Take up again the appointment and care enrolments that ended only because no address was left (decision 12).

    What was due meanwhile goes by each step's `late`.
    """
    for contact_id in contact_ids:
        ended = [e for e in enrolments.of_contact(conn, contact_id) if e.status is EnrolmentStatus.EXITED]
        for e, situation in zip(ended, enrolments.situations(conn, ended, now).values(), strict=True):
            campaign = plan(e.campaign, e.version)
            if campaign is not None and campaign.purpose is not Purpose.MARKETING and reachable(campaign, situation):
                enrolments.begin_again(conn, e.id, Reason.UNREACHABLE, now)


def drop_unreachable(conn: sa.Connection, contact_ids: Sequence[int], plan: Plan, now: datetime) -> None:
    """End the enrolments that no consented address is left for."""
    active = [
        e
        for contact_id in contact_ids
        for e in enrolments.of_contact(conn, contact_id)
        if e.status is EnrolmentStatus.ACTIVE
    ]
    for e, situation in zip(active, enrolments.situations(conn, active, now).values(), strict=True):
        campaign = plan(e.campaign, e.version)
        if campaign is not None and not reachable(campaign, situation):
            enrolments.end(conn, [e.id], EnrolmentStatus.EXITED, Reason.UNREACHABLE, now)
