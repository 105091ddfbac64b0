"""Small facts of the whole clinic: where the clock stood, which key is in use, which campaigns are paused."""

from datetime import datetime

import sqlalchemy as sa

from engine.store import people, sql
from engine.store.schema import campaign_pause, mark


def tick_at(conn: sa.Connection, now: datetime) -> None:
    """Remember where the clock stood: it may never be turned back on one database."""
    if people.insert_once(conn, mark, {"name": "tick", "at": now}) is None:
        conn.execute(sa.update(mark).where(mark.c.name == "tick", mark.c.at < now).values(at=now))


def key(conn: sa.Connection) -> str | None:
    """The fingerprint of the key with which this database's digests are made; None: it has not been used yet."""
    return conn.execute(sa.select(mark.c.value).where(mark.c.name == "key")).scalar()


def keep_key(conn: sa.Connection, fingerprint: str, now: datetime) -> None:
    """Keep it, unless another process was first: read it again."""
    people.insert_once(conn, mark, {"name": "key", "at": now, "value": fingerprint})


def pause(conn: sa.Connection, campaign: str, actor: str, now: datetime) -> bool:
    """Pause a campaign: its people wait, nothing of it is sent. False when it was paused already."""
    row = {"campaign": campaign, "paused_at": now, "actor": actor}
    return people.insert_once(conn, campaign_pause, row) is not None


def resume(conn: sa.Connection, campaign: str) -> bool:
    """Let it go on. False when it was not paused."""
    return conn.execute(sa.delete(campaign_pause).where(campaign_pause.c.campaign == campaign)).rowcount > 0


def paused(conn: sa.Connection) -> frozenset[str]:
    """The paused campaigns."""
    return frozenset(row[0] for row in sql.rows(conn, "SELECT campaign FROM campaign_pause"))
