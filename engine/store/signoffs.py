"""Signatures of words: written once and never changed, and known to every process at its next look."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from engine.core.contact import Channel
from engine.core.signoff import Signature, Signed, Which, after
from engine.store import sql
from engine.store.schema import signoff

_SIGNING = 727173  # the advisory lock of whoever writes signatures


def write(conn: sa.Connection, entries: Sequence[Signature]) -> None:
    """Add these at the end of the log."""
    if sql.postgres(conn):
        # One writer at a time, as on SQLite: then ids become visible in their order, and `Signatures` misses none.
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_SIGNING)))
    rows = [
        {
            **entry.which._asdict(),
            "hash": entry.hash,
            "role": entry.role,
            "signed_by": entry.by,
            "signed_on": entry.on,
            "recorded_at": entry.recorded_at,
            "actor": entry.actor,
            "withdrawn": entry.withdrawn,
            "why": entry.why,
        }
        for entry in entries
    ]
    if rows:
        conn.execute(sa.insert(signoff), rows)


def entries(conn: sa.Connection, campaigns: Iterable[str] = ()) -> list[Signature]:
    """The log, oldest first; of these campaigns only, if any are named."""
    query = sa.select(signoff).order_by(signoff.c.id)
    if chosen := list(campaigns):
        query = query.where(signoff.c.campaign.in_(chosen))
    return [
        Signature(
            which=Which(r.campaign, r.template, Channel(r.channel), r.language),
            hash=r.hash,
            role=r.role,
            by=r.signed_by,
            on=r.signed_on,
            recorded_at=r.recorded_at,
            actor=r.actor,
            withdrawn=r.withdrawn,
            why=r.why,
        )
        for r in conn.execute(query)
    ]


class Signatures:
    """What stands, as this process knows it: each look reads only the rows that are new since the last one."""

    def __init__(self) -> None:
        # Replaced as a whole: two threads that look at once may read a row twice, and never leave one out.
        self._known: tuple[int, Signed] = (0, {})

    def look(self, conn: sa.Connection) -> Signed:
        """By the hash of the words, the roles whose signature stands now."""
        last, signed = self._known
        if new := sql.rows(conn, _SINCE, last):
            signed = after(signed, [(words, role, bool(withdrawn)) for _, words, role, withdrawn in new])
            self._known = (new[-1][0], signed)
        return signed


_SINCE = "SELECT id, hash, role, withdrawn FROM signoff WHERE id > ? ORDER BY id"
