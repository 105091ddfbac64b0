"""What templates may say, made from facts: the words for a moment, and the fields of a message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.core.consent import Purpose
from engine.core.safe_value import safe_value


@dataclass(frozen=True, slots=True)
class Clinic:
    """The clinic as its messages name it. `brand` is its short, neutral name for texts (HIP-5, CTIA-1)."""

    name: str
    brand: str
    phone: str  # as people write it: (617) 555-0100
    address: str  # postal, CSP-1; may have several lines
    site: str  # https://...
    zone: str  # IANA: where its appointments take place
    email: str | None = None  # who an appointment is with, in calendars
    notice: str | None = None  # the state's advertising notice, word for word (SSN-1, SSN-3, SSN-6)
    # What templates print of it: the same in every message.
    printed: Mapping[str, str | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = ("name", "brand", "phone", "address", "site", "notice")
        object.__setattr__(self, "printed", {name: getattr(self, name) for name in names})


@dataclass(frozen=True, slots=True)
class Tongue:
    """How one language writes days and times; `anchor_words` has the names that the formats know."""

    weekdays: tuple[str, ...]  # Monday first
    months: tuple[str, ...]
    day_format: str
    date_format: str
    time_format: str
    halves: tuple[str, str]  # before and after noon
    appointment: str
    change: str  # of an appointment; knows {phone}


TONGUES: Mapping[str, Tongue] = {
    "en": Tongue(
        weekdays=tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()),
        months=tuple("January February March April May June July August September October November December".split()),
        day_format="{weekday}, {month} {day}",
        date_format="{month} {day}, {year}",
        time_format="{hour12}:{minute:02d} {half}",
        halves=("AM", "PM"),
        appointment="Appointment",
        change="To change it, call {phone}.",
    ),
    "es": Tongue(
        weekdays=tuple("lunes martes miércoles jueves viernes sábado domingo".split()),
        months=tuple(
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
        ),
        day_format="{weekday}, {day} de {month}",
        date_format="{day} de {month} de {year}",
        time_format="{hour12}:{minute:02d} {half}",
        halves=("a. m.", "p. m."),
        appointment="Cita",
        change="Para cambiarla, llame al {phone}.",
    ),
}


def tongue(language: str) -> Tongue:
    """The words of a language (`en`, `en-US`). Raises ValueError for one that has none yet."""
    known = TONGUES.get(language.partition("-")[0].lower())
    if known is None:
        raise ValueError(f"There are no words for days and times in {language!r}. Known: {', '.join(TONGUES)}.")
    return known


def anchor_words(moment: datetime, clinic_zone: str, home_zone: str, language: str) -> dict[str, str]:
    """The day, date and time of an appointment as its reader says them: on the clinic's clock.

    Who lives by another clock at that moment is told whose it is.

    >>> from datetime import UTC
    >>> moment = datetime(2026, 12, 1, 15, 30, tzinfo=UTC)
    >>> anchor_words(moment, "America/New_York", "America/New_York", "en")
    {'day': 'Tuesday, December 1', 'date': 'December 1, 2026', 'time': '10:30 AM'}
    >>> anchor_words(moment, "America/New_York", "America/Chicago", "en")["time"]
    '10:30 AM EST'
    """
    words = tongue(language)
    there = moment.astimezone(ZoneInfo(clinic_zone))
    names = {
        "weekday": words.weekdays[there.weekday()],
        "month": words.months[there.month - 1],
        "day": there.day,
        "year": there.year,
        "hour": there.hour,
        "hour12": there.hour % 12 or 12,
        "minute": there.minute,
        "half": words.halves[there.hour >= 12],
    }
    time = words.time_format.format(**names)
    if there.utcoffset() != moment.astimezone(ZoneInfo(home_zone)).utcoffset():
        time = f"{time} {_zone_name(there)}"
    return {"day": words.day_format.format(**names), "date": words.date_format.format(**names), "time": time}


def _zone_name(there: datetime) -> str:
    """EST, or (UTC+5:30) where the zone has no letters of its own."""
    name = there.tzname() or ""
    if name.isalpha():
        return name
    minutes = round((there.utcoffset() or there - there).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"(UTC{'+' if minutes >= 0 else '-'}{hours}{f':{rest:02d}' if rest else ''})"


_LONGEST_NAME = 60


def message_context(
    *,
    first_name: str | None,
    last_name: str | None,
    clinic: Clinic,
    links: Mapping[str, str],
    anchor: datetime | None,
    home_zone: str,
    language: str,
    purpose: Purpose,
    event: Mapping[str, object],
) -> dict[str, Any]:
    """What a template's fields mean for one message: for the sender and the preview alike.

    Whatever a person or another system wrote goes through `safe_value` here, and nowhere else. What is not
    known is left out (a name is None), so that printing it is MissingValue.
    """
    fields = [(key, safe_value(value)) for key, value in event.items()]
    return {
        "contact": {
            "first_name": safe_value(first_name, longest=_LONGEST_NAME, digits=False),
            "last_name": safe_value(last_name, longest=_LONGEST_NAME, digits=False),
        },
        "clinic": clinic.printed,
        "link": links,
        "anchor": anchor_words(anchor, clinic.zone, home_zone, language) if anchor else {},
        "event": {key: value for key, value in fields if value is not None},
        "purpose": purpose.value,
    }
