"""Reads for people: the log, the status, tasks, one contact. Nothing here changes a row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.core.enrolment import EnrolmentStatus
from engine.store import outbox
from engine.store.schema import (
    attempt,
    campaign_pause,
    consent,
    contact,
    contact_point,
    decline,
    enrolment,
    event,
    mark,
    message,
    message_body,
    person,
    provider_pause,
    receipt,
    reply,
    suppression,
    task,
)

Row = sa.Row[Any]


def message_by_ref(conn: sa.Connection, ref: str, *, lock: bool = False) -> Row | None:
    """The message with this opaque name."""
    query = sa.select(message).where(message.c.ref == ref)
    return conn.execute(query.with_for_update() if lock else query).first()


def contact_ref(conn: sa.Connection, contact_id: int) -> str:
    """The opaque name of a contact."""
    return str(conn.execute(sa.select(contact.c.ref).where(contact.c.id == contact_id)).scalar_one())


def log_rows(
    conn: sa.Connection,
    *,
    after_id: int = 0,
    campaign: str | None = None,
    contact_ref: str | None = None,
    status: Sequence[str] = (),
    step: str | None = None,
    channel: str | None = None,
    since: datetime | None = None,
    ref: str | None = None,
    ids: Sequence[int] = (),
    limit: int | None = None,
) -> list[Row]:
    """The send log, oldest first; `limit` keeps the newest. Opaque names only."""
    m = message.c
    query = sa.select(message, contact.c.ref.label("contact")).join(contact, contact.c.id == m.contact_id)
    query = query.where(m.id > after_id)
    for column, value in (
        (m.campaign, campaign),
        (m.step, step),
        (m.channel, channel),
        (m.ref, ref),
    ):
        if value is not None:
            query = query.where(column == value)
    if contact_ref is not None:
        who = conn.execute(sa.select(contact.c.id).where(contact.c.ref == contact_ref)).scalar()
        query = query.where(sa.false() if who is None else outbox.of_contact(who))
    if status:
        query = query.where(m.status.in_(status))
    if ids:
        query = query.where(m.id.in_(ids))
    if since is not None:
        query = query.where(sa.func.coalesce(m.settled_at, m.created_at, type_=m.created_at.type) >= since)
    if limit is None:
        return list(conn.execute(query.order_by(m.id)))
    return list(reversed(list(conn.execute(query.order_by(m.id.desc()).limit(limit)))))


def counts(conn: sa.Connection) -> list[Row]:
    """Messages by campaign, channel, provider and status."""
    m = message.c
    groups = (m.campaign, m.channel, m.provider, m.status)
    return list(conn.execute(sa.select(*groups, sa.func.count().label("n")).group_by(*groups).order_by(*groups)))


def decided(conn: sa.Connection) -> dict[str, int]:
    """How many occurrences each campaign's enrolments say were decided: the other side of the account."""
    query = sa.select(enrolment.c.campaign, sa.func.sum(enrolment.c.decided)).group_by(enrolment.c.campaign)
    return {r[0]: int(r[1]) for r in conn.execute(query)}


def enrolment_counts(conn: sa.Connection) -> list[Row]:
    """Enrolments by campaign, status, the reason they ended, and what they wait for."""
    e = enrolment.c
    groups = (e.campaign, e.status, e.reason, e.waits_for)
    return list(conn.execute(sa.select(*groups, sa.func.count().label("n")).group_by(*groups).order_by(*groups)))


def behind(conn: sa.Connection, before: datetime) -> list[Row]:
    """Active enrolments that should have been looked at before then, by campaign."""
    e = enrolment.c
    query = sa.select(e.campaign, sa.func.count().label("n"), sa.func.min(e.due_at, type_=e.due_at.type).label("since"))
    where = sa.and_(e.status == EnrolmentStatus.ACTIVE, e.due_at < before)
    return list(conn.execute(query.where(where).group_by(e.campaign).order_by(e.campaign)))


def next_due(conn: sa.Connection, after: datetime) -> list[Row]:
    """The next moment that each campaign wants looking at."""
    e = enrolment.c
    query = sa.select(e.campaign, sa.func.min(e.due_at, type_=e.due_at.type).label("at"))
    where = sa.and_(e.status == EnrolmentStatus.ACTIVE, e.due_at >= after)
    return list(conn.execute(query.where(where).group_by(e.campaign).order_by(e.campaign)))


def due_by(conn: sa.Connection, campaign: str, now: datetime) -> tuple[int, int]:
    """What waits behind a pause: enrolments due by now, and messages queued."""
    e, m = enrolment.c, message.c
    people = sa.select(sa.func.count()).where(
        e.campaign == campaign,
        sa.text("enrolment.status = 'active' AND enrolment.due_at IS NOT NULL"),
        e.due_at <= now,
    )
    queued = sa.select(sa.func.count()).where(m.campaign == campaign, sa.text("message.status = 'queued'"))
    return conn.execute(people).scalar_one(), conn.execute(queued).scalar_one()


def paused_campaigns(conn: sa.Connection) -> dict[str, Row]:
    """Paused campaigns, with when and by whom."""
    return {r.campaign: r for r in conn.execute(sa.select(campaign_pause))}


def provider_pauses(conn: sa.Connection) -> list[Row]:
    """Providers that refused us."""
    return list(conn.execute(sa.select(provider_pause).order_by(provider_pause.c.provider)))


def tasks(conn: sa.Connection, *, open_only: bool = True) -> list[Row]:
    """What people at the clinic must do, oldest first."""
    query = sa.select(task, contact.c.ref.label("contact"), message.c.ref.label("message"))
    query = query.outerjoin(contact, contact.c.id == task.c.contact_id)
    query = query.outerjoin(message, message.c.id == task.c.message_id)
    if open_only:
        query = query.where(task.c.closed_at.is_(None))
    return list(conn.execute(query.order_by(task.c.opened_at, task.c.id)))


def contacts(conn: sa.Connection, find: str | None = None, limit: int = 50) -> list[Row]:
    """Contacts whose ref, name or address holds these words: for the ops page, never for a log."""
    query = sa.select(contact, person.c.first_name, person.c.last_name).join(
        person, person.c.contact_id == contact.c.id
    )
    if find:
        like = f"%{find.casefold()}%"
        points = sa.select(contact_point.c.contact_id).where(sa.func.lower(contact_point.c.address).like(like))
        name = sa.func.lower(sa.func.coalesce(person.c.first_name, "") + " " + sa.func.coalesce(person.c.last_name, ""))
        query = query.where(sa.or_(contact.c.ref == find, name.like(like), contact.c.id.in_(points)))
    return list(conn.execute(query.order_by(contact.c.id).limit(limit)))


def events_of(conn: sa.Connection, contact_id: int) -> list[Row]:
    """What happened to a contact, oldest first."""
    return list(
        conn.execute(sa.select(event).where(event.c.contact_id == contact_id).order_by(event.c.occurred_at, event.c.id))
    )


def declines_of(conn: sa.Connection, contact_id: int) -> list[Row]:
    """Why events did not enrol a contact."""
    return list(conn.execute(sa.select(decline).where(decline.c.contact_id == contact_id).order_by(decline.c.id)))


def enrolment_rows(conn: sa.Connection, contact_id: int) -> list[Row]:
    """A contact's enrolments as they stand."""
    return list(conn.execute(sa.select(enrolment).where(enrolment.c.contact_id == contact_id).order_by(enrolment.c.id)))


def consent_rows(conn: sa.Connection, contact_id: int) -> list[Row]:
    """A contact's ledger of consents, in the order it was written."""
    return list(conn.execute(sa.select(consent).where(consent.c.contact_id == contact_id).order_by(consent.c.id)))


def suppression_rows(conn: sa.Connection, keys: Sequence[str]) -> list[Row]:
    """What closed these addresses, or opened them again, in the order it was written."""
    where = suppression.c.address_key.in_(keys)
    return list(conn.execute(sa.select(suppression).where(where).order_by(suppression.c.id)))


def replies_from(conn: sa.Connection, keys: Sequence[str]) -> list[Row]:
    """What was written to us from these addresses, oldest first."""
    return list(conn.execute(sa.select(reply).where(reply.c.address_key.in_(keys)).order_by(reply.c.id)))


def reply_by_id(conn: sa.Connection, reply_id: int) -> Row | None:
    """One thing that was written to us."""
    return conn.execute(sa.select(reply).where(reply.c.id == reply_id)).first()


def attempts_of(conn: sa.Connection, message_id: int) -> list[Row]:
    """A message's tries."""
    return list(conn.execute(sa.select(attempt).where(attempt.c.message_id == message_id).order_by(attempt.c.number)))


def bodies_of(conn: sa.Connection, message_id: int) -> list[Row]:
    """The words as sent, a row a try."""
    where = message_body.c.message_id == message_id
    return list(conn.execute(sa.select(message_body).where(where).order_by(message_body.c.attempt)))


def receipts_of(conn: sa.Connection, message_id: int) -> list[Row]:
    """What the provider reported on a message."""
    return list(conn.execute(sa.select(receipt).where(receipt.c.message_id == message_id).order_by(receipt.c.id)))


def last_tick(conn: sa.Connection) -> datetime | None:
    """When the clock of this database last stood."""
    return conn.execute(sa.select(mark.c.at).where(mark.c.name == "tick")).scalar()
