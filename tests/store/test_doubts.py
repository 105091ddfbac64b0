"""Whose a find is, and which messages in doubt are looked for first."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.store import Store, doubts, schema
from tests.store.rows import NOW, add

LONG_AGO = NOW - timedelta(hours=2)


def doubtful(store: Store, number: int, **changed: object) -> int:
    """One more message in doubt, after one try by Twilio."""
    names = {"ref": f"m-{number}", "origin": f"o-{number}", "occurrence": number}
    row = {"status": "in_doubt", "provider": "twilio", "tries": 1, "doubt_since": NOW, **names, **changed}
    id_ = add(store, "message", **row)
    add(store, "attempt", message_id=id_, provider="twilio")
    add(store, "message_body", message_id=id_)
    return id_


def lost(store: Store, not_since: datetime = NOW, limit: int = 10) -> list[int]:
    with store.begin() as conn:
        return [row.id for row in doubts.lost(conn, not_since, limit)]


def unowned(store: Store, message_id: int, *provider_ids: str) -> str | None:
    """The first of these that may be given to this message."""
    with store.begin() as conn:
        (row,) = [row for row in doubts.lost(conn, NOW, 10) if row.id == message_id]
        return doubts.unowned(conn, row, provider_ids)


def test_who_was_never_looked_for_comes_first_and_then_the_longest_ago(store: Store) -> None:
    recent = doubtful(store, 1, looked_at=NOW - timedelta(hours=1))
    old = doubtful(store, 2, looked_at=LONG_AGO)
    never = doubtful(store, 3)
    just_now = doubtful(store, 4, looked_at=NOW + timedelta(seconds=1))
    assert lost(store) == [never, old, recent]
    assert lost(store, limit=1) == [never]
    assert just_now in lost(store, NOW + timedelta(minutes=1))


def test_what_was_said_in_the_last_try_is_looked_for(store: Store) -> None:
    id_ = doubtful(store, 1, tries=2)
    add(store, "attempt", message_id=id_, number=2, provider="twilio", started_at=NOW + timedelta(minutes=9))
    add(store, "message_body", message_id=id_, attempt=2, text="Hello again", to_address="+16175550109")
    with store.begin() as conn:
        (row,) = doubts.lost(conn, NOW, 10)
    assert (row.started_at, row.text, row.to_address) == (NOW + timedelta(minutes=9), "Hello again", "+16175550109")


def test_a_find_is_nobodys_twice(store: Store) -> None:
    mine, other = doubtful(store, 1), doubtful(store, 2)
    assert unowned(store, mine, "SM1", "SM2") == "SM1"
    with store.begin() as conn:
        conn.execute(sa.update(schema.message).where(schema.message.c.id == other).values(provider_id="SM1"))
    assert unowned(store, mine, "SM1", "SM2") == "SM2"
    assert unowned(store, mine, "SM1") is None
    assert unowned(store, other, "SM1") == "SM1"


def test_what_an_earlier_try_of_another_message_was_given_is_that_ones(store: Store) -> None:
    mine, other = doubtful(store, 1), doubtful(store, 2)
    a = schema.attempt.c
    with store.begin() as conn:
        conn.execute(sa.update(schema.attempt).where(a.message_id == other).values(provider_id="SM1"))
    assert unowned(store, mine, "SM1", "SM2") == "SM2"
    assert unowned(store, other, "SM1", "SM2") == "SM1"


def test_another_providers_id_may_be_the_same(store: Store) -> None:
    mine, other = doubtful(store, 1), doubtful(store, 2, provider="mailbox")
    with store.begin() as conn:
        conn.execute(sa.update(schema.message).where(schema.message.c.id == other).values(provider_id="SM1"))
    assert unowned(store, mine, "SM1") == "SM1"
