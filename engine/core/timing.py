"""Moments, a person's local clock, and the hours in which something may be sent.

Inside the engine every moment is an aware UTC datetime. Local time exists in this module only: days keep the
wall clock (10:00 stays 10:00 over a change of clocks), hours and minutes are exact (TCPA-QH-8). A window's
opening is included, its closing is not.
"""

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Self
from zoneinfo import ZoneInfo

MIDNIGHT = time(0, 0)  # as the end of a window: the end of that day
HORIZON = timedelta(days=400)  # a window that has not opened by then is said never to open
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_LONGEST_DAYS = 3650

Hours = tuple[time, time] | None

_PIECE = re.compile(r"(\d+)\s*([a-z]+)")
_UNITS = {
    "week": timedelta(weeks=1),
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
}
_IN_DAYS = {"month": 30, "year": 365}


@dataclass(frozen=True, slots=True)
class Offset:
    """A distance in time: calendar days of the recipient, then exact hours and minutes.

    "1 day" and "24 hours" differ by an hour when the clocks change between. A negative offset (made in code,
    never written) goes back in time.

    >>> Offset.parse("1 day 12 hours")
    Offset(days=1, exact=datetime.timedelta(seconds=43200))
    >>> str(Offset.parse("3 weeks")), str(Offset.parse("90 minutes")), str(Offset())
    ('21 days', '1 hour 30 minutes', '0 minutes')
    """

    days: int = 0
    exact: timedelta = timedelta()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "2 days", "3 weeks", "1 day 12 hours", "24 hours", "10 minutes" or "0 minutes".

        Raises ValueError with a sentence that says what to write instead. Months and years are refused,
        because they differ in length.
        """
        amounts = _amounts(text)
        days = 7 * amounts.get("week", 0) + amounts.get("day", 0)
        minutes = 60 * amounts.get("hour", 0) + amounts.get("minute", 0)
        if days + minutes / 1440 > _LONGEST_DAYS:
            raise ValueError(f"“{text}” is longer than ten years. Write a shorter time, such as “30 days”.")
        return cls(days, timedelta(minutes=minutes))

    def __str__(self) -> str:
        minutes = int(abs(self.exact) / _MINUTE)
        parts = [(abs(self.days), "day"), (minutes // 60, "hour"), (minutes % 60, "minute")]
        words = " ".join(f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n)
        back = self.days < 0 or self.exact < timedelta()
        return ("-" if back else "") + (words or "0 minutes")


def _amounts(text: str) -> dict[str, int]:
    """{"day": 1, "hour": 12} from "1 day 12 hours"; ValueError for anything that is not such a list."""
    examples = "Write a whole number and minutes, hours, days or weeks, such as “2 days” or “1 day 12 hours”."
    rest = re.sub(r"\s*(,|\band\b)\s*", " ", text.strip().lower())
    found: dict[str, int] = {}
    for number, word in _PIECE.findall(rest[:60]):
        unit = word.removesuffix("s")
        if unit in _IN_DAYS:
            days = int(number) * _IN_DAYS[unit]
            raise ValueError(f"“{text}” counts {unit}s, which differ in length. Write “{days} days” instead.")
        if unit not in _UNITS or unit in found:
            raise ValueError(f"“{text}” is no length of time. {examples}")
        found[unit] = int(number)
    if not found or len(text) > 60 or _PIECE.sub("", rest).strip():
        raise ValueError(f"“{text}” is no length of time. {examples}")
    return found


@dataclass(frozen=True, slots=True)
class ZonedWindow:
    """The hours of a week that one rule leaves open on the clocks of one zone.

    `hours`: seven entries, Monday first; None is closed all day, an end of 00:00 is the end of the day.
    `rule`: where it comes from, "TCPA-QH-1" or "send". `closed_on`: local days on which it stays closed.
    `floor`: the last moment, included, is this long before the closing (SMS: 900 s, TCPA-QH-7).
    """

    zone: str
    hours: tuple[Hours, ...]
    rule: str
    closed_on: Container[date] = frozenset()
    floor: timedelta = timedelta()
    # Reckoned once: windows are asked about, and answers kept by them, for every message.
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __hash__(self) -> int:
        return self._hash

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.zone, self.hours, self.rule, self.closed_on, self.floor)))
        if len(self.hours) != 7:
            raise ValueError(f"{self.rule}: a window needs hours for seven days, Monday first.")
        if any(h is not None and h[1] <= h[0] and h[1] != MIDNIGHT for h in self.hours):
            raise ValueError(f"{self.rule}: a window must close later than it opens, on the same day.")


def week(opens: time, closes: time, days: Iterable[int] = range(7)) -> tuple[Hours, ...]:
    """The `hours` of a window that is open from `opens` to `closes` on these days (0 is Monday).

    >>> week(time(9), time(18), [5])[4:]
    (None, (datetime.time(9, 0), datetime.time(18, 0)), None)
    """
    chosen = frozenset(days)
    return tuple((opens, closes) if day in chosen else None for day in range(7))


@cache
def _zone(name: str) -> ZoneInfo:
    # ZoneInfo itself remembers only the last few and would read the others from disk again.
    return ZoneInfo(name)


def known_zone(name: str) -> bool:
    """Whether this is the IANA name of a time zone, such as "America/Chicago".

    >>> known_zone("America/Chicago"), known_zone("Chicago"), known_zone("../etc")
    (True, False, False)
    """
    try:
        _zone(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def local(moment: datetime, zone: str) -> datetime:
    """The same moment on the clocks of `zone`. ValueError for a moment without a zone of its own."""
    return _utc(moment).astimezone(_zone(zone))


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("A moment without a time zone was given; moments are UTC inside the engine.")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def to_utc(day: date, at: time, zone: str) -> datetime:
    """When the clocks of `zone` show `at` on `day` (TCPA-QH-8).

    A time that the clocks skip becomes the first after the gap; of a time that comes twice the first counts.

    >>> to_utc(date(2027, 3, 14), time(2, 30), "America/New_York").isoformat()
    '2027-03-14T07:00:00+00:00'
    """
    ahead = _ahead(day, zone)
    if ahead is not None and at.tzinfo is None:
        return datetime.combine(day, at, UTC) - ahead
    shown = datetime.combine(day, at).replace(tzinfo=None, fold=0)
    moment = shown.replace(tzinfo=_zone(zone)).astimezone(UTC)
    if moment.astimezone(_zone(zone)).replace(tzinfo=None) == shown:
        return moment
    return _after_gap(shown, zone)


@lru_cache(maxsize=16384)
def _ahead(day: date, zone: str) -> timedelta | None:
    """How far the clocks of `zone` are ahead of UTC all through a day; None: they change on it."""
    info = _zone(zone)
    begins, ends = (datetime.combine(date_, MIDNIGHT, info).utcoffset() for date_ in (day, day + _DAY))
    return begins if begins == ends else None


def _after_gap(shown: datetime, zone: str) -> datetime:
    """The moment at which the clocks jumped over `shown`: between its two readings (PEP 495)."""
    info = _zone(zone)
    before = shown.replace(tzinfo=info, fold=1).astimezone(UTC)
    after = shown.replace(tzinfo=info, fold=0).astimezone(UTC)
    new = after.astimezone(info).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=1) // 2)
        if middle.astimezone(info).utcoffset() == new:
            after = middle
        else:
            before = middle
    return after


def add(moment: datetime, offset: Offset, zone: str, at: time | None = None) -> datetime:
    """`moment` moved by `offset` for somebody in `zone`: the days by the wall clock, then the exact part.

    With `at`: that clock time on the local day so reached. It never runs against the offset: where it would
    lie before `moment` ("10 minutes" at 10:00, asked at 15:00) it is the next day's, and for a negative
    offset, where it would lie after `moment`, that of the day before.
    """
    if at is None and not offset.days:
        return _utc(moment) + offset.exact
    return _added(_utc(moment), offset.days, offset.exact, zone, at)


@lru_cache(maxsize=16384)
def _added(moment: datetime, days: int, exact: timedelta, zone: str, at: time | None) -> datetime:
    reached = moment
    if days:
        here = local(moment, zone)
        reached = to_utc(here.date() + timedelta(days=days), here.time(), zone)
    reached += exact
    if at is None:
        return reached
    day = local(reached, zone).date()
    due = to_utc(day, at, zone)
    if days < 0 or exact < timedelta():
        return due if due <= moment else to_utc(day - _DAY, at, zone)
    return due if due >= moment else to_utc(day + _DAY, at, zone)


def closed_by(moment: datetime, windows: Sequence[ZonedWindow]) -> ZonedWindow | None:
    """The first of the windows that forbids this moment; None when all allow it."""
    moment = _utc(moment)
    for window in windows:
        if not _allows(window, moment):
            return window
    return None


def next_open(moment: datetime, windows: Sequence[ZonedWindow]) -> datetime | None:
    """The first moment, not before `moment`, that all windows allow; None if none is within 400 days."""
    moment = _utc(moment)
    limit, windows = moment + HORIZON, tuple(windows)
    day = moment.date()
    for number in range(HORIZON.days + 2):
        for opens, closes in _open_on(windows, day + number * _DAY if number else day):
            if moment < closes:
                found = max(moment, opens)
                return found if found <= limit else None
    return None


@lru_cache(maxsize=16384)
def _open_on(windows: tuple[ZonedWindow, ...], day: date) -> tuple[tuple[datetime, datetime], ...]:
    """What all windows leave open of a day of UTC, in order: from, to (not included)."""
    begins = datetime.combine(day, MIDNIGHT, UTC)
    left = [(begins, begins + _DAY)]
    for window in windows:
        # The local days that a day of UTC has a part of: zones are less than a day apart from it.
        spans = [span for days in (-1, 0, 1) if (span := _allowed_span(window, day + days * _DAY)) is not None]
        both = [(max(a, opens), min(b, closes)) for a, b in left for opens, closes in spans]
        left = [(opens, closes) for opens, closes in both if opens < closes]
    return tuple(sorted(left))


def _allowed_span(window: ZonedWindow, day: date) -> tuple[datetime, datetime] | None:
    """When something may be sent on a local day, to (not included): the floor is kept before the opening's end."""
    span = _open_span(window, day)
    if span is None or not window.floor:
        return span
    closing = _closing(window, day)
    last = span[1] if closing is None else min(span[1], closing - window.floor + datetime.resolution)
    return (span[0], last) if span[0] < last else None


def last_open(moment: datetime, windows: Sequence[ZonedWindow], not_before: datetime) -> datetime | None:
    """The last moment, not after `moment`, that all windows allow, to the minute; None if too early.

    A step before an appointment that meets a closed window moves earlier, never later (decision 4).
    """
    moment = _utc(moment)
    while (shut := closed_by(moment, windows)) is not None:
        earlier = _was_open(shut, moment)
        if earlier is None or earlier < not_before:
            return None
        moment = earlier
    return moment if moment >= not_before else None


def closes_at(moment: datetime, windows: Sequence[ZonedWindow]) -> datetime | None:
    """When the first of the windows really closes (the floor not counted).

    None when `moment` is not open, or when no window closes within a week (there may be no windows at all).
    """
    if closed_by(moment, windows) is not None:
        return None
    closings = [_closing(w, moment.astimezone(_zone(w.zone)).date()) for w in windows]
    return min((c for c in closings if c is not None), default=None)


def _allows(window: ZonedWindow, moment: datetime) -> bool:
    day = moment.astimezone(_zone(window.zone)).date()
    span = _open_span(window, day)
    if span is None or not span[0] <= moment < span[1]:
        return False
    if not window.floor or span[1] - moment >= window.floor:
        return True
    closing = _closing(window, day)
    return closing is None or closing - moment >= window.floor


def _was_open(window: ZonedWindow, moment: datetime) -> datetime | None:
    """The last whole minute before a closed `moment` that this one window allows."""
    day = moment.astimezone(_zone(window.zone)).date()
    for _ in range(HORIZON.days + 2):
        span = _open_span(window, day)
        if span is not None and span[0] <= moment:
            closing = _closing(window, day)
            last = span[1] - _MINUTE if closing is None else min(span[1] - _MINUTE, closing - window.floor)
            if span[0] <= last < moment:
                return last
        day -= _DAY
    return None


def _closing(window: ZonedWindow, day: date) -> datetime | None:
    """When the opening of `day` ends. Days that adjoin at midnight are one opening; None: it lasts a week."""
    for _ in range(8):
        span, following = _open_span(window, day), _open_span(window, day + _DAY)
        if span is None or following is None or following[0] > span[1]:
            return span[1] if span else None
        day += _DAY
    return None


@lru_cache(maxsize=65536)
def _open_span(window: ZonedWindow, day: date) -> tuple[datetime, datetime] | None:
    """Opening and closing in UTC; the same moment where a change of clocks leaves nothing between them."""
    hours = window.hours[day.weekday()]
    if hours is None or day in window.closed_on:
        return None
    opens, closes = hours
    end = to_utc(day + _DAY if closes == MIDNIGHT else day, closes, window.zone)
    return to_utc(day, opens, window.zone), end
