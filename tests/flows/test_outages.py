"""A provider that is down, refuses us or answers nonsense: it is left alone, told of once, probed, and comes back."""

from collections import Counter
from datetime import timedelta

import pytest

from engine.core.contact import Channel
from engine.providers import Accepted, Health, InDoubt, Misconfigured, Outcome, Outgoing, Unreachable, Works
from engine.scheduler import Filled, decide_batch
from engine.sender import Sent, launch, settle
from engine.store.schema import message, provider_pause, task
from tests.flows.told import Told, crowd, only
from tests.people import ANN, BOB, DESK, START, Clinic

DOWN, REFUSES, NONSENSE = Unreachable("connection refused"), Misconfigured("code 20003"), InDoubt("an unusable answer")
MOST_ON_THE_WAY = 64  # the concurrency and one chunk, as settings.toml has them by default


def enquire(clinic: Clinic, number: int) -> None:
    """So many people enquire at once, and each is to get a text."""
    for who in crowd(number):
        clinic.enquires(who)


def broken(clinic: Clinic, outcome: Outcome, health: Health, number: int = 100) -> Told:
    """Every call ends like this, and every probe like that; so many people are to be texted."""
    told = Told(say=lambda _: outcome, health=health)
    clinic.carriers = only(told)
    enquire(clinic, number)
    clinic.tick()
    return told


def repaired(told: Told) -> None:
    told.say, told.health = lambda _: None, Works("there")


def statuses(clinic: Clinic) -> dict[str, int]:
    """How many messages that have an address stand where."""
    return dict(Counter(row.status for row in clinic.rows(message, message.c.channel.is_not(None))))


@pytest.mark.parametrize(("outcome", "health"), [(DOWN, DOWN), (REFUSES, REFUSES)])
def test_what_is_down_is_left_alone_loses_nothing_and_comes_back_by_itself(
    clinic: Clinic, outcome: Outcome, health: Health
) -> None:
    told = broken(clinic, outcome, health)
    calls = told.calls
    assert calls <= MOST_ON_THE_WAY
    assert statuses(clinic) == {"queued": 100}
    assert {row.retries for row in clinic.rows(message)} == {0}
    assert clinic.tasks() == ["provider"]
    clinic.turn(START + timedelta(hours=3))
    assert told.calls == calls  # nothing is sent by it to find out
    assert told.probes == 5  # after 5, 15, 35, 75 and 135 minutes
    assert len(clinic.rows(task)) == 1
    repaired(told)
    clinic.turn(START + timedelta(hours=5))
    assert statuses(clinic)["sent"] == 100
    assert len(told.took) == 100
    assert told.twice() == []
    assert clinic.tasks() == []
    assert clinic.rows(provider_pause) == []


def test_answers_that_cannot_be_used_pause_it_and_each_message_goes_once(clinic: Clinic) -> None:
    """Half of them it has taken all the same."""
    told = Told(say=lambda _: NONSENSE, taking=lambda out: int(out.to[-1]) % 2 == 0, health=NONSENSE)
    clinic.carriers = only(told)
    enquire(clinic, 100)
    clinic.tick()
    doubtful = statuses(clinic)["in_doubt"]
    assert doubtful <= MOST_ON_THE_WAY
    assert statuses(clinic)["queued"] == 100 - doubtful
    assert clinic.tasks() == ["provider"]
    clinic.turn(START + timedelta(minutes=4))
    repaired(told)
    clinic.turn(START + timedelta(minutes=30))
    assert statuses(clinic) == {"sent": 100}
    assert told.twice() == []
    assert clinic.tasks() == []


def test_what_another_process_put_off_during_the_probe_goes_as_soon_as_it_works(clinic: Clinic) -> None:
    class Probed(Told):
        def probe(self) -> Health:
            self.probes += 1
            clinic.tick()  # the other process
            assert statuses(clinic) == {"queued": 3}
            return Works("there")

    told = Probed(say=lambda _: REFUSES)
    clinic.carriers = only(told)
    enquire(clinic, 3)
    clinic.tick()
    told.say = lambda _: None
    clinic.later(minutes=5).tick()
    assert statuses(clinic) == {"sent": 1, "queued": 2}  # one tries it
    clinic.later(minutes=1).tick()
    assert statuses(clinic) == {"sent": 3}
    assert told.probes == 1


def test_a_provider_that_fails_now_and_then_is_not_paused(clinic: Clinic) -> None:
    """Also when the failures of one moment are written together: five must follow each other."""
    clinic.carriers = only(Told())
    enquire(clinic, 24)
    with clinic.store.begin() as conn:
        _, decided = decide_batch(conn, clinic.house, "guide", clinic.now, 24, Filled())
        ready = launch(conn, clinic.house, clinic.providers, decided, clinic.now, Sent())
        outcomes = [DOWN if n % 3 else Accepted(f"told-{n}") for n in range(24)]
        settle(conn, clinic.house, list(zip(ready, outcomes, strict=True)), clinic.now, Sent())
    assert statuses(clinic) == {"sent": 8, "queued": 16}
    assert clinic.tasks() == []


def test_the_other_provider_goes_on(clinic: Clinic) -> None:
    texts = Told("texts", frozenset({Channel.SMS}), say=lambda _: REFUSES, health=REFUSES)
    mail = Told("mail", frozenset({Channel.EMAIL}))
    clinic.carriers = only(texts, mail)
    clinic.books(ANN)
    clinic.turn(START + timedelta(hours=4))
    assert texts.took == []
    assert [took.out.channel for took in mail.took] == ["email"]


def test_a_provider_that_the_settings_have_no_more_leaves_its_messages_to_the_next(clinic: Clinic) -> None:
    broken(clinic, REFUSES, REFUSES, 10)
    other = Told("other")
    clinic.carriers = only(other)
    clinic.turn(START + timedelta(minutes=5))
    assert len(other.took) == 10
    assert clinic.tasks() == []
    assert clinic.rows(provider_pause) == []


def test_a_probe_that_breaks_is_one_that_failed_and_does_not_stop_the_others(clinic: Clinic) -> None:
    class Breaks(Told):
        def probe(self) -> Health:
            raise RuntimeError("a header of +16175550101")

    texts = Breaks("a", frozenset({Channel.SMS}), say=lambda _: REFUSES)
    mail = Told("b", frozenset({Channel.EMAIL}), say=lambda _: REFUSES)
    clinic.carriers = only(texts, mail)
    clinic.enquires(BOB)
    clinic.happens("letter", ANN, consents=[DESK], room="7")
    clinic.tick()
    assert clinic.tasks() == ["provider"] * 2
    repaired(texts)
    repaired(mail)
    clinic.turn(START + timedelta(minutes=30))
    assert (len(texts.took), len(mail.took)) == (0, 1)
    assert clinic.tasks() == ["provider"]
    (pause,) = clinic.rows(provider_pause)
    assert (pause.provider, pause.detail) == ("a", "RuntimeError")


def test_no_transaction_is_open_during_a_probe(clinic: Clinic) -> None:
    class Asks(Told):
        def probe(self) -> Health:
            clinic.replies("STOP")  # a writer on SQLite waits for every other
            return Works("there")

    told = Asks(say=lambda _: REFUSES)
    clinic.carriers = only(told)
    enquire(clinic, 1)
    clinic.tick()
    told.say = lambda _: None
    clinic.later(minutes=5).tick()
    assert statuses(clinic) == {"sent": 1}


def test_an_outage_of_a_moment_is_no_outage(clinic: Clinic) -> None:
    failed: list[Outgoing] = []

    def four_times(out: Outgoing) -> Outcome | None:
        if len(failed) < 4:
            failed.append(out)
            return DOWN
        return None

    clinic.carriers = only(Told(say=four_times))
    enquire(clinic, 4)
    clinic.turn(START + timedelta(minutes=3))
    assert statuses(clinic) == {"sent": 4}
    assert clinic.rows(task) == []
