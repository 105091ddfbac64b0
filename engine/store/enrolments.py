"""Enrolments: begin, end and move them, claim what is due, load what a decision rests on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.core.contact import Channel
from engine.core.enrolment import Enrolment, EnrolmentStatus
from engine.core.messages import Status
from engine.core.reasons import Reason
from engine.core.situation import Done, Rival, Situation, Traffic
from engine.store import people
from engine.store.schema import campaign_version, contact_point, decline, enrolment, event, message

# The longest period a cap may look back over; older traffic is not loaded.
TRAFFIC = timedelta(days=100)


def _enrolment(r: sa.Row[Any]) -> Enrolment:
    return Enrolment(
        id=r.id,
        ref=r.ref,
        campaign=r.campaign,
        version=r.version,
        contact_id=r.contact_id,
        episode=r.episode,
        started_at=r.started_at,
        anchor_at=r.anchor_at,
        known_at=r.known_at,
        moves=r.moves,
        status=EnrolmentStatus(r.status),
        event={**r.payload, "kind": r.kind},
        waits_for=r.waits_for,
    )


_SELECT = sa.select(enrolment, event.c.payload, event.c.kind).join(event, event.c.id == enrolment.c.event_id)


def of_contact(conn: sa.Connection, contact_id: int) -> list[Enrolment]:
    """All the enrolments a contact has, or had, oldest first."""
    rows = conn.execute(_SELECT.where(enrolment.c.contact_id == contact_id).order_by(enrolment.c.id))
    return [_enrolment(r) for r in rows]


def hold(
    conn: sa.Connection,
    *,
    ids: Iterable[int | None] = (),
    contacts: Iterable[int] = (),
    addresses: Iterable[str | None] = (),
) -> None:
    """Lock these enrolments, those of these contacts, and those of everybody who shares these addresses.

    Whoever changes enrolments and their messages takes the enrolments first, all at once, in the order of their
    ids: then no two flows ever wait for each other. (SQLite has one writer at a time.)
    """
    e = enrolment.c
    sharing = sa.select(contact_point.c.contact_id).where(contact_point.c.address_key.in_(list(addresses)))
    which = sa.or_(e.id.in_(list(ids)), e.contact_id.in_(list(contacts)), e.contact_id.in_(sharing))
    conn.execute(sa.select(e.id).where(which).order_by(e.id).with_for_update(key_share=True)).all()


def begin(conn: sa.Connection, values: Mapping[str, Any]) -> int | None:
    """Begin an enrolment; None when this contact has this episode already."""
    return people.insert_once(conn, enrolment, values)


def begin_again(conn: sa.Connection, enrolment_id: int, ended_for: str, now: datetime) -> None:
    """Take an enrolment up again that ended for this reason, and no other."""
    conn.execute(
        sa.update(enrolment)
        .where(
            enrolment.c.id == enrolment_id,
            enrolment.c.status == EnrolmentStatus.EXITED,
            enrolment.c.reason == ended_for,
        )
        .values(status=EnrolmentStatus.ACTIVE, reason=None, ended_at=None, due_at=now)
    )


def keep_version(conn: sa.Connection, campaign: str, version: str, source: str, now: datetime) -> None:
    """Keep a campaign's text: people stay on the version they started on."""
    people.insert_once(
        conn, campaign_version, {"campaign": campaign, "version": version, "source": source, "seen_at": now}
    )


def newest_version(conn: sa.Connection, campaign: str) -> str | None:
    """The version of a campaign that was kept last."""
    c = campaign_version.c
    query = sa.select(c.version).where(c.campaign == campaign).order_by(c.seen_at.desc(), c.version)
    return conn.execute(query).scalars().first()


def version_source(conn: sa.Connection, campaign: str, version: str) -> str | None:
    """The text of a version that somebody is on."""
    c = campaign_version.c
    return conn.execute(sa.select(c.source).where(c.campaign == campaign, c.version == version)).scalar()


def add_decline(conn: sa.Connection, event_id: int, contact_id: int, campaign: str, reason: str, now: datetime) -> None:
    """Keep why an event did not enrol."""
    row = {"event_id": event_id, "contact_id": contact_id, "campaign": campaign, "reason": reason, "at": now}
    people.insert_once(conn, decline, row)


def end(conn: sa.Connection, ids: Sequence[int], status: EnrolmentStatus, reason: str, now: datetime) -> int:
    """End active enrolments and cancel what they have in the outbox; how many messages that were.

    The order matters on PostgreSQL: a scheduler that holds the enrolment commits first, and what it queued is then
    seen by the second statement.
    """
    conn.execute(
        sa.update(enrolment)
        .where(enrolment.c.id.in_(ids), enrolment.c.status == EnrolmentStatus.ACTIVE)
        .values(status=status, reason=reason, ended_at=now, due_at=None, waits_for=None)
    )
    return cancel_waiting(conn, message.c.enrolment_id.in_(ids), Reason.EXITED, f"exit.{reason}", now)


def cancel_waiting(conn: sa.Connection, which: sa.ColumnElement[bool], reason: Reason, rule: str, now: datetime) -> int:
    """Cancel messages that wait in the outbox or are held. What is being sent already is not touched."""
    waiting = message.c.status.in_([Status.QUEUED, Status.HELD])
    return conn.execute(
        sa.update(message)
        .where(which, waiting)
        .values(
            status=Status.CANCELLED,
            reason=reason,
            rule=rule[:64],
            settled_at=now,
            counts_at=None,
            send_at=None,
        )
    ).rowcount


def move(conn: sa.Connection, enrolment_id: int, anchor: datetime, now: datetime, counted: Sequence[str]) -> int:
    """Move the anchor and what is unsent of the steps `counted` from it; how many messages that cancelled.

    A step of the chain stays queued: it does not count from the anchor, and says the date that holds when it goes.
    """
    conn.execute(
        sa.update(enrolment)
        .where(enrolment.c.id == enrolment_id)
        .values(
            anchor_at=anchor,
            known_at=now,
            moves=enrolment.c.moves + 1,
            status=EnrolmentStatus.ACTIVE,
            reason=None,
            ended_at=None,
            due_at=now,
        )
    )
    which = sa.and_(message.c.enrolment_id == enrolment_id, message.c.step.in_(counted))
    return cancel_waiting(conn, which, Reason.MOVED, "enrol.move", now)


def wake(conn: sa.Connection, which: sa.ColumnElement[bool], now: datetime) -> int:
    """Have active enrolments looked at again now: something about them changed."""
    return conn.execute(
        sa.update(enrolment)
        .where(which, enrolment.c.status == EnrolmentStatus.ACTIVE)
        .where(sa.or_(enrolment.c.due_at.is_(None), enrolment.c.due_at > now))
        .values(due_at=now)
    ).rowcount


def claim_due(conn: sa.Connection, campaign: str, now: datetime, limit: int) -> list[Enrolment]:
    """Lock up to `limit` enrolments of a campaign that are due, skipping what another process holds."""
    ids = (
        sa.select(enrolment.c.id)
        .where(
            enrolment.c.campaign == campaign,
            sa.text("enrolment.status = 'active' AND enrolment.due_at IS NOT NULL"),
            enrolment.c.due_at <= now,
        )
        .order_by(enrolment.c.due_at, enrolment.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = list(conn.execute(ids).scalars())
    if not found:
        return []
    rows = {r.id: _enrolment(r) for r in conn.execute(_SELECT.where(enrolment.c.id.in_(found)))}
    return [rows[i] for i in found]


def settle_position(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write where enrolments stand after a decision: next look, what they wait for, whether they are over."""
    if rows:
        conn.execute(
            sa.update(enrolment)
            .where(enrolment.c.id == sa.bindparam("b_id"))
            .values(
                due_at=sa.bindparam("b_due_at"),
                waits_for=sa.bindparam("b_waits_for"),
                status=sa.bindparam("b_status"),
                reason=sa.bindparam("b_reason"),
                ended_at=sa.bindparam("b_ended_at"),
                decided=enrolment.c.decided + sa.bindparam("b_decided"),
            ),
            list(rows),
        )


def situations(conn: sa.Connection, enrolments: Iterable[Enrolment], now: datetime) -> dict[int, Situation]:
    """What the decisions about these enrolments rest on, by enrolment id: a fixed number of queries for any number."""
    batch = list(enrolments)
    contact_ids = sorted({e.contact_id for e in batch})
    contacts = people.load_contacts(conn, contact_ids)
    points = people.load_points(conn, contact_ids)
    keys = sorted({p.key for of in points.values() for p in of})
    consents = people.load_consents(conn, contact_ids)
    suppressions = people.load_suppressions(conn, keys)
    happened = people.load_happened(conn, contact_ids)
    done = _done(conn, [e.id for e in batch])
    by_contact, by_key = _traffic(conn, contact_ids, keys, now)
    rivals = _rivals(conn, contact_ids)
    return {
        e.id: Situation(
            enrolment=e,
            contact=contacts[e.contact_id],
            points=(mine := points.get(e.contact_id, ())),
            consents=consents.get(e.contact_id, ()),
            suppressions=tuple(s for p in mine for s in suppressions.get(p.key, ())),
            done=tuple(done.get(e.id, ())),
            traffic=_together(by_contact.get(e.contact_id, []), [t for p in mine for t in by_key.get(p.key, [])]),
            rivals=tuple(r for i, r in rivals.get(e.contact_id, ()) if i != e.id),
            happened=happened.get(e.contact_id, frozenset()),
        )
        for e in batch
    }


def _done(conn: sa.Connection, ids: Sequence[int]) -> dict[int, list[Done]]:
    found: dict[int, list[Done]] = {}
    m = message.c
    query = sa.select(m.enrolment_id, m.step, m.occurrence, m.status, m.settled_at).where(m.enrolment_id.in_(ids))
    for r in conn.execute(query):
        found.setdefault(r.enrolment_id, []).append(Done(r.step, r.occurrence, Status(r.status), r.settled_at))
    return found


def _traffic(
    conn: sa.Connection, contact_ids: Sequence[int], keys: Sequence[str], now: datetime
) -> tuple[dict[int, list[Traffic]], dict[str, list[Traffic]]]:
    by_contact: dict[int, list[Traffic]] = {}
    by_key: dict[str, list[Traffic]] = {}
    m = message.c
    columns = sa.select(m.id, m.contact_id, m.address_key, m.campaign, m.channel, m.purpose, m.counts_at, m.status)
    recent = m.counts_at > now - TRAFFIC
    for which in (m.contact_id.in_(contact_ids), m.address_key.in_(keys)):
        for r in conn.execute(columns.where(which, recent)):
            row = Traffic(
                r.id,
                r.contact_id,
                r.address_key,
                r.campaign,
                Channel(r.channel),
                r.purpose,
                r.counts_at,
                r.status == Status.QUEUED,
            )
            if which.left is m.contact_id:
                by_contact.setdefault(r.contact_id, []).append(row)
            else:
                by_key.setdefault(r.address_key, []).append(row)
    return by_contact, by_key


def _together(*lists: list[Traffic]) -> tuple[Traffic, ...]:
    return tuple({t.message_id: t for each in lists for t in each}.values())


def _rivals(conn: sa.Connection, contact_ids: Sequence[int]) -> dict[int, list[tuple[int, Rival]]]:
    found: dict[int, list[tuple[int, Rival]]] = {}
    e = enrolment.c
    query = sa.select(e.id, e.contact_id, e.campaign, e.due_at, e.waits_for).where(
        e.contact_id.in_(contact_ids), e.status == EnrolmentStatus.ACTIVE, e.due_at.is_not(None)
    )
    for r in conn.execute(query):
        found.setdefault(r.contact_id, []).append((r.id, Rival(r.campaign, r.due_at, r.waits_for)))
    return found


def by_ids(conn: sa.Connection, ids: Sequence[int]) -> dict[int, Enrolment]:
    """Enrolments by id."""
    return {r.id: _enrolment(r) for r in conn.execute(_SELECT.where(enrolment.c.id.in_(ids)))}


def with_done(situation: Situation, done: Done, traffic: Traffic | None = None) -> Situation:
    """The situation after one more row in the log: what the next decision of the same tick sees."""
    more = situation.traffic if traffic is None else (*situation.traffic, traffic)
    return replace(situation, done=(*situation.done, done), traffic=more)
