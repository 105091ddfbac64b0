"""Messages: written by decisions, claimed for sending, settled by outcomes, evidence, receipts and staff."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.core.campaign import Campaign
from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.messages import SETTLED, Status
from engine.core.reasons import Reason
from engine.core.situation import Contact, Point, Situation
from engine.store import enrolments, people, sql
from engine.store.schema import attempt, contact_point, enrolment, message

_FACTS = json.JSONEncoder(default=str).encode
SERVICE = "service"  # the campaign name of answers to a person's own words


@dataclass(slots=True)
class Claimed:
    """A message in the hands of this transaction: just decided (`fresh`, not written yet), or queued and locked."""

    id: int
    ref: str
    enrolment_id: int | None
    contact_id: int
    campaign: str
    step: str
    occurrence: int
    purpose: Purpose
    channel: Channel
    template: str
    point_id: int
    address_key: str
    due_at: datetime
    first_allowed: datetime
    created_at: datetime
    facts: Mapping[str, Any]
    reason: Reason
    rule: str
    tries: int = 0
    held: bool = False  # it was held, or in doubt, before
    fresh: bool = False


@dataclass(slots=True)
class Decided:
    """A message that shall go now, with all that this rests on."""

    c: Claimed
    campaign: Campaign | None  # None: an answer to a person's own words
    situation: Situation | None
    contact: Contact
    point: Point
    # Just decided: the next look of its enrolment, written as if the message had been accepted; None: nothing such is
    # written, and the acceptance wakes the enrolment. `rests`: until when it waits, and for what, while that is open.
    moved_on: datetime | None = None
    rests: Callable[[], tuple[datetime | None, str | None]] | None = None


@dataclass(slots=True)
class Written:
    """What becomes of a claimed message in this transaction: on its way, or back to wait with its reason."""

    c: Claimed
    status: Status  # SENDING, QUEUED or HELD
    reason: Reason
    rule: str
    send_at: datetime | None = None  # when to look again, while it is queued
    problem: str | None = None  # what must be repaired, while it is held
    provider: str | None = None
    hash: str | None = None
    segments: int | None = None
    to: str | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Waits:
    """What held messages wait for: the channels by which nobody may carry what tells of health, and, by their first 16
    digits, the hashes of the words that every role has signed and of those that not every one has.
    """

    uncarried: Collection[Channel]
    signed: Collection[str]
    unsigned: Collection[str]
    refused: Collection[str]  # the hashes of templates that the content gate refuses


def stay(conn: sa.Connection, decided: Iterable[Decided]) -> None:
    """These messages do not simply go: their enrolments wait for what becomes of them, unless somebody woke them."""
    rows = [
        (d.c.enrolment_id, d.moved_on, *d.rests())
        for d in decided
        if d.moved_on is not None and d.rests is not None and d.c.enrolment_id is not None
    ]
    enrolments.rest(conn, rows)


_SKIPPED = """
    INSERT INTO message (ref, enrolment_id, contact_id, campaign, step, occurrence, purpose, status, reason,
        rule, facts, due_at, created_at, settled_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, 'skipped', ?, ?, ?, ?, ?, ?)
"""


@dataclass(slots=True)
class Skipped:
    """A step's occurrence that is settled without a message."""

    ref: str
    enrolment_id: int
    contact_id: int
    campaign: str
    step: str
    occurrence: int
    purpose: Purpose
    reason: Reason
    rule: str
    facts: Mapping[str, Any]
    due_at: datetime


def skip(conn: sa.Connection, rows: Sequence[Skipped], now: datetime) -> None:
    """Write what is settled without a message. A second row for one occurrence is refused by the database."""
    at = sql.stored(conn, now)
    sql.many(
        conn,
        _SKIPPED,
        [
            (
                r.ref,
                r.enrolment_id,
                r.contact_id,
                r.campaign,
                r.step,
                r.occurrence,
                r.purpose.value,
                r.reason.value,
                r.rule[:64],
                _FACTS(r.facts),
                sql.stored(conn, r.due_at),
                at,
                at,
            )
            for r in rows
        ],
    )


def write_once(conn: sa.Connection, row: Mapping[str, Any]) -> bool:
    """Write a message unless one of the same origin stands already; whether it did."""
    return people.insert_once(conn, message, row) is not None


def due_ids(conn: sa.Connection, campaigns: Iterable[str], now: datetime, limit: int) -> list[int]:
    """Messages the outbox should take now, campaign by campaign in the order given."""
    found: list[int] = []
    at = sql.stored(conn, now)
    for campaign in campaigns:
        found += [r[0] for r in sql.rows(conn, _DUE, campaign, at, limit - len(found))]
        if len(found) >= limit:
            break
    return found


_DUE = """
    SELECT id FROM message WHERE campaign = ? AND status = 'queued' AND send_at <= ? ORDER BY send_at, id LIMIT ?
"""
_CLAIM = """
    SELECT e.id, e.ref, e.enrolment_id, e.contact_id, e.campaign, e.step, e.occurrence, e.purpose, e.channel,
           e.template, e.contact_point_id, e.address_key, e.due_at, e.first_allowed, e.created_at, e.facts, e.reason,
           e.rule, e.tries, e.looked_at
    FROM message e WHERE e.id {ids} AND e.status = 'queued' AND e.send_at <= ? ORDER BY e.id {lock}
"""
_FREE = "SELECT e.id FROM enrolment e WHERE e.id {ids} {lock}"


def claim(conn: sa.Connection, ids: Sequence[int], now: datetime) -> list[Claimed]:
    """Lock those of the messages that are still queued and due, with their enrolments; others keep what they have."""
    found = sql.rows(conn, _CLAIM, sql.ids(conn, ids), sql.stored(conn, now))
    free = {r[2] for r in found}
    if sql.postgres(conn):
        owners = [e for e in free if e is not None]
        free = {None, *(r[0] for r in sql.rows(conn, _FREE.replace("{lock}", _KEY_LOCK), owners))}
    return [_claimed(r) for r in found if r[2] in free]


_KEY_LOCK = "FOR NO KEY UPDATE SKIP LOCKED"


def _claimed(row: tuple[Any, ...]) -> Claimed:
    id_, ref, e, who, campaign, step, number, purpose, channel, template, point, key, *rest = row
    due, first, created, facts, reason, rule, tries, looked = rest
    return Claimed(
        id=id_,
        ref=ref,
        enrolment_id=e,
        contact_id=who,
        campaign=campaign,
        step=step,
        occurrence=number,
        purpose=Purpose(purpose),
        channel=Channel(channel),
        template=template,
        point_id=point,
        address_key=key,
        due_at=sql.moment(due),
        first_allowed=sql.moment(first),
        created_at=sql.moment(created),
        facts=sql.document(facts),
        reason=Reason(reason),
        rule=rule,
        tries=tries,
        held=looked is not None,
    )


def of_contact(contact_id: int) -> sa.ColumnElement[bool]:
    """The messages of one contact: those of their enrolments, and the answers to their addresses."""
    m = message.c
    mine = sa.select(enrolment.c.id).where(enrolment.c.contact_id == contact_id)
    keys = sa.select(contact_point.c.address_key).where(contact_point.c.contact_id == contact_id)
    answers = sa.and_(m.enrolment_id.is_(None), m.address_key.in_(keys), m.contact_id == contact_id)
    return sa.or_(m.enrolment_id.in_(mine), answers)


def to_address(key: str) -> sa.ColumnElement[bool]:
    """The messages to one address, whoever of those that share it they are for. (No address is ever taken away.)"""
    m = message.c
    theirs = sa.select(enrolment.c.id).join(contact_point, contact_point.c.contact_id == enrolment.c.contact_id)
    sent = sa.and_(m.enrolment_id.in_(theirs.where(contact_point.c.address_key == key)), m.address_key == key)
    return sa.or_(sent, sa.and_(m.enrolment_id.is_(None), m.address_key == key))


def new_ids(conn: sa.Connection, count: int) -> list[int]:
    """Ids for messages that are about to be written: their words hold links, and the links their ids."""
    if sql.postgres(conn):
        query = "SELECT nextval(pg_get_serial_sequence('message', 'id')) FROM generate_series(1, ?)"
        return [r[0] for r in sql.rows(conn, query, count)]
    last = sql.rows(conn, "SELECT coalesce(max(id), 0) FROM message")[0][0]  # the only writer holds the lock
    return list(range(last + 1, last + 1 + count))


_INSERT = """
    INSERT INTO message (id, ref, enrolment_id, contact_id, campaign, step, occurrence, purpose, channel,
        template, contact_point_id, address_key, due_at, first_allowed, created_at, facts, status, reason, rule,
        send_at, counts_at, lease_until, looked_at, tries, provider, template_hash, segments)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
    UPDATE message SET facts = ?, status = ?, reason = ?, rule = ?, send_at = ?, counts_at = ?, lease_until = ?,
        looked_at = coalesce(?, looked_at), tries = ?, provider = ?, template_hash = ?, segments = ? WHERE id = ?
"""
_ATTEMPT = "INSERT INTO attempt (message_id, number, channel, provider, started_at) VALUES (?, ?, ?, ?, ?)"
_BODY = """
    INSERT INTO message_body (message_id, attempt, to_address, subject, text, html) VALUES (?, ?, ?, ?, ?, ?)
"""


def launch(conn: sa.Connection, written: Sequence[Written], now: datetime, lease: timedelta) -> None:
    """Commit the intent: status, attempt and the words exactly as they will be said; or why not now."""
    at = sql.stored(conn, now)
    until = sql.stored(conn, now + lease)
    fresh, known, attempts, bodies = [], [], [], []
    for w in written:
        c = w.c
        going = w.status is Status.SENDING
        send_at = None if w.send_at is None else sql.stored(conn, w.send_at)
        facts = c.facts if w.problem is None else {**c.facts, "problem": w.problem}
        state = (
            _FACTS(facts),
            w.status.value,
            w.reason.value,
            w.rule[:64],
            send_at,
            at if going else send_at,
            until if going else None,
            at if w.status is Status.HELD else None,
            c.tries + going,
            w.provider if going else None,
            w.hash,
            w.segments,
        )
        if c.fresh:
            fresh.append((*_identity(conn, c), *state))
        else:
            known.append((*state, c.id))
        if going:
            attempts.append((c.id, c.tries + 1, c.channel.value, w.provider, at))
            bodies.append((c.id, c.tries + 1, w.to, w.subject, w.text, w.html))
    sql.many(conn, _INSERT, fresh)
    sql.many(conn, _UPDATE, known)
    sql.many(conn, _ATTEMPT, attempts)
    sql.many(conn, _BODY, bodies)


def _identity(conn: sa.Connection, c: Claimed) -> tuple[Any, ...]:
    return (
        c.id,
        c.ref,
        c.enrolment_id,
        c.contact_id,
        c.campaign,
        c.step,
        c.occurrence,
        c.purpose.value,
        c.channel.value,
        c.template,
        c.point_id,
        c.address_key,
        sql.stored(conn, c.due_at),
        sql.stored(conn, c.first_allowed),
        sql.stored(conn, c.created_at),
    )


_ACCEPTED = """
    UPDATE message SET status = 'sent', reason = 'accepted', provider_id = ?, sent_at = ?, settled_at = ?,
        send_at = NULL, lease_until = NULL WHERE id = ? AND status = 'sending' AND tries = ?
"""
_ENDED = "UPDATE attempt SET outcome = 'accepted', ended_at = ?, provider_id = ? WHERE message_id = ? AND number = ?"


def accepted(conn: sa.Connection, taken: Sequence[tuple[int, int, str]], now: datetime) -> bool:
    """Write acceptances (message, try, the provider's id). False: some message stands elsewhere by now."""
    at = sql.stored(conn, now)
    sql.many(conn, _ENDED, [(at, name, message_id, number) for message_id, number, name in taken])
    rows = [(name, at, at, message_id, number) for message_id, number, name in taken]
    return sql.many(conn, _ACCEPTED, rows) == len(rows)


def change(
    conn: sa.Connection,
    message_id: int,
    while_: Status,
    values: Mapping[str, Any],
    *,
    tries: int | None = None,
) -> bool:
    """Change a message if it still stands where it is thought to; whether it did. A settled one wakes its enrolment.

    `tries`: and only while no newer try has begun, for whoever comes back late with word of an older one.
    """
    which = sa.and_(message.c.id == message_id, message.c.status == while_)
    if tries is not None:
        which = sa.and_(which, message.c.tries == tries)
    status = values.get("status")
    if status is not None and status not in (Status.QUEUED, Status.SENDING):
        values = {"send_at": None, "lease_until": None, **values}
    if status in (Status.SKIPPED, Status.CANCELLED):
        values = {"counts_at": None, **values}
    done = conn.execute(sa.update(message).where(which).values(**values).returning(message.c.enrolment_id)).first()
    if done is not None and status in SETTLED and done.enrolment_id is not None:
        at = values.get("settled_at")
        assert at is not None, "a settled message says when"
        enrolments.wake(conn, enrolment.c.id == done.enrolment_id, at)
    return done is not None


def end_attempt(
    conn: sa.Connection, message_id: int, number: int, outcome: str, now: datetime, **more: str | None
) -> None:
    """Write down how a try ended."""
    conn.execute(
        sa.update(attempt)
        .where(attempt.c.message_id == message_id, attempt.c.number == number)
        .values(outcome=outcome, ended_at=now, **more)
    )


def abandoned(conn: sa.Connection, now: datetime, limit: int) -> list[sa.Row[Any]]:
    """Messages whose process died during the call: still `sending` after their lease."""
    m = message.c
    query = sa.select(m.id, m.tries).where(
        sa.text("message.status IN ('sending', 'in_doubt', 'held')"),
        m.status == Status.SENDING,
        m.lease_until <= now,
    )
    return list(conn.execute(query.order_by(m.id).limit(limit).with_for_update(skip_locked=True)))


def held_rows(conn: sa.Connection, not_since: datetime, limit: int, waits: Waits) -> list[sa.Row[Any]]:
    """Held messages that nobody has looked at since then, and at once those whose words were signed; locked. Without
    those that still wait for a provider or a signature.
    """
    m = message.c
    signed = sa.and_(m.reason == Reason.UNSIGNED, m.template_hash.in_(waits.signed))
    query = sa.select(message).where(
        _OPEN, _held(waits), sa.or_(m.looked_at.is_(None), m.looked_at <= not_since, signed)
    )
    return list(conn.execute(query.order_by(m.id).limit(limit).with_for_update(skip_locked=True)))


def points(conn: sa.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Addresses by contact point id."""
    query = sa.select(contact_point.c.id, contact_point.c.address).where(contact_point.c.id.in_(ids))
    return {r.id: r.address for r in conn.execute(query)}


def next_moment(conn: sa.Connection, campaigns: Sequence[str]) -> datetime | None:
    """The next moment at which anything of these campaigns wants looking at; None when nothing is waiting."""
    e, m = enrolment.c, message.c
    moments = [
        conn.execute(
            sa.select(sa.func.min(e.due_at, type_=e.due_at.type)).where(
                e.campaign == name, sa.text("enrolment.status = 'active' AND enrolment.due_at IS NOT NULL")
            )
        ).scalar()
        for name in campaigns
    ]
    moments += [
        conn.execute(
            sa.select(sa.func.min(m.send_at, type_=m.send_at.type)).where(
                m.campaign == name, sa.text("message.status = 'queued'")
            )
        ).scalar()
        for name in (*campaigns, SERVICE)
    ]
    lease = sa.select(sa.func.min(m.lease_until, type_=m.lease_until.type)).where(
        sa.text("message.status IN ('sending', 'in_doubt', 'held')"), m.status == Status.SENDING
    )
    moments.append(conn.execute(lease).scalar())
    return min((at for at in moments if at is not None), default=None)


def count_retry(conn: sa.Connection, message_id: int) -> int:
    """One more try that the provider put off; how many that makes."""
    query = sa.update(message).where(message.c.id == message_id).values(retries=message.c.retries + 1)
    retries: int = conn.execute(query.returning(message.c.retries)).scalar_one()
    return retries


_OPEN = sa.text("message.status IN ('sending', 'in_doubt', 'held')")


def _held(waits: Waits) -> sa.ColumnElement[bool]:
    m = message.c
    uncarried = sa.and_(m.reason == Reason.PHI_PROVIDER, m.channel.in_(waits.uncarried))
    unsigned = sa.and_(m.reason == Reason.UNSIGNED, m.template_hash.in_(waits.unsigned))
    refused = sa.and_(m.reason == Reason.CONTENT, m.template_hash.in_(waits.refused))
    return sa.and_(m.status == Status.HELD, sa.not_(sa.or_(uncarried, unsigned, refused)))


def last_looks(conn: sa.Connection, since: datetime, waits: Waits) -> tuple[datetime | None, datetime | None]:
    """When the longest unlooked-at message in doubt (since then) was looked at last, and the held one."""
    m = message.c
    looked = sa.func.min(sa.func.coalesce(m.looked_at, m.doubt_since), type_=m.looked_at.type)
    doubt = sa.select(looked).where(_OPEN, m.status == Status.IN_DOUBT, m.doubt_since > since)
    held = sa.select(sa.func.min(m.looked_at, type_=m.looked_at.type)).where(_OPEN, _held(waits))
    return conn.execute(doubt).scalar(), conn.execute(held).scalar()


def looked_at(conn: sa.Connection, ids: Sequence[int], now: datetime) -> None:
    """Remember that somebody looks at these messages now."""
    conn.execute(sa.update(message).where(message.c.id.in_(ids)).values(looked_at=now))
