"""From a message that shall go to its committed intent: who carries it, its words, its turn; or why it waits."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from engine.core.contact import Channel
from engine.core.decisions import where
from engine.core.jurisdiction import Whereabouts, sms_validity
from engine.core.messages import Status
from engine.core.pacing import UNLIMITED, reserve
from engine.core.permission import windows
from engine.core.phi import PhiLevel, level_of
from engine.core.reasons import Reason
from engine.core.render import EmailTemplate
from engine.core.signoff import Signed, Which
from engine.house import House
from engine.providers import (
    Carriers,
    Outgoing,
)
from engine.sender.calls import Ready, Sent
from engine.store import outbox, people, senders
from engine.store.outbox import Decided, Written
from engine.words import Held, Words, words_of

log = logging.getLogger("nurture.sender")

# Longer than a message waits for its call and the call may take together: after this a message that is still
# `sending` has lost its process.
LEASE = timedelta(minutes=3)
# So long the others wait for the first message by a provider that was paused.
TRIAL = timedelta(minutes=1)
# A call that could not begin by then is not begun: its message might be looked for already.
BEGINS_WITHIN = timedelta(seconds=90)
# TCPA-R-5: the one confirmation of a STOP goes within five minutes or not at all; later it would be a message of its
# own, perhaps at night, and so would the answers to HELP and START.
ANSWER_WITHIN = timedelta(minutes=5)


def launch(
    conn: sa.Connection, house: House, carriers: Carriers, going: Sequence[Decided], now: datetime, result: Sent
) -> list[Ready]:
    """Choose who carries each, render it, and write the intent, or why it has to wait; in the caller's transaction."""
    if not going:
        return []
    trials = senders.on_trial(conn)
    waiting = senders.waiting(conn, now)
    waiting |= {name: (now + TRIAL, Reason.PROVIDER_PAUSED.value) for name, busy in trials.items() if busy}
    work = _Launch(house, carriers, now, waiting, frozenset(trials), house.signatures.look(conn))
    for item in going:
        work.one(item)
    ready = _paced(conn, house, work, now)
    outbox.launch(conn, work.written, now, LEASE)
    if len(ready) < len(going):
        gone = {item.decided.c.id for item in ready}
        outbox.stay(conn, [item for item in going if item.c.id not in gone])
    for message_id in [item.decided.c.id for item in ready if item.decided.c.held]:
        people.close_tasks(conn, message_id, "engine", now)
    hold(conn, [w for w in work.written if w.status is Status.HELD], now)
    result.put_off += sum(w.status is Status.QUEUED for w in work.written)
    result.not_sent += sum(w.status is Status.HELD for w in work.written)
    return ready


@dataclass(slots=True)
class _Launch:
    """One transaction's worth of messages, each on its way to being ready or written down as waiting."""

    house: House
    carriers: Carriers
    now: datetime
    waiting: dict[str, tuple[datetime, str]]
    on_trial: frozenset[str]
    signed: Signed
    written: list[Written] = field(default_factory=list)
    ready: list[tuple[Ready, Written]] = field(default_factory=list)
    validity: dict[tuple[str, Whereabouts], timedelta] = field(default_factory=dict)

    def one(self, item: Decided) -> None:
        """Ready, or not."""
        try:
            self._one(item)
        except Exception as error:
            log.error("message %s cannot be made: %s", item.c.ref, type(error).__name__)
            self.written.append(held(item, broken(error)))

    def _one(self, item: Decided) -> None:
        c, house = item.c, self.house
        if (unsigned := _unsigned(house, item, self.signed)) is not None:
            self.written.append(unsigned)
            return
        told = PhiLevel.GENERIC if item.situation is None else level(house, item)
        provider = self.carriers.choose(c.channel, told, item.point.address)
        if provider is None:
            self.written.append(_uncarried(item, self.carriers.ceiling(c.channel) < told))
            return
        if provider.name in self.waiting:
            until, reason = self.waiting[provider.name]
            self.written.append(Written(c, Status.QUEUED, Reason(reason), "provider", send_at=until))
            return
        place = None if item.situation is None else where(item.situation, house.terms)
        words = _words(house, item, place, self.now)
        if isinstance(words, Held):
            self.written.append(held(item, words))
            return
        if words.unfit is not None:
            self.written.append(held(item, words.unfit, words.hash))
            return
        if provider.name in self.on_trial:
            # It was paused until a moment ago: one message tries it, and the others wait for what becomes of that.
            self.waiting[provider.name] = (self.now + TRIAL, Reason.PROVIDER_PAUSED.value)
        out = _outgoing(item, words, self._expires(item, place))
        sending = Written(c, Status.SENDING, Reason.DUE, c.rule)
        sending.provider, sending.hash, sending.segments = provider.name, words.hash, words.segments
        sending.to, sending.subject, sending.text, sending.html = out.to, out.subject, out.text, out.html
        self.ready.append((Ready(item, provider, out, self.now, self.now + BEGINS_WITHIN), sending))

    def _expires(self, item: Decided, place: Whereabouts | None) -> timedelta | None:
        """How long a text may wait at the provider: never beyond its window (TCPA-QH-7, decision 27)."""
        if item.c.channel is not Channel.SMS:
            return None
        if item.campaign is None or place is None:
            return ANSWER_WITHIN
        name = (item.campaign.name, place)
        if name not in self.validity:
            terms = self.house.terms
            open_hours = windows(item.campaign, item.point, self.now, place, terms)
            # None cannot be: the window's floor had let it through a moment ago; the least there is, then.
            self.validity[name] = sms_validity(self.now, open_hours, terms.rules) or ANSWER_WITHIN
        return self.validity[name]


def level(house: House, item: Decided) -> PhiLevel:
    """The level of the message, by its person, its campaign and what its words declare of themselves (`phi`)."""
    assert item.campaign is not None and item.situation is not None
    c = item.c
    words = house.catalogue.template(c.campaign, c.template, c.channel, item.contact.language)
    return level_of(
        item.campaign,
        policy=house.settings.phi.enquirer_policy,
        happened=item.situation.happened,
        named_health=item.contact.named_health,
        patient_kinds=house.patient_kinds,
        declared=words.phi if isinstance(words, EmailTemplate) else 0,
    )


# Held for want of a provider, as far as nobody may carry it at all: one task tells ops for all of them.
NOBODY = "HIP-1"
# Held because the content gate refuses the template: one task tells of a campaign's.
REFUSED = "template"


def _uncarried(item: Decided, by_nobody: bool) -> Written:
    """It tells of somebody's health, and nobody may carry that: at all, or to this address (INT-2)."""
    if not by_nobody:
        problem = "No provider may carry it to this number, which is not in the United States. Call the person."
    elif item.c.channel is Channel.EMAIL:
        problem = "No email provider here may carry it. Set up SMTP by a relay that signed a BAA ([smtp.baa])."
    else:
        problem = "The SMS provider that is set up may not carry it. Record its signed BAA ([twilio.baa])."
    rule = NOBODY if by_nobody else "INT-2"
    return Written(item.c, Status.HELD, Reason.PHI_PROVIDER, rule, problem=problem)


def _unsigned(house: House, item: Decided, signed: Signed) -> Written | None:
    """Held, when some role has yet to sign its words (decision 22)."""
    c = item.c
    which = Which(c.campaign, c.template, c.channel, item.contact.language)
    template = house.catalogue.template(*which)
    if template is None or house.settings.signoff.demo:
        return None  # without words it is held for that
    words = house.hash_of(which, c.purpose)
    roles = house.unsigned(words, signed)
    if not roles:
        return None
    problem = f"{template.file} is not signed by {' and '.join(roles)}. Whoever reads and signs it: nurture signoff"
    return Written(c, Status.HELD, Reason.UNSIGNED, "decision 22", problem=problem, hash=words[:16])


def _paced(conn: sa.Connection, house: House, work: _Launch, now: datetime) -> list[Ready]:
    """Those that their sender's rate lets go now; the others are written down with the moment to ask again."""
    by_sender: dict[str, list[tuple[Ready, Written]]] = {}
    for pair in work.ready:
        by_sender.setdefault(pair[0].provider.name, []).append(pair)
    going = []
    for name, pairs in sorted(by_sender.items()):
        pace = pairs[0][0].provider.pace
        slots: Sequence[datetime | None] = [None] * len(pairs)
        if pace != UNLIMITED:
            costs = [w.segments or 1 for _, w in pairs]
            slots, meter = reserve(pace, senders.meter(conn, name), costs, now, *_day(house, now))
            senders.keep_meter(conn, name, meter)
        for (ready, sending), slot in zip(pairs, slots, strict=True):
            if slot is None:
                work.written.append(sending)
                going.append(ready)
            else:
                work.written.append(Written(sending.c, Status.QUEUED, Reason.PACE, "sender", send_at=slot))
    return going


def _day(house: House, now: datetime) -> tuple[date, datetime]:
    """The clinic's day, by which daily limits count, and when its next one begins."""
    here = now.astimezone(ZoneInfo(house.settings.clinic.zone))
    midnight = (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return here.date(), midnight.astimezone(now.tzinfo)


def _words(house: House, item: Decided, place: Whereabouts | None, now: datetime) -> Words | Held:
    c = item.c
    return words_of(
        house,
        message_id=c.id,
        campaign=c.campaign,
        template=c.template,
        channel=c.channel,
        purpose=c.purpose,
        contact=item.contact,
        enrolment=None if item.situation is None else item.situation.enrolment,
        home_zone=house.settings.clinic.zone if place is None else place.home_zone,
        now=now,
    )


def _outgoing(item: Decided, words: Words, expires: timedelta | None) -> Outgoing:
    c = item.c
    return Outgoing(
        message=c.ref,
        attempt=c.tries + 1,
        contact=item.contact.ref,
        channel=c.channel,
        to=item.point.address,
        text=words.text,
        subject=words.subject,
        html=words.html,
        headers=words.headers,
        attachments=words.attachments,
        expires_in=expires,
    )


def broken(error: Exception) -> Held:
    return Held(Reason.TEMPLATE_BROKEN, f"It cannot be made ({type(error).__name__}). Tell the engineers.")


def held(item: Decided, held: Held, template: str | None = None) -> Written:
    """`template`: the hash of the template, when it was read."""
    rule = REFUSED if held.template else "words"
    return Written(item.c, Status.HELD, held.reason, rule, problem=held.problem, hash=template)


def hold(conn: sa.Connection, held: Sequence[Written], now: datetime) -> None:
    """Ask staff for the repair: once a message, once in all for a provider that is missing, and once a campaign for
    words that are not signed or refused.
    """
    for w in held:
        c = w.c
        if w.rule == NOBODY:
            words = f"Messages by {c.channel} are held (PHI_PROVIDER). {w.problem}"
            people.ask_once(conn, f"phi:{c.channel}", "provider", words, now)
        elif w.reason is Reason.UNSIGNED:
            words = f"Messages of {c.campaign} are held (UNSIGNED). Have them signed: nurture signoffs {c.campaign}"
            people.ask_once(conn, f"{w.reason}:{c.campaign}", w.reason, words, now)
        elif w.rule == REFUSED:
            words = f"Messages of {c.campaign} are held (CONTENT). {w.problem}"
            people.ask_once(conn, f"{w.reason}:{c.campaign}", w.reason, words, now)
        # Somebody who closed the task without the repair is asked again.
        elif not people.asked_about(conn, c.id):
            words = f"A message of {c.campaign}, step '{c.step}', is held. {w.problem}"
            key = f"held:{c.ref}:{now.isoformat()}"
            people.open_task(conn, key, "held", words, now, contact_id=c.contact_id, message_id=c.id)
