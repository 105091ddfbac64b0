"""Messages in doubt: those to look for, as their providers may know them, and whose a find is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.core.messages import Status
from engine.store import outbox, sql
from engine.store.schema import attempt, message, message_body

_CONCLUDING = 727171  # the advisory lock of whoever gives finds to messages


def lost(conn: sa.Connection, not_since: datetime, limit: int) -> list[sa.Row[Any]]:
    """Messages in doubt that nobody has looked for since then, locked; longest unlooked-for first.

    With each stands what was said in its last try: `started_at`, `to_address`, `text`.
    """
    m, a, b = message.c, attempt.c, message_body.c
    last = sa.and_(a.message_id == m.id, a.number == m.tries)
    said = sa.and_(b.message_id == m.id, b.attempt == m.tries)
    query = (
        sa.select(message, a.started_at, b.to_address, b.text)
        .join(attempt, last)
        .join(message_body, said)
        .where(
            sa.text("message.status IN ('sending', 'in_doubt', 'held')"),
            m.status == Status.IN_DOUBT,
            sa.or_(m.looked_at.is_(None), m.looked_at <= not_since),
        )
        .order_by(m.looked_at.nulls_first(), m.id)
        .limit(limit)
    )
    return list(conn.execute(query.with_for_update(of=message, skip_locked=True)))


def one_at_a_time(conn: sa.Connection) -> None:
    """Until this transaction ends no other gives finds to messages. (SQLite has one writer at a time.)"""
    if sql.postgres(conn):
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_CONCLUDING)))


def unowned(conn: sa.Connection, row: sa.Row[Any], provider_ids: Sequence[str]) -> str | None:
    """The first of the provider's ids that is no other message's: neither its last try's nor an earlier one's."""
    m, a = message.c, attempt.c
    # A provider finds by address, so whoever owns one of them has this address too.
    by_message = sa.select(m.provider_id).where(
        outbox.to_address(row.address_key),
        m.id != row.id,
        m.provider == row.provider,
        m.provider_id.in_(provider_ids),
    )
    by_attempt = (
        sa.select(a.provider_id)
        .join(message, m.id == a.message_id)
        .where(
            outbox.to_address(row.address_key),
            m.id != row.id,
            a.provider == row.provider,
            a.provider_id.in_(provider_ids),
        )
    )
    taken = set(conn.execute(sa.union(by_message, by_attempt)).scalars())
    return next((name for name in provider_ids if name not in taken), None)


def twin_on_its_way(conn: sa.Connection, row: sa.Row[Any]) -> bool:
    """Whether another message with the same words to the same address is being sent: a find may be that one's."""
    m, b = message.c, message_body.c
    query = (
        sa.select(m.id)
        .join(message_body, sa.and_(b.message_id == m.id, b.attempt == m.tries))
        .where(
            outbox.to_address(row.address_key),
            m.id != row.id,
            m.status == Status.SENDING,
            m.provider == row.provider,
            b.text == row.text,
        )
    )
    return conn.execute(query.limit(1)).first() is not None
