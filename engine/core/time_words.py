"""How lengths of time, clock times, hours and weekdays are written, and what was probably meant.

Each function reads one text and raises Wrong with what to write instead. A guess is only ever a remedy.
"""

import re
from datetime import time

from engine.core.nearest import nearest
from engine.core.timing import MIDNIGHT, Offset

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_UNITS = ("minute", "minutes", "hour", "hours", "day", "days", "week", "weeks")
_SAID_UNITS = {
    **dict.fromkeys(("m", "min", "mins"), "minutes"),
    **dict.fromkeys(("h", "hr", "hrs"), "hours"),
    **dict.fromkeys(("d",), "days"),
    **dict.fromkeys(("w", "wk", "wks"), "weeks"),
}
_IN_DAYS = {"month": 30, "quarter": 90, "year": 365}
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SAID_CLOCK = re.compile(r"(\d{1,2})(?:[:.h]?(\d{2}))?\s*([ap])?\.?(?:m\.?)?")
_SAID_DAYS = {
    **dict.fromkeys(("weekdays", "workdays", "working days"), "mon-fri"),
    **dict.fromkeys(("weekend", "weekends"), "sat, sun"),
    **dict.fromkeys(("daily", "every day", "all", "always"), "mon-sun"),
}
_NUMBERS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "once": 1,
    "two": 2,
    "twice": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
}


class Wrong(ValueError):
    """A value that says nothing we know. `remedy` is what to write instead."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem, self.remedy = problem, remedy


def number_said(word: str) -> int | None:
    """The number that a word or digits stand for: "two", "2", "twice"."""
    return int(word) if word.isdecimal() else _NUMBERS.get(word)


def duration(text: str) -> Offset:
    """A length of time, such as "2 days".

    >>> duration("1 day 12 hours").days
    1
    >>> duration("2 dyas")
    Traceback (most recent call last):
    engine.core.time_words.Wrong: “2 dyas” is no length of time. Write `2 days`.
    """
    try:
        return Offset.parse(text)
    except ValueError as error:
        problem = str(error).partition(" Write ")[0]
        guess = duration_meant(text)
        if guess is not None:
            raise Wrong(problem, f"Write `{guess}`.") from None
        if "longer" in problem:
            raise Wrong(problem, "Write a shorter one, such as `30 days`.") from None
        units = "a whole number and minutes, hours, days or weeks"
        raise Wrong(problem, f"Write {units}, such as `2 days` or `1 day 12 hours`.") from None


def duration_meant(text: str) -> str | None:
    """The length of time that the text seems to mean, as it should be written.

    >>> duration_meant("6 months"), duration_meant("two weks"), duration_meant("soon")
    ('180 days', '2 weeks', None)
    """
    said: list[str] = []
    for piece in re.findall(r"\d+(?:\.\d+)?|[a-z]+", text.lower()):
        if piece in ("after", "in", "and", "skip", "late", "write"):
            continue
        number = number_said(piece)
        longer = _IN_DAYS.get(piece.removesuffix("s"))
        if number is not None:
            said.append(str(number))
        elif longer and said and said[-1].isdecimal():
            said[-1:] = [str(int(said[-1]) * longer), "days"]
        else:
            said.append(_SAID_UNITS.get(piece) or nearest(piece, _UNITS) or piece)
    guess = " ".join(said)
    try:
        Offset.parse(guess)
    except ValueError:
        return None
    return guess


def clock(text: str) -> time:
    """A clock time with 24 hours: "09:30", "17:00".

    >>> clock("9:30")
    datetime.time(9, 30)
    >>> clock("5 pm")
    Traceback (most recent call last):
    engine.core.time_words.Wrong: “5 pm” is no clock time. Write `17:00`.
    """
    found = _CLOCK.fullmatch(text.strip())
    if found:
        return time(int(found.group(1)), int(found.group(2)))
    guess = _clock_meant(text)
    raise Wrong(f"“{text}” is no clock time.", f"Write `{guess}`." if guess else "Write it like `09:30` or `17:00`.")


def _clock_meant(text: str) -> str | None:
    low = text.strip().lower()
    said = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}.get(low)
    found = _SAID_CLOCK.fullmatch(low)
    if said or found is None:
        return said
    hour, minute = int(found.group(1)), int(found.group(2) or 0)
    if found.group(3):
        hour = hour % 12 + (12 if found.group(3) == "p" else 0)
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def hours(text: str) -> tuple[time, time]:
    """Opening and closing: "09:00-18:00". A closing of 24:00 is midnight, which is returned as 00:00.

    >>> hours("13:00-24:00")
    (datetime.time(13, 0), datetime.time(0, 0))
    """
    ends = re.split(r"\s*-\s*", text.strip())
    written = len(ends) == 2 and _CLOCK.fullmatch(ends[0]) and (_CLOCK.fullmatch(ends[1]) or ends[1] == "24:00")
    if not written:
        raise Wrong(f"“{text}” is not how hours are written.", f"Write `{_hours_meant(text) or '09:00-18:00'}`.")
    opens, closes = clock(ends[0]), MIDNIGHT if ends[1] == "24:00" else clock(ends[1])
    if ends[1] == "24:00" and opens == MIDNIGHT:
        raise Wrong("These are all the hours there are.", "Leave `hours` out.")
    if opens == closes:
        raise Wrong(
            "The hours open and close at the same time.",
            "Write `09:00-18:00`; for all hours leave `hours` out.",
        )
    if closes < opens and ends[1] != "24:00":
        raise Wrong("The hours close before they open.", f"Write `{closes:%H:%M}-{opens:%H:%M}`.")
    return opens, closes


def _hours_meant(text: str) -> str | None:
    ends = [_clock_meant(end) for end in re.split(r"\s*(?:-|–|—|\bto\b|\buntil\b)\s*", text.strip())]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    opens, closes = (int(end[:2]) for end in ends if end)
    if closes <= opens and closes < 12:
        closes += 12  # "9 to 5" is said of a working day
    return f"{ends[0]}-{closes:02}:{ends[1][3:]}" if closes > opens else None


def weekdays(text: str) -> tuple[int, ...]:
    """Weekdays in order, Monday is 0: "mon-fri", "mon, wed, fri", "sat-mon".

    >>> weekdays("mon-wed, sat")
    (0, 1, 2, 5)
    >>> weekdays("Monday to Friday")
    Traceback (most recent call last):
    engine.core.time_words.Wrong: “Monday to Friday” is not how weekdays are written. Write `mon-fri`.
    """
    found: set[int] = set()
    for part in text.strip().lower().split(","):
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(end in WEEKDAYS for end in ends):
            guess = weekdays_meant(text)
            raise Wrong(f"“{text}” is not how weekdays are written.", f"Write `{guess or 'mon-fri'}`.")
        first, last = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[-1])
        found.update((first + n) % 7 for n in range((last - first) % 7 + 1))
    return tuple(sorted(found))


def weekdays_meant(text: str) -> str | None:
    """The weekdays that the text seems to mean, as they should be written."""
    low = text.strip().lower().removeprefix("every ").removeprefix("on ")
    if low in _SAID_DAYS:
        return _SAID_DAYS[low]
    meant = ""
    for piece in re.findall(r"[a-z]+|[-–—]", low):
        if piece in ("-", "–", "—", "to", "through"):
            meant += "-"
        elif piece not in ("and", "on"):
            day = nearest(piece, WEEKDAYS)
            if day is None:
                return None
            meant += day if not meant or meant.endswith("-") else f", {day}"
    return meant if meant and not meant.endswith("-") else None
