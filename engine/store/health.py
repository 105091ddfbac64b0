"""What `nurture doctor` asks a database: how it keeps what it is told, and whether it is whole."""

from datetime import datetime

import sqlalchemy as sa

from engine.store import Store
from engine.store.schema import mark


def write_and_take_back(store: Store, now: datetime) -> None:
    """Write a row in a transaction that is rolled back. Raises DBAPIError where nothing can be written."""
    with store.engine.connect() as conn:
        conn.execute(sa.insert(mark).values(name="doctor", at=now))
        conn.rollback()


def sqlite_journal(conn: sa.Connection) -> str:
    """How SQLite keeps its promises: `wal` as a rule."""
    return str(conn.exec_driver_sql("PRAGMA journal_mode").scalar_one())


def sqlite_is_sound(conn: sa.Connection) -> bool:
    """Whether its own quick check finds nothing wrong in the file."""
    try:
        return bool(conn.exec_driver_sql("PRAGMA quick_check(1)").scalar() == "ok")
    except sa.exc.OperationalError:
        raise
    except sa.exc.DatabaseError:  # so damaged that the check itself breaks off
        return False


def postgresql_settings(conn: sa.Connection) -> dict[str, str]:
    """Its version, and whether what it calls committed outlives a power cut."""
    names = ("server_version", "fsync", "synchronous_commit")
    return {name: str(conn.exec_driver_sql(f"SHOW {name}").scalar_one()) for name in names}


def postgresql_clock(conn: sa.Connection) -> datetime:
    """The moment it says it is."""
    told = conn.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    assert isinstance(told, datetime)
    return told
