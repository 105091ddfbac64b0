"""Word comes back: replies, receipts. One transaction each; the raw words are kept, what they mean is applied once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.core.consent import PURPOSES, Purpose, SuppressionReason, suppressed
from engine.core.contact import Channel
from engine.core.messages import SETTLED, Status, receipt_moves
from engine.core.permission import PAUSED_BY_STAFF
from engine.core.reasons import Reason
from engine.core.replies import Kind, meaning, read_comment
from engine.house import House
from engine.store import addresses, enrolments, outbox, people, seeing
from engine.store.schema import enrolment, message, receipt, reply

# The words of a receipt that we know; others are kept and shown, never dropped, never a crash.
RECEIPTS: dict[str, Status] = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "undelivered": Status.FAILED,
    "failed": Status.FAILED,
    "bounced": Status.FAILED,
    "complained": Status.DELIVERED,
}
_CLOSES: dict[str, tuple[SuppressionReason, tuple[Purpose, ...]]] = {
    "bounced": (SuppressionReason.BOUNCED, PURPOSES),
    # Decision 14: marketing and non-essential care; appointment mail only if the person asks again.
    "complained": (SuppressionReason.COMPLAINT, PURPOSES),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a reply."""

    fate: str  # "new" or "duplicate"
    meaning: str
    contacts: int
    cancelled: int = 0
    answered: bool = False


def take_reply(
    house: House, channel: Channel, sender: str, words: str, provider: str, event_id: str, now: datetime
) -> Heard:
    """Words from an address (in its normal form). The exact STOP words close it for every purpose (TCPA-R-1)."""
    key = house.address_key(channel, sender)
    said = meaning(words)
    kind = said.kind
    revoked = frozenset[Channel]()
    if kind is Kind.OTHER and (taken_back := read_comment(words)) is not None:
        revoked = taken_back.channels
    with house.store.begin() as conn:
        who = people.contacts_at(conn, key)
        said_word = "revoked" if revoked else kind.value
        row = {
            "provider": provider,
            "provider_event": event_id,
            "channel": channel,
            "address_key": key,
            "address": sender,
            "contact_id": who[0] if len(who) == 1 else None,
            "words": words,
            "meaning": said_word,
            "received_at": now,
        }
        reply_id = people.insert_once(conn, reply, row)
        if reply_id is None:
            return Heard("duplicate", said_word, len(who))
        if kind is Kind.STOP:
            return _stop(conn, house, channel, key, who, reply_id, now)
        if kind is Kind.START:
            return _start(conn, house, channel, key, who, now)
        if kind is Kind.HELP:
            return Heard(
                "new",
                kind.value,
                len(who),
                answered=_answer(conn, house, "help", channel, key, who, f"reply:help:{reply_id}", now),
            )
        if revoked:
            return _revoked(conn, house, revoked, key, channel, who, reply_id, now)
        return _talk(conn, reply_id, who, now)


def _stop(
    conn: sa.Connection,
    house: House,
    channel: Channel,
    key: str,
    who: list[int],
    reply_id: int,
    now: datetime,
) -> Heard:
    rows = people.load_suppressions(conn, [key]).get(key, ())
    again = suppressed(rows, key, Purpose.MARKETING) is SuppressionReason.STOP and (
        suppressed(rows, key, Purpose.CARE) is SuppressionReason.STOP
    )
    booked = _has_care(conn, house, who)
    cancelled = addresses.close(conn, channel, key, SuppressionReason.STOP, f"reply:{channel}", now, house.plan)
    for contact_id in booked:
        words = "A person with a booking or a treatment answered STOP: no more texts. Agree on another way with them."
        people.open_task(conn, f"stopped:{contact_id}:{reply_id}", "stopped", words, now, contact_id=contact_id)
    # TCPA-R-5: one confirmation, and none when the number was closed already.
    # Not what was to be said before it either: "you will get texts again" would now be wrong.
    waiting = sa.and_(message.c.address_key == key, message.c.purpose == Purpose.SERVICE, message.c.step != "stop")
    enrolments.cancel_waiting(conn, waiting, Reason.REVOKED, "TCPA-R-5", now)
    origin = f"reply:stop:{key}:{len(rows)}"
    answered = not again and _answer(conn, house, "stop", channel, key, who, origin, now)
    return Heard("new", Kind.STOP.value, len(who), cancelled, answered)


def _has_care(conn: sa.Connection, house: House, who: list[int]) -> list[int]:
    """Those of them who are in an appointment or care campaign."""
    found = []
    for contact_id in who:
        for e in enrolments.of_contact(conn, contact_id):
            campaign = house.plan(e.campaign, e.version)
            if e.status == "active" and campaign is not None and campaign.purpose is not Purpose.MARKETING:
                found.append(contact_id)
                break
    return found


def _start(
    conn: sa.Connection,
    house: House,
    channel: Channel,
    key: str,
    who: list[int],
    now: datetime,
) -> Heard:
    """START reopens appointment and care texts only; marketing needs a new consent (decision 12, TCPA-R-10)."""
    rows = people.load_suppressions(conn, [key]).get(key, ())
    purposes = [p for p in (Purpose.APPOINTMENT, Purpose.CARE) if suppressed(rows, key, p) is SuppressionReason.STOP]
    if purposes:
        people.suppress(
            conn,
            channel,
            key,
            SuppressionReason.STOP,
            f"reply:{channel}",
            now,
            purposes=purposes,
            lifted=True,
        )
        enrolments.hold(conn, contacts=who)
        addresses.revive(conn, who, house.plan, now)
        enrolments.wake(conn, enrolment.c.contact_id.in_(who), now)
    origin = f"reply:start:{key}:{len(rows)}"
    answered = bool(purposes) and _answer(conn, house, "start", channel, key, who, origin, now)
    return Heard("new", Kind.START.value, len(who), answered=answered)


def _answer(
    conn: sa.Connection,
    house: House,
    step: str,
    channel: Channel,
    key: str,
    who: list[int],
    origin: str,
    now: datetime,
) -> bool:
    """Queue the one answer to a keyword, unless the provider answers it (decision 13).

    `origin` is the same for two that come in at one moment: there is one answer, not two.
    """
    if channel is not Channel.SMS or not who or not house.we_answer():
        return False
    point = next(p for p in people.load_points(conn, [who[0]])[who[0]] if p.key == key)
    ref = house.refs("message", origin)
    return outbox.write_once(
        conn,
        {
            "ref": ref,
            "origin": origin,
            "contact_id": who[0],
            "campaign": outbox.SERVICE,
            "step": step,
            "occurrence": 0,
            "purpose": Purpose.SERVICE,
            "channel": channel,
            "template": step,
            "contact_point_id": point.id,
            "address_key": key,
            "status": Status.QUEUED,
            "reason": Reason.DUE,
            "rule": "OPT-3" if step == "stop" else "OPT-2",
            "facts": {},
            "due_at": now,
            "first_allowed": now,
            "send_at": now,
            "created_at": now,
        },
    )


def _revoked(
    conn: sa.Connection,
    house: House,
    channels: frozenset[Channel],
    key: str,
    channel: Channel,
    who: list[int],
    reply_id: int,
    now: datetime,
) -> Heard:
    """Other words that take consent back, for the channels they name (decision 11, TCPA-R-2)."""
    cancelled = 0
    closed = {(channel, key)} if channel in channels else set()
    for contact_id, of in people.load_points(conn, who).items():
        closed |= {(p.channel, p.key) for p in of if p.channel in channels}
        people.open_task(
            conn, f"revoked:{contact_id}:{reply_id}", "revoked", "Somebody took consent back in their own words.", now,
            contact_id=contact_id,
        )  # fmt: skip
    enrolments.hold(conn, addresses=[address for _, address in closed])
    for which, address in sorted(closed):
        cancelled += addresses.close(
            conn, which, address, SuppressionReason.REVOKED, f"reply:{channel}", now, house.plan
        )
    return Heard("new", "revoked", len(who), cancelled)


def _talk(conn: sa.Connection, reply_id: int, who: list[int], now: datetime) -> Heard:
    """Anything else is a person talking: automation waits and somebody answers (decision 9)."""
    words = "Somebody wrote to us. Answer them, then close this task: marketing to them waits for it, care goes on."
    if who:
        people.pause_for_reply(conn, who)
    people.open_task(conn, f"reply:{reply_id}", "reply", words, now, contact_id=who[0] if len(who) == 1 else None)
    return Heard("new", Kind.OTHER.value, len(who))


def finish_task(house: House, task_id: int, actor: str, now: datetime) -> bool:
    """Close a task; when it was the last reply of a person, their automation goes on."""
    with house.store.begin() as conn:
        row = people.close_task(conn, task_id, actor, now)
        if row is None:
            return False
        if row.kind == "reply":
            for contact_id in people.replied_by(conn, task_id):
                if not people.open_replies(conn, contact_id) and people.answered(conn, contact_id):
                    _go_on(conn, contact_id, now)
        return True


def _go_on(conn: sa.Connection, contact_id: int, now: datetime) -> None:
    enrolments.hold(conn, contacts=[contact_id])
    enrolments.wake(conn, enrolment.c.contact_id == contact_id, now)
    conn.execute(
        sa.update(message)
        .where(outbox.of_contact(contact_id), message.c.status == Status.QUEUED, message.c.send_at.is_(None))
        .values(send_at=now, counts_at=now)
    )


def pause_person(house: House, contact_id: int) -> None:
    """Staff pause everything automatic for one person, care included."""
    with house.store.begin() as conn:
        people.pause_contact(conn, [contact_id], PAUSED_BY_STAFF)


def resume_person(house: House, contact_id: int, now: datetime) -> None:
    """Let it go on; what waited is looked at now."""
    with house.store.begin() as conn:
        people.pause_contact(conn, [contact_id], None)
        _go_on(conn, contact_id, now)


def _reported(conn: sa.Connection, ref: str) -> sa.Row[Any] | None:
    """The message a receipt is about, locked, and before it the enrolments that the receipt may change."""
    row = seeing.message_by_ref(conn, ref)
    if row is None:
        return None
    enrolments.hold(conn, ids=[row.enrolment_id], addresses=[row.address_key])
    return seeing.message_by_ref(conn, ref, lock=True)


def take_receipt(
    house: House,
    provider: str,
    event_id: str,
    ref: str,
    word: str,
    code: str | None,
    at: datetime,
    now: datetime,
) -> str:
    """A provider's report on a message. Applied once, forward only; returns what became of it."""
    with house.store.begin() as conn:
        row = _reported(conn, ref)
        status = RECEIPTS.get(word)
        applies = row is not None and status is not None and receipt_moves(Status(row.status), status, row.tries)
        kept: dict[str, Any] = {
            "provider": provider,
            "provider_event": event_id,
            "message_id": None if row is None else row.id,
            "word": word,
            "code": code,
            "applied": applies,
            "at": at,
            "received_at": now,
        }
        if people.insert_once(conn, receipt, kept) is None:
            return "duplicate"
        if row is None:
            return "unknown message"
        if word in _CLOSES and row.address_key is not None:
            reason, purposes = _CLOSES[word]
            addresses.close(
                conn, Channel(row.channel), row.address_key, reason, f"receipt:{provider}", now, house.plan,
                purposes=purposes,
            )  # fmt: skip
            people.open_task(
                conn, f"address:{row.address_key}:{row.id}", "address",
                "An address takes no messages, or its owner complained. Find another way.", now,
                contact_id=row.contact_id,
            )  # fmt: skip
        if not applies:
            return "unknown word" if status is None else "kept"
        assert status is not None
        values: dict[str, Any] = {
            "status": status,
            "reason": Reason.REPORTED,
            "rule": f"receipt {code or word}"[:64],
        }
        if Status(row.status) not in SETTLED:
            values |= {"settled_at": now, "sent_at": row.counts_at or now}
        else:
            values["settled_at"] = row.settled_at
        if outbox.change(conn, row.id, Status(row.status), values) and status is Status.FAILED:
            addresses.ask_instead(conn, house.plan, row.id, now)
        return "applied"


__all__ = ["Heard", "finish_task", "take_receipt", "take_reply"]
