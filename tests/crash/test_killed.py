"""SIGKILL at every point: after a restart nothing was sent twice, nothing is lost unseen, all is settled.

Each kill takes a process of its own (worker.py). Afterwards this process, to which nothing is known but the
database, turns the clock beyond the lease and the grace time and looks. How many kills there are beside the
one at each point that every test run makes: NURTURE_KILLS, an engine.
"""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from itertools import count

import pytest

from engine import doubt
from engine import tick as ticking
from engine.intake import Who
from engine.providers import Absent
from engine.providers.mailbox import MailboxProvider
from engine.store.schema import attempt, enrolment, message, task
from tests.crash.worker import POINTS
from tests.people import DESK, ROOT, Clinic

CROWD = 34
CHUNK, CONCURRENCY = 16, 16  # as tests/data/lean/settings.toml has them
KILLS = int(os.environ.get("NURTURE_KILLS", "100"))


def crowd(clinic: Clinic, names: "count[int]") -> None:
    """So many people with one text due at once."""
    for _ in range(CROWD):
        n = next(names)
        who = Who(external_id=f"p{n}", phone=f"+1617{555 + n // 10000}{n % 10000:04d}", state="MA")
        clinic.happens("note", who, consents=[DESK], name=f"note-{n}")


def killed(clinic: Clinic, point: str, nth: int) -> None:
    """A process that dies there with the n-th message."""
    arguments = (str(clinic.folder), clinic.url, clinic.now.isoformat(), point, str(nth))
    died = subprocess.run(
        [sys.executable, "-m", "tests.crash.worker", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert died.returncode == -signal.SIGKILL, died.stderr


def restarted(clinic: Clinic) -> None:
    """The clock beyond lease and grace, then everything that is still to do."""
    clinic.restart()
    clinic.later(minutes=11)
    clinic.turn(clinic.now + timedelta(minutes=10))


def wrong(clinic: Clinic) -> list[str]:
    """What must not be, after everything came to rest."""
    found = []
    taken = Counter(letter.message for letter in clinic.letters())
    rows = clinic.rows(message)
    tasks = {t.message_id for t in clinic.rows(task, task.c.closed_at.is_(None))}
    if twice := [ref for ref, times in taken.items() if times > 1]:
        found.append(f"{len(twice)} sent twice")
    if lost := [m.id for m in rows if m.status == "sent" and m.ref not in taken]:
        found.append(f"{len(lost)} said to be sent and not sent")
    if unseen := [m.id for m in rows if m.status != "sent" and m.ref in taken and m.id not in tasks]:
        found.append(f"{len(unseen)} sent, and the log does not say so")
    if pending := [m.id for m in rows if m.status not in ("sent", "failed", "skipped") and m.id not in tasks]:
        found.append(f"{len(pending)} not settled")
    people = clinic.rows(enrolment)
    if len(rows) != len(people):
        found.append(f"{len(people) - len(rows)} never decided")
    if open_ := [e.id for e in people if e.status == "active" and not tasks]:
        found.append(f"{len(open_)} enrolments go on")
    tries = Counter(a.message_id for a in clinic.rows(attempt))
    if many := [m.id for m in rows if tries[m.id] > 2]:
        found.append(f"{len(many)} tried more than twice")
    return found


@pytest.mark.parametrize("point", POINTS)
def test_killed(lean: Clinic, point: str) -> None:
    crowd(lean, count(1))
    killed(lean, point, nth=23)
    if point not in ("deciding", "before_intent"):
        assert 0 < len(lean.rows(message, message.c.status == "sending")) <= CONCURRENCY + 2 * CHUNK
    restarted(lean)
    assert wrong(lean) == []
    assert {m.status for m in lean.rows(message)} == {"sent"}
    assert len(lean.letters()) == CROWD


def test_killed_where_the_provider_cannot_be_asked(lean: Clinic) -> None:
    """Then nobody knows, nobody guesses, and a person at the clinic is asked about each."""
    lean.can_be_asked = False
    crowd(lean, count(1))
    killed(lean, "after_answer", nth=23)
    restarted(lean)
    assert wrong(lean) == []
    doubtful = {m.id for m in lean.rows(message, message.c.status == "in_doubt")}
    assert 0 < len(doubtful) <= CONCURRENCY + 2 * CHUNK
    assert {t.message_id for t in lean.rows(task)} == doubtful
    assert lean.twice() == {}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_killed_again_and_again(lean: Clinic, part: int) -> None:
    """Any point, any message, on one database; also while it recovers from the death before."""
    dice = random.Random(f"{part} {lean.store.engine.dialect.name}")
    names = count(1)
    for _ in range(max(1, KILLS // 4)):
        crowd(lean, names)
        killed(lean, dice.choice(POINTS), dice.randint(1, CROWD))
        if dice.random() < 0.2:
            continue  # the next process finds both
        restarted(lean)
        assert wrong(lean) == []
    restarted(lean)
    assert wrong(lean) == []
    assert lean.twice() == {}
    assert len(lean.letters()) == len(lean.rows(enrolment))


# --- the harness itself can fail


def test_who_never_looks_loses_them(sqlite: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "sweep", lambda *_: doubt.Swept())
    crowd(sqlite, count(1))
    killed(sqlite, "after_answer", nth=5)
    restarted(sqlite)
    problems = wrong(sqlite)
    assert any("not settled" in problem for problem in problems)
    assert any("the log does not say so" in problem for problem in problems)


def test_who_resends_without_looking_sends_twice(sqlite: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MailboxProvider, "find", lambda *_: Absent())
    crowd(sqlite, count(1))
    killed(sqlite, "after_answer", nth=5)
    restarted(sqlite)
    assert any("sent twice" in problem for problem in wrong(sqlite))


def test_who_calls_before_the_intent_is_committed_sends_twice(sqlite: Clinic) -> None:
    crowd(sqlite, count(1))
    killed(sqlite, "unwise after_answer", nth=5)
    restarted(sqlite)
    assert any("sent twice" in problem for problem in wrong(sqlite))
