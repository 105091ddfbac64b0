"""Rows with all that a column must have; a test changes what it is about."""

from typing import Any

import sqlalchemy as sa

from engine.store import Store, schema
from tests.core.moments import utc

NOW = utc("Tue 2027-01-05 15:00")

CONTACT = {"ref": "contact-1", "identity": "i-1", "language": "en", "created_at": NOW}
POINT = {"contact_id": 1, "channel": "sms", "address": "+16175550101", "address_key": "k-1", "added_at": NOW}
EVENT = {
    "source": "test",
    "external_id": "e-1",
    "kind": "enquiry",
    "contact_id": 1,
    "occurred_at": NOW,
    "received_at": NOW,
    "payload": {},
}
ENROLMENT = {
    "ref": "enrolment-1",
    "campaign": "guide",
    "version": "v1",
    "contact_id": 1,
    "episode": "e-1",
    "event_id": 1,
    "started_at": NOW,
    "anchor_at": NOW,
    "known_at": NOW,
    "status": "active",
    "due_at": NOW,
}
MESSAGE = {
    "ref": "message-1",
    "origin": "step:enrolment-1:first:0",
    "enrolment_id": 1,
    "contact_id": 1,
    "campaign": "guide",
    "step": "first",
    "occurrence": 0,
    "purpose": "marketing",
    "channel": "sms",
    "template": "first",
    "contact_point_id": 1,
    "address_key": "k-1",
    "status": "queued",
    "reason": "due",
    "rule": "decide",
    "facts": {},
    "due_at": NOW,
    "first_allowed": NOW,
    "send_at": NOW,
    "counts_at": NOW,
    "created_at": NOW,
}
ATTEMPT = {"message_id": 1, "number": 1, "channel": "sms", "provider": "mailbox", "started_at": NOW}
BODY = {"message_id": 1, "attempt": 1, "to_address": "+16175550101", "text": "Hello"}
RECEIPT = {
    "provider": "mailbox",
    "provider_event": "r-1",
    "message_id": 1,
    "word": "delivered",
    "applied": True,
    "at": NOW,
    "received_at": NOW,
}
REPLY = {
    "provider": "mailbox",
    "provider_event": "r-1",
    "channel": "sms",
    "address_key": "k-1",
    "address": "+16175550101",
    "words": "hello?",
    "meaning": "other",
    "received_at": NOW,
}
TASK = {"key": "reply:1", "kind": "reply", "words": "Answer.", "opened_at": NOW}
DECLINE = {"event_id": 1, "contact_id": 1, "campaign": "guide", "reason": "condition", "at": NOW}
VERSION = {"campaign": "guide", "version": "v1", "source": "...", "seen_at": NOW}
PAUSE = {"campaign": "guide", "paused_at": NOW, "actor": "ann"}

ROWS: dict[str, dict[str, Any]] = {
    "contact": CONTACT,
    "contact_point": POINT,
    "event": EVENT,
    "enrolment": ENROLMENT,
    "message": MESSAGE,
    "attempt": ATTEMPT,
    "message_body": BODY,
    "receipt": RECEIPT,
    "reply": REPLY,
    "task": TASK,
    "decline": DECLINE,
    "campaign_version": VERSION,
    "campaign_pause": PAUSE,
}


def fill(store: Store) -> None:
    """One row of each kind, each with id 1."""
    with store.begin() as conn:
        for name, row in ROWS.items():
            conn.execute(sa.insert(schema.metadata.tables[name]).values(**row))
            if name == "contact":
                conn.execute(sa.insert(schema.person).values(contact_id=1, first_name="Ann"))


def add(store: Store, name: str, **changed: Any) -> int:
    """One more row; its id."""
    table = schema.metadata.tables[name]
    with store.begin() as conn:
        first = next(iter(table.primary_key.columns))
        found: int = conn.execute(sa.insert(table).values(**{**ROWS[name], **changed}).returning(first)).scalar_one()
        return found
