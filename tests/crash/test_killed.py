"""SIGKILL at every point: after a restart nothing was sent twice, nothing is lost unseen, all is settled.

Each kill takes a process of its own (worker.py). Afterwards this process, to which nothing is known but the
database, turns the clock beyond the lease and the grace time and looks. How many kills there are beside the
one at each point that every test run makes: NURTURE_KILLS, an engine.
"""

import os
import random
from collections import Counter
from datetime import timedelta
from itertools import count

import pytest

from engine import doubt
from engine import tick as ticking
from engine.intake import Who
from engine.providers import Absent
from engine.providers.mailbox import MailboxProvider
from engine.store.schema import enrolment, message, task
from tests.crash.aftermath import wrong
from tests.crash.forking import dies
from tests.crash.small import MOST_SENDING
from tests.crash.worker import POINTS, main
from tests.people import DESK, Clinic

CROWD = 34
KILLS = int(os.environ.get("NURTURE_KILLS", "100"))


def crowd(clinic: Clinic, names: "count[int]") -> None:
    """So many people with one text due at once."""
    for _ in range(CROWD):
        n = next(names)
        who = Who(external_id=f"p{n}", phone=f"+1617{555 + n // 10000}{n % 10000:04d}", state="MA")
        clinic.happens("note", who, consents=[DESK], name=f"note-{n}")


def killed(clinic: Clinic, point: str, nth: int) -> None:
    """A process that dies there with the n-th message."""
    assert dies(main, str(clinic.folder), clinic.url, clinic.now.isoformat(), point, str(nth)), f"{point} {nth}"


def restarted(clinic: Clinic) -> None:
    """The clock beyond lease and grace, then everything that is still to do."""
    clinic.restart()
    clinic.later(minutes=11)
    clinic.turn(clinic.now + timedelta(minutes=10))


def problems(clinic: Clinic) -> list[str]:
    """What must not be, after everything came to rest; the mailbox's own record is the truth."""
    return wrong(clinic, Counter(letter.message for letter in clinic.letters()))


@pytest.mark.parametrize("point", POINTS)
def test_killed(lean: Clinic, point: str) -> None:
    crowd(lean, count(1))
    killed(lean, point, nth=23)
    if point not in ("deciding", "before_intent"):
        assert 0 < len(lean.rows(message, message.c.status == "sending")) <= MOST_SENDING
    restarted(lean)
    assert problems(lean) == []
    assert {m.status for m in lean.rows(message)} == {"sent"}
    assert len(lean.letters()) == CROWD


def test_killed_where_the_provider_cannot_be_asked(lean: Clinic) -> None:
    """Then nobody knows, nobody guesses, and a person at the clinic is asked about each."""
    lean.can_be_asked = False
    crowd(lean, count(1))
    killed(lean, "after_answer", nth=23)
    restarted(lean)
    assert problems(lean) == []
    doubtful = {m.id for m in lean.rows(message, message.c.status == "in_doubt")}
    assert 0 < len(doubtful) <= MOST_SENDING
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
        assert problems(lean) == []
    restarted(lean)
    assert problems(lean) == []
    assert lean.twice() == {}
    assert len(lean.letters()) == len(lean.rows(enrolment))


# --- the harness itself can fail


def test_who_never_looks_loses_them(sqlite: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "sweep", lambda *_: doubt.Swept())
    crowd(sqlite, count(1))
    killed(sqlite, "after_answer", nth=5)
    restarted(sqlite)
    found = problems(sqlite)
    assert any("not settled" in problem for problem in found)
    assert any("the log does not say so" in problem for problem in found)


def test_who_resends_without_looking_sends_twice(sqlite: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MailboxProvider, "find", lambda *_: Absent())
    crowd(sqlite, count(1))
    killed(sqlite, "after_answer", nth=5)
    restarted(sqlite)
    assert any("sent twice" in problem for problem in problems(sqlite))


def test_who_calls_before_the_intent_is_committed_sends_twice(sqlite: Clinic) -> None:
    crowd(sqlite, count(1))
    killed(sqlite, "unwise after_answer", nth=5)
    restarted(sqlite)
    assert problems(sqlite) != []
    assert len(sqlite.letters()) > CROWD  # everybody was due one
