"""The words for a moment, and the fields that a message may print."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.consent import Purpose
from engine.core.safe_value import safe_value, visible
from engine.core.wording import TONGUES, Clinic, anchor_words, message_context

CLINIC = Clinic(
    name="Harbor Joint Clinic",
    brand="Harbor",
    phone="(617) 555-0100",
    address="12 Main Street\nBoston, MA 02110",
    site="https://clinic.example",
    zone="America/New_York",
)


def context(**changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "first_name": "Ann",
        "last_name": None,
        "clinic": CLINIC,
        "links": {},
        "anchor": None,
        "home_zone": "America/New_York",
        "language": "en",
        "purpose": Purpose.MARKETING,
        "event": {},
    }
    return message_context(**{**facts, **changes})


@pytest.mark.parametrize(
    ("moment", "clinic_zone", "home_zone", "expected"),
    [
        pytest.param("2026-12-01T15:30", "America/New_York", "America/New_York", "10:30 AM", id="same zone"),
        pytest.param("2026-12-01T15:30", "America/New_York", "America/Detroit", "10:30 AM", id="same clock"),
        pytest.param("2026-12-01T15:30", "America/New_York", "America/Chicago", "10:30 AM EST", id="other clock"),
        pytest.param("2026-07-01T15:30", "America/Phoenix", "America/Los_Angeles", "8:30 AM", id="Arizona, summer"),
        pytest.param("2026-12-01T15:30", "America/Phoenix", "America/Los_Angeles", "8:30 AM MST", id="winter"),
        pytest.param("2026-12-01T05:00", "America/New_York", "America/New_York", "12:00 AM", id="midnight"),
        pytest.param("2026-12-01T17:05", "America/New_York", "America/New_York", "12:05 PM", id="noon"),
        pytest.param("2026-12-01T04:30", "Asia/Kathmandu", "UTC", "10:15 AM (UTC+5:45)", id="no letters"),
        pytest.param("2026-12-01T13:30", "America/Sao_Paulo", "UTC", "10:30 AM (UTC-3)", id="west, no letters"),
    ],
)
def test_times_are_the_clinics_and_say_so_to_who_lives_by_another_clock(
    moment: str, clinic_zone: str, home_zone: str, expected: str
) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert anchor_words(at, clinic_zone, home_zone, "en")["time"] == expected


def test_the_day_is_the_clinics_too() -> None:
    words = anchor_words(datetime(2027, 1, 1, 3, 0, tzinfo=UTC), "America/New_York", "America/New_York", "en-US")
    assert words == {"day": "Thursday, December 31", "date": "December 31, 2026", "time": "10:00 PM"}


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param(
            "2026-12-01T15:30", ("martes, 1 de diciembre", "1 de diciembre de 2026", "10:30 a. m."), id="morning"
        ),
        pytest.param(
            "2026-09-05T17:05", ("sábado, 5 de septiembre", "5 de septiembre de 2026", "1:05 p. m."), id="one"
        ),
        pytest.param("2027-01-06T05:00", ("miércoles, 6 de enero", "6 de enero de 2027", "12:00 a. m."), id="midnight"),
        pytest.param("2027-02-28T17:00", ("domingo, 28 de febrero", "28 de febrero de 2027", "12:00 p. m."), id="noon"),
    ],
)
def test_days_and_times_are_said_in_spanish(moment: str, expected: tuple[str, str, str]) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    words = anchor_words(at, "America/New_York", "America/New_York", "es-US")
    assert (words["day"], words["date"], words["time"]) == expected


def test_another_clock_is_named_in_spanish_too() -> None:
    at = datetime(2026, 12, 1, 15, 30, tzinfo=UTC)
    assert anchor_words(at, "America/New_York", "America/Chicago", "es")["time"] == "10:30 a. m. EST"


@pytest.mark.parametrize("language", TONGUES)
def test_every_language_names_seven_days_and_twelve_months(language: str) -> None:
    words = TONGUES[language]
    assert len(set(words.weekdays)) == len(words.weekdays) == 7
    assert len(set(words.months)) == len(words.months) == 12


def test_a_language_without_words_is_said() -> None:
    with pytest.raises(ValueError, match="Known: en"):
        anchor_words(datetime(2026, 12, 1, tzinfo=UTC), "UTC", "UTC", "fr")


def test_what_is_not_known_is_not_there() -> None:
    made = context(first_name=None, event={"kind": "booking", "room": "", "note": "see http://evil.example"})
    assert made["contact"] == {"first_name": None, "last_name": None}
    assert made["anchor"] == {}
    assert made["event"] == {"kind": "booking"}
    assert made["purpose"] == "marketing"


@pytest.mark.parametrize(
    "name",
    [
        "<b>bold</b> & <script>alert(1)</script>",
        "{{ 7*7 }} {% raw %}",
        "[click](http://evil.example)",
        '=HYPERLINK("http://evil.example","click")',
        "www.evil.example",
        "Ann evil.example/win",
        "Ann evil．example",  # a full-width stop
        "Ann ｗｗｗ．evil．example",
        "Ann evil。example",
        "javascript:alert(1)",
        "ann@example.com",
        "Call 900 555 0100",
        "900-555-0100",
        "192.0.2.7",
        "x" * 61,
        "\u200b\u202e \r\n",
        "",
    ],
    ids=ascii,
)
def test_what_is_no_name_is_not_used_as_one(name: str) -> None:
    assert context(first_name=name)["contact"]["first_name"] is None


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("O'Neil", "O'Neil"),
        ("Mary-Jane", "Mary-Jane"),
        ("J. R.", "J. R."),
        ("Treviño", "Treviño"),
        ("李", "李"),
        ("Ann 🙂", "Ann 🙂"),
        ("Tom & Jerry", "Tom & Jerry"),
        ("  Ann\r\nBcc: x ", "Ann Bcc: x"),
        ("A\u200bn\u202en\u2066", "Ann"),
        ("Ann\u00a0Lee", "Ann Lee"),
        ("Ann\ud800", "Ann"),
    ],
    ids=ascii,
)
def test_names_are_printed_in_one_visible_line(name: str, printed: str) -> None:
    assert context(first_name=name)["contact"]["first_name"] == printed


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (3, "3"),
        (2.5, "2.5"),
        (True, "True"),
        (None, None),
        ("2026-12-01T10:30", "2026-12-01T10:30"),
        ("4.10", "4.10"),
    ],
    ids=repr,
)
def test_other_values_are_text(value: object, printed: str | None) -> None:
    assert safe_value(value) == printed


@given(st.text())
def test_what_is_printed_is_one_visible_line(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable() and shown == shown.strip()
    assert visible(shown) == shown
    assert safe_value(text) in (shown, None)
