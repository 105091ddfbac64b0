"""The few statements that run for every message, in plain SQL: SQLAlchemy's own cost is many times theirs.

Written once for both databases: `?` stands for a value, and `{ids}` after a column for "is one of these".
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

Rows = list[tuple[Any, ...]]


def postgres(conn: sa.Connection) -> bool:
    """Whether this is PostgreSQL."""
    return conn.dialect.name == "postgresql"


@lru_cache(maxsize=256)
def _for(sql: str, pg: bool) -> str:
    """The statement as the driver wants it."""
    if pg:
        return sql.replace("{ids}", "= ANY(?)").replace("{lock}", "FOR UPDATE OF e SKIP LOCKED").replace("?", "%s")
    return sql.replace("{ids}", "IN (SELECT value FROM json_each(?))").replace("{lock}", "")


def ids(conn: sa.Connection, values: Iterable[Any]) -> Any:
    """A list of values for `{ids}`."""
    found = list(values)
    return found if postgres(conn) else json.dumps(found)


def rows(conn: sa.Connection, sql: str, *values: Any) -> Rows:
    """The rows of a query."""
    cursor = conn.connection.cursor()
    try:
        cursor.execute(_for(sql, postgres(conn)), values)
        return cursor.fetchall()  # type: ignore[return-value]  # lists, in both drivers
    finally:
        cursor.close()


def many(conn: sa.Connection, sql: str, values: Sequence[Sequence[Any]]) -> int:
    """Run a change for each of these; how many rows that changed."""
    if not values:
        return 0
    cursor = conn.connection.cursor()
    try:
        cursor.executemany(_for(sql, postgres(conn)), values)
        return int(cursor.rowcount)
    finally:
        cursor.close()


def stored(conn: sa.Connection, moment: datetime) -> Any:
    """A moment as this database keeps it (see `schema.Utc`)."""
    return moment if postgres(conn) else _written(moment)


@lru_cache(maxsize=1024)
def _written(moment: datetime) -> str:
    """As text. Many rows of a transaction hold the same moment, and writing it takes ten times as long as this."""
    return moment.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def moment(value: Any) -> datetime:
    """A stored moment, aware and in UTC."""
    if isinstance(value, str):
        return datetime.fromisoformat(value + "+00:00")
    return value.astimezone(UTC)  # type: ignore[no-any-return]


def maybe(value: Any) -> datetime | None:
    """The same for a moment that may be missing."""
    return None if value is None else moment(value)


def document(value: Any) -> Any:
    """A stored JSON document."""
    return json.loads(value) if isinstance(value, str) else value
