"""Appointments as calendar files."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from engine.core.calendar import appointment_file
from engine.core.wording import Clinic

CLINIC = Clinic(
    name="Harbor Stem Cell and Spine Institute",
    brand="Harbor Clinic",
    phone="(617) 555-0100",
    address="12 Main Street\nBoston, MA 02110",
    site="https://clinic.example",
    zone="America/New_York",
    email="hello@clinic.example",
)
FACTS: dict[str, Any] = {
    "ref": "k3j5n2q7x4c6m2ab",
    "starts_at": datetime(2026, 12, 1, 15, 30, tzinfo=UTC),
    "lasts": timedelta(minutes=45),
    "moves": 0,
    "clinic": CLINIC,
    "language": "en",
    "now": datetime(2026, 11, 22, 15, 0, tzinfo=UTC),
}


def entry(**changes: Any) -> Any:
    calendar = Calendar.from_ical(appointment_file(**{**FACTS, **changes}))
    assert calendar["method"] == "PUBLISH"
    (event,) = calendar.walk("VEVENT")
    return event


def test_the_entry_says_when_where_and_whom_to_call() -> None:
    event = entry()
    assert event["dtstart"].dt == FACTS["starts_at"]
    assert event["dtend"].dt - event["dtstart"].dt == timedelta(minutes=45)
    assert event["summary"] == "Appointment"
    assert event["location"] == "12 Main Street, Boston, MA 02110"
    assert "(617) 555-0100" in event["description"]
    assert event["class"] == "PRIVATE"


def test_a_move_replaces_the_entry() -> None:
    before, after = entry(), entry(moves=1, starts_at=FACTS["starts_at"] + timedelta(days=7))
    assert before["uid"] == after["uid"] == FACTS["ref"]
    assert (before["sequence"], after["sequence"]) == (0, 1)


def test_the_same_facts_give_the_same_file() -> None:
    assert appointment_file(**FACTS) == appointment_file(**FACTS)


@pytest.mark.parametrize("word", ["stem", "spine", "institute"])
def test_the_clinics_full_name_does_not_show_in_a_calendar(word: str) -> None:
    assert word not in appointment_file(**FACTS).decode().lower()


def test_the_entry_speaks_the_language_of_its_reader() -> None:
    event = entry(language="es")
    assert event["summary"] == "Cita"
    assert event["description"] == "Para cambiarla, llame al (617) 555-0100."
    (alarm,) = event.walk("VALARM")
    assert alarm["description"] == "Cita"


def test_an_alarm_rings_two_hours_before() -> None:
    (alarm,) = entry().walk("VALARM")
    assert alarm["trigger"].dt == timedelta(hours=-2)
    assert alarm["description"] == "Appointment"


def test_hostile_facts_stay_in_their_line() -> None:
    clinic = replace(CLINIC, brand="Harbor\r\nATTENDEE:mailto:x@example.com", address="1 Main St;X,Y")
    text = appointment_file(**{**FACTS, "clinic": clinic}).decode()
    assert "\r\nATTENDEE" not in text
    assert entry(clinic=clinic)["location"] == "1 Main St;X,Y"


def test_lines_end_as_the_format_wants_and_are_short() -> None:
    lines = appointment_file(**FACTS).split(b"\r\n")
    assert all(len(line) <= 75 and b"\n" not in line for line in lines)
