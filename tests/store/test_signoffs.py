"""Sign-offs in the database: never changed, and known to every process at its next look."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from engine.core.contact import Channel
from engine.core.signoff import Signature, Which
from engine.store import Store, open_store, signoffs
from engine.store.signoffs import Signatures
from tests.store.rows import NOW

HELLO = Which("guide", "hello", Channel.EMAIL, "en")
ENTRY = Signature(HELLO, "a1" * 32, "clinician", "Dr. Maria Ortiz", date(2026, 11, 20), NOW, "front desk")


def write(store: Store, *entries: Signature) -> None:
    with store.begin() as conn:
        signoffs.write(conn, entries)


def log(store: Store, *campaigns: str) -> list[Signature]:
    with store.read() as conn:
        return signoffs.entries(conn, campaigns)


def look(store: Store, signatures: Signatures) -> Any:
    with store.read() as conn:
        return signatures.look(conn)


def test_the_log_keeps_what_was_written_in_its_order(bare_store: Store) -> None:
    entries = [
        ENTRY,
        replace(ENTRY, role="marketing", by="Pat Ó Dálaigh"),
        replace(ENTRY, which=Which("visit", "soon", Channel.SMS, "es"), hash="b2" * 32),
        replace(ENTRY, withdrawn=True, why="The study was retracted."),
    ]
    write(bare_store, *entries[:2])
    write(bare_store, *entries[2:])
    assert log(bare_store) == entries
    assert log(bare_store, "visit") == entries[2:3]


def test_nothing_to_write_writes_nothing(bare_store: Store) -> None:
    write(bare_store)
    assert log(bare_store) == []


REPLACED = """
    INSERT OR REPLACE INTO signoff SELECT id, campaign, template, channel, language, 'b2', role, signed_by, signed_on,
        recorded_at, actor, withdrawn, why FROM signoff
"""
WHOLESALE = {"sqlite": REPLACED, "postgresql": "TRUNCATE signoff"}


@pytest.mark.parametrize(
    "change",
    ["UPDATE signoff SET signed_by = 'Somebody else'", "UPDATE signoff SET hash = 'b2'", "DELETE FROM signoff", None],
    ids=["who", "what", "deleted", "wholesale"],
)
def test_the_database_refuses_to_change_what_was_signed(bare_store: Store, change: str | None) -> None:
    write(bare_store, ENTRY)
    statement = sa.text(change or WHOLESALE[bare_store.engine.dialect.name])
    with pytest.raises(sa.exc.DatabaseError, match="a sign-off is never changed"), bare_store.begin() as conn:
        conn.execute(statement)
    assert log(bare_store) == [ENTRY]


def test_another_process_knows_at_its_next_look(migrated_url: str, bare_store: Store) -> None:
    elsewhere, signatures = open_store(migrated_url), Signatures()
    assert look(bare_store, signatures) == {}
    write(elsewhere, ENTRY)
    assert look(bare_store, signatures) == {ENTRY.hash: {"clinician"}}
    write(elsewhere, replace(ENTRY, role="marketing"))
    assert look(bare_store, signatures) == {ENTRY.hash: {"clinician", "marketing"}}
    write(elsewhere, replace(ENTRY, withdrawn=True))
    assert look(bare_store, signatures) == {ENTRY.hash: {"marketing"}}
    elsewhere.engine.dispose()


def test_a_look_without_news_reads_no_row(bare_store: Store) -> None:
    signatures = Signatures()
    write(bare_store, *[replace(ENTRY, hash=f"{number:064}") for number in range(50)])
    first = look(bare_store, signatures)
    assert len(first) == 50
    assert look(bare_store, signatures) is first


def test_what_was_rolled_back_was_never_signed(bare_store: Store) -> None:
    signatures = Signatures()
    with bare_store.engine.connect() as conn:
        signoffs.write(conn, [ENTRY])
        conn.rollback()
    assert look(bare_store, signatures) == {}


def test_a_look_between_two_that_write_at_once_misses_neither(migrated_url: str, bare_store: Store) -> None:
    """A row that commits late must not have a smaller id than one that was seen."""
    signatures, roles = Signatures(), [f"role_{number}" for number in range(4)]

    def process(role: str) -> None:
        store = open_store(migrated_url)
        for number in range(20):
            write(store, replace(ENTRY, role=role, hash=f"{number:064}"))
        store.engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(process, role) for role in roles]
        while not all(one.done() for one in writing):
            look(bare_store, signatures)
    assert [one.exception() for one in writing] == [None] * 4
    assert look(bare_store, signatures) == {f"{number:064}": set(roles) for number in range(20)}
