"""A filled database of an older schema is brought up to date, and loses nothing."""

import sqlalchemy as sa
from alembic import command

from engine.store import _alembic, open_store, schema

NOW = "2026-11-20 15:00:00.000000"
ROWS = {
    "contact": "(id, ref, identity, language, created_at) "
    "VALUES (1, 'c1', 'c1', 'en', :now), (2, 'c2', 'c2', 'en', :now)",
    "event": "(id, source, external_id, kind, contact_id, occurred_at, received_at, payload) "
    """VALUES (1, 'web', '1', 'enquiry', 1, :now, :now, '{"condition": "knee"}'),"""
    """ (2, 'web', '2', 'enquiry', 2, :now, :now, '{"comment": ""}')""",
    "enrolment": "(id, ref, campaign, version, contact_id, episode, event_id, started_at, anchor_at, known_at, status) "
    "VALUES (1, 'e1', 'guide', 'v', 1, 'x', 1, :now, :now, :now, 'active')",
    "message": "(id, ref, origin, enrolment_id, contact_id, campaign, step, occurrence, purpose, status, reason, rule, "
    "facts, due_at, created_at) "
    "VALUES (1, 'm1', 'step:1', 1, 1, 'guide', 's', 0, 'marketing', 'skipped', 'late', 'r', '{}', :now, :now)",
    "attempt": "(message_id, number, channel, provider, started_at) VALUES (1, 2, 'sms', 'mailbox', :now), "
    "(1, 1, 'email', 'mailbox', :now)",
    "message_body": "(message_id, attempt, to_address, text) VALUES (1, 2, '+16175550101', 'Hello'), "
    "(1, 1, 'ann@example.com', 'Hello')",
    "provider_pause": "(provider, until, times, detail) VALUES ('mailbox', :now, 1, 'no')",
}


def test_a_filled_database_of_the_first_schema_is_migrated(database_url: str) -> None:
    store = open_store(database_url)
    with store.engine.begin() as conn:
        command.upgrade(_alembic(conn), "0001")
        for table, rows in ROWS.items():
            conn.execute(sa.text(f"INSERT INTO {table} {rows}"), {"now": NOW + "+00" * (conn.dialect.name != "sqlite")})
    store.migrate()
    store.check()
    with store.read() as conn:
        named = sa.select(schema.contact.c.id).where(schema.contact.c.named_health)
        assert list(conn.execute(named).scalars()) == [1]
        assert conn.execute(sa.select(schema.message.c.ref, schema.message.c.enrolment_id)).one() == ("m1", 1)
        tries = sa.select(schema.attempt.c.number, schema.attempt.c.channel).order_by(schema.attempt.c.number)
        assert [tuple(row) for row in conn.execute(tries)] == [(1, "email"), (2, "sms")]
        said = sa.select(schema.message_body.c.to_address).order_by(schema.message_body.c.attempt)
        assert list(conn.execute(said).scalars()) == ["ann@example.com", "+16175550101"]
        assert conn.execute(sa.select(schema.provider_pause)).all() == []
        if conn.dialect.name == "sqlite":
            assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    store.engine.dispose()
