"""The rows of engine/rules: they agree with the compliance research, and a broken row is refused by name."""

import json
from datetime import date, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.core.rulebook import Rules
from tests.core.moments import utc
from tests.core.people import RULES, TEXTS

AS_OF = date(2026, 11, 22)


@pytest.fixture(scope="session")
def research(shared: Path) -> dict[str, Any]:
    """The tables of the compliance research; skipped where they are absent."""
    found: dict[str, Any] = json.loads((shared / "compliance" / "rules.json").read_text(encoding="utf-8"))
    return found


def span(pair: list[str] | None) -> tuple[time, time] | None:
    return (time.fromisoformat(pair[0]), time.fromisoformat(pair[1])) if pair else None


@pytest.mark.contract
def test_every_row_of_the_research_is_here(research: dict[str, Any]) -> None:
    for state, theirs in research["quiet_hours"].items():
        (row,) = RULES.hours["US" if state == "US-DEFAULT" else state]
        assert row.holds(AS_OF)
        assert (row.mon_fri, row.sat, row.sun) == tuple(span(theirs[day]) for day in ("mon_fri", "sat", "sun"))
        assert (row.holidays == "closed") == theirs["holiday_ban"], state
        assert row.cap_24h == theirs["cap_24h"], state
        assert (row.confidence, row.source) == (theirs["confidence"], theirs["source"]), state
    ours = set(RULES.hours) - {"US", "US, state unknown", "abroad"}
    assert ours == set(research["quiet_hours"]) - {"US-DEFAULT"}


@pytest.mark.contract
def test_the_hours_that_suit_every_state(research: dict[str, Any]) -> None:
    (row,) = RULES.hours["US, state unknown"]
    safe = research["national_safe"]
    assert (row.mon_fri, row.sat, row.sun) == tuple(span(safe[day]) for day in ("mon_fri", "sat", "sun"))
    for state, (theirs,) in RULES.hours.items():
        if state in RULES.states and state != "ME":  # the research leaves Maine's strict option out
            assert theirs.mon_fri and row.mon_fri
            assert theirs.mon_fri[0] <= row.mon_fri[0] < row.mon_fri[1] <= theirs.mon_fri[1]


@pytest.mark.contract
def test_split_area_codes_have_all_their_zones(research: dict[str, Any]) -> None:
    moments = [utc("Fri 2027-01-15 12:00"), utc("Thu 2027-07-15 12:00")]
    for zones, codes in research["split_area_codes"].items():
        for code in codes:
            place = RULES.areas[code]
            assert place is not None
            for zone in zones.split("+"):
                clocks = [[m.astimezone(ZoneInfo(z)).utcoffset() for m in moments] for z in place.zones]
                assert [m.astimezone(ZoneInfo(zone)).utcoffset() for m in moments] in clocks, (code, zone)


def test_every_state_has_its_zips_and_area_codes() -> None:
    by_zip = {state for place in RULES.zips.values() for state in place.states}
    by_code = {state for place in RULES.areas.values() if place for state in place.states}
    assert by_zip == by_code == set(RULES.states)
    assert len(RULES.states) == 56  # fifty, DC and five territories


def test_the_zones_of_a_part_belong_to_its_state() -> None:
    for place in (*RULES.zips.values(), *(p for p in RULES.areas.values() if p)):
        for state in place.states:
            assert set(place.zones) <= set(RULES.states[state].zones), place


@pytest.mark.parametrize(
    ("prefix", "zones"),
    [
        ("324", "New_York Chicago"),
        ("325", "Chicago"),
        ("374", "New_York"),
        ("385", "Chicago"),
        ("415", "New_York"),
        ("421", "Chicago"),
        ("464", "Chicago"),
        ("477", "Chicago"),
        ("798", "Chicago Denver"),
        ("799", "Denver"),
        ("837", "Denver"),
        ("838", "Los_Angeles"),
        ("865", "Phoenix Denver"),
        ("979", "Los_Angeles Denver"),
        ("995", "Anchorage Adak"),
    ],
)
def test_prefixes_of_split_states(prefix: str, zones: str) -> None:
    assert RULES.zips[prefix].zones == tuple(f"America/{zone}" for zone in zones.split())


def test_every_row_says_where_it_comes_from() -> None:
    for rows in RULES.hours.values():
        for row in rows:
            assert row.id.startswith("TCPA-")
            assert row.source


def test_the_version_changes_with_any_text() -> None:
    versions = {Rules.parse(**TEXTS).version}
    versions |= {Rules.parse(**TEXTS | {name: text + "\n"}).version for name, text in TEXTS.items()}
    assert len(versions) == 5
    assert RULES.version in versions


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        pytest.param("quiet_hours", '"08:00-20:00"', '"8 to 8"', "“8 to 8” are no hours", id="hours"),
        pytest.param("quiet_hours", 'confidence = "A"', 'confidence = "Z"', "marketing_sms", id="confidence"),
        pytest.param("quiet_hours", "cap_24h    = 3", "cap_24hrs  = 3", "cap_24hrs", id="unknown key"),
        pytest.param(
            "quiet_hours",
            'where      = "abroad"',
            'where = "away"',
            "where = “abroad”",
            id="a row is missing",
        ),
        pytest.param("quiet_hours", "[validity]", "[validity", "quiet_hours.toml", id="no TOML"),
        pytest.param("area_codes", "America/Adak", "America/Adakk", "“America/Adakk” is no time zone", id="zone"),
        pytest.param("area_codes", '"850 448"', '"850 448 305"', "305 is in two rows", id="area code twice"),
        pytest.param("area_codes", 'country = "JM"', 'country = "XX"', "XX has no zones", id="country without zones"),
        pytest.param("zips", '"350-352 354-369"', '"350-35"', "“350-35” is no range", id="range"),
        pytest.param("zips", '"716-729"', '"716-730"', "730 is in two rows", id="prefix twice"),
        pytest.param("zips", '"325"', '"925"', "925 is no prefix of “FL”", id="part of another state"),
        pytest.param("countries", "Africa/Luanda", "Luanda", "country.AO", id="country"),
    ],
)
def test_a_broken_row_is_refused_by_name(file: str, old: str, new: str, says: str) -> None:
    assert old in TEXTS[file]
    with pytest.raises(ValueError) as refusal:
        Rules.parse(**TEXTS | {file: TEXTS[file].replace(old, new, 1)})
    assert f"{file}.toml" in str(refusal.value)
    assert says in str(refusal.value)
