"""A message waits in the outbox: claim, ask again, render, commit the intent, call, write the outcome.

No transaction is open during a call. A process killed in between leaves the message `sending`; `doubt.py` settles it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.core.campaign import Step
from engine.core.consent import Purpose, SuppressionReason
from engine.core.contact import Channel
from engine.core.decisions import where
from engine.core.enrolment import EnrolmentStatus
from engine.core.jurisdiction import sms_validity
from engine.core.messages import Status, next_try
from engine.core.permission import Blocked, Deferred, paused, permit, refusal, windows
from engine.core.reasons import Reason
from engine.core.situation import Contact, Point, Situation
from engine.house import House
from engine.providers import (
    Accepted,
    AddressBlocked,
    InDoubt,
    Misconfigured,
    Outcome,
    Outgoing,
    Provider,
    Refused,
    TryLater,
)
from engine.store import addresses, enrolments, outbox, people
from engine.words import Held, Words, words_of

log = logging.getLogger("nurture.sender")

# Longer than any call may take: after this a message that is still `sending` has lost its process.
LEASE = timedelta(minutes=10)
# TCPA-R-5: the one confirmation of a STOP goes within five minutes or not at all; later it would be a message of its
# own, perhaps at night, and so would the answers to HELP and START.
ANSWER_WITHIN = timedelta(minutes=5)

Providers = Mapping[Channel, Provider]
Dispatch = Callable[[Sequence[int], datetime], "Sent"]


@dataclass(slots=True)
class Sent:
    """What a delivery did."""

    sent: int = 0
    put_off: int = 0
    not_sent: int = 0
    in_doubt: int = 0

    def add(self, other: "Sent") -> None:
        """Sum up."""
        self.sent += other.sent
        self.put_off += other.put_off
        self.not_sent += other.not_sent
        self.in_doubt += other.in_doubt


@dataclass(frozen=True, slots=True)
class Ready:
    """A message whose intent is committed: what to hand over, and to whom."""

    id: int
    number: int
    address_key: str
    contact_id: int
    enrolment_id: int | None
    step: Step | None  # None: an answer to a person's own words
    provider: Provider
    out: Outgoing


def inline(house: House, providers: Providers) -> Dispatch:
    """The dispatcher of one process: the batch is delivered here and now."""

    def dispatch(ids: Sequence[int], now: datetime) -> Sent:
        return deliver_batch(house, providers, ids, now)

    return dispatch


def deliver(house: House, dispatch: Dispatch, clock: Callable[[], datetime], stop: Callable[[], bool]) -> Sent:
    """Hand everything that is due to the dispatcher, chunk by chunk, until nothing is or `stop` says so."""
    total = Sent()
    last: list[int] = []
    while not stop():
        now = clock()
        with house.store.read() as conn:
            ids = outbox.due_ids(conn, (outbox.SERVICE, *house.running()), now, house.settings.sending.chunk)
        if not ids or ids == last:
            # The same chunk twice: another process holds it, or its provider is paused at this very moment.
            return total
        last = ids
        total.add(dispatch(ids, now))
    return total


def deliver_batch(house: House, providers: Providers, ids: Sequence[int], now: datetime) -> Sent:
    """Deliver these messages: the same function wherever it runs. Handing it the same ids twice does no harm."""
    result = Sent()
    with house.store.begin() as conn:
        ready = _prepare(conn, house, providers, ids, now, result)
    if not ready:
        return result
    outcomes = _call(ready, now, house.settings.sending.concurrency)
    with house.store.begin() as conn:
        closing = [i.address_key for i, o in zip(ready, outcomes, strict=True) if isinstance(o, AddressBlocked)]
        enrolments.hold(conn, ids=[item.enrolment_id for item in ready], addresses=closing)
        for item, outcome in zip(ready, outcomes, strict=True):
            _settle(conn, house, item, outcome, now, result)
    return result


def _call(ready: Sequence[Ready], now: datetime, concurrency: int) -> list[Outcome]:
    def one(item: Ready) -> Outcome:
        try:
            return item.provider.send(item.out, now)
        except Exception as error:  # a provider that raises has not said whether it took the message
            log.error("message %s: the provider raised %s", item.out.message, type(error).__name__)
            return InDoubt(type(error).__name__)

    if len(ready) == 1 or concurrency == 1:
        return [one(item) for item in ready]
    with ThreadPoolExecutor(min(concurrency, len(ready))) as pool:
        return list(pool.map(one, ready))


def _prepare(
    conn: sa.Connection, house: House, providers: Providers, ids: Sequence[int], now: datetime, result: Sent
) -> list[Ready]:
    """In one transaction: claim, ask consent, hours, caps and lateness again, render, write the intent."""
    claimed = outbox.claim(conn, ids, now)
    if not claimed:
        return []
    refusing = outbox.paused_providers(conn, now)
    of = enrolments.by_ids(conn, [c.enrolment_id for c in claimed if c.enrolment_id is not None])
    situations = enrolments.situations(conn, of.values(), now)
    strangers = people.load_contacts(conn, [c.contact_id for c in claimed if c.enrolment_id is None])
    to = outbox.points(conn, [c.point_id for c in claimed])
    ready: list[Ready] = []
    rows = []
    for c in claimed:
        provider = providers[c.channel]
        if provider.name in refusing:
            _put_off(conn, c, Reason.PROVIDER_PAUSED, "provider", refusing[provider.name], result)
            continue
        situation = None if c.enrolment_id is None else situations[c.enrolment_id]
        try:
            if not _still_allowed(conn, house, c, situation, to[c.point_id], now, result):
                continue
            contact = strangers[c.contact_id] if situation is None else situation.contact
            words = _words(house, c, contact, situation, now)
        except Exception as error:
            # One bad message never stops the others; the class only, an exception may hold somebody's data.
            log.error("message %s cannot be made: %s", c.ref, type(error).__name__)
            words = Held(Reason.TEMPLATE_BROKEN, f"It cannot be made ({type(error).__name__}). Tell the engineers.")
        if isinstance(words, Held):
            _hold(conn, c, words, now)
            result.not_sent += 1
            continue
        if c.held:
            people.close_tasks(conn, c.id, "engine", now)
        out = _outgoing(house, c, contact, situation, to[c.point_id], words, c.tries + 1, now)
        step = _step(house, c, situation)
        ready.append(Ready(c.id, out.attempt, c.address_key, c.contact_id, c.enrolment_id, step, provider, out))
        rows.append(
            {
                "id": c.id,
                "number": out.attempt,
                "reason": Reason.DUE,
                "channel": c.channel,
                "provider": provider.name,
                "hash": words.hash,
                "segments": words.segments,
                "to": out.to,
                "subject": words.subject,
                "text": words.text,
                "html": words.html,
            }
        )
    outbox.intend(conn, rows, now, LEASE)
    return ready


def _words(
    house: House, c: outbox.Claimed, contact: Contact, situation: Situation | None, now: datetime
) -> Words | Held:
    return words_of(
        house,
        message_id=c.id,
        campaign=c.campaign,
        template=c.template,
        channel=c.channel,
        purpose=c.purpose,
        contact=contact,
        enrolment=None if situation is None else situation.enrolment,
        home_zone=house.settings.clinic.zone if situation is None else where(situation, house.terms).home_zone,
        now=now,
    )


def _step(house: House, c: outbox.Claimed, situation: Situation | None) -> Step | None:
    e = None if situation is None else situation.enrolment
    campaign = None if e is None else house.plan(e.campaign, e.version)
    return None if campaign is None else campaign.step(c.step)


def _still_allowed(
    conn: sa.Connection,
    house: House,
    c: outbox.Claimed,
    situation: Situation | None,
    address: str,
    now: datetime,
    result: Sent,
) -> bool:
    """Everything that was asked when deciding, asked again of what stands now (decision 26)."""
    if situation is None:
        if now > c.created_at + ANSWER_WITHIN:
            _not_sent(conn, c, Reason.LATE, "TCPA-R-5", now, result)
            return False
        return True
    campaign = house.plan(situation.enrolment.campaign, situation.enrolment.version)
    step = campaign.step(c.step) if campaign is not None else None
    if campaign is None or step is None:
        _put_off(conn, c, Reason.CAMPAIGN_BROKEN, "campaign", now + timedelta(hours=1), result)
        return False
    if situation.enrolment.status is not EnrolmentStatus.ACTIVE:
        outbox.change(
            conn,
            c.id,
            Status.QUEUED,
            {"status": Status.CANCELLED, "reason": Reason.EXITED, "settled_at": now},
        )
        result.not_sent += 1
        return False
    if paused(situation.contact, campaign.purpose):
        _put_off(conn, c, Reason.PERSON_PAUSED, "decision 9", None, result)
        return False
    point = Point(c.point_id, c.channel, address, c.address_key)
    no = refusal(point, c.purpose, situation)
    if no is not None:
        _not_sent(conn, c, *no, now, result, step)
        return False
    place = where(situation, house.terms)
    verdict = permit(campaign, situation, step, c.first_allowed, point, now, place, house.terms, itself=c.id)
    if isinstance(verdict, Deferred):
        _put_off(conn, c, verdict.reason, verdict.rule, verdict.until, result)
        return False
    if isinstance(verdict, Blocked):
        _not_sent(conn, c, verdict.reason, verdict.rule, now, result, step)
        return False
    return True


def _put_off(
    conn: sa.Connection, c: outbox.Claimed, reason: Reason, rule: str, until: datetime | None, result: Sent
) -> None:
    values = {"send_at": until, "counts_at": until, "reason": reason, "rule": rule[:64]}
    outbox.change(conn, c.id, Status.QUEUED, values)
    result.put_off += 1


def _not_sent(
    conn: sa.Connection,
    c: outbox.Claimed,
    reason: Reason,
    rule: str,
    now: datetime,
    result: Sent,
    step: Step | None = None,
) -> None:
    values = {"status": Status.SKIPPED, "reason": reason, "rule": rule[:64], "settled_at": now}
    outbox.change(conn, c.id, Status.QUEUED, values)
    _ask_instead(conn, step, c.ref, c.id, c.contact_id, now)
    result.not_sent += 1


def _ask_instead(
    conn: sa.Connection, step: Step | None, ref: str, message_id: int, contact_id: int, now: datetime
) -> None:
    """A step with a task to fall back on (a care check-in) is not dropped because its message did not go."""
    if step is not None and step.task is not None:
        people.open_task(conn, f"step:{ref}", "step", step.task, now, contact_id=contact_id, message_id=message_id)


def _hold(conn: sa.Connection, c: outbox.Claimed, held: Held, now: datetime) -> None:
    facts = {**c.facts, "problem": held.problem}
    values = {"status": Status.HELD, "reason": held.reason, "rule": "words", "facts": facts, "looked_at": now}
    outbox.change(conn, c.id, Status.QUEUED, {**values, "counts_at": None})
    words = f"A message of {c.campaign}, step '{c.step}', is held. {held.problem}"
    # Somebody who closed the task without the repair is asked again.
    if not people.asked_about(conn, c.id):
        key = f"held:{c.ref}:{now.isoformat()}"
        people.open_task(conn, key, "held", words, now, contact_id=c.contact_id, message_id=c.id)


def _outgoing(
    house: House,
    c: outbox.Claimed,
    contact: Contact,
    situation: Situation | None,
    address: str,
    words: Words,
    number: int,
    now: datetime,
) -> Outgoing:
    expires = None
    if c.channel is Channel.SMS:
        expires = _valid_for(house, c, situation, address, now)
    return Outgoing(
        message=c.ref,
        attempt=number,
        contact=contact.ref,
        channel=c.channel,
        to=address,
        subject=words.subject,
        text=words.text,
        html=words.html,
        headers=words.headers,
        attachments=words.attachments,
        expires_in=expires,
    )


def _valid_for(house: House, c: outbox.Claimed, situation: Situation | None, address: str, now: datetime) -> timedelta:
    """How long a text may wait at the provider: never beyond its window (TCPA-QH-7, decision 27)."""
    if situation is None or c.purpose is Purpose.SERVICE:
        return ANSWER_WITHIN
    campaign = house.plan(situation.enrolment.campaign, situation.enrolment.version)
    assert campaign is not None
    point = Point(c.point_id, c.channel, address, c.address_key)
    open_hours = windows(campaign, point, now, where(situation, house.terms), house.terms)
    # None cannot be: the window's floor had let it through a moment ago; the least there is, then.
    return sms_validity(now, open_hours, house.terms.rules) or ANSWER_WITHIN


def _settle(conn: sa.Connection, house: House, item: Ready, outcome: Outcome, now: datetime, result: Sent) -> None:
    """Write one outcome, if the message is still ours; a late worker changes nothing that was settled meanwhile."""
    word = {
        Accepted: "accepted",
        TryLater: "try_later",
        Refused: "refused",
        AddressBlocked: "address_blocked",
        Misconfigured: "misconfigured",
        InDoubt: "in_doubt",
    }[type(outcome)]
    outbox.end_attempt(
        conn,
        item.id,
        item.number,
        word,
        now,
        provider_id=getattr(outcome, "provider_id", None),
        code=getattr(outcome, "code", None),
        detail=getattr(outcome, "detail", None),
    )
    match outcome:
        case Accepted():
            outbox.provider_works(conn, item.provider.name)
            values = {
                "status": Status.SENT,
                "reason": Reason.ACCEPTED,
                "provider_id": outcome.provider_id,
                "sent_at": now,
                "settled_at": now,
            }
            # Also when this word comes back after its lease: then there is nothing left to doubt or to repeat.
            for standing in (Status.SENDING, Status.IN_DOUBT, Status.QUEUED):
                if outbox.change(conn, item.id, standing, values, tries=item.number):
                    break
            result.sent += 1
        case TryLater():
            _try_later(conn, house, item, outcome, now)
            result.put_off += 1
        case Refused():
            _failed(conn, item, Reason.REFUSED, outcome.code, now)
            result.not_sent += 1
        case AddressBlocked():
            _failed(conn, item, Reason.ADDRESS_BLOCKED, outcome.code, now)
            addresses.close(
                conn,
                item.out.channel,
                item.address_key,
                SuppressionReason.BOUNCED,
                f"provider:{item.provider.name}",
                now,
                house.plan,
            )
            words = "An address takes no messages (the provider said so). Ask the person for another one."
            people.open_task(
                conn, f"address:{item.address_key}:{item.id}", "address", words, now, contact_id=item.contact_id
            )
            result.not_sent += 1
        case Misconfigured():
            until = outbox.pause_provider(conn, item.provider.name, outcome.detail, now)
            values = {
                "status": Status.QUEUED,
                "reason": Reason.PROVIDER_PAUSED,
                "send_at": until,
                "counts_at": until,
                "lease_until": None,
            }
            outbox.change(conn, item.id, Status.SENDING, values, tries=item.number)
            words = f"The provider {item.provider.name} refuses us: {outcome.detail} Its messages wait."
            people.open_task(conn, f"provider:{item.provider.name}:{now:%Y-%m-%d}", "provider", words, now)
            result.put_off += 1
        case InDoubt():
            values = {"status": Status.IN_DOUBT, "reason": Reason.NO_ANSWER, "doubt_since": now}
            outbox.change(conn, item.id, Status.SENDING, values, tries=item.number)
            result.in_doubt += 1


def _failed(conn: sa.Connection, item: Ready, reason: Reason, code: str, now: datetime) -> None:
    values = {
        "status": Status.FAILED,
        "reason": reason,
        "rule": f"provider {code}"[:64],
        "settled_at": now,
        "counts_at": None,
    }
    if outbox.change(conn, item.id, Status.SENDING, values, tries=item.number):
        _ask_instead(conn, item.step, item.out.message, item.id, item.contact_id, now)


def _try_later(conn: sa.Connection, house: House, item: Ready, outcome: TryLater, now: datetime) -> None:
    sending = house.settings.sending
    retries = outbox.count_retry(conn, item.id)
    if retries >= sending.tries:
        _failed(conn, item, Reason.TRIES_USED_UP, "later", now)
        return
    at = next_try(item.out.message, retries, now, sending.first_delay, sending.longest_delay)
    if outcome.after is not None:
        at = max(at, now + outcome.after)
    values = {
        "status": Status.QUEUED,
        "reason": Reason.TRY_LATER,
        "send_at": at,
        "counts_at": at,
        "lease_until": None,
    }
    outbox.change(conn, item.id, Status.SENDING, values, tries=item.number)


__all__ = ["Dispatch", "Providers", "Sent", "deliver", "deliver_batch", "inline"]
