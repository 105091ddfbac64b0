"""How fast a sender may send, and when a provider that fails is left alone. Pure: the state goes in and comes out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Pace:
    """A sender's limits. An SMS costs its segments, an email one. None: no limit."""

    per_second: float | None = None
    per_day: int | None = None


UNLIMITED = Pace()

# A sender that was idle may send this much at once: providers queue for hours (Twilio: ten), and the engine looks
# only every few seconds. In any time T it never sends more than its rate in T and in one BURST together.
BURST = timedelta(seconds=60)
# Nobody is told to wait longer than this for a turn: a rate that is raised in settings shows soon.
FARTHEST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Meter:
    """A sender's account. What is charged stays charged, whatever becomes of the message.

    `free_at`: when all that was charged would be over at the exact rate (GCRA's theoretical arrival time).
    `day`: the clinic's day that `used` counts. `promised`: the same as `free_at`, with those that were told to wait.
    """

    free_at: datetime | None = None
    day: date | None = None
    used: int = 0
    promised: datetime | None = None


def reserve(
    pace: Pace, meter: Meter, costs: Sequence[int], now: datetime, day: date, next_day: datetime
) -> tuple[list[datetime | None], Meter]:
    """For each cost, in order: None when it may go now, and is charged; else when to ask again, and it is not.

    Those that the rate keeps waiting are given turns one after another, also over several calls, so that a long queue
    is not asked as a whole again and again. After the first that the day has no room for, all wait for `next_day`. A
    cost above the whole burst, or the whole day, goes when nothing else is charged: it must go some day.
    """
    # A process whose clock is a little behind at midnight does not begin the old day anew.
    if meter.day is None or day > meter.day:
        meter = replace(meter, day=day, used=0)
    answers: list[datetime | None] = []
    full = waits = False
    for cost in costs:
        full = full or not _in_day(pace, meter, cost)
        if full:
            answers.append(next_day)
            continue
        took = _length(pace, cost)
        ends = max(meter.free_at or now, now) + took
        room = max(BURST, took)
        waits = waits or ends > now + room
        if waits:
            # Not before its turn, and never at this very moment: whoever asks again and again would not come to rest.
            ends = max(meter.promised or now, ends - took) + took
            turn = min(ends - room, now + FARTHEST)
            meter = replace(meter, promised=turn + room)
            answers.append(turn)
        else:
            meter = replace(meter, free_at=ends, used=meter.used + cost)
            answers.append(None)
    return answers, meter


def _in_day(pace: Pace, meter: Meter, cost: int) -> bool:
    return pace.per_day is None or meter.used == 0 or meter.used + cost <= pace.per_day


def _length(pace: Pace, cost: int) -> timedelta:
    """How long this takes at the exact rate; rounded up, so that rounding never sends faster."""
    if pace.per_second is None:
        return timedelta()
    return timedelta(microseconds=math.ceil(cost * 1_000_000 / pace.per_second))


# ------------------------------------------------------------------------------------------- the circuit breaker

STRIKES = 5  # calls in a row without an answer, or without a connection, that pause a provider
_PAUSE, _LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=1)
_SLOW, _LONGEST_SLOW = timedelta(seconds=30), timedelta(minutes=15)


def pause_length(before: int) -> timedelta:
    """How long a provider is left alone that was paused so often without having taken a message since.

    >>> [pause_length(before) // timedelta(minutes=1) for before in range(6)]
    [5, 10, 20, 40, 60, 60]
    """
    return _doubled(_PAUSE, before, _LONGEST_PAUSE)


def slow_length(before: int) -> timedelta:
    """How long a provider is spared that asked so often in a row to send more slowly.

    >>> [slow_length(before) // timedelta(seconds=1) for before in range(7)]
    [30, 60, 120, 240, 480, 900, 900]
    """
    return _doubled(_SLOW, before, _LONGEST_SLOW)


def _doubled(first: timedelta, times: int, most: timedelta) -> timedelta:
    return min(first * (1 << min(times, 20)), most)
