"""All SQL and all transactions: SQLite embedded, PostgreSQL shared, one code for both."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event as sa_event

MIGRATIONS = Path(__file__).parent / "migrations"


class StoreError(Exception):
    """The database cannot be used; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Store:
    """One database. Every change goes through `begin()`; nothing is held open between two of them."""

    engine: sa.Engine

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """One transaction: committed at the end, rolled back on any exception. Writers on SQLite queue up here."""
        with self.engine.begin() as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for looking only: takes no write lock on SQLite."""
        with self.engine.connect().execution_options(nurture_read=True) as conn:
            yield conn

    def migrate(self) -> None:
        """Bring the schema up to date. Harmless when it is."""
        if self.engine.dialect.name == "postgresql":
            with self.engine.begin() as conn:
                # Two processes starting at once: the second waits, then finds nothing to do.
                conn.execute(sa.text("SELECT pg_advisory_xact_lock(727170)"))
                command.upgrade(_alembic(conn), "head")
            return
        with self.engine.connect() as conn:
            # SQLite changes a table by making it anew; others point at the old one meanwhile. The pragma works only
            # outside a transaction, so what it keeps is checked before the commit instead.
            driver = conn.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA foreign_keys=OFF")
            try:
                with conn.begin():
                    command.upgrade(_alembic(conn), "head")
                    if broken := conn.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise StoreError(f"The database cannot be migrated: rows of {broken[0]} point nowhere.")
            finally:
                driver.execute("PRAGMA foreign_keys=ON")

    def check(self) -> None:
        """Raises StoreError when the schema is not the one this version knows."""
        try:
            with self.read() as conn:
                at = MigrationContext.configure(conn).get_current_revision()
        except sa.exc.DatabaseError as error:
            raise StoreError(
                f"The database cannot be opened ({type(error.orig).__name__}). Check `database.url` in settings.toml."
            ) from None
        head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
        if at != head:
            raise StoreError(
                f"The database is at schema {at or 'none'}, this version needs {head}. Run: nurture migrate"
            )


def _alembic(conn: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = conn
    return config


def open_store(url: str) -> Store:
    """Open a database by its SQLAlchemy URL. Makes the folder of an SQLite file; creates no tables (`migrate` does)."""
    where = sa.make_url(url)
    if where.get_backend_name() == "sqlite":
        if where.database and where.database != ":memory:":
            Path(where.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            Path(where.database).touch(mode=0o600)  # patients' data: for its owner only
        engine = sa.create_engine(where, hide_parameters=True, connect_args={"timeout": 60})
        sa_event.listen(engine, "connect", _sqlite_connected)
        sa_event.listen(engine, "begin", _sqlite_begin)
    else:
        # hide_parameters: a bound value is somebody's phone number, and exceptions get logged.
        engine = sa.create_engine(where, hide_parameters=True, pool_pre_ping=True, insertmanyvalues_page_size=1000)
    return Store(engine)


_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=60000",
    "cache_size=-16384",  # 16 MB: the upper levels of every index stay in memory, with a million enrolments too
    "wal_autocheckpoint=4000",  # pages, 16 MB: a page changed often is copied back once
)


def _sqlite_connected(dbapi: Any, _record: Any) -> None:
    dbapi.isolation_level = None  # the driver must not open transactions of its own
    for pragma in _PRAGMAS:
        dbapi.execute(f"PRAGMA {pragma}")


def _sqlite_begin(conn: sa.Connection) -> None:
    # IMMEDIATE: a writer that reads first and then writes would otherwise fail when another writer came between.
    reading = conn.get_execution_options().get("nurture_read")
    conn.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
