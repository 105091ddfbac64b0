"""Closing an address: suppression, what waits for it cancelled, who is left without a way."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from engine.core.campaign import Campaign
from engine.core.consent import PURPOSES, Purpose, SuppressionReason
from engine.core.contact import Channel
from engine.core.enrolment import EnrolmentStatus
from engine.core.permission import reachable
from engine.core.reasons import Reason
from engine.store import enrolments, people
from engine.store.schema import enrolment, message

Plan = Callable[[str, str], Campaign | None]  # (campaign, version) -> the plan, None while its file is broken


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
    cancelled = enrolments.cancel_waiting(
        conn,
        sa.and_(message.c.address_key == address_key, message.c.purpose.in_(wanted)),
        Reason.REVOKED,
        f"suppression.{reason}",
        now,
    )
    contact_ids = people.contacts_at(conn, address_key)
    drop_unreachable(conn, contact_ids, plan, now)
    # What was cancelled is settled: the chain may go on by the other channel.
    enrolments.wake(conn, enrolment.c.contact_id.in_(contact_ids), now)
    return cancelled


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
