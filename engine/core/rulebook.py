"""The dated rows that say which hours hold where, read from the texts of engine/rules/*.toml."""

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as row

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.timing import Hours, known_zone, week

_STRICT = ConfigDict(extra="forbid")
NATION = "US"
STATE_UNKNOWN = "US, state unknown"
ABROAD = "abroad"


def _hours(text: Any) -> Hours:
    if text == "closed":
        return None
    opens, _, closes = str(text).partition("-")
    try:
        return time.fromisoformat(opens), time.fromisoformat(closes)
    except ValueError:
        raise ValueError(f"“{text}” are no hours. Write “08:00-21:00” or “closed”.") from None


def _zone_name(name: Any) -> str:
    if not isinstance(name, str) or not known_zone(name):
        raise ValueError(f"“{name}” is no time zone. Write an IANA name, such as “America/Chicago”.")
    return name


def _words(text: Any) -> tuple[str, ...]:
    return tuple(str(text).split())


def _prefixes(text: Any) -> tuple[str, ...]:
    """("100", "101", "102", "06390") from "100-102 06390"."""
    found: list[str] = []
    for item in str(text).split():
        first, _, last = item.partition("-")
        last = last or first
        if not (first.isdecimal() and last.isdecimal() and len(first) == len(last) and first <= last):
            raise ValueError(f"“{item}” is no range of ZIP prefixes. Write “100-149” or “06390”.")
        found += [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]
    return tuple(found)


Span = Annotated[Hours, BeforeValidator(_hours)]
Zones = Annotated[tuple[Annotated[str, BeforeValidator(_zone_name)], ...], Field(min_length=1)]


@row(frozen=True, slots=True, config=_STRICT)
class HoursRow:
    """The hours in which one law, or our caution, lets a marketing text go. `where`: a state or a country."""

    id: str
    where: str
    mon_fri: Span
    sat: Span
    sun: Span
    confidence: Literal["P", "A", "B", "K"]
    source: str
    note: str = ""
    holidays: Literal["open", "closed"] = "open"
    cap_24h: int | None = None
    since: Annotated[date, Field(alias="from")] = date.min
    until: Annotated[date, Field(alias="to")] = date.max

    def holds(self, day: date) -> bool:
        """Whether the row is in force on this day."""
        return self.since <= day <= self.until

    @property
    def hours(self) -> tuple[Hours, ...]:
        """The seven days, Monday first."""
        return (self.mon_fri,) * 5 + (self.sat, self.sun)


@row(frozen=True, slots=True, config=_STRICT)
class CourtesyRow:
    """The hours in which we write although no law asks for them."""

    id: str
    channel: Channel
    purposes: frozenset[Purpose]
    hours: Span
    confidence: Literal["P", "A", "B", "K"]
    source: str
    note: str = ""

    @property
    def week(self) -> tuple[Hours, ...]:
        """The seven days, Monday first."""
        return week(*self.hours) if self.hours else (None,) * 7


@row(frozen=True, slots=True, config=_STRICT)
class Validity:
    """How long a text may wait at its provider (TCPA-QH-7), in seconds."""

    id: str
    longest_seconds: int
    margin_seconds: int
    least_seconds: int
    confidence: str
    source: str

    @property
    def floor(self) -> timedelta:
        """How long before a closing the last text may be handed over."""
        return timedelta(seconds=self.margin_seconds + self.least_seconds)


@row(frozen=True, slots=True, config=_STRICT)
class AreaRow:
    """Area codes of +1 whose holders live in one state or country; of none, when both are absent."""

    id: str
    codes: Annotated[tuple[str, ...], BeforeValidator(_words)]
    state: str | None = None
    country: str | None = None
    zones: Zones | None = None
    source: str = ""
    note: str = ""


@row(frozen=True, slots=True, config=_STRICT)
class StateRow:
    """A state or territory: its zones, the one with most people first, and its ZIP prefixes."""

    code: str
    name: str
    zones: Zones
    zips: Annotated[tuple[str, ...], BeforeValidator(_prefixes)]


@row(frozen=True, slots=True, config=_STRICT)
class PartRow:
    """ZIP prefixes of a split state that lie in fewer zones than the state."""

    state: str
    zones: Zones
    zips: Annotated[tuple[str, ...], BeforeValidator(_prefixes)]


@row(frozen=True, slots=True, config=_STRICT)
class RegionRow:
    """A province of a country with several zones."""

    country: str
    code: str
    name: str
    zones: Zones


@row(frozen=True, slots=True, config=_STRICT)
class _QuietHoursFile:
    as_of: date
    validity: Validity
    marketing_sms: tuple[HoursRow, ...]
    courtesy: tuple[CourtesyRow, ...]


@row(frozen=True, slots=True, config=_STRICT)
class _AreaCodesFile:
    source: str
    confidence: str
    area: tuple[AreaRow, ...]


@row(frozen=True, slots=True, config=_STRICT)
class _ZipsFile:
    id: str
    source: str
    contiguous: Zones
    beyond: Zones
    state: tuple[StateRow, ...]
    part: tuple[PartRow, ...]


@row(frozen=True, slots=True, config=_STRICT)
class _CountriesFile:
    id: str
    source: str
    country: dict[str, Zones]
    region: tuple[RegionRow, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody may be: states and zones of one country, the likeliest zone first."""

    country: str
    states: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Every row, ready to be asked. Equal only to itself, so that answers can be kept by it."""

    version: str  # changes with any of the texts
    as_of: date
    validity: Validity
    hours: Mapping[str, tuple[HoursRow, ...]]  # by `where`
    courtesy: tuple[CourtesyRow, ...]
    areas: Mapping[str, Place | None]  # by area code; None: a code of no place
    zips: Mapping[str, Place]  # by prefix
    states: Mapping[str, StateRow]
    countries: Mapping[str, tuple[str, ...]]
    regions: Mapping[tuple[str, str], RegionRow]  # by country and code
    contiguous: tuple[str, ...]
    fifty: tuple[str, ...]

    @classmethod
    def parse(cls, *, quiet_hours: str, area_codes: str, zips: str, countries: str) -> Self:
        """Read the texts of the four files. ValueError names the file, the row and what is wrong with it."""
        quiet = _read("quiet_hours.toml", quiet_hours, _QuietHoursFile)
        codes = _read("area_codes.toml", area_codes, _AreaCodesFile)
        places = _read("zips.toml", zips, _ZipsFile)
        lands = _read("countries.toml", countries, _CountriesFile)
        states = {state.code: state for state in places.state}
        by_where: dict[str, tuple[HoursRow, ...]] = {}
        for hours in quiet.marketing_sms:
            by_where[hours.where] = (*by_where.get(hours.where, ()), hours)
        for needed in (NATION, STATE_UNKNOWN, ABROAD):
            if needed not in by_where:
                raise ValueError(f"quiet_hours.toml: no row says where = “{needed}”. Add one.")
        texts = "\0".join((quiet_hours, area_codes, zips, countries))
        return cls(
            version=hashlib.sha256(texts.encode()).hexdigest()[:16],
            as_of=quiet.as_of,
            validity=quiet.validity,
            hours=MappingProxyType(by_where),
            courtesy=quiet.courtesy,
            areas=_unique("area_codes.toml", _areas(codes, lands)),
            zips=_zips(places),
            states=MappingProxyType(states),
            countries=MappingProxyType(lands.country),
            regions=MappingProxyType({(r.country, r.code): r for r in lands.region}),
            contiguous=places.contiguous,
            fifty=(*places.contiguous, *places.beyond),
        )


_File = TypeVar("_File")


def _read(file: str, text: str, kind: type[_File]) -> _File:
    try:
        return TypeAdapter(kind).validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file}: {error}") from None
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ValueError(f"{file}: " + "; ".join(problems)) from None


def _areas(codes: _AreaCodesFile, lands: _CountriesFile) -> Iterator[tuple[str, Place | None]]:
    for area in codes.area:
        country = NATION if area.state else area.country
        place = None
        if country is not None:
            zones = area.zones or lands.country.get(country)
            if zones is None:
                raise ValueError(f"area_codes.toml: {area.codes[0]}: {country} has no zones. Write them.")
            place = Place(country, (area.state,) if area.state else (), zones)
        yield from ((code, place) for code in area.codes)


def _zips(places: _ZipsFile) -> Mapping[str, Place]:
    whole = ((prefix, Place(NATION, (s.code,), s.zones)) for s in places.state for prefix in s.zips)
    found = dict(_unique("zips.toml", whole))
    for part in places.part:
        for prefix in part.zips:
            if part.state not in found.get(prefix, Place(NATION)).states:
                raise ValueError(f"zips.toml: {prefix} is no prefix of “{part.state}”. Mend one of them.")
            found[prefix] = Place(NATION, (part.state,), part.zones)
    return MappingProxyType(found)


_Value = TypeVar("_Value")


def _unique(file: str, pairs: Iterable[tuple[str, _Value]]) -> Mapping[str, _Value]:
    found: dict[str, _Value] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{file}: {key} is in two rows. Leave it in one.")
        found[key] = value
    return MappingProxyType(found)
