"""Contacts with their addresses, events, consents and suppressions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.core.consent import PURPOSES, Consent, Purpose, Suppression, SuppressionReason
from engine.core.contact import Channel
from engine.core.enrolment import Event
from engine.core.permission import PAUSED_BY_REPLY
from engine.core.situation import Contact, Point
from engine.store import sql
from engine.store.schema import consent, contact, contact_point, event, message, person, reply, suppression, task

# By the words that are stored: making them from these takes ten times as long, and every message has several.
CHANNELS: Mapping[str, Channel] = {channel.value: channel for channel in Channel}
_PURPOSES: Mapping[str, Purpose] = {purpose.value: purpose for purpose in Purpose}


def insert_once(conn: sa.Connection, table: sa.Table, values: Mapping[str, Any]) -> int | None:
    """Insert unless a unique key stands already; the new id, or None when it stood. Believe the answer."""
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    first = next(iter(table.primary_key.columns))
    return conn.execute(make(table).values(**values).on_conflict_do_nothing().returning(first)).scalar()


def find_contact(conn: sa.Connection, identity: str) -> int | None:
    """The contact with this identity, locked until the transaction ends so that its events come one by one."""
    query = sa.select(contact.c.id).where(contact.c.identity == identity)
    # The weaker lock: the scheduler's new messages to this person (their foreign key) need not wait for it.
    return conn.execute(query.with_for_update(key_share=True)).scalar()


def contact_by_ref(conn: sa.Connection, ref: str) -> int | None:
    """The contact with this opaque name, locked as by `find_contact`."""
    return conn.execute(sa.select(contact.c.id).where(contact.c.ref == ref).with_for_update(key_share=True)).scalar()


def by_external_id(conn: sa.Connection, external_id: str) -> int | None:
    """The contact with the clinic's own id, locked as by `find_contact`."""
    query = sa.select(contact.c.id).join(person, person.c.contact_id == contact.c.id)
    query = query.where(person.c.external_id == external_id).order_by(contact.c.id).limit(1)
    return conn.execute(query.with_for_update(of=contact, key_share=True)).scalar()


def external_id(conn: sa.Connection, contact_id: int) -> str | None:
    """The clinic's own id of a contact."""
    return conn.execute(sa.select(person.c.external_id).where(person.c.contact_id == contact_id)).scalar()


def add_contact(conn: sa.Connection, values: Mapping[str, Any], names: Mapping[str, Any]) -> int:
    """A new contact, or the one that another process added a moment ago."""
    found = insert_once(conn, contact, values)
    if found is None:
        again = find_contact(conn, values["identity"])
        assert again is not None
        return again
    conn.execute(sa.insert(person).values(contact_id=found, **names))
    return found


def fill_contact(conn: sa.Connection, contact_id: int, values: Mapping[str, Any], names: Mapping[str, Any]) -> None:
    """Fill what was not known before; what is known stays as it is."""
    for table, key, new in ((contact, contact.c.id, values), (person, person.c.contact_id, names)):
        known = {k: sa.func.coalesce(table.c[k], v) for k, v in new.items() if v is not None}
        if known:
            conn.execute(sa.update(table).where(key == contact_id).values(**known))


def set_place(conn: sa.Connection, contact_id: int, zip_code: str | None, state: str | None) -> None:
    """Where a contact lives now."""
    conn.execute(sa.update(contact).where(contact.c.id == contact_id).values(zip=zip_code, state=state))


def set_named_health(conn: sa.Connection, contact_id: int) -> None:
    """Remember that this person wrote of their health: from now on it is told by writing to them (HIP-20)."""
    conn.execute(sa.update(contact).where(contact.c.id == contact_id).values(named_health=True))


def add_point(conn: sa.Connection, contact_id: int, channel: Channel, address: str, key: str, now: datetime) -> bool:
    """Give a contact an address; False when it has it already."""
    row = {
        "contact_id": contact_id,
        "channel": channel,
        "address": address,
        "address_key": key,
        "added_at": now,
    }
    return insert_once(conn, contact_point, row) is not None


def add_event(conn: sa.Connection, values: Mapping[str, Any]) -> int | None:
    """Take an event once; None when it was taken before."""
    return insert_once(conn, event, values)


def find_event(conn: sa.Connection, source: str, external_id: str) -> int | None:
    """The event with the outside's own id."""
    query = sa.select(event.c.id).where(event.c.source == source, event.c.external_id == external_id)
    return conn.execute(query).scalar()


def add_consents(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append to the ledger."""
    if rows:
        conn.execute(sa.insert(consent), [dict(r) for r in rows])


def suppress(
    conn: sa.Connection,
    channel: Channel,
    address_key: str,
    reason: SuppressionReason,
    origin: str,
    now: datetime,
    *,
    purposes: Iterable[Purpose] = PURPOSES,
    lifted: bool = False,
    actor: str | None = None,
) -> None:
    """Append suppressions (or their lifting) for an address, a row a purpose."""
    conn.execute(
        sa.insert(suppression),
        [
            {
                "channel": channel,
                "address_key": address_key,
                "purpose": purpose,
                "reason": reason,
                "lifted": lifted,
                "origin": origin,
                "actor": actor,
                "at": now,
            }
            for purpose in purposes
        ],
    )


def contacts_at(conn: sa.Connection, address_key: str) -> list[int]:
    """Everybody who shares this address, in the order they came."""
    query = sa.select(contact_point.c.contact_id).where(contact_point.c.address_key == address_key)
    return list(conn.execute(query.order_by(contact_point.c.contact_id)).scalars())


def pause_contact(conn: sa.Connection, contact_ids: Sequence[int], why: str | None) -> None:
    """Pause (or with None resume) automation for these people."""
    conn.execute(sa.update(contact).where(contact.c.id.in_(contact_ids)).values(paused=why))


def pause_for_reply(conn: sa.Connection, contact_ids: Sequence[int]) -> None:
    """They wrote to us: marketing waits. A pause that staff set stands."""
    conn.execute(
        sa.update(contact)
        .where(contact.c.id.in_(contact_ids), contact.c.paused.is_(None))
        .values(paused=PAUSED_BY_REPLY)
    )


def answered(conn: sa.Connection, contact_id: int) -> bool:
    """End the pause that a reply began; whether there was one. A pause that staff set stands."""
    mine = sa.and_(contact.c.id == contact_id, contact.c.paused == PAUSED_BY_REPLY)
    return conn.execute(sa.update(contact).where(mine).values(paused=None)).rowcount > 0


def open_task(
    conn: sa.Connection,
    key: str,
    kind: str,
    words: str,
    now: datetime,
    *,
    contact_id: int | None = None,
    message_id: int | None = None,
) -> bool:
    """Ask a person at the clinic for something, once per `key`. False when that was asked before."""
    row = {
        "key": key,
        "kind": kind,
        "words": words,
        "opened_at": now,
        "contact_id": contact_id,
        "message_id": message_id,
    }
    return insert_once(conn, task, row) is not None


def ask_once(conn: sa.Connection, cause: str, kind: str, words: str, now: datetime) -> bool:
    """Ask for something unless that is asked already; once it was done, the same cause is a new task."""
    if conn.execute(sa.select(task.c.id).where(_about(cause)).limit(1)).first() is not None:
        return False
    return open_task(conn, f"{cause}:{now.isoformat()}", kind, words, now)


def no_longer(conn: sa.Connection, cause: str, now: datetime) -> None:
    """The cause of a task is gone: the engine closes it."""
    conn.execute(sa.update(task).where(_about(cause)).values(closed_at=now, closed_by="engine"))


def _about(cause: str) -> sa.ColumnElement[bool]:
    return sa.and_(task.c.closed_at.is_(None), task.c.key.startswith(f"{cause}:", autoescape=True))


_CONTACTS = """
    SELECT c.id, c.ref, p.first_name, p.last_name, c.language, c.zone, c.zip, c.state, c.country, c.paused,
           c.named_health
    FROM contact c JOIN person p ON p.contact_id = c.id WHERE c.id {ids}
"""


def load_contacts(conn: sa.Connection, ids: Sequence[int]) -> dict[int, Contact]:
    """The contacts by id."""
    return {r[0]: Contact(*(*r[:10], bool(r[10]))) for r in sql.rows(conn, _CONTACTS, sql.ids(conn, ids))}


_POINTS = "SELECT contact_id, id, channel, address, address_key FROM contact_point WHERE contact_id {ids} ORDER BY id"


def load_points(conn: sa.Connection, ids: Sequence[int]) -> dict[int, tuple[Point, ...]]:
    """Each contact's addresses, oldest first."""
    found: dict[int, tuple[Point, ...]] = {}
    for who, id_, channel, address, key in sql.rows(conn, _POINTS, sql.ids(conn, ids)):
        found[who] = (*found.get(who, ()), Point(id_, CHANNELS[channel], address, key))
    return found


_CONSENTS = """
    SELECT contact_id, id, channel, address_key, purpose, granted, form, given_at, most, most_days
    FROM consent WHERE contact_id {ids} ORDER BY id
"""


def load_consents(conn: sa.Connection, ids: Sequence[int]) -> dict[int, tuple[Consent, ...]]:
    """Each contact's ledger, in order."""
    found: dict[int, tuple[Consent, ...]] = {}
    for row in sql.rows(conn, _CONSENTS, sql.ids(conn, ids)):
        who, id_, channel, key, purpose, granted, form, given_at, most, most_days = row
        given = sql.moment(given_at)
        one = Consent(id_, CHANNELS[channel], key, _PURPOSES[purpose], bool(granted), form, given, most, most_days)
        found[who] = (*found.get(who, ()), one)
    return found


_SUPPRESSIONS = "SELECT address_key, id, purpose, reason, lifted FROM suppression WHERE address_key {ids} ORDER BY id"


def load_suppressions(conn: sa.Connection, keys: Sequence[str]) -> dict[str, tuple[Suppression, ...]]:
    """Each address's suppressions, in order."""
    found: dict[str, tuple[Suppression, ...]] = {}
    for key, id_, purpose, reason, lifted in sql.rows(conn, _SUPPRESSIONS, sql.ids(conn, keys)):
        row = Suppression(id_, key, Purpose(purpose), SuppressionReason(reason), bool(lifted))
        found[key] = (*found.get(key, ()), row)
    return found


_HAPPENED = "SELECT contact_id, kind FROM event WHERE contact_id {ids}"


def load_happened(conn: sa.Connection, ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """The kinds of events that happened to each contact."""
    found: dict[int, set[str]] = {}
    for who, kind in sql.rows(conn, _HAPPENED, sql.ids(conn, ids)):
        found.setdefault(who, set()).add(kind)
    return {who: frozenset(kinds) for who, kinds in found.items()}


def events_since(conn: sa.Connection, contact_id: int, since: datetime) -> list[Event]:
    """What happened to a contact from then on."""
    e = event.c
    query = sa.select(event).where(e.contact_id == contact_id, e.occurred_at >= since).order_by(e.id)
    return [Event(r.source, r.external_id, r.kind, r.occurred_at, r.payload) for r in conn.execute(query)]


def close_task(conn: sa.Connection, task_id: int, actor: str, now: datetime) -> sa.Row[Any] | None:
    """Close an open task; the row, or None when there is no such open one."""
    query = sa.update(task).where(task.c.id == task_id, task.c.closed_at.is_(None))
    return conn.execute(query.values(closed_at=now, closed_by=actor).returning(task)).first()


def asked_about(conn: sa.Connection, message_id: int) -> bool:
    """Whether somebody is asked about this message already."""
    query = sa.select(task.c.id).where(task.c.message_id == message_id, task.c.closed_at.is_(None))
    return conn.execute(query.limit(1)).first() is not None


def close_tasks(conn: sa.Connection, message_id: int, actor: str, now: datetime) -> None:
    """Close what was asked about a message."""
    query = sa.update(task).where(task.c.message_id == message_id, task.c.closed_at.is_(None))
    conn.execute(query.values(closed_at=now, closed_by=actor))


def close_settled(conn: sa.Connection, now: datetime) -> None:
    """Close what was asked about held messages that are held no more: they went, or nobody needs them now."""
    t, m = task.c, message.c
    over = sa.exists().where(m.id == t.message_id, m.status.not_in(["held", "in_doubt", "queued", "sending"]))
    conn.execute(sa.update(task).where(t.closed_at.is_(None), t.kind == "held", over).values(_by_engine(now)))


def close_of_campaigns(conn: sa.Connection, reason: str, now: datetime) -> None:
    """Nothing of a campaign is held for this reason any more: its task, of the reason's kind, is done."""
    t, m = task.c, message.c
    cause = sa.literal(f"{reason}:") + m.campaign + ":"
    held = sa.exists().where(
        sa.text("message.status IN ('sending', 'in_doubt', 'held')"),
        m.status == "held",
        m.reason == reason,
        sa.func.substr(t.key, 1, sa.func.length(cause)) == cause,
    )
    conn.execute(sa.update(task).where(t.closed_at.is_(None), t.kind == reason, sa.not_(held)).values(_by_engine(now)))


def _by_engine(now: datetime) -> dict[str, object]:
    return {"closed_at": now, "closed_by": "engine"}


def replied_by(conn: sa.Connection, task_id: int) -> list[int]:
    """Everybody who may have written the reply that a task is about: all who share its address."""
    key = (
        sa.select(reply.c.address_key)
        .join(task, task.c.key == sa.literal("reply:") + sa.cast(reply.c.id, sa.String))
        .where(task.c.id == task_id)
        .scalar_subquery()
    )
    query = sa.select(contact_point.c.contact_id).where(contact_point.c.address_key == key)
    return list(conn.execute(query.order_by(contact_point.c.contact_id)).scalars())


def open_replies(conn: sa.Connection, contact_id: int) -> int:
    """How many replies from this person's addresses still wait for staff."""
    keys = sa.select(contact_point.c.address_key).where(contact_point.c.contact_id == contact_id)
    query = (
        sa.select(sa.func.count())
        .select_from(task)
        .join(reply, task.c.key == sa.literal("reply:") + sa.cast(reply.c.id, sa.String))
        .where(task.c.closed_at.is_(None), reply.c.address_key.in_(keys))
    )
    return conn.execute(query).scalar_one()
