"""After the call: the outcome is written, and when its enrolment is looked at next."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from engine.core.consent import SuppressionReason
from engine.core.messages import Status, next_try
from engine.core.reasons import Reason
from engine.house import House
from engine.providers import (
    Accepted,
    AddressBlocked,
    InDoubt,
    Misconfigured,
    Outcome,
    Refused,
    SlowDown,
    TryLater,
    Unreachable,
)
from engine.sender.calls import Finished, NotBegun, Ready, Sent
from engine.sender.taking import ask_instead
from engine.store import addresses, enrolments, outbox, people, schema, senders


def settle(conn: sa.Connection, house: House, finished: Sequence[Finished], now: datetime, result: Sent) -> None:
    """Write what became of these calls, and when their enrolments are looked at next."""
    if not finished:
        return
    if conn.dialect.name == "postgresql":
        closing = [i.decided.c.address_key for i, outcome in finished if isinstance(outcome, AddressBlocked)]
        enrolments.hold(conn, ids=[item.decided.c.enrolment_id for item, _ in finished], addresses=closing)
    went = [(item, outcome) for item, outcome in finished if isinstance(outcome, Accepted)]
    rows = [(item.decided.c.id, item.out.attempt, outcome.provider_id) for item, outcome in went]
    if outbox.accepted(conn, rows, now):
        looks = [(item.decided.c.enrolment_id, item.decided.moved_on) for item, _ in went]
        waking = [e for e, moved_on in looks if moved_on is None]
        resting = [(e, moved_on) for e, moved_on in looks if e is not None and moved_on is not None]
        enrolments.wake_overtaken(conn, resting, now)
        if waking:
            enrolments.wake(conn, schema.enrolment.c.id.in_([e for e in waking if e is not None]), now)
    else:
        for item, outcome in went:
            _came_late(conn, item, outcome, now)
    result.sent += len(went)
    outbox.stay(conn, [item.decided for item, outcome in finished if not isinstance(outcome, Accepted)])
    troubled = senders.troubled(conn)
    working: set[str] = set()  # has accepted something since it failed last
    # By name: whoever locks several providers' rows does it in this order. Within one, as the calls came back.
    for item, word in sorted(finished, key=lambda each: each[0].provider.name):
        name = item.provider.name
        if isinstance(word, Accepted):
            working.add(name)
            continue
        if name in working:
            senders.works(conn, name)
            working.discard(name)
        _settle(conn, house, item, word, now, result)
    for name in sorted(working & troubled):
        senders.works(conn, name)


def _came_late(conn: sa.Connection, item: Ready, outcome: Accepted, now: datetime) -> None:
    """An acceptance, also when it comes back after its lease: then there is nothing left to doubt or to repeat."""
    values = {
        "status": Status.SENT,
        "reason": Reason.ACCEPTED,
        "provider_id": outcome.provider_id,
        "sent_at": now,
        "settled_at": now,
    }
    for standing in (Status.SENT, Status.SENDING, Status.IN_DOUBT, Status.QUEUED, Status.HELD):
        if outbox.change(conn, item.decided.c.id, standing, values, tries=item.out.attempt):
            return


def _settle(
    conn: sa.Connection, house: House, item: Ready, outcome: Outcome | NotBegun, now: datetime, result: Sent
) -> None:
    """Write one call that did not end well, if the message is still ours; a late worker changes nothing."""
    c, name = item.decided.c, item.provider.name
    word = _WORDS[type(outcome)]
    code, detail = getattr(outcome, "code", None), getattr(outcome, "detail", None)
    outbox.end_attempt(conn, c.id, item.out.attempt, word, now, code=code, detail=detail)
    match outcome:
        case NotBegun():
            _queue_again(conn, item, Reason.NOT_BEGUN, now)
            result.put_off += 1
        case TryLater():
            _try_later(conn, house, item, outcome, now)
            result.put_off += 1
        case SlowDown():
            until = senders.slow(conn, name, outcome.after, now)
            _queue_again(conn, item, Reason.SLOW_DOWN, until)
            result.put_off += 1
        case Unreachable():
            stopped = senders.strike(conn, name, outcome.detail, now)
            _alert(conn, name, outcome.detail, stopped, now)
            _queue_again(conn, item, Reason.UNREACHED, stopped or now + house.settings.sending.first_delay)
            result.put_off += 1
        case Misconfigured():
            stopped = senders.pause(conn, name, outcome.detail, now)
            _alert(conn, name, outcome.detail, stopped, now)
            _queue_again(conn, item, Reason.PROVIDER_PAUSED, stopped)
            result.put_off += 1
        case Refused():
            _failed(conn, item, Reason.REFUSED, outcome.code, now)
            result.not_sent += 1
        case AddressBlocked():
            _blocked(conn, house, item, outcome, now)
            result.not_sent += 1
        case InDoubt():
            _alert(conn, name, outcome.detail, senders.strike(conn, name, outcome.detail, now), now)
            values = {"status": Status.IN_DOUBT, "reason": Reason.NO_ANSWER, "doubt_since": now}
            outbox.change(conn, c.id, Status.SENDING, values, tries=item.out.attempt)
            result.in_doubt += 1


_WORDS: dict[type[Outcome | NotBegun], str] = {
    NotBegun: "not_begun",
    TryLater: "try_later",
    SlowDown: "slow_down",
    Unreachable: "unreachable",
    Misconfigured: "misconfigured",
    Refused: "refused",
    AddressBlocked: "address_blocked",
    InDoubt: "in_doubt",
}


def _alert(conn: sa.Connection, provider: str, detail: str, stopped: datetime | None, now: datetime) -> None:
    if stopped is not None:
        senders.alert(conn, provider, detail, now)


def _queue_again(conn: sa.Connection, item: Ready, reason: Reason, at: datetime) -> None:
    """It surely did not go: it waits until `at`, and no try is counted against it."""
    values = {"status": Status.QUEUED, "reason": reason, "send_at": at, "counts_at": at, "lease_until": None}
    outbox.change(conn, item.decided.c.id, Status.SENDING, values, tries=item.out.attempt)


def _blocked(conn: sa.Connection, house: House, item: Ready, outcome: AddressBlocked, now: datetime) -> None:
    c = item.decided.c
    _failed(conn, item, Reason.ADDRESS_BLOCKED, outcome.code, now)
    origin = f"provider:{item.provider.name}"
    why = SuppressionReason.STOP if outcome.stopped else SuppressionReason.BOUNCED
    addresses.close(conn, c.channel, c.address_key, why, origin, now, house.plan)
    words = "An address takes no messages (the provider said so). Ask the person for another one."
    if outcome.stopped:
        # Its own words never reached us; the provider has them (decision 11).
        words = "This person answered STOP, the provider says: no more texts. Agree on another way if they are in care."
    people.open_task(conn, f"address:{c.address_key}:{c.id}", "address", words, now, contact_id=c.contact_id)


def _failed(conn: sa.Connection, item: Ready, reason: Reason, code: str, now: datetime) -> None:
    values = {
        "status": Status.FAILED,
        "reason": reason,
        "rule": f"provider {code}"[:64],
        "settled_at": now,
        "counts_at": None,
    }
    d = item.decided
    if outbox.change(conn, d.c.id, Status.SENDING, values, tries=item.out.attempt):
        step = None if d.campaign is None else d.campaign.step(d.c.step)
        ask_instead(conn, step, d.c.ref, d.c.id, d.c.contact_id, now)


def _try_later(conn: sa.Connection, house: House, item: Ready, outcome: TryLater, now: datetime) -> None:
    sending, c = house.settings.sending, item.decided.c
    retries = outbox.count_retry(conn, c.id)
    if retries >= sending.tries:
        _failed(conn, item, Reason.TRIES_USED_UP, "later", now)
        return
    at = next_try(c.ref, retries, now, sending.first_delay, sending.longest_delay)
    if outcome.after is not None:
        at = max(at, now + outcome.after)
    _queue_again(conn, item, Reason.TRY_LATER, at)
