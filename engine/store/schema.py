"""The tables. Uniqueness lives here: what must not happen twice, the database refuses.

Personal data (names, addresses, words) stands in `person`, `contact_point`, `event`, `message_body` and `reply` only,
so that encrypting it later is a migration and not a rewrite (decision 28).
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)


class Utc(TypeDecorator[datetime]):
    """A moment in UTC: timestamptz on PostgreSQL, text of fixed width (so that it sorts) on SQLite."""

    impl = String(26)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """timestamptz where there is one."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(26))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """A naive moment is refused: nobody could say when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a zone cannot be stored; give it in UTC")
        if dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Aware, in UTC."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return datetime.fromisoformat(value).replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _fk(name: str, target: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Id, ForeignKey(f"{target}.id"), nullable=nullable)


contact = Table(
    "contact",
    metadata,
    _id(),
    Column("ref", String(16), nullable=False, unique=True),
    Column("identity", String(64), nullable=False, unique=True),  # digest of external id, else of email and name
    Column("language", String(8), nullable=False),
    Column("zone", String(64)),
    Column("zip", String(10)),
    Column("state", String(8)),
    Column("country", String(2)),
    Column("paused", String(32)),  # why automation waits for this person; null: it does not
    Column("named_health", Boolean, nullable=False, server_default=text("false")),  # wrote of it in some event (HIP-20)
    Column("created_at", Utc, nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("contact_id", Id, ForeignKey("contact.id"), primary_key=True, autoincrement=False),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("phone", Text),  # for calls; a number that takes texts is a contact point as well
    Column("external_id", Text),
    Index("ix_person_external_id", "external_id"),
)

contact_point = Table(
    "contact_point",
    metadata,
    _id(),
    _fk("contact_id", "contact"),
    Column("channel", String(8), nullable=False),
    Column("address", Text, nullable=False),
    Column("address_key", String(64), nullable=False),
    Column("added_at", Utc, nullable=False),
    UniqueConstraint("contact_id", "channel", "address_key"),
    Index("ix_contact_point_address_key", "address_key"),
)

event = Table(
    "event",
    metadata,
    _id(),
    Column("source", String(64), nullable=False),
    Column("external_id", String(128), nullable=False),
    Column("kind", String(64), nullable=False),
    _fk("contact_id", "contact"),
    Column("occurred_at", Utc, nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("payload", JSON, nullable=False),
    UniqueConstraint("source", "external_id"),
    Index("ix_event_contact_id_kind", "contact_id", "kind"),
)

consent = Table(  # append-only: the last row for (address, purpose) counts
    "consent",
    metadata,
    _id(),
    _fk("contact_id", "contact"),
    Column("channel", String(8), nullable=False),
    Column("address_key", String(64), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("origin", String(64), nullable=False),  # import, event, reply, staff
    Column("form", String(64)),
    Column("wording", Text),
    Column("wording_hash", String(64)),
    Column("url", Text),
    Column("language", String(8)),
    Column("most", Integer),
    Column("most_days", Integer),
    Column("given_at", Utc, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Column("ip", String(64)),
    Column("user_agent", Text),  # null: recorded as absent (decision 15)
    Column("proof", Text),
    Column("actor", String(64)),
    _fk("event_id", "event", nullable=True),
    # With all that a decision asks of it: its row, with the wording, is a page more to read for every message.
    Index(
        "ix_consent_standing",
        *("contact_id", "id", "channel", "address_key", "purpose", "granted", "form", "given_at", "most", "most_days"),
    ),
)

suppression = Table(  # append-only: a lift is a row of its own
    "suppression",
    metadata,
    _id(),
    Column("channel", String(8), nullable=False),
    Column("address_key", String(64), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("reason", String(16), nullable=False),
    Column("lifted", Boolean, nullable=False),
    Column("origin", String(64), nullable=False),
    Column("actor", String(64)),
    Column("at", Utc, nullable=False),
    Index("ix_suppression_address_key", "address_key"),
)

campaign_version = Table(
    "campaign_version",
    metadata,
    Column("campaign", String(64), primary_key=True),
    Column("version", String(16), primary_key=True),
    Column("source", Text, nullable=False),
    Column("seen_at", Utc, nullable=False),
)

campaign_pause = Table(
    "campaign_pause",
    metadata,
    Column("campaign", String(64), primary_key=True),
    Column("paused_at", Utc, nullable=False),
    Column("actor", String(64), nullable=False),
)

sender = Table(  # a provider's account: what it may send now; locked by whoever charges it
    "sender",
    metadata,
    Column("provider", String(32), primary_key=True),
    Column("free_at", Utc),
    Column("promised", Utc),
    Column("day", Date),
    Column("used", Integer, nullable=False, server_default=text("0")),
    Column("slow_until", Utc),
    Column("slow_times", Integer, nullable=False, server_default=text("0")),  # in a row, without an acceptance
)

provider_pause = Table(  # a provider in trouble; its first acceptance removes the row
    "provider_pause",
    metadata,
    Column("provider", String(32), primary_key=True),
    Column("strikes", Integer, nullable=False, server_default=text("0")),  # failures in a row
    Column("since", Utc),  # when the outage began; null: it is not paused
    Column("until", Utc),  # then one process probes it; null: it is not paused
    Column("times", Integer, nullable=False),  # pauses without an acceptance between
    Column("detail", Text, nullable=False),
)

enrolment = Table(
    "enrolment",
    metadata,
    _id(),
    Column("ref", String(16), nullable=False, unique=True),
    Column("campaign", String(64), nullable=False),
    Column("version", String(16), nullable=False),
    _fk("contact_id", "contact"),
    Column("episode", String(128), nullable=False),
    _fk("event_id", "event"),
    Column("started_at", Utc, nullable=False),
    Column("anchor_at", Utc, nullable=False),
    Column("known_at", Utc, nullable=False),
    Column("moves", Integer, nullable=False, server_default=text("0")),
    Column("status", String(16), nullable=False),
    Column("reason", String(32)),  # why it ended
    Column("ended_at", Utc),
    Column("due_at", Utc),  # when to look again; null: only an outcome, an event or a person moves it
    Column("waits_for", String(32)),
    Column(
        "decided", Integer, nullable=False, server_default=text("0")
    ),  # occurrences decided; must equal its messages
    UniqueConstraint("campaign", "contact_id", "episode"),
    Index("ix_enrolment_contact_id", "contact_id"),
    Index(
        "ix_enrolment_due",
        "campaign",
        "due_at",
        "id",
        sqlite_where=text("status = 'active' AND due_at IS NOT NULL"),
        postgresql_where=text("status = 'active' AND due_at IS NOT NULL"),
    ),
)

decline = Table(
    "decline",
    metadata,
    _id(),
    _fk("event_id", "event"),
    _fk("contact_id", "contact"),
    Column("campaign", String(64), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("event_id", "campaign"),
    Index("ix_decline_contact_id", "contact_id"),
)

message = Table(
    "message",
    metadata,
    _id(),
    Column("ref", String(16), nullable=False, unique=True),
    Column("origin", String(160)),  # the reply that it answers; null: a step's occurrence
    _fk("enrolment_id", "enrolment", nullable=True),
    _fk("contact_id", "contact"),
    Column("campaign", String(64), nullable=False),  # "service" for answers to STOP, START and HELP
    Column("step", String(64), nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("channel", String(8)),  # null: never got as far as an address
    Column("template", String(64)),
    _fk("contact_point_id", "contact_point", nullable=True),
    Column("address_key", String(64)),
    Column("status", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("first_allowed", Utc),
    Column("send_at", Utc),  # when the outbox should take it (again)
    Column("counts_at", Utc),  # when it counts toward caps
    Column("lease_until", Utc),  # while sending: after this the process is taken for dead
    Column("doubt_since", Utc),
    Column("looked_at", Utc),  # in doubt: the last look for evidence that found none
    Column("looks", Integer, nullable=False, server_default=text("0")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("retries", Integer, nullable=False, server_default=text("0")),  # tries that the provider put off
    Column("resent", Boolean, nullable=False, server_default=text("false")),  # queued again after doubt, once
    Column("provider", String(32)),
    Column("provider_id", String(128)),
    Column("template_hash", String(16)),
    Column("segments", Integer),
    Column("created_at", Utc, nullable=False),
    Column("sent_at", Utc),
    Column("settled_at", Utc),
    UniqueConstraint("enrolment_id", "step", "occurrence"),
    Index(
        "ix_message_outbox",
        "campaign",
        "send_at",
        "id",
        sqlite_where=text("status = 'queued'"),
        postgresql_where=text("status = 'queued'"),
    ),
    Index(
        "ix_message_open",
        "status",
        "lease_until",
        sqlite_where=text("status IN ('sending', 'in_doubt', 'held')"),
        postgresql_where=text("status IN ('sending', 'in_doubt', 'held')"),
    ),
    # No index by contact, address or the provider's id: each of them would cost a page written for every message. All
    # are found by the enrolments of whoever has the address (`outbox.to_address`), but for what belongs to none.
    Index(
        "ix_message_answers",
        "address_key",
        sqlite_where=text("enrolment_id IS NULL"),
        postgresql_where=text("enrolment_id IS NULL"),
    ),
    Index(
        "ix_message_origin",
        "origin",
        unique=True,
        sqlite_where=text("origin IS NOT NULL"),
        postgresql_where=text("origin IS NOT NULL"),
    ),
)

message_body = Table(  # the words exactly as sent
    "message_body",
    metadata,
    Column("message_id", Id, ForeignKey("message.id"), primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("to_address", Text, nullable=False),
    Column("subject", Text),
    Column("text", Text, nullable=False),
    Column("html", Text),
    sqlite_with_rowid=False,  # one tree and not two: rows come in the order of the key
)

attempt = Table(
    "attempt",
    metadata,
    Column("message_id", Id, ForeignKey("message.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("channel", String(8), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("outcome", String(24)),  # null: the process died during the call
    Column("provider_id", String(128)),
    Column("code", String(32)),
    Column("detail", Text),
    Column("actor", String(64)),
    sqlite_with_rowid=False,
)

receipt = Table(
    "receipt",
    metadata,
    _id(),
    Column("provider", String(32), nullable=False),
    Column("provider_event", String(128), nullable=False),
    _fk("message_id", "message", nullable=True),
    Column("word", String(64), nullable=False),  # the provider's own word, known to us or not
    Column("code", String(32)),
    Column("applied", Boolean, nullable=False),
    Column("at", Utc, nullable=False),
    Column("received_at", Utc, nullable=False),
    UniqueConstraint("provider", "provider_event"),
    Index("ix_receipt_message_id", "message_id"),
)

reply = Table(
    "reply",
    metadata,
    _id(),
    Column("provider", String(32), nullable=False),
    Column("provider_event", String(128), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("address_key", String(64), nullable=False),
    _fk("contact_id", "contact", nullable=True),
    Column("address", Text, nullable=False),  # staff must be able to answer somebody we do not know
    Column("words", Text, nullable=False),
    Column("meaning", String(16), nullable=False),
    Column("received_at", Utc, nullable=False),
    UniqueConstraint("provider", "provider_event"),
    Index("ix_reply_contact_id", "contact_id"),
)

task = Table(
    "task",
    metadata,
    _id(),
    Column("key", String(160), nullable=False, unique=True),  # one task for one cause
    Column("kind", String(32), nullable=False),
    Column("words", Text, nullable=False),
    _fk("contact_id", "contact", nullable=True),
    _fk("message_id", "message", nullable=True),
    Column("opened_at", Utc, nullable=False),
    Column("closed_at", Utc),
    Column("closed_by", String(64)),
    Index("ix_task_message_id", "message_id"),
    Index(
        "ix_task_open",
        "opened_at",
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

mark = Table(  # small facts of the whole clinic: the last tick, which key its digests were made with
    "mark",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("value", String(64)),
)

signoff = Table(  # append-only: triggers refuse a change. Of the entries for (hash, role) the last one counts
    "signoff",
    metadata,
    _id(),
    Column("campaign", String(64), nullable=False),
    Column("template", String(64), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("language", String(8), nullable=False),
    Column("hash", String(64), nullable=False),  # of the words (engine.core.signoff.words_hash)
    Column("role", String(32), nullable=False),
    Column("signed_by", String(80), nullable=False),  # a name of staff
    Column("signed_on", Date, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("why", Text),
)
