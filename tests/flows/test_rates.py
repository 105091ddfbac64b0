"""No provider gets more than its sender may send, whoever asks; what waits for it goes in its turn."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest

from engine.core.pacing import Pace
from engine.providers import Outcome, Outgoing, SlowDown
from engine.store.schema import message, sender
from tests.flows.told import Told, crowd, only
from tests.people import ANN, BOB, START, Clinic

MINUTE = timedelta(minutes=1)


def enquire(clinic: Clinic, number: int, told: Told) -> None:
    """So many people enquire at once, and each is to get a text."""
    clinic.carriers = only(told)
    for who in crowd(number):
        clinic.enquires(who)


def minutes(told: Told) -> dict[int, int]:
    """How many it took in each minute since the start."""
    return dict(Counter((took.at - START) // MINUTE for took in told.took))


def statuses(clinic: Clinic) -> dict[str, int]:
    """How many welcomes stand where, and why."""
    return dict(Counter(f"{row.status} ({row.reason})" for row in clinic.rows(message, message.c.step == "welcome")))


def test_a_crowd_goes_at_the_senders_rate(clinic: Clinic) -> None:
    told = Told(pace=Pace(per_second=1))
    enquire(clinic, 150, told)
    clinic.tick()
    assert statuses(clinic) == {"sent (accepted)": 60, "queued (pace)": 90}
    clinic.turn(START + 5 * MINUTE)
    assert minutes(told) == {0: 60, 1: 60, 2: 30}
    assert told.twice() == []
    assert {row.tries for row in clinic.rows(message)} == {1}


def test_who_came_first_goes_first(clinic: Clinic) -> None:
    told = Told(pace=Pace(per_second=0.1))
    enquire(clinic, 20, told)
    clinic.turn(START + 3 * MINUTE)
    phones = [who.phone for who in crowd(20)]
    went = [sorted(took.out.to for took in told.took if took.at == START + n * MINUTE) for n in range(3)]
    assert went == [phones[0:6], phones[6:12], phones[12:18]]


def test_a_text_costs_its_segments(clinic: Clinic) -> None:
    long = clinic.folder / "templates/guide/welcome.sms.txt"
    usual = long.read_text(encoding="utf-8")
    long.write_text(usual.replace("these", "these are many words " * 8 + "these"), encoding="utf-8")
    told = Told(pace=Pace(per_second=1))
    enquire(clinic, 40, told)
    clinic.turn(START + MINUTE)
    assert clinic.rows(message)[0].segments == 2
    assert minutes(told) == {0: 30, 1: 10}


def test_two_processes_together_keep_to_the_rate(clinic: Clinic) -> None:
    told = Told(pace=Pace(per_second=1))
    enquire(clinic, 100, told)
    other = Clinic(clinic.folder, clinic.url, carriers=clinic.carriers)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Clinic.tick, [clinic, other]))
    other.close()
    assert statuses(clinic) == {"sent (accepted)": 60, "queued (pace)": 40}
    assert told.twice() == []


def test_what_the_day_has_no_room_for_goes_on_the_days_after_at_a_lawful_hour(clinic: Clinic) -> None:
    told = Told(pace=Pace(per_day=5))
    enquire(clinic, 12, told)
    clinic.turn("Thu 2027-01-07 14:59")
    assert Counter(f"{took.at:%d %H:%M}" for took in told.took) == {"05 15:00": 5, "06 13:00": 5, "07 13:00": 2}


def test_a_stop_reaches_those_who_wait_for_the_rate(clinic: Clinic) -> None:
    told = Told(pace=Pace(per_second=0.01))
    clinic.carriers = only(told)
    for who in (ANN, BOB):
        clinic.enquires(who)
    clinic.tick()
    clinic.replies("STOP", BOB.phone)
    clinic.turn(START + timedelta(hours=1))
    assert BOB.phone not in {took.out.to for took in told.took if "welcome" in took.out.text}


def test_a_sender_without_limits_has_no_account(clinic: Clinic) -> None:
    enquire(clinic, 3, Told())
    clinic.tick()
    assert clinic.rows(sender) == []


# --- the provider asks for less


@pytest.mark.parametrize(("after", "seconds"), [(None, 30), (timedelta(seconds=5), 30), (timedelta(seconds=90), 90)])
def test_all_wait_as_long_as_it_says_and_no_try_is_spent(clinic: Clinic, after: timedelta | None, seconds: int) -> None:
    told = Told(say=lambda _: SlowDown("too many requests", after))
    enquire(clinic, 100, told)
    clinic.tick()
    assert statuses(clinic) == {"queued (slow_down)": 100}
    calls = told.calls
    assert calls < 100  # only what was on its way
    told.say = lambda _: None
    clinic.at(START + timedelta(seconds=seconds - 1)).tick()
    assert told.calls == calls
    clinic.later(seconds=1).tick()
    assert statuses(clinic) == {"sent (accepted)": 100}
    assert {row.retries for row in clinic.rows(message)} == {0}
    assert clinic.tasks() == []


def test_a_storm_of_refusals_for_speed_loses_nobody_and_doubles_nothing(clinic: Clinic) -> None:
    numbers = count()

    def every_other(_: Outgoing) -> Outcome | None:
        return SlowDown("too many requests") if next(numbers) % 2 else None

    told = Told(say=every_other)
    enquire(clinic, 100, told)
    clinic.turn(START + timedelta(hours=2))
    assert statuses(clinic) == {"sent (accepted)": 100}
    assert told.twice() == []
    assert clinic.tasks() == []
