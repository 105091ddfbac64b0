"""Enrolments: begin, end and move them, claim what is due, load what a decision rests on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.core.enrolment import Enrolment, EnrolmentStatus
from engine.core.messages import Status
from engine.core.reasons import Reason
from engine.core.situation import Done, Point, Rival, Situation, Traffic
from engine.store import people, sql
from engine.store.schema import campaign_version, contact_point, decline, enrolment, message

# The longest period a cap may look back over; older traffic is not loaded.
TRAFFIC = timedelta(days=100)


_COLUMNS = (
    "e.id, e.ref, e.campaign, e.version, e.contact_id, e.episode, e.started_at, e.anchor_at, e.known_at, e.moves, "
    "e.status, e.waits_for, v.payload, v.kind"
)
_ENROLMENT_STATUSES: Mapping[str, EnrolmentStatus] = {status.value: status for status in EnrolmentStatus}
_STATUSES: Mapping[str, Status] = {status.value: status for status in Status}
_SELECT = f"SELECT {_COLUMNS} FROM enrolment e JOIN event v ON v.id = e.event_id "


class _Told(Mapping[str, Any]):
    """The fields of the event that began an enrolment, read when one is asked for: most messages ask for none."""

    __slots__ = ("_fields", "_kind", "_payload")

    def __init__(self, kind: str, payload: Any) -> None:
        self._kind, self._payload = kind, payload
        self._fields: dict[str, Any] | None = None

    def _read(self) -> dict[str, Any]:
        if self._fields is None:
            self._fields = {**sql.document(self._payload), "kind": self._kind}
        return self._fields

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


def _from(row: tuple[Any, ...]) -> Enrolment:
    id_, ref, campaign, version, contact_id, episode, started, anchor, known, moves, status, waits, payload, kind = row
    return Enrolment(
        id=id_,
        ref=ref,
        campaign=campaign,
        version=version,
        contact_id=contact_id,
        episode=episode,
        started_at=(start := sql.moment(started)),
        anchor_at=start if anchor == started else sql.moment(anchor),
        known_at=start if known == started else sql.moment(known),
        moves=moves,
        status=_ENROLMENT_STATUSES[status],
        event=_Told(kind, payload),
        waits_for=waits,
    )


def of_contact(conn: sa.Connection, contact_id: int) -> list[Enrolment]:
    """All the enrolments a contact has, or had, oldest first."""
    return [_from(r) for r in sql.rows(conn, f"{_SELECT} WHERE e.contact_id = ? ORDER BY e.id", contact_id)]


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


_OVERTAKEN = """
    UPDATE enrolment SET due_at = ? WHERE id = ? AND status = 'active' AND (due_at IS NULL OR due_at > ?)
"""


def wake_overtaken(conn: sa.Connection, rows: Sequence[tuple[int, datetime]], now: datetime) -> None:
    """Wake those (id, next look) that would not be looked at by then any more.

    Somebody looked at them since that was written, found a message on its way, and left them to wait for it.
    """
    at = sql.stored(conn, now)
    sql.many(conn, _OVERTAKEN, [(at, e, sql.stored(conn, until)) for e, until in rows])


_DUE = f"""
    SELECT {_COLUMNS} FROM enrolment e JOIN event v ON v.id = e.event_id
    WHERE e.campaign = ? AND e.status = 'active' AND e.due_at IS NOT NULL AND e.due_at <= ?
    ORDER BY e.due_at, e.id LIMIT ? {{lock}}
"""


def claim_due(conn: sa.Connection, campaign: str, now: datetime, limit: int) -> list[Enrolment]:
    """Lock up to `limit` enrolments of a campaign that are due, skipping what another process holds."""
    found = sql.rows(conn, _DUE, campaign, sql.stored(conn, now), limit)
    return [_from(row) for row in found]


_TURN = """
    SELECT contact_id FROM contact_point WHERE contact_id {ids}
    GROUP BY contact_id HAVING NOT bool_and(pg_try_advisory_xact_lock(727171, hashtext(address_key)))
"""


def undisturbed(conn: sa.Connection, due: Sequence[Enrolment]) -> list[Enrolment]:
    """Those for whose people no other process decides anything at this moment: caps count over all campaigns.

    Takes their addresses until the end of the transaction; who is left out stays due. (SQLite has one writer.)
    """
    if not sql.postgres(conn):
        return list(due)
    taken = {r[0] for r in sql.rows(conn, _TURN, sorted({e.contact_id for e in due}))}
    return [e for e in due if e.contact_id not in taken]


_POSITION = """
    UPDATE enrolment SET due_at = ?, waits_for = ?, status = ?, reason = ?, ended_at = ?, decided = decided + ?
    WHERE id = ?
"""
_REST = """
    UPDATE enrolment SET due_at = ?, waits_for = ? WHERE id = ? AND status = 'active' AND due_at = ?
"""


@dataclass(slots=True)
class Position:
    """Where an enrolment stands after a look: when to look again, what it waits for, whether it is over."""

    enrolment_id: int
    due_at: datetime | None
    waits_for: str | None
    decided: int
    over: datetime | None = None


def settle_position(conn: sa.Connection, positions: Sequence[Position]) -> None:
    """Write where enrolments stand after a decision."""
    rows = [
        (
            None if p.due_at is None else sql.stored(conn, p.due_at),
            p.waits_for,
            "active" if p.over is None else "completed",
            None if p.over is None else "completed",
            None if p.over is None else sql.stored(conn, p.over),
            p.decided,
            p.enrolment_id,
        )
        for p in positions
    ]
    sql.many(conn, _POSITION, rows)


def rest(conn: sa.Connection, rows: Sequence[tuple[int, datetime, datetime | None, str | None]]) -> None:
    """Write the next look (id, before, next, what it waits for) of enrolments that nobody woke since `before` stood."""

    values = [
        (None if until is None else sql.stored(conn, until), why, e, sql.stored(conn, before))
        for e, before, until, why in rows
    ]
    sql.many(conn, _REST, values)


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
    kin = _kin(conn, contact_ids, keys, now)
    found = {}
    for e in batch:
        who = e.contact_id
        mine = points.get(who, ())
        closed = [s for p in mine for s in suppressions.get(p.key, ())] if suppressions else ()
        found[e.id] = Situation(
            enrolment=e,
            contact=contacts[who],
            points=mine,
            consents=consents.get(who, ()),
            suppressions=tuple(closed),
            done=tuple(kin.done.get(e.id, ())),
            traffic=kin.traffic(e, mine),
            rivals=kin.rivals_of(e),
            happened=happened.get(who, frozenset()),
        )
    return found


# All that stands in the log of these people, and of whoever shares an address with them: caps count by address, too.
# Answers to somebody's own words belong to no enrolment, and count toward no cap.
_KIN = """
    SELECT e.id, e.contact_id, e.campaign, e.status, e.due_at, e.waits_for,
           m.id, m.step, m.occurrence, m.status, m.settled_at, m.address_key, m.channel, m.purpose, m.counts_at
    FROM enrolment e LEFT JOIN message m ON m.enrolment_id = e.id
    WHERE e.contact_id IN (
        SELECT contact_id FROM contact_point WHERE address_key {ids} UNION SELECT id FROM contact WHERE id {ids}
    )
"""


@dataclass(slots=True)
class _Kin:
    """What went, or is about to go, to these people and addresses, and who else wants to write to them."""

    done: dict[int, list[Done]] = field(default_factory=dict)  # by enrolment
    rivals: dict[int, dict[int, Rival]] = field(default_factory=dict)  # by contact, by enrolment
    by_contact: dict[int, list[Traffic]] = field(default_factory=dict)
    by_key: dict[str, list[Traffic]] = field(default_factory=dict)

    def traffic(self, e: Enrolment, points: Sequence[Point]) -> tuple[Traffic, ...]:
        """What counts toward the caps of its person and their addresses."""
        if not self.by_key:
            return ()
        ours = [t for p in points for t in self.by_key.get(p.key, ())]
        return tuple({t.message_id: t for t in (*self.by_contact.get(e.contact_id, ()), *ours)}.values())

    def rivals_of(self, e: Enrolment) -> tuple[Rival, ...]:
        """The other enrolments of its person that want to be looked at."""
        return tuple([rival for id_, rival in self.rivals.get(e.contact_id, {}).items() if id_ != e.id])


def _kin(conn: sa.Connection, contact_ids: Sequence[int], keys: Sequence[str], now: datetime) -> _Kin:
    kin, since = _Kin(), sql.stored(conn, now - TRAFFIC)
    for row in sql.rows(conn, _KIN, sql.ids(conn, keys), sql.ids(conn, contact_ids)):
        e, who, campaign, standing, due_at, waits_for, id_, step, number, status, settled, key, *rest = row
        if standing == "active" and due_at is not None:
            kin.rivals.setdefault(who, {})[e] = Rival(campaign, sql.moment(due_at), waits_for)
        if id_ is None:
            continue
        kin.done.setdefault(e, []).append(Done(step, number, _STATUSES[status], sql.maybe(settled)))
        channel, purpose, counts_at = rest
        if counts_at is not None and counts_at > since:
            at = sql.moment(counts_at)
            one = Traffic(id_, who, key, campaign, people.CHANNELS[channel], purpose, at, status == "queued")
            kin.by_contact.setdefault(who, []).append(one)
            kin.by_key.setdefault(key, []).append(one)
    return kin


def by_ids(conn: sa.Connection, ids: Iterable[int]) -> dict[int, Enrolment]:
    """Enrolments by id."""
    return {r[0]: _from(r) for r in sql.rows(conn, f"{_SELECT} WHERE e.id {{ids}}", sql.ids(conn, ids))}


def with_done(situation: Situation, done: Done, traffic: Traffic | None = None) -> Situation:
    """The situation after one more row in the log: what the next decision of the same tick sees."""
    s = situation
    more = s.traffic if traffic is None else (*s.traffic, traffic)
    every = (*s.done, done)
    # `dataclasses.replace` takes ten times as long, and this is done for every message.
    return Situation(
        s.enrolment, s.contact, s.points, s.consents, s.suppressions, every, more, s.rivals, s.happened, s.place
    )
