"""A sender's rate and its day: what may go now, what waits, and until when."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.pacing import BURST, FARTHEST, UNLIMITED, Meter, Pace, reserve
from tests.core.moments import utc

NOON = utc("Tue 2027-01-05 12:00")
DAY, NEXT = date(2027, 1, 5), utc("Wed 2027-01-06 05:00")
ONE = Pace(per_second=1)


def ask(pace: Pace, meter: Meter, *costs: int, now: datetime = NOON) -> tuple[list[datetime | None], Meter]:
    """Ask for these on the 5th of January, by the clinic's calendar."""
    return reserve(pace, meter, costs, now, DAY, NEXT)


def after(**seconds: float) -> datetime:
    return NOON + timedelta(**seconds)


# --- the rate


def test_without_limits_everything_goes() -> None:
    answers, _ = ask(UNLIMITED, Meter(), *[3] * 10_000)
    assert answers == [None] * 10_000


def test_an_idle_sender_sends_one_burst_at_once_and_the_rest_in_its_turn() -> None:
    answers, _ = ask(ONE, Meter(), *[1] * 63)
    assert answers == [None] * 60 + [after(seconds=1), after(seconds=2), after(seconds=3)]


def test_credit_comes_back_with_time_and_never_beyond_one_burst() -> None:
    _, meter = ask(ONE, Meter(), *[1] * 60)
    answers, meter = ask(ONE, meter, *[1] * 11, now=after(seconds=10))
    assert answers.count(None) == 10
    answers, _ = ask(ONE, meter, *[1] * 100, now=after(days=1))
    assert answers.count(None) == 60


def test_whoever_comes_back_at_its_turn_goes() -> None:
    _, meter = ask(ONE, Meter(), *[1] * 60)
    answers, meter = ask(ONE, meter, 1, 2, 1)
    for turn, cost in zip(answers, (1, 2, 1), strict=True):
        assert turn is not None
        (again,), meter = ask(ONE, meter, cost, now=turn)
        assert again is None


def test_a_small_one_does_not_pass_a_larger_one_that_waits() -> None:
    answers, _ = ask(ONE, Meter(), 58, 5, 1, 1)
    assert answers == [None, after(seconds=3), after(seconds=4), after(seconds=5)]


def test_a_second_batch_waits_behind_the_first() -> None:
    """Otherwise a long queue would all be told the same few moments, and asked as a whole at each of them."""
    _, meter = ask(ONE, Meter(), *[1] * 62)
    answers, _ = ask(ONE, meter, 1, 1)
    assert answers == [after(seconds=3), after(seconds=4)]


def test_nobody_is_told_to_wait_longer_than_a_quarter_of_an_hour() -> None:
    """A rate that is raised in settings must not find everybody asleep."""
    answers, meter = ask(ONE, Meter(), *[1] * 5000)
    assert answers[-1] == NOON + FARTHEST
    quicker, _ = ask(Pace(per_second=100), meter, *[1] * 5000, now=NOON + FARTHEST)
    assert quicker.count(None) >= 5000


def test_more_than_a_burst_in_one_goes_when_nothing_else_is_charged() -> None:
    slow = Pace(per_second=0.01)
    (first, second), meter = ask(slow, Meter(), 2, 2)
    assert (first, second) == (None, after(seconds=200))
    assert ask(slow, meter, 2, now=after(seconds=199))[0] != [None]
    assert ask(slow, meter, 2, now=after(seconds=200))[0] == [None]


def test_rounding_never_sends_faster() -> None:
    """A third of a second has no end in microseconds."""
    meter, sent = Meter(), 0
    for second in range(300):
        answers, meter = ask(Pace(per_second=3), meter, *[1] * 200, now=after(seconds=second))
        sent += answers.count(None)
    assert sent == 3 * 60 + 3 * 299 - 1  # the last of them is a few microseconds short


def test_a_process_whose_clock_is_behind_gets_no_more() -> None:
    _, meter = ask(ONE, Meter(), *[1] * 60)
    answers, _ = ask(ONE, meter, 1, now=NOON - timedelta(seconds=30))
    assert answers != [None]


# --- the day


def test_the_day_takes_its_number_and_the_rest_wait_for_the_next() -> None:
    answers, _ = ask(Pace(per_day=3), Meter(), *[1] * 5)
    assert answers == [None, None, None, NEXT, NEXT]


def test_after_the_first_that_the_day_has_no_room_for_none_goes() -> None:
    answers, _ = ask(Pace(per_day=4), Meter(), 3, 2, 1)
    assert answers == [None, NEXT, NEXT]


def test_the_next_day_begins_anew() -> None:
    _, meter = ask(Pace(per_day=2), Meter(), 2)
    assert reserve(Pace(per_day=2), meter, [2], NEXT, date(2027, 1, 6), NEXT + timedelta(days=1))[0] == [None]


def test_a_process_that_still_has_yesterday_charges_today() -> None:
    _, meter = reserve(Pace(per_day=2), Meter(), [2], NEXT, date(2027, 1, 6), NEXT + timedelta(days=1))
    assert ask(Pace(per_day=2), meter, 1, now=NEXT)[0] != [None]


def test_more_than_a_day_in_one_goes_first_thing_of_some_day() -> None:
    assert ask(Pace(per_day=2), Meter(day=DAY, used=1), 3)[0] == [NEXT]
    assert ask(Pace(per_day=2), Meter(day=DAY, used=0), 3, 1)[0] == [None, NEXT]


def test_what_waits_for_the_rate_is_not_charged_to_the_day() -> None:
    _, meter = ask(Pace(per_second=1, per_day=1000), Meter(), *[1] * 200)
    assert meter.used == 60


def test_what_waits_for_the_day_is_not_charged_to_the_rate() -> None:
    _, meter = ask(Pace(per_second=1, per_day=10), Meter(), *[1] * 60)
    assert meter.free_at == after(seconds=10)


# --- whatever is asked, in whatever order

calls = st.lists(
    st.tuples(st.floats(0, 100), st.lists(st.integers(1, 20), max_size=30)).map(
        lambda call: (timedelta(seconds=call[0]), call[1])
    ),
    min_size=1,
    max_size=30,
)


@given(calls, st.sampled_from([0.5, 1.0, 3.0, 7.3, 100.0]))
def test_in_no_span_of_time_does_more_go_than_the_rate_and_one_burst(
    calls: list[tuple[timedelta, list[int]]], rate: float
) -> None:
    meter, now, went = Meter(), NOON, []
    for wait, costs in calls:
        now += wait
        answers, meter = reserve(Pace(per_second=rate), meter, costs, now, DAY, NEXT)
        went.append((now, sum(cost for cost, answer in zip(costs, answers, strict=True) if answer is None)))
    for i, (begin, _) in enumerate(went):
        for j, (end, _) in enumerate(went[i:], i):
            assert sum(cost for _, cost in went[i : j + 1]) <= rate * (end - begin + BURST).total_seconds() + 1e-6


@given(calls, st.sampled_from([0.5, 1.0, 7.3]), st.sampled_from([None, 1, 50]))
def test_who_waits_does_so_in_order_and_has_a_later_moment_to_come_back_at(
    calls: list[tuple[timedelta, list[int]]], rate: float, per_day: int | None
) -> None:
    meter, now = Meter(), NOON
    for wait, costs in calls:
        now += wait
        answers, meter = reserve(Pace(rate, per_day), meter, costs, now, DAY, NEXT)
        turns = [answer for answer in answers if answer is not None]
        assert answers == [None] * (len(answers) - len(turns)) + turns
        assert all(turn > now for turn in turns)
        assert all(before <= later for before, later in pairwise(turns))


@pytest.mark.parametrize("pace", [Pace(2.0), Pace(2.0, 500), Pace(0.05), Pace(None, 7), Pace(0.01, 1)])
def test_everybody_who_comes_back_when_told_goes_some_day(pace: Pace) -> None:
    """A long queue, sometimes overtaken: none starves, and none asks without end."""
    queue = [(NOON, number, 1 + number % 9) for number in range(200)]
    meter, went, asked = Meter(), set[int](), 0
    while queue:
        now = min(at for at, _, _ in queue)
        due = sorted(item for item in queue if item[0] <= now)
        queue = [item for item in queue if item[0] > now]
        day = datetime(now.year, now.month, now.day, tzinfo=UTC)
        costs = [cost for _, _, cost in due]
        answers, meter = reserve(pace, meter, costs, now, day.date(), day + timedelta(days=1))
        asked += len(due)
        for (_, number, cost), answer in zip(due, answers, strict=True):
            if answer is None:
                went.add(number)
            else:
                queue.append((answer, number, cost))
    assert went == set(range(200))
    assert asked < 200 * 200
