"""Messages: written by decisions, claimed for sending, settled by outcomes, evidence, receipts and staff."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.messages import SETTLED, Status
from engine.store import enrolments, people
from engine.store.schema import attempt, contact_point, enrolment, message, message_body, provider_pause

SERVICE = "service"  # the campaign name of answers to a person's own words


@dataclass(frozen=True, slots=True)
class Claimed:
    """A queued message, locked by this transaction."""

    id: int
    ref: str
    enrolment_id: int | None
    contact_id: int
    campaign: str
    step: str
    occurrence: int
    purpose: Purpose
    channel: Channel
    template: str
    point_id: int
    address_key: str
    due_at: datetime
    first_allowed: datetime
    created_at: datetime
    tries: int
    held: bool  # it was held, or in doubt, before
    facts: Mapping[str, Any]


def write(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write messages as decided. A second row for one occurrence is refused by the database."""
    if rows:
        conn.execute(sa.insert(message), [dict(r) for r in rows])


def write_once(conn: sa.Connection, row: Mapping[str, Any]) -> bool:
    """Write a message unless one of the same origin stands already; whether it did."""
    return people.insert_once(conn, message, row) is not None


def due_ids(conn: sa.Connection, campaigns: Iterable[str], now: datetime, limit: int) -> list[int]:
    """Messages the outbox should take now, campaign by campaign in the order given."""
    found: list[int] = []
    for campaign in campaigns:
        query = (
            sa.select(message.c.id)
            .where(message.c.campaign == campaign, sa.text("message.status = 'queued'"), message.c.send_at <= now)
            .order_by(message.c.send_at, message.c.id)
            .limit(limit - len(found))
        )
        found += conn.execute(query).scalars()
        if len(found) >= limit:
            break
    return found


def claim(conn: sa.Connection, ids: Sequence[int], now: datetime) -> list[Claimed]:
    """Lock those of the messages that are still queued and due, with their enrolments; others keep what they have."""
    m = message.c
    query = (
        sa.select(message)
        .where(m.id.in_(ids), m.status == Status.QUEUED, m.send_at <= now)
        .order_by(m.id)
        .with_for_update(skip_locked=True)
    )
    found = list(conn.execute(query))
    held = sa.select(enrolment.c.id).where(enrolment.c.id.in_([r.enrolment_id for r in found]))
    free = {None, *conn.execute(held.with_for_update(skip_locked=True, key_share=True)).scalars()}
    return [
        Claimed(
            id=r.id,
            ref=r.ref,
            enrolment_id=r.enrolment_id,
            contact_id=r.contact_id,
            campaign=r.campaign,
            step=r.step,
            occurrence=r.occurrence,
            purpose=Purpose(r.purpose),
            channel=Channel(r.channel),
            template=r.template,
            point_id=r.contact_point_id,
            address_key=r.address_key,
            due_at=r.due_at,
            first_allowed=r.first_allowed,
            created_at=r.created_at,
            tries=r.tries,
            held=r.looked_at is not None,
            facts=r.facts,
        )
        for r in found
        if r.enrolment_id in free
    ]


def intend(conn: sa.Connection, rows: Sequence[Mapping[str, Any]], now: datetime, lease: timedelta) -> None:
    """Commit the intent: status, attempt and the words exactly as they will be said."""
    if not rows:
        return
    conn.execute(
        sa.update(message)
        .where(message.c.id == sa.bindparam("b_id"))
        .values(
            status=Status.SENDING,
            reason=sa.bindparam("b_reason"),
            tries=sa.bindparam("b_number"),
            lease_until=now + lease,
            counts_at=now,
            send_at=None,
            provider=sa.bindparam("b_provider"),
            template_hash=sa.bindparam("b_hash"),
            segments=sa.bindparam("b_segments"),
        ),
        [{f"b_{k}": r[k] for k in ("id", "reason", "number", "provider", "hash", "segments")} for r in rows],
    )
    conn.execute(
        sa.insert(attempt),
        [
            {
                "message_id": r["id"],
                "number": r["number"],
                "channel": r["channel"],
                "provider": r["provider"],
                "started_at": now,
            }
            for r in rows
        ],
    )
    conn.execute(
        sa.insert(message_body),
        [
            {
                "message_id": r["id"],
                "attempt": r["number"],
                "to_address": r["to"],
                "subject": r["subject"],
                "text": r["text"],
                "html": r["html"],
            }
            for r in rows
        ],
    )


def change(
    conn: sa.Connection,
    message_id: int,
    while_: Status,
    values: Mapping[str, Any],
    *,
    tries: int | None = None,
) -> bool:
    """Change a message if it still stands where it is thought to; whether it did. A settled one wakes its enrolment.

    `tries`: and only while no newer try has begun, for whoever comes back late with word of an older one.
    """
    which = sa.and_(message.c.id == message_id, message.c.status == while_)
    if tries is not None:
        which = sa.and_(which, message.c.tries == tries)
    status = values.get("status")
    if status is not None and status not in (Status.QUEUED, Status.SENDING):
        values = {"send_at": None, "lease_until": None, **values}
    if status in (Status.SKIPPED, Status.CANCELLED):
        values = {"counts_at": None, **values}
    done = conn.execute(sa.update(message).where(which).values(**values).returning(message.c.enrolment_id)).first()
    if done is not None and status in SETTLED and done.enrolment_id is not None:
        at = values.get("settled_at")
        assert at is not None, "a settled message says when"
        enrolments.wake(conn, enrolment.c.id == done.enrolment_id, at)
    return done is not None


def end_attempt(
    conn: sa.Connection, message_id: int, number: int, outcome: str, now: datetime, **more: str | None
) -> None:
    """Write down how a try ended."""
    conn.execute(
        sa.update(attempt)
        .where(attempt.c.message_id == message_id, attempt.c.number == number)
        .values(outcome=outcome, ended_at=now, **more)
    )


def abandoned(conn: sa.Connection, now: datetime, limit: int) -> list[sa.Row[Any]]:
    """Messages whose process died during the call: still `sending` after their lease."""
    m = message.c
    query = sa.select(m.id, m.tries).where(
        sa.text("message.status IN ('sending', 'in_doubt', 'held')"),
        m.status == Status.SENDING,
        m.lease_until <= now,
    )
    return list(conn.execute(query.order_by(m.id).limit(limit).with_for_update(skip_locked=True)))


def open_rows(conn: sa.Connection, status: Status, not_since: datetime, limit: int) -> list[sa.Row[Any]]:
    """Messages in doubt or held that nobody has looked at since then, locked."""
    m = message.c
    query = sa.select(message).where(
        sa.text("message.status IN ('sending', 'in_doubt', 'held')"),
        m.status == status,
        sa.or_(m.looked_at.is_(None), m.looked_at <= not_since),
    )
    return list(conn.execute(query.order_by(m.id).limit(limit).with_for_update(skip_locked=True)))


def points(conn: sa.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Addresses by contact point id."""
    query = sa.select(contact_point.c.id, contact_point.c.address).where(contact_point.c.id.in_(ids))
    return {r.id: r.address for r in conn.execute(query)}


def paused_providers(conn: sa.Connection, now: datetime) -> dict[str, datetime]:
    """Providers that refuse us, and when to probe them."""
    query = sa.select(provider_pause.c.provider, provider_pause.c.until).where(provider_pause.c.until > now)
    return {r.provider: r.until for r in conn.execute(query)}


def pause_provider(conn: sa.Connection, provider: str, detail: str, now: datetime) -> datetime:
    """Stop using a provider for a while: five minutes, then twice as long each time, at most an hour."""
    p = provider_pause.c
    until: datetime
    row = conn.execute(sa.select(p.times, p.until).where(p.provider == provider).with_for_update()).first()
    if row is not None and row.until > now:
        until = row.until
        return until
    times: int = 0 if row is None else row.times
    until = now + min(timedelta(minutes=5) * 2**times, timedelta(hours=1))
    values = {"until": until, "times": min(times + 1, 10), "detail": detail}
    if row is None:
        people.insert_once(conn, provider_pause, {"provider": provider, **values})
    else:
        conn.execute(sa.update(provider_pause).where(p.provider == provider).values(**values))
    return until


def provider_works(conn: sa.Connection, provider: str) -> None:
    """A provider that accepted something is not paused any more."""
    conn.execute(sa.delete(provider_pause).where(provider_pause.c.provider == provider))


def next_moment(conn: sa.Connection, campaigns: Sequence[str]) -> datetime | None:
    """The next moment at which anything of these campaigns wants looking at; None when nothing is waiting."""
    e, m = enrolment.c, message.c
    moments = [
        conn.execute(
            sa.select(sa.func.min(e.due_at, type_=e.due_at.type)).where(
                e.campaign == name, sa.text("enrolment.status = 'active' AND enrolment.due_at IS NOT NULL")
            )
        ).scalar()
        for name in campaigns
    ]
    moments += [
        conn.execute(
            sa.select(sa.func.min(m.send_at, type_=m.send_at.type)).where(
                m.campaign == name, sa.text("message.status = 'queued'")
            )
        ).scalar()
        for name in (*campaigns, SERVICE)
    ]
    lease = sa.select(sa.func.min(m.lease_until, type_=m.lease_until.type)).where(
        sa.text("message.status IN ('sending', 'in_doubt', 'held')"), m.status == Status.SENDING
    )
    moments.append(conn.execute(lease).scalar())
    return min((at for at in moments if at is not None), default=None)


def count_retry(conn: sa.Connection, message_id: int) -> int:
    """One more try that the provider put off; how many that makes."""
    query = sa.update(message).where(message.c.id == message_id).values(retries=message.c.retries + 1)
    retries: int = conn.execute(query.returning(message.c.retries)).scalar_one()
    return retries


def last_looks(conn: sa.Connection, since: datetime) -> tuple[datetime | None, datetime | None]:
    """When the longest unlooked-at message in doubt (since then) was looked at last, and the held one."""
    m = message.c
    is_open = sa.text("message.status IN ('sending', 'in_doubt', 'held')")
    looked = sa.func.min(sa.func.coalesce(m.looked_at, m.doubt_since), type_=m.looked_at.type)
    doubt = sa.select(looked).where(is_open, m.status == Status.IN_DOUBT, m.doubt_since > since)
    held = sa.select(sa.func.min(m.looked_at, type_=m.looked_at.type)).where(is_open, m.status == Status.HELD)
    return conn.execute(doubt).scalar(), conn.execute(held).scalar()


def looked_at(conn: sa.Connection, ids: Sequence[int], now: datetime) -> None:
    """Remember that somebody looks at these messages now."""
    conn.execute(sa.update(message).where(message.c.id.in_(ids)).values(looked_at=now))
