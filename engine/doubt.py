"""What may have gone and may not: settled by evidence, by the step's policy, or by a person. Never resent blindly."""

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from engine.core.contact import Channel
from engine.core.enrolment import Enrolment
from engine.core.messages import Status
from engine.core.phi import PhiLevel
from engine.core.reasons import Reason
from engine.house import House
from engine.providers import Absent, Carriers, Evidence, Found, Provider, Sought, Unknown
from engine.store import addresses, doubts, enrolments, outbox, people, seeing, senders

log = logging.getLogger("nurture.doubt")

# Held messages are tried again this often: somebody may have repaired what they waited for.
HELD_AGAIN = timedelta(hours=1)
LOOKS = 2  # empty look-ups, after the grace time, that count as absence (decision 25)
# So long a provider that gives no answer is asked again; then a person at the clinic is.
PATIENCE = timedelta(hours=1)
MOST = 50  # look-ups in one sweep, one after another: at a tenth of a second each a tick must not stand still
AT_ONCE = 8  # of them side by side


@dataclass(slots=True)
class Swept:
    """What a sweep found and did."""

    abandoned: int = 0
    found: int = 0
    resent: int = 0
    asked_staff: int = 0
    released: int = 0


def sweep(house: House, carriers: Carriers, now: datetime, limit: int = 500) -> Swept:
    """At start and every minute: find what lost its process, look for evidence, resend once or ask staff."""
    swept = Swept()
    with house.store.begin() as conn:
        for row in outbox.abandoned(conn, now, limit):
            outbox.end_attempt(conn, row.id, row.tries, "no_answer", now, detail="the process ended during the call")
            values = {"status": Status.IN_DOUBT, "reason": Reason.PROCESS_DIED, "doubt_since": now}
            swept.abandoned += outbox.change(conn, row.id, Status.SENDING, values)
    _look(house, carriers, now, limit, swept)
    with house.store.begin() as conn:
        waits = _waits(conn, house, carriers)
        for channel in set(Channel) - set(waits.uncarried):
            people.no_longer(conn, f"phi:{channel}", now)
        for row in outbox.held_rows(conn, now - HELD_AGAIN, limit, waits):
            values = {"status": Status.QUEUED, "send_at": now, "counts_at": now, "looked_at": now}
            swept.released += outbox.change(conn, row.id, Status.HELD, values)
        for reason in (Reason.UNSIGNED, Reason.CONTENT):
            people.close_of_campaigns(conn, reason, now)
        people.close_settled(conn, now)
    return swept


def _look(house: House, carriers: Carriers, now: datetime, limit: int, swept: Swept) -> None:
    """Ask the providers, with no transaction open, then write what they said."""
    with house.store.begin() as conn:
        asking = _Asking(carriers, {name: reason for name, (_, reason) in senders.waiting(conn, now).items()})
        rows = asking.choose(doubts.lost(conn, now - _between(house), limit), now)
        # Taken for this look: a second process that sweeps now leaves them alone, so two looks are two moments.
        outbox.looked_at(conn, [r.id for r in rows], now)
        contacts = people.load_contacts(conn, [r.contact_id for r in rows])
        of = enrolments.by_ids(conn, [r.enrolment_id for r in rows if r.enrolment_id is not None])
    if not rows:
        return
    # Side by side: a provider that answers slowly must not hold up everything else.
    with ThreadPoolExecutor(min(AT_ONCE, len(rows))) as pool:
        found = list(pool.map(lambda row: asking.evidence(row, contacts[row.contact_id].ref), rows))
    answers = list(zip(rows, found, strict=True))
    with house.store.begin() as conn:
        # Two identical messages must not both be given the one that the provider has.
        doubts.one_at_a_time(conn)
        enrolments.hold(conn, ids=of)
        for row, evidence in answers:
            hold = _holds(house, row, of.get(row.enrolment_id))
            _conclude(conn, house, row, evidence, hold, now, swept)


@dataclass(slots=True)
class _Asking:
    """One sweep's questions. A provider that is paused, spared or silent is not asked (again) in it."""

    carriers: Carriers
    silent: dict[str, str]
    left: int = field(default=MOST)

    def choose(self, rows: Sequence[sa.Row[Any]], now: datetime) -> list[sa.Row[Any]]:
        """Those to settle in this sweep; the others stay first in the line for the next."""
        chosen = []
        for row in rows:
            if self._askable(row) is not None and row.provider not in self.silent:
                if self.left == 0:
                    continue
                self.left -= 1
            chosen.append(row)

        # Each sweep begins with another: one that the provider never answers must not keep it from being asked
        # about the rest.
        def turn(row: sa.Row[Any]) -> bytes:
            return hashlib.blake2b(f"{row.ref} {now}".encode()).digest()

        return sorted(chosen, key=turn)

    def evidence(self, row: sa.Row[Any], contact: str) -> Evidence | None:
        """What the provider that had it says; None when that one cannot be asked."""
        provider = self._askable(row)
        if provider is None:
            return None
        if row.provider in self.silent:
            return Unknown(self.silent[row.provider])
        found = _find(provider, row, contact)
        if isinstance(found, Unknown):
            self.silent[row.provider] = found.detail
        return found

    def _askable(self, row: sa.Row[Any]) -> Provider | None:
        provider = self.carriers.named(row.provider)
        return provider if provider is not None and provider.can_be_asked else None


def _find(provider: Provider, row: sa.Row[Any], contact: str) -> Evidence:
    sought = Sought(
        message=row.ref,
        attempt=row.tries,
        contact=contact,
        channel=Channel(row.channel),
        to=row.to_address,
        text=row.text,
        started_at=row.started_at,
    )
    try:
        return provider.find(sought)
    except Exception as error:  # one provider that breaks must not stop the sweep
        log.error("message %s: asking the provider raised %s", row.ref, type(error).__name__)
        return Unknown(type(error).__name__)


def _between(house: House) -> timedelta:
    return house.settings.sending.doubt_grace / LOOKS


def _waits(conn: sa.Connection, house: House, carriers: Carriers) -> outbox.Waits:
    """What held messages wait for in vain, so that they are not looked at, and what has come."""
    words, known = set(house.words().values()), house.signatures.look(conn)
    signed = {one for one in words if not house.unsigned(one, known)}
    uncarried = [channel for channel in Channel if carriers.ceiling(channel) < PhiLevel.PATIENT]
    unsigned = [one[:16] for one in words - signed]
    return outbox.Waits(uncarried, [one[:16] for one in signed], unsigned, house.content.refused_hashes())


def next_look(conn: sa.Connection, house: House, carriers: Carriers, now: datetime) -> datetime | None:
    """When a message in doubt is looked for again, or a held one tried again; None when there is none."""
    doubt, held = outbox.last_looks(conn, now - PATIENCE, _waits(conn, house, carriers))
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
        if doubts.twin_on_its_way(conn, row):
            return  # the find may be the twin's, which has not come back with it yet: the next look shows
        provider_id = doubts.unowned(conn, row, evidence.provider_ids)
        if provider_id is not None:
            swept.found += _it_went(conn, row, provider_id, now)
            return
        evidence = Absent()  # all that the provider has are other messages
    # A list that does not show it yet proves nothing; only after the grace time does absence count.
    graced = now >= row.doubt_since + house.settings.sending.doubt_grace
    looks = row.looks + (graced and isinstance(evidence, Absent))
    if not outbox.change(conn, row.id, Status.IN_DOUBT, {"looks": looks, "looked_at": now}, tries=row.tries):
        return
    why = _why_ask(row, evidence, hold)
    if why is None and looks >= LOOKS:
        values = {"status": Status.QUEUED, "send_at": now, "resent": True, "looks": 0}
        swept.resent += outbox.change(conn, row.id, Status.IN_DOUBT, values, tries=row.tries)
        return
    if why is None and now >= row.doubt_since + PATIENCE:
        why = "its provider has not said for an hour whether it has it"
    if why is not None:
        swept.asked_staff += _ask(conn, row, why, now)


def _it_went(conn: sa.Connection, row: sa.Row[Any], provider_id: str, now: datetime) -> bool:
    # It went when it was handed over, not when we found out; the chain counts from then.
    values = {
        "status": Status.SENT,
        "reason": Reason.EVIDENCE,
        "provider_id": provider_id,
        "sent_at": row.counts_at or now,
        "settled_at": now,
    }
    if not outbox.change(conn, row.id, Status.IN_DOUBT, values, tries=row.tries):
        return False
    people.close_tasks(conn, row.id, "engine", now)
    return True


def _holds(house: House, row: sa.Row[Any], e: Enrolment | None) -> bool:
    """Whether the step says `doubt = "hold"`. Left out, it is resend: where nobody can be asked staff decide anyway."""
    campaign = house.plan(e.campaign, e.version) if e else None
    step = campaign.step(row.step) if campaign else None
    return step is not None and step.doubt == "hold"


def _why_ask(row: sa.Row[Any], evidence: Evidence | None, hold: bool) -> str | None:
    """Why a person has to decide it; None when evidence still may."""
    if evidence is None:
        return f"the provider {row.provider} cannot be asked"
    if row.resent:
        return "it was sent again once already"
    return "its step says hold" if hold else None


def _ask(conn: sa.Connection, row: sa.Row[Any], why: str, now: datetime) -> bool:
    words = (
        f"Message {row.ref} ({row.campaign}, step '{row.step}') may have gone or not, and {why}. Find out, then: "
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
