"""Any history: events, replies, receipts, faults, deaths, restarts and leaps of the clock, in any order.

Beside the clinic a small model is kept of what people said. After every act: nobody is written to who said no or
never said yes; no message goes twice; a status only moves forward; the account balances; what only grows only grows.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import sender
from engine.core.consent import PURPOSES, Purpose
from engine.core.contact import Channel
from engine.core.messages import SETTLED, Status
from engine.core.timing import local
from engine.doubt import settle
from engine.inbox import finish_task
from engine.intake import Who
from engine.providers.mailbox import Failure
from engine.scheduler import fill
from engine.store import marks, outbox, schema
from tests.conftest import Databases
from tests.people import ANN, BOB, CAT, DAN, DESK, WEB, Clinic, fault, project

EVE = Who(first_name="Eve", last_name="Lee", email="eve@example.com", phone=ANN.phone, state="MA")
FOLK = {str(who.first_name): who for who in (ANN, BOB, CAT, DAN, EVE)}  # Ann and Eve share a phone
TEXTABLE = sorted(name for name, who in FOLK.items() if who.phone)
GRANTS = {WEB: {Purpose.MARKETING}, DESK: {Purpose.APPOINTMENT, Purpose.CARE}}

Act = tuple[str, Any]


def act(name: str, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(st.just(name), st.tuples(*parts))


people = st.sampled_from(sorted(FOLK))
forms = st.sampled_from([(), (WEB,), (DESK,), (WEB, DESK)])
ACTS = st.one_of(
    act("happens", st.sampled_from(["enquiry", "interest", "treatment", "letter", "care_ended"]), people, forms),
    act("happens", st.sampled_from(["enquiry", "not_interested", "letter"]), people, st.just((WEB, DESK))),
    act("books", st.sampled_from(["booking", "reschedule", "cancel"]), people, st.integers(1, 6)),
    act(
        "replies", st.sampled_from(["STOP", "START", "HELP", "hello?", "stop contacting me"]), st.sampled_from(TEXTABLE)
    ),
    act(
        "reports", st.integers(0, 30), st.sampled_from(["sent", "delivered", "bounced", "complained", "failed", "huh"])
    ),
    act("waits", st.sampled_from([1, 7, 60, 60 * 5, 60 * 24, 60 * 24 * 3])),
    act("turns", st.sampled_from([10, 60, 60 * 26])),
    act("ticks"),
    act("fails", st.sampled_from(list(Failure)), st.sampled_from([(), (1,), (1, 2)]), st.booleans()),
    act("mends"),
    act("dies", st.integers(0, 3)),
    act("staff"),
    act("pauses", st.sampled_from(["guide", "visit", "care"])),
    act("resumes"),
)


@dataclass
class Model:
    """What people said, and what was seen so far."""

    yes: set[tuple[str, str, Purpose]] = field(default_factory=set)
    stopped: set[tuple[str, Purpose]] = field(default_factory=set)
    never: set[str] = field(default_factory=set)  # addresses closed in other words
    statuses: dict[int, str] = field(default_factory=dict)
    letters: set[Path] = field(default_factory=set)
    grown: dict[str, list[Any]] = field(default_factory=dict)
    names: Iterator[int] = field(default_factory=lambda: count(1))


class History:
    """A clinic, the model beside it, and the acts."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic, self.model = clinic, Model()

    def happens(self, kind: str, name: str, said: tuple[str, ...]) -> None:
        self._agree(name, said)
        payload: dict[str, Any] = {"letter": {"room": "7"}, "treatment": {"treatment": f"t-{kind}"}}.get(kind, {})
        self.clinic.happens(kind, FOLK[name], consents=said, **payload)

    def books(self, kind: str, name: str, days: int) -> None:
        self._agree(name, (DESK,))
        starts = (self.clinic.now + timedelta(days=days)).replace(hour=19, minute=0)
        payload: dict[str, Any] = {"appointment": f"a-{name}", "starts_at": starts.isoformat()}
        self.clinic.happens(kind, FOLK[name], consents=[DESK], **payload)

    def _agree(self, name: str, said: tuple[str, ...]) -> None:
        for address in (FOLK[name].email, FOLK[name].phone):
            self.model.yes |= {(name, address, p) for form in said for p in GRANTS[form] if address}

    def replies(self, words: str, name: str) -> None:
        phone = FOLK[name].phone
        assert phone is not None
        known = bool(self.clinic.rows(schema.contact_point, schema.contact_point.c.address == phone))
        self.clinic.replies(words, phone)
        if words == "STOP":
            self.model.stopped |= {(phone, purpose) for purpose in PURPOSES}
        elif words == "START":
            self.model.stopped -= {(phone, purpose) for purpose in PURPOSES if purpose is not Purpose.MARKETING}
        elif words == "stop contacting me" and known:
            points = self.clinic.rows(schema.contact_point)
            sharing = {p.contact_id for p in points if p.address == phone}
            self.model.never |= {p.address for p in points if p.contact_id in sharing}

    def reports(self, nth: int, word: str) -> None:
        rows = self.clinic.rows(schema.message, schema.message.c.provider.is_not(None))
        if rows:
            self.clinic.reports(rows[nth % len(rows)].ref, word)

    def waits(self, minutes: int) -> None:
        self.clinic.later(minutes=minutes)

    def turns(self, minutes: int) -> None:
        self.clinic.turn(self.clinic.now + timedelta(minutes=minutes))

    def ticks(self) -> None:
        self.clinic.tick()

    def fails(self, how: Failure, attempts: tuple[int, ...], accepted: bool) -> None:
        self.clinic.faults[:] = [fault(how, "*", attempts, accepted=accepted and how is Failure.IN_DOUBT)]

    def mends(self) -> None:
        self.clinic.faults.clear()

    def dies(self, handed_over: int) -> None:
        """The process dies after the intent, with so many of its messages handed over; another one starts."""
        clinic = self.clinic
        house, running = clinic.house, (outbox.SERVICE, *clinic.house.running())
        fill(house, clinic.now)
        with clinic.store.begin() as conn:
            ids = outbox.due_ids(conn, running, clinic.now, 64)
            ready = sender.take(conn, house, clinic.providers, ids, clinic.now, sender.Sent())
        for item in ready[:handed_over]:
            item.provider.send(item.out, clinic.now)
        clinic.restart()

    def staff(self) -> None:
        """Everything that staff are asked is done; about a doubtful message they find out the truth."""
        clinic = self.clinic
        taken = {letter.message for letter in clinic.letters()}
        for row in clinic.rows(schema.message, schema.message.c.status == Status.IN_DOUBT):
            settle(clinic.house, row.ref, "sent" if row.ref in taken else "not-sent", "ann", clinic.now)
        for row in clinic.rows(schema.task, schema.task.c.closed_at.is_(None)):
            finish_task(clinic.house, row.id, "ann", clinic.now)

    def pauses(self, campaign: str) -> None:
        with self.clinic.store.begin() as conn:
            marks.pause(conn, campaign, "ann", self.clinic.now)

    def resumes(self) -> None:
        with self.clinic.store.begin() as conn:
            for campaign in marks.paused(conn):
                marks.resume(conn, campaign)

    def rests(self) -> None:
        """Whatever is open comes to an end."""
        self.mends()
        self.resumes()
        self.turns(60)
        self.staff()
        self.turns(60 * 3)

    # --- what must hold

    def check(self) -> None:
        messages = self.clinic.rows(schema.message)
        self._nobody_is_written_to_who_said_no({m.ref: m for m in messages})
        self._statuses_move_forward(messages)
        of = Counter(m.enrolment_id for m in messages if m.enrolment_id is not None)
        assert {e.id: e.decided for e in self.clinic.rows(schema.enrolment)} == {
            e.id: of[e.id] for e in self.clinic.rows(schema.enrolment)
        }
        for table in (schema.consent, schema.suppression, schema.event, schema.receipt, schema.reply):
            before, now = self.model.grown.get(table.name, []), self.clinic.rows(table)
            assert now[: len(before)] == before, f"{table.name} was changed"
            self.model.grown[table.name] = now

    def _nobody_is_written_to_who_said_no(self, messages: dict[str, Any]) -> None:
        names = {p.contact_id: p.first_name for p in self.clinic.rows(schema.person)}
        to = {p.id: p.address for p in self.clinic.rows(schema.contact_point)}
        assert self.clinic.twice() == {}
        for letter in self.clinic.letters():
            if letter.path in self.model.letters:
                continue
            self.model.letters.add(letter.path)
            row = messages[letter.message]
            if row.purpose == Purpose.SERVICE:
                continue
            address, purpose = to[row.contact_point_id], Purpose(row.purpose)
            assert (names[row.contact_id], address, purpose) in self.model.yes, "never said yes"
            assert (address, purpose) not in self.model.stopped, "sent after STOP"
            assert address not in self.model.never, "sent after other words"

    def _statuses_move_forward(self, messages: list[Any]) -> None:
        later = {
            Status.SENT: {Status.SENT, Status.DELIVERED, Status.FAILED},
            Status.DELIVERED: {Status.DELIVERED, Status.FAILED},
        }
        for row in messages:
            before = self.model.statuses.get(row.id)
            if before in SETTLED:
                assert row.status in later.get(Status(before), {before}), f"{before} became {row.status}"
            self.model.statuses[row.id] = row.status

    def check_at_rest(self) -> None:
        taken = {letter.message for letter in self.clinic.letters()}
        asked = {t.message_id for t in self.clinic.rows(schema.task, schema.task.c.closed_at.is_(None))}
        messages = self.clinic.rows(schema.message)
        for row in messages:
            assert row.status != Status.SENDING
            if row.status in (Status.IN_DOUBT, Status.HELD):
                assert row.id in asked
            if row.status in (Status.SENT, Status.DELIVERED):
                assert row.ref in taken, "said to be sent and not sent"
            if row.ref in taken:
                assert row.status in (Status.SENT, Status.DELIVERED, Status.FAILED, Status.IN_DOUBT)
        self._hours_and_caps([m for m in messages if m.ref in taken])

    def _hours_and_caps(self, sent: list[Any]) -> None:
        marketing: dict[tuple[int, str], list[datetime]] = {}
        for row in sent:
            at = local(row.sent_at or row.counts_at, "America/New_York")
            if row.purpose != Purpose.SERVICE:
                assert (7 if row.channel == Channel.EMAIL else 8) <= at.hour < 21, f"{row.channel} at {at:%H:%M}"
            if row.purpose == Purpose.MARKETING:
                marketing.setdefault((row.contact_id, row.channel), []).append(at)
                marketing.setdefault((row.address_key, row.channel), []).append(at)
        for (_, channel), times in marketing.items():
            times.sort()
            assert all(b - a >= timedelta(hours=24) for a, b in pairwise(times)), "two in a day"
            most = 3 if channel == Channel.EMAIL else 2
            assert all(b - a >= timedelta(days=7) for a, b in zip(times, times[most:], strict=False))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("histories") / "clinic")


def lived(acts: list[Act], databases: Databases, files: Path) -> None:
    shutil.rmtree(files / "mailbox", ignore_errors=True)
    clinic = Clinic(files, databases.new("sqlite", files, migrated=True))
    history = History(clinic)
    try:
        for name, parts in [*acts, ("rests", ())]:
            getattr(history, name)(*parts)
            history.check()
        history.check_at_rest()
    finally:
        clinic.close()


HISTORIES = st.lists(ACTS, min_size=4, max_size=16)
QUIET = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)


@settings(max_examples=60, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(acts=HISTORIES)
def test_any_history(acts: list[Act], databases: Databases, files: Path) -> None:
    lived(acts, databases, files)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(acts=st.lists(ACTS, min_size=4, max_size=40))
def test_any_long_history(acts: list[Act], databases: Databases, files: Path) -> None:
    lived(acts, databases, files)
