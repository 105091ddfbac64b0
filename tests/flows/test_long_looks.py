"""One look that lasts: what must happen meanwhile, when it is told to end, and when the machine gives way under it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Semaphore, Thread, active_count

import pytest
import sqlalchemy as sa

from engine.core.contact import Channel
from engine.providers import Health, InDoubt, Misconfigured, Outcome, Outgoing
from engine.sender import LEASE
from engine.store.schema import attempt, message
from engine.tick import tick
from tests.flows.told import Told, crowd, only
from tests.people import ANN, BOB, DESK, START, Clinic

EMAIL, SMS = frozenset({Channel.EMAIL}), frozenset({Channel.SMS})
A_CALL = timedelta(seconds=20)
REFUSES = Misconfigured("code 20003")


@dataclass(slots=True)
class Slow(Told):
    """Each call takes a while, so that a look at many people takes many minutes."""

    clinic: Clinic = field(kw_only=True)
    lasts: timedelta = A_CALL
    waited: list[timedelta] = field(default_factory=list)

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        self.waited.append(self.clinic.now - now)
        self.clinic.later(seconds=self.lasts.total_seconds())
        return Told.send(self, out, now)


def at_most(clinic: Clinic, *, chunk: int, concurrency: int) -> None:
    """So many messages are claimed in one go, and so many called at once."""
    file = clinic.folder / "settings.toml"
    file.write_text(f"{file.read_text()}\n[sending]\nchunk = {chunk}\nconcurrency = {concurrency}\n", encoding="utf-8")


def enquire(clinic: Clinic, number: int) -> None:
    """So many people enquire at once, and each is to get a text."""
    for who in crowd(number):
        clinic.enquires(who)


def look(clinic: Clinic, stop: Callable[[], bool] = lambda: False) -> None:
    """One look, on a clock that goes on meanwhile."""
    tick(clinic.house, clinic.providers, lambda: clinic.now, stop)


def statuses(clinic: Clinic) -> dict[str, int]:
    """How many messages that have an address stand where."""
    return dict(Counter(row.status for row in clinic.rows(message, message.c.channel.is_not(None))))


def outcomes(clinic: Clinic) -> dict[str, int]:
    """How many calls ended in which way."""
    return dict(Counter(str(row.outcome) for row in clinic.rows(attempt)))


def resting(clinic: Clinic) -> Callable[[], None]:
    """Waits until the engine has written nothing for a while: it has made ready as many as may be, and waits too."""
    written = Semaphore(0)
    sa.event.listen(clinic.store.engine, "commit", lambda _: written.release())

    def rests() -> None:
        while written.acquire(timeout=0.5):
            pass

    return rests


# --- what must happen while it lasts


def test_a_paused_provider_is_probed_at_its_moments_however_long_the_others_take(clinic: Clinic) -> None:
    class Probed(Told):
        def probe(self) -> Health:
            moments.append(clinic.now - START)
            return REFUSES

    moments: list[timedelta] = []
    at_most(clinic, chunk=1, concurrency=1)
    texts = Slow(channels=SMS, clinic=clinic)
    clinic.carriers = only(texts, Probed("mail", EMAIL, say=lambda _: REFUSES))
    clinic.happens("letter", ANN, consents=[DESK], room="7")
    clinic.tick()
    enquire(clinic, 120)
    look(clinic)
    assert clinic.now - START >= timedelta(minutes=40)
    assert len(texts.took) == 120
    for at, due in zip(moments, (5, 15, 35), strict=True):
        assert timedelta() <= at - timedelta(minutes=due) <= timedelta(minutes=5)


def test_what_waits_for_a_provider_goes_while_the_same_look_still_lasts(clinic: Clinic) -> None:
    at_most(clinic, chunk=1, concurrency=1)
    texts = Slow(channels=SMS, clinic=clinic)
    mail = Told("mail", EMAIL, say=lambda _: REFUSES)
    clinic.carriers = only(texts, mail)
    clinic.happens("letter", ANN, consents=[DESK], room="7")
    clinic.tick()
    mail.say = lambda _: None
    enquire(clinic, 30)
    look(clinic)
    (letter,) = mail.took
    assert letter.at < texts.took[-1].at
    assert clinic.tasks() == []


def test_a_doubt_is_settled_while_the_same_look_still_lasts(clinic: Clinic) -> None:
    at_most(clinic, chunk=1, concurrency=1)
    texts = Slow(clinic=clinic, taking=lambda _: True)
    texts.say = lambda _: InDoubt("timeout") if texts.calls == 0 else None
    clinic.carriers = only(texts)
    enquire(clinic, 30)
    look(clinic)
    assert outcomes(clinic) == {"in_doubt": 1, "accepted": 29}
    first, *others = clinic.rows(message, message.c.channel.is_not(None))
    assert first.status == "sent"
    assert first.settled_at < max(row.settled_at for row in others)
    assert texts.twice() == []


def test_no_call_begins_so_late_that_its_message_might_be_looked_for(clinic: Clinic) -> None:
    """Those that came too late surely did not go, so they go afterwards, at no try's cost."""
    at_most(clinic, chunk=1, concurrency=1)
    texts = Slow(clinic=clinic, lasts=timedelta(minutes=2))
    clinic.carriers = only(texts)
    enquire(clinic, 5)
    rests = resting(clinic)
    texts.say = lambda _: rests() if texts.calls == 0 else None
    look(clinic)
    assert statuses(clinic) == {"sent": 5}
    assert texts.twice() == []
    assert max(texts.waited) < LEASE
    assert outcomes(clinic)["not_begun"] >= 1
    assert {row.retries for row in clinic.rows(message)} == {0}


# --- when it is told to end


def test_told_to_end_it_begins_nothing_more_and_gives_back_what_had_not_begun(clinic: Clinic) -> None:
    at_most(clinic, chunk=2, concurrency=2)
    told = Told()
    clinic.carriers = only(told)
    enquire(clinic, 20)
    rests, ending, heard, written = resting(clinic), Event(), Event(), Event()
    sa.event.listen(clinic.store.engine, "commit", lambda _: written.set() if heard.is_set() else None)

    def say(_: Outgoing) -> None:
        if ending.is_set():
            written.wait(10)  # begun before it could hear
        else:
            rests()
            ending.set()

    def stop() -> bool:
        if ending.is_set():
            heard.set()
        return heard.is_set()

    told.say = say
    look(clinic, stop)
    assert told.calls <= 4  # the two that were being called, and the two after them
    assert outcomes(clinic) == {"accepted": told.calls, "not_begun": len(clinic.rows(attempt)) - told.calls}
    assert statuses(clinic).keys() == {"sent", "queued"}
    told.say = lambda _: None
    look(clinic)
    assert statuses(clinic) == {"sent": 20}
    assert told.twice() == []


# --- when the machine gives way


def most_threads(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    """The machine gives only so many more threads."""
    start, most = Thread.start, active_count() + more

    def refuse(thread: Thread) -> None:
        if active_count() >= most:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(Thread, "start", refuse)


def test_with_fewer_threads_than_it_wants_it_sends_by_those_there_are(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    clinic.carriers = only(told)
    enquire(clinic, 50)
    most_threads(monkeypatch, 1)
    look(clinic)
    assert statuses(clinic) == {"sent": 50}
    assert told.twice() == []


def test_without_a_single_thread_it_says_so_and_what_it_had_begun_with_goes_later(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    clinic.carriers = only(told)
    enquire(clinic, 50)
    with monkeypatch.context() as without:
        most_threads(without, 0)
        with pytest.raises(RuntimeError, match="thread"):
            look(clinic)
    clinic.turn(START + timedelta(hours=1))
    assert statuses(clinic) == {"sent": 50}
    assert told.twice() == []


def test_what_became_of_the_calls_outlasts_a_database_that_is_down_for_several_commits(clinic: Clinic) -> None:
    """They are written as soon as it takes them: nobody has to look for a message of which we know."""

    class Down(Exception):
        pass

    told = Told()
    clinic.carriers = only(told)
    enquire(clinic, 100)
    failing = [2]

    def commit(_: object) -> None:
        if told.calls and failing[0]:
            failing[0] -= 1
            raise Down

    sa.event.listen(clinic.store.engine, "commit", commit)
    with pytest.raises(Down):
        look(clinic)
    standing = {row.ref: row.status for row in clinic.rows(message)}
    assert failing == [0]
    assert {standing[took.out.message] for took in told.took} == {"sent"}
    assert set(standing.values()) <= {"sent", "queued"}
    look(clinic)
    assert statuses(clinic) == {"sent": 100}
    assert told.twice() == []


# --- when one person is due for more than there is room


def test_several_messages_of_one_moment_never_leave_more_in_doubt_than_settings_say(clinic: Clinic) -> None:
    """Decision 25: those that there is no room for wait in the outbox, and go in the same look."""
    at_most(clinic, chunk=1, concurrency=1)
    steps = "".join(f'\n[[step]]\nkey = "more_{n}"\nday = 1\nat = "10:00"\nsms = "day_1"\n' for n in range(9))
    file = clinic.folder / "campaigns/care.toml"
    file.write_text(file.read_text() + steps, encoding="utf-8")
    told = Told(say=lambda _: on_the_way.append(statuses(clinic)["sending"]))
    clinic.carriers, on_the_way = only(told), list[int]()
    for who in (ANN, BOB):
        clinic.happens("treatment", who, consents=[DESK], treatment="t-1")
    clinic.at(START + timedelta(days=1))
    look(clinic)
    assert len(told.took) == 20
    assert told.twice() == []
    assert max(on_the_way) <= 3  # being called, and twice a chunk
