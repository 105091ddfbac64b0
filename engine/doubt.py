"""What may have gone and may not: settled by evidence, by the step's policy, or by a person. Never resent blindly."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from engine.core.contact import Channel
from engine.core.enrolment import Enrolment
from engine.core.messages import Status
from engine.core.reasons import Reason
from engine.house import House
from engine.providers import Absent, Evidence, Found, Provider, Unknown
from engine.store import addresses, enrolments, outbox, people, seeing

log = logging.getLogger("nurture.doubt")

# Held messages are tried again this often: somebody may have repaired what they waited for.
HELD_AGAIN = timedelta(hours=1)
LOOKS = 2  # empty look-ups, after the grace time, that count as absence (decision 25)
# So long a provider that gives no answer is asked again; then a person at the clinic is.
PATIENCE = timedelta(hours=1)


@dataclass(slots=True)
class Swept:
    """What a sweep found and did."""

    abandoned: int = 0
    found: int = 0
    resent: int = 0
    asked_staff: int = 0
    released: int = 0


def sweep(house: House, providers: Mapping[Channel, Provider], now: datetime, limit: int = 500) -> Swept:
    """At start and every minute: find what lost its process, look for evidence, resend once or ask staff."""
    swept = Swept()
    with house.store.begin() as conn:
        for row in outbox.abandoned(conn, now, limit):
            outbox.end_attempt(conn, row.id, row.tries, "no_answer", now, detail="the process ended during the call")
            values = {"status": Status.IN_DOUBT, "reason": Reason.PROCESS_DIED, "doubt_since": now}
            swept.abandoned += outbox.change(conn, row.id, Status.SENDING, values)
    _look(house, providers, now, limit, swept)
    with house.store.begin() as conn:
        for row in outbox.open_rows(conn, Status.HELD, now - HELD_AGAIN, limit):
            values = {"status": Status.QUEUED, "send_at": now, "counts_at": now, "looked_at": now}
            swept.released += outbox.change(conn, row.id, Status.HELD, values)
    return swept


def _look(house: House, providers: Mapping[Channel, Provider], now: datetime, limit: int, swept: Swept) -> None:
    """Ask the providers, with no transaction open, then write what they said."""
    with house.store.begin() as conn:
        rows = outbox.open_rows(conn, Status.IN_DOUBT, now - _between(house), limit)
        # Taken for this look: a second process that sweeps now leaves them alone, so two looks are two moments.
        outbox.looked_at(conn, [r.id for r in rows], now)
        refs = people.load_contacts(conn, [r.contact_id for r in rows])
        of = enrolments.by_ids(conn, [r.enrolment_id for r in rows if r.enrolment_id is not None])
    answers: list[tuple[sa.Row[Any], Evidence | None]] = []
    for row in rows:
        answers.append((row, _evidence(providers[Channel(row.channel)], row.ref, refs[row.contact_id].ref)))
    with house.store.begin() as conn:
        enrolments.hold(conn, ids=of)
        for row, evidence in answers:
            hold = _policy(house, row, of.get(row.enrolment_id)) == "hold"
            _conclude(conn, house, row, evidence, hold, now, swept)


def _between(house: House) -> timedelta:
    return house.settings.sending.doubt_grace / LOOKS


def _evidence(provider: Provider, message: str, contact: str) -> Evidence | None:
    """What the provider says; None when it cannot be asked."""
    if not provider.can_be_asked:
        return None
    try:
        return provider.find(message, contact)
    except Exception as error:  # one provider that breaks must not stop the sweep
        log.error("message %s: asking the provider raised %s", message, type(error).__name__)
        return Unknown(type(error).__name__)


def next_look(conn: sa.Connection, house: House, now: datetime) -> datetime | None:
    """When a message in doubt is looked for again, or a held one tried again; None when there is none."""
    doubt, held = outbox.last_looks(conn, now - PATIENCE)
    moments = (None if doubt is None else doubt + _between(house), None if held is None else held + HELD_AGAIN)
    return min((at for at in moments if at is not None), default=None)


def _conclude(
    conn: sa.Connection,
    house: House,
    row: sa.Row[Any],
    evidence: Evidence | None,
    hold: bool,
    now: datetime,
    swept: Swept,
) -> None:
    if isinstance(evidence, Found):
        # It went when it was handed over, not when we found out; the chain counts from then.
        at = row.counts_at or now
        values = {
            "status": Status.SENT,
            "reason": Reason.EVIDENCE,
            "provider_id": evidence.provider_id,
            "sent_at": at,
            "settled_at": now,
        }
        swept.found += outbox.change(conn, row.id, Status.IN_DOUBT, values, tries=row.tries)
        return
    # A list that does not show it yet proves nothing; only after the grace time does absence count.
    graced = now >= row.doubt_since + house.settings.sending.doubt_grace
    looks = row.looks + (graced and isinstance(evidence, Absent))
    if not outbox.change(conn, row.id, Status.IN_DOUBT, {"looks": looks, "looked_at": now}, tries=row.tries):
        return
    if evidence is None or row.resent or hold:
        swept.asked_staff += _ask(conn, row, now)
    elif looks >= LOOKS:
        values = {"status": Status.QUEUED, "send_at": now, "resent": True, "looks": 0}
        swept.resent += outbox.change(conn, row.id, Status.IN_DOUBT, values, tries=row.tries)
    elif now >= row.doubt_since + PATIENCE:
        swept.asked_staff += _ask(conn, row, now)


def _policy(house: House, row: sa.Row[Any], e: Enrolment | None) -> str:
    """The step's `doubt`, else resend: only a provider that can be asked comes this far without evidence."""
    campaign = house.plan(e.campaign, e.version) if e else None
    step = campaign.step(row.step) if campaign else None
    return (step.doubt if step else None) or "resend"


def _ask(conn: sa.Connection, row: sa.Row[Any], now: datetime) -> bool:
    words = (
        f"Message {row.ref} ({row.campaign}, step '{row.step}') may have gone or not. Find out, then: "
        f"nurture settle {row.ref} sent | not-sent | resend"
    )
    return people.open_task(
        conn,
        f"doubt:{row.ref}:{row.tries}",
        "doubt",
        words,
        now,
        contact_id=row.contact_id,
        message_id=row.id,
    )


def settle(house: House, ref: str, verdict: Literal["sent", "not-sent", "resend"], actor: str, now: datetime) -> bool:
    """A person decides a message in doubt (or releases a held one with "resend"). False when it is neither."""
    values: dict[str, dict[str, Any]] = {
        "sent": {"status": Status.SENT, "settled_at": now},
        "not-sent": {"status": Status.FAILED, "settled_at": now, "counts_at": None},
        "resend": {"status": Status.QUEUED, "send_at": now, "counts_at": now, "resent": True},
    }
    with house.store.begin() as conn:
        row = seeing.message_by_ref(conn, ref)
        if row is not None:
            enrolments.hold(conn, ids=[row.enrolment_id])
        if row is None or row.status not in (Status.IN_DOUBT, Status.HELD):
            return False
        if row.status == Status.HELD and verdict == "sent":
            return False
        change = {"reason": Reason.SETTLED_BY_STAFF, "rule": f"settle {actor}"[:64], **values[verdict]}
        if verdict == "sent":
            change["sent_at"] = row.counts_at or now
        done = outbox.change(conn, row.id, Status(row.status), change)
        if done:
            people.close_tasks(conn, row.id, actor, now)
            if verdict == "not-sent":
                addresses.ask_instead(conn, house.plan, row.id, now)
        return done
