"""SIGKILL while real providers call Twilio-like, SendGrid-like and SMTP servers, over real HTTP and SMTP.

The servers live in this process, so they outlive the killed one (provider_worker.py), and what they accepted is the
truth. Afterwards this process, to which nothing is known but the database, turns the clock beyond the lease and the
grace time and looks.

Every failure names its dice and its kill: the same dice make the same kills (at `any_time` as nearly as the machine
allows). How many kills the long tests make, for each server on each database: NURTURE_KILLS.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from engine import doubt
from engine import tick as ticking
from engine.core.contact import Channel
from engine.core.enrolment import Event
from engine.core.messages import Status
from engine.house import House
from engine.intake import Granted, Incoming, Who, take
from engine.providers import Carriers
from engine.store import outbox
from engine.store.schema import message
from tests.conftest import Databases
from tests.crash.aftermath import wrong
from tests.crash.forking import dies
from tests.crash.provider_worker import KINDS, POINTS, WRITES, Job, provider_at, work
from tests.crash.small import MOST_SENDING, small
from tests.fakes.sendgrid import SendGridFake
from tests.fakes.smtp import SmtpFake
from tests.fakes.twilio import TwilioFake
from tests.people import DESK, WEB, Clinic

CROWD = 40
PART = 10  # kills on one database
KILLS = int(os.environ.get("NURTURE_KILLS", "100"))
LATENCY = 0.01  # seconds; so most calls are on their way when one of them kills
COMMANDS = 5  # writes to an SMTP server for one mail


@dataclass
class Case:
    """A clinic and the server that its messages go to."""

    clinic: Clinic
    kind: str
    fake: TwilioFake | SendGridFake | SmtpFake
    names: "count[int]" = field(default_factory=lambda: count(1))

    def crowd(self) -> None:
        """So many people with one message due at once."""
        kind, channel, form = ("note", Channel.SMS, DESK) if self.kind == "twilio" else ("news", Channel.EMAIL, WEB)
        house, now = self.clinic.house, self.clinic.now
        with house.store.begin() as conn:
            for _ in range(CROWD):
                n = next(self.names)
                who = Who(external_id=f"p{n}", phone=f"+1617555{n:04d}", email=f"p{n}@example.com", state="MA")
                event = Event("test", f"{kind}-{n}", kind, now, {})
                take(conn, house, Incoming(event, who, (Granted(channel, form),)), now)

    def killed(self, point: str, nth: int, delay: float = 0.0) -> Job:
        """A process that died so."""
        clinic = self.clinic
        job = Job(clinic.folder, clinic.url, clinic.now, self.kind, self.fake.port, point, nth, delay)
        assert dies(work, job), job
        self.fake.drop()  # what had reached it is dealt with now, not minutes later by the turned clock
        sending = clinic.rows(message, message.c.status == Status.SENDING)
        least = point in ("after_intent", "after_answer", "before_outcome")  # the dying one
        assert least <= len(sending) <= MOST_SENDING, job
        return job

    def killed_somewhere(self, dice: random.Random, point: str | None) -> Job:
        """The same with any message, at this point or at any."""
        point = point or dice.choice(POINTS)
        most = CROWD * (COMMANDS if point in WRITES and self.kind == "smtp" else 1)
        return self.killed(point, dice.randint(1, most), dice.uniform(0, 0.05))

    def restarted(self) -> None:
        """The clock beyond lease and grace, then everything that is still to do, by new connections."""
        clinic = self.clinic
        clinic.restart()
        provider = provider_at(self.kind, self.fake.port)
        clinic.carriers = Carriers.only(provider)
        clinic.later(minutes=11)
        clinic.turn(clinic.now + timedelta(minutes=10))
        provider.close()

    def problems(self) -> list[str]:
        """What must not be, after everything came to rest."""
        rows = self.clinic.rows(message)
        found = wrong(self.clinic, Counter(str(taken.message) for taken in self.fake.accepted))
        if self.kind == "twilio":
            sids = {taken.message: taken.sid for taken in self.fake.accepted}
            if astray := [m.ref for m in rows if m.status != Status.SENT or m.provider_id != sids.get(m.ref)]:
                found.append(f"{len(astray)} not sent by the name that Twilio has for it")
        elif guessed := [m.ref for m in rows if m.status not in (Status.SENT, Status.IN_DOUBT) or m.tries > 1]:
            found.append(f"{len(guessed)} guessed at, though nobody can be asked")
        return found


def opened(kind: str, folder: Path, url: str) -> Iterator[Case]:
    """A clinic with chunks of 8 and eight calls at a time, and its server."""
    clinic = Clinic(small(folder), url)

    def clock() -> datetime:
        return clinic.now

    fakes = {"twilio": TwilioFake, "sendgrid": SendGridFake, "smtp": SmtpFake}
    with fakes[kind](clock=clock, latency=LATENCY) as fake:
        yield Case(clinic, kind, fake)
    clinic.close()


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, migrated_url: str, tmp_path: Path) -> Iterator[Case]:
    """For each kind of server, on a database of each kind."""
    yield from opened(request.param, tmp_path / "clinic", migrated_url)


@pytest.fixture
def texts(databases: Databases, tmp_path: Path) -> Iterator[Case]:
    """A Twilio-like server, on SQLite only."""
    yield from opened("twilio", tmp_path / "clinic", databases.new("sqlite", tmp_path, migrated=True))


def kill_and_restart(case: Case, seed: str, points: Sequence[str | None], *, at_once: float = 0) -> None:
    """A kill at each of the points (None: at any). `at_once`: how often it is left to the next process, killed too."""
    dice = random.Random(seed)
    for at, point in enumerate(points, start=1):
        case.crowd()
        job = case.killed_somewhere(dice, point)
        if at < len(points) and dice.random() < at_once:
            case.clinic.later(minutes=11)  # so that the next process sweeps, and may die of that
            continue
        case.restarted()
        assert case.problems() == [], f"dice {seed!r}, kill {at}: {job}"
    assert len(case.clinic.rows(message)) == CROWD * len(points)


def test_killed(case: Case) -> None:
    """At every second point on the one database, at the others on the other."""
    name = case.clinic.store.engine.dialect.name
    kill_and_restart(case, f"{case.kind} {name}", POINTS[0::2] if name == "sqlite" else POINTS[1::2])


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, KILLS, PART))
def test_killed_again_and_again(case: Case, first: int) -> None:
    """Any point, any message, on one database; also while it recovers from the death before."""
    seed = f"{case.kind} {case.clinic.store.engine.dialect.name} {first}"
    kill_and_restart(case, seed, [None] * min(PART, KILLS - first), at_once=0.2)


# --- the harness itself can fail


def test_who_never_looks_loses_texts(texts: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "sweep", lambda *_: doubt.Swept())
    texts.crowd()
    texts.killed("writing", nth=20)
    texts.restarted()
    found = texts.problems()
    assert any("not settled" in problem for problem in found)
    assert any("not sent by the name" in problem for problem in found)
    assert len({taken.to for taken in texts.fake.accepted}) < CROWD  # at least the one that was half written


def test_who_resends_without_looking_sends_texts_twice(texts: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "sweep", requeue)
    texts.crowd()
    texts.killed("after_answer", nth=20)
    texts.restarted()
    assert any("sent twice" in problem for problem in texts.problems())
    assert max(Counter(taken.to for taken in texts.fake.accepted).values()) == 2


def requeue(house: House, carriers: Carriers, now: datetime) -> doubt.Swept:
    """A sweep that takes it for granted that what lost its process did not go."""
    values = {"status": Status.QUEUED, "send_at": now, "lease_until": None}
    with house.store.begin() as conn:
        for row in outbox.abandoned(conn, now, CROWD):
            outbox.change(conn, row.id, Status.SENDING, values)
    return doubt.Swept()
