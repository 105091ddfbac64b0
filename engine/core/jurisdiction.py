"""Where a person may be, and in which hours the law (or courtesy, where there is none) lets us write there.

What we know about somebody's place is seldom certain: permission is asked in every zone and every state in
which they may be (TCPA-TZ-1), and only the clock time of a step is read in one, the home zone (decision 3).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

import phonenumbers

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.rulebook import ABROAD, NATION, STATE_UNKNOWN, HoursRow, Place, Rules
from engine.core.timing import ZonedWindow, closes_at, known_zone


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Every place where a person may be, as far as their own words, ZIP, state and phone number tell.

    `home_zone` is where clock times are read; `home_from` says whence we know it: "own word", "ZIP", "state",
    "country", "area code" or "clinic". `zones`, `states`, `countries`: all candidates, home first; no country
    means unknown. `certain`: the person said it themselves and nothing speaks for a second place (an area
    code alone is never certain, TCPA-TZ-4). `mail_zones`: where an email's hours are read: in what the person
    said, else by the area code, else at the clinic; empty means the home zone.
    """

    home_zone: str
    home_from: str
    zones: tuple[str, ...]
    states: tuple[str, ...]
    country: str | None
    certain: bool
    countries: tuple[str, ...] = ()
    mail_zones: tuple[str, ...] = ()
    told: Mapping[str, Any] = field(init=False, repr=False, compare=False)  # for the facts of a decision
    # Reckoned once: answers are kept by places, for every message.
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.home_zone, self.zones, self.states, self.countries)))
        told = {"home_zone": self.home_zone, "home_from": self.home_from}
        object.__setattr__(self, "told", {**told, "zones": list(self.zones), "states": list(self.states)})

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class Holidays:
    """The public holidays of the United States and of these states; asked with `day in holidays`."""

    states: tuple[str, ...] = ()

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date):
            return False
        return day in _holidays(self.states, day.year)


@cache
def _holidays(states: tuple[str, ...], year: int) -> frozenset[date]:
    return frozenset().union(*(_public_holidays(state, year) for state in (None, *states)))


@cache
def _public_holidays(state: str | None, year: int) -> frozenset[date]:
    import holidays  # a third of a second, and only some states' rules need it

    # "public" only: the library also lists half days, government and unofficial ones.
    return frozenset(holidays.country_holidays(NATION, subdiv=state, years=year, categories=("public",)))


def national_holidays(avoid: str) -> Holidays:
    """What `avoid = "US holidays"` in a campaign means. ValueError for other words.

    >>> date(2026, 11, 26) in national_holidays("US holidays")  # Thanksgiving
    True
    """
    if avoid.strip().casefold() != "us holidays":
        raise ValueError(f"“{avoid}” is no list of holidays. Write “US holidays”.")
    return Holidays()


def zip_place(code: str | None, rules: Rules) -> Place | None:
    """State and zones of a US ZIP code ("78701", "78701-1234"); None for others and for military ones."""
    prefix = _prefix(code, rules)
    return rules.zips[prefix] if prefix else None


def _prefix(code: str | None, rules: Rules) -> str | None:
    digits, _, more = (code or "").strip().partition("-")
    if len(digits) != 5 or not digits.isdecimal() or (more and not (len(more) == 4 and more.isdecimal())):
        return None
    return next((p for p in (digits, digits[:3]) if p in rules.zips), None)


def phone_places(phone: str | None, rules: Rules) -> tuple[Place, ...]:
    """Where the holder of an E.164 number may live; empty if the number does not tell (toll-free numbers)."""
    return _dialled_places(_dialled(phone), rules)


def _dialled(phone: str | None) -> tuple[str, ...] | None:
    """What of a number tells a place: ("+1", area code), or the regions its country code may stand for."""
    if not phone:
        return None
    if phone.startswith("+1"):
        return "+1", phone[2:5]
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return ()
    region = phonenumbers.region_code_for_number(number)
    if region is not None:
        return (region,)
    return tuple(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(number.country_code or 0, ()))


def _dialled_places(dialled: tuple[str, ...] | None, rules: Rules) -> tuple[Place, ...]:
    if not dialled:
        return ()
    if dialled[0] == "+1":
        place = rules.areas.get(dialled[1])
        return (place,) if place else ()
    return tuple(Place(c, (), rules.countries[c]) for c in dialled if c in rules.countries)


def whereabouts(
    *,
    zone: str | None,
    zip: str | None,  # noqa: A002  # what everybody calls it
    state: str | None,
    country: str | None,
    phone: str | None,
    clinic_zone: str,
    rules: Rules,
) -> Whereabouts:
    """Every place where this person may be.

    `zone`: their own word, an IANA name (ValueError if it is none). `state`, `country`: two letters. `phone`:
    E.164. What cannot be read counts as not said. A ZIP narrows its own state down; whatever else disagrees
    is added, not chosen from (TCPA-TZ-1, INT-4). Where nothing tells, a person with a phone number may be
    anywhere in the fifty states (TCPA-TZ-5); one without can only be mailed, in the clinic's zone.
    """
    land = (country or "").strip().upper()
    return _whereabouts(
        zone or None,
        _prefix(zip, rules) if land in ("", NATION) else None,
        (state or "").strip().upper(),
        land,
        _dialled(phone),
        clinic_zone,
        rules,
    )


@lru_cache(maxsize=32768)
def _whereabouts(
    zone: str | None,
    prefix: str | None,
    state: str,
    country: str,
    dialled: tuple[str, ...] | None,
    clinic_zone: str,
    rules: Rules,
) -> Whereabouts:
    for name in (zone, clinic_zone):
        if name is not None and not known_zone(name):
            raise ValueError(f"“{name}” is no time zone. Write an IANA name, such as “America/Chicago”.")
    said = list(_said(prefix, state, country, rules))
    by_phone = _dialled_places(dialled, rules)
    places = [*(place for _, place in said), *by_phone]
    said_zones = _merged([(zone,) if zone else (), *(place.zones for _, place in said)])
    zones = _merged([said_zones, *(place.zones for place in by_phone)])
    states = _merged([place.states for place in places])
    countries = _merged([(place.country,) for place in places])
    home_from, home_zone = _home(zone, said, by_phone) or ("clinic", clinic_zone)
    nowhere = rules.fifty if dialled is not None or country else (clinic_zone,)
    return Whereabouts(
        home_zone=home_zone,
        home_from=home_from,
        zones=zones or nowhere,
        states=states,
        country=next(iter(countries), None),
        certain=bool(said_zones) and len(zones) == 1 and len(states) <= 1 and len(countries) <= 1,
        countries=countries,
        mail_zones=said_zones or zones or (clinic_zone,),
    )


def _home(zone: str | None, said: list[tuple[str, Place]], by_phone: tuple[Place, ...]) -> tuple[str, str] | None:
    """Whence we know the home zone, and the zone; None when nothing tells."""
    if zone:
        return "own word", zone
    for source, place in said:
        if place.zones:
            return source, place.zones[0]
    for place in by_phone:
        return ("area code" if place.country == NATION else "country"), place.zones[0]
    return None


def _said(prefix: str | None, state: str, country: str, rules: Rules) -> Iterator[tuple[str, Place]]:
    """What the address says, the narrowest first; each with the word for whence we know it."""
    narrowed = rules.zips[prefix] if prefix else None
    if narrowed is not None:
        yield "ZIP", narrowed
    if country in rules.states and country not in rules.countries:
        state, country = country, NATION  # Puerto Rico and the other territories, written as a country
    if state in rules.states and country in ("", NATION):
        if narrowed is None or state not in narrowed.states:
            yield "state", Place(NATION, (state,), rules.states[state].zones)
    elif region := rules.regions.get((country or "CA", state)):
        yield "state", Place(region.country, (), region.zones)
    elif country in rules.countries:
        yield "country", Place(country, (), rules.countries[country])
    elif country == NATION and narrowed is None:
        yield "country", Place(NATION)


def _merged(groups: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for group in groups for item in group))


@lru_cache(maxsize=32768)
def legal_windows(
    where: Whereabouts, purpose: Purpose, channel: Channel, as_of: date, rules: Rules
) -> tuple[ZonedWindow, ...]:
    """The hours of every rule that binds this message, by the rows in force on `as_of`; all must be open.

    Marketing texts: federal hours and those of every candidate state (its Sundays and holidays too), in every
    candidate zone (TCPA-QH-1, QH-2, TZ-1, TZ-2); hours that suit every state where no state is known
    (TCPA-QH-9, in the zones of TZ-5 or TZ-6); TCPA-TZ-7 for people abroad. Appointment and care texts:
    courtesy hours in every candidate zone (QH-5). Email: courtesy hours (QH-6) in the zones the person spoke
    of, and only if there are none in the area code's. Service messages: any hour (QH-4).
    """
    if purpose is Purpose.MARKETING and channel is Channel.SMS:
        return tuple(_marketing_sms(where, as_of, rules))
    zones = where.zones if channel is Channel.SMS else where.mail_zones or (where.home_zone,)
    floor = rules.validity.floor if channel is Channel.SMS else timedelta()
    rows = [r for r in rules.courtesy if r.channel is channel and purpose in r.purposes]
    return tuple(ZonedWindow(zone, row.week, row.id, floor=floor) for row in rows for zone in zones)


def _marketing_sms(where: Whereabouts, as_of: date, rules: Rules) -> Iterator[ZonedWindow]:
    if any(country != NATION for country in where.countries):
        yield from _open_hours((ABROAD,), where.zones, as_of, rules)
    if where.countries and NATION not in where.countries:
        return
    if where.states:
        yield from _open_hours((NATION, *where.states), where.zones, as_of, rules)
        return
    contiguous = all(zone in rules.contiguous for zone in where.zones)
    nation = rules.contiguous if contiguous else rules.fifty
    yield from _open_hours((STATE_UNKNOWN,), _merged([where.zones, nation]), as_of, rules)


def _open_hours(laws: tuple[str, ...], zones: tuple[str, ...], as_of: date, rules: Rules) -> Iterator[ZonedWindow]:
    for row in _rows(laws, as_of, rules):
        closed: frozenset[date] | Holidays = frozenset()
        if row.holidays == "closed":
            closed = Holidays((row.where,) if row.where in rules.states else _with_holiday_bans(as_of, rules))
        for zone in zones:
            yield ZonedWindow(zone, row.hours, row.id, closed, rules.validity.floor)


def _rows(laws: Iterable[str], as_of: date, rules: Rules) -> Iterator[HoursRow]:
    """The rows of these states, or of the nation, that are in force."""
    for law in laws:
        yield from (row for row in rules.hours.get(law, ()) if row.holds(as_of))


def _with_holiday_bans(as_of: date, rules: Rules) -> tuple[str, ...]:
    rows = _rows(rules.states, as_of, rules)
    return tuple(dict.fromkeys(row.where for row in rows if row.holidays == "closed"))


@lru_cache(maxsize=32768)
def sms_cap(where: Whereabouts, as_of: date, rules: Rules) -> tuple[int, str] | None:
    """The fewest marketing texts in 24 hours that a candidate state allows, with the rule's id; or None."""
    caps = [(r.cap_24h, r.id) for r in _rows(where.states, as_of, rules) if r.cap_24h is not None]
    return min(caps, default=None)


def sms_validity(moment: datetime, windows: Sequence[ZonedWindow], rules: Rules) -> timedelta | None:
    """How long a text handed over at `moment` may wait at its provider (TCPA-QH-7); None: it must not go now.

    It ends before the first window closes, so that no text arrives outside the hours it was sent in.
    """
    validity = rules.validity
    longest = timedelta(seconds=validity.longest_seconds)
    closing = closes_at(moment, windows)
    if closing is None:
        return longest
    left = min(longest, closing - moment - timedelta(seconds=validity.margin_seconds))
    return left if left >= timedelta(seconds=validity.least_seconds) else None
