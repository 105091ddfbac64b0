"""What single cells of an enquiry say: when it was sent, yes or no, a language, words for staff."""

import ipaddress
import re
import unicodedata
from collections.abc import Set
from datetime import UTC, date, datetime, time, timedelta

from engine.core.contact import Refusal, tidy
from engine.core.timing import to_utc

_WRITE_MOMENT = "Write it as 2026-11-18 21:07 (the clinic's own clock)."
_DATE = r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
_AMERICAN = r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
_ISO = re.compile(rf"{_DATE}(?:[T ]\s*{_CLOCK}\s*(?P<zone>Z|UTC|[+-]\d{{2}}:?\d{{2}})?)?", re.IGNORECASE)
_US = re.compile(rf"{_AMERICAN}(?:,?\s+{_CLOCK}(?:\s*(?P<half>[AP])\.?M\.?)?)?", re.IGNORECASE)
_SERIAL = re.compile(r"\d{5}(?:\.\d{1,12})?")
_SERIAL_BEGINS = date(1899, 12, 30)
_OLDEST = 2000  # the year before which a submission is a slip
_CLOCK_SKEW = timedelta(minutes=10)  # the form's server may be ahead of ours


def submitted_moment(text: str, zone: str, now: datetime) -> datetime | Refusal:
    """When the form was sent, in UTC. What names no zone is the clock of `zone` (decision 6).

    Read are ISO dates with or without a zone, American dates with or without AM and PM, a date alone (its
    first minute), and the day numbers of spreadsheets.

    >>> now = datetime(2026, 11, 20, 15, tzinfo=UTC)
    >>> submitted_moment("11/13/2026 09:07 PM", "America/New_York", now).isoformat()
    '2026-11-14T02:07:00+00:00'
    >>> submitted_moment("46331.01944", "America/New_York", now).isoformat()
    '2026-11-05T05:28:00+00:00'
    """
    cell = unicodedata.normalize("NFKC", tidy(text)).lstrip("'")
    if not cell:
        return Refusal("The date and time of the enquiry are missing.", _WRITE_MOMENT)
    try:
        moment = _moment(cell, zone)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.year < _OLDEST:
        return Refusal("The date and time of the enquiry cannot be read.", _WRITE_MOMENT)
    if moment > now + _CLOCK_SKEW:
        return Refusal("The date and time of the enquiry are still to come.", _WRITE_MOMENT)
    return moment


def _moment(cell: str, zone: str) -> datetime | None:
    if _SERIAL.fullmatch(cell):
        return _from_serial(float(cell), zone)
    match = _ISO.fullmatch(cell) or _US.fullmatch(cell)
    if match is None:
        return None
    said = match.groupdict()
    day = date(int(said["year"]), int(said["month"]), int(said["day"]))
    hour = _hour(int(said["hour"] or 0), said.get("half"))
    at = time(hour, int(said["minute"] or 0), int(said["second"] or 0))
    offset = said.get("zone")
    if offset is None:
        return to_utc(day, at, zone)
    plain = "+00:00" if offset.upper() in ("Z", "UTC") else offset
    return datetime.fromisoformat(f"{day.isoformat()}T{at.isoformat()}{plain}").astimezone(UTC)


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("AM and PM go with the hours 1 to 12")
    return hour % 12 + (12 if half.upper() == "P" else 0)


def _from_serial(days: float, zone: str) -> datetime:
    # The five decimals that a spreadsheet shows are nearly a second: to the nearest one, they are the form's.
    day, rest = divmod(round(days * 86400), 86400)
    at = time(rest // 3600, rest // 60 % 60, rest % 60)
    return to_utc(_SERIAL_BEGINS + timedelta(days=day), at, zone)


YES = ("yes", "true", "1")
_NO = frozenset({"", "no", "n", "false", "f", "0", "off", "-", "none"})


def says_yes(text: str, yes: Set[str]) -> bool | None:
    """Whether the cell is one of the `yes` words (in lower case); None when it is neither a yes nor a no.

    >>> [says_yes(cell, {"yes", "true", "1"}) for cell in ("TRUE", "", "No", "x")]
    [True, False, False, None]
    """
    word = unicodedata.normalize("NFKC", tidy(text)).casefold().removesuffix(".0")
    if word in yes:
        return True
    return False if word in _NO else None


# Marks that may be repeated in a note because they can be nobody's name or number.
_HARMLESS = frozenset({"x", "y", "t", "✓", "✔", "☑", "on", "ok", "checked", "ticked", "agree", "agreed", "maybe"})


def unclear_yes(text: str, column: str) -> str:
    """The note about a consent cell that is no clear yes.

    >>> unclear_yes("Ann", "Text me")
    'What “Text me” holds is not a clear yes: not taken as consent.'
    """
    word = tidy(text).casefold()
    if word in _HARMLESS:
        add = f"If your form writes {word} for a tick, add it to `yes` in the mapping."
        return f"“{word}” in “{column}” is not a clear yes: not taken as consent. {add}"
    return f"What “{column}” holds is not a clear yes: not taken as consent."


_LANGUAGES = {
    "ar": "arabic|العربية", "de": "german|deutsch", "el": "greek|ελληνικά", "en": "english|inglés",
    "es": "spanish|español|espanol|castellano", "fa": "farsi|persian", "fr": "french|français|francais",
    "hi": "hindi", "ht": "haitian creole|creole|kreyòl", "it": "italian|italiano", "ja": "japanese|日本語",
    "ko": "korean|한국어", "pl": "polish|polski", "pt": "portuguese|português|portugues",
    "ru": "russian|русский", "tl": "tagalog|filipino", "uk": "ukrainian", "vi": "vietnamese|tiếng việt",
    "zh": "chinese|mandarin|cantonese|中文|汉语",
}  # fmt: skip
_LANGUAGE_CODES = {name: code for code, names in _LANGUAGES.items() for name in (code, *names.split("|"))}


def language_code(text: str) -> str | None:
    """The two letters of the language that is named; None for one we do not know.

    >>> language_code("Español"), language_code("EN-us"), language_code("Klingon")
    ('es', 'en', None)
    """
    word = unicodedata.normalize("NFC", tidy(text)).casefold()
    return _LANGUAGE_CODES.get(word) or _LANGUAGE_CODES.get(re.split(r"[-_]", word)[0])


def own_words(text: str) -> str | None:
    """A person's own words without control characters, or None when there are none."""
    kept = "".join(c for c in tidy(text) if c in "\n\t" or unicodedata.category(c) != "Cc")
    return kept.strip() or None


def ip_address(text: str) -> str | None:
    """The address in its normal form, or None when it is none.

    >>> ip_address("203.0.113.7 "), ip_address("2001:DB8::1"), ip_address("localhost")
    ('203.0.113.7', '2001:db8::1', None)
    """
    try:
        return str(ipaddress.ip_address(tidy(text)))
    except ValueError:
        return None
