"""The hours of law and courtesy. Rule ids as in the rows of engine/rules/quiet_hours.toml."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.jurisdiction import Holidays, legal_windows, national_holidays, sms_cap, sms_validity
from engine.core.rulebook import Rules
from engine.core.timing import ZonedWindow, closed_by, next_open, to_utc, week
from tests.core.moments import seen, utc
from tests.core.people import CHI, DEN, HON, LA, NY, RULES, TEXTS, somebody


def opens(
    moment: datetime,
    known: Mapping[str, str],
    purpose: Purpose = Purpose.MARKETING,
    channel: Channel = Channel.SMS,
) -> datetime | None:
    return next_open(moment, legal_windows(somebody(known), purpose, channel, moment.date(), RULES))


def forbidden_by(moment: datetime, known: Mapping[str, str]) -> str | None:
    """The rule that forbids a marketing text at this moment."""
    windows = legal_windows(somebody(known), Purpose.MARKETING, Channel.SMS, moment.date(), RULES)
    closed = closed_by(moment, windows)
    return closed.rule if closed else None


# --- the vectors of the compliance research, section 11 ---


@pytest.mark.parametrize(
    ("known", "moment", "opening", "rule"),
    [
        pytest.param({"phone": "+13055550100"}, "Tue 2026-11-24 12:59", "Tue 2026-11-24 13:00", "TCPA-QH-1", id="TV-1"),
        pytest.param(
            {"phone": "+13055550100"},
            "Wed 2026-11-25 00:59",
            "Wed 2026-11-25 13:00",
            "TCPA-QH-2-FL",
            id="TV-2",
        ),
        pytest.param(
            {"zip": "10001", "phone": "+13105550100"},
            "Tue 2026-11-24 16:30",
            "Tue 2026-11-24 17:00",
            "TCPA-QH-2-CA",
            id="TV-4",
        ),
        pytest.param(
            {"zip": "10001", "phone": "+13105550100"},
            "Wed 2026-11-25 01:45",
            "Wed 2026-11-25 01:45",
            None,
            id="TV-4 last moment",
        ),
        pytest.param(
            {"zip": "10001", "phone": "+13105550100"},
            "Wed 2026-11-25 01:46",
            "Wed 2026-11-25 17:00",
            "TCPA-QH-1",
            id="TV-4 a minute later",
        ),
        pytest.param({"phone": "+18505550100"}, "Tue 2026-11-24 13:30", "Tue 2026-11-24 14:00", "TCPA-QH-1", id="TV-5"),
        pytest.param({"phone": "+19288710100"}, "Wed 2026-07-15 14:30", "Wed 2026-07-15 15:00", "TCPA-QH-1", id="TV-7"),
        pytest.param({"zip": "78701"}, "Sun 2026-11-29 17:59", "Sun 2026-11-29 18:00", "TCPA-QH-2-TX", id="TV-8"),
        pytest.param({"state": "RI"}, "Sat 2026-11-28 22:00", "Mon 2026-11-30 14:00", "TCPA-QH-2-RI", id="TV-10"),
        pytest.param({"zip": "40502"}, "Tue 2026-12-01 14:30", "Tue 2026-12-01 15:00", "TCPA-QH-2-KY", id="TV-11"),
        pytest.param(
            {"phone": "+18005550100"}, "Tue 2026-12-01 19:30", "Tue 2026-12-01 20:00", "TCPA-QH-9", id="TV-13"
        ),
        pytest.param({"zip": "10001"}, "Sun 2027-03-14 12:00", "Sun 2027-03-14 12:00", None, id="TV-14"),
        pytest.param(
            {"zip": "90001", "phone": "+14055550100"},
            "Thu 2026-12-03 01:50",
            "Thu 2026-12-03 17:00",
            "TCPA-QH-2-OK",
            id="TV-79: Oklahoma's evening, California's morning",
        ),
    ],
)
def test_vector(known: dict[str, str], moment: str, opening: str, rule: str | None) -> None:
    assert opens(utc(moment), known) == utc(opening)
    assert forbidden_by(utc(moment), known) == rule


def test_vector_14_is_0800_by_new_clocks() -> None:
    assert to_utc(date(2027, 3, 14), time(8), NY) == utc("Sun 2027-03-14 12:00")


def test_vector_79_the_cap_of_oklahoma_holds_as_well() -> None:
    assert sms_cap(somebody({"zip": "90001", "phone": "+14055550100"}), date(2026, 12, 2), RULES) == (
        3,
        "TCPA-QH-2-OK",
    )
    assert sms_cap(somebody({"zip": "90001", "phone": "+13105550100"}), date(2026, 12, 2), RULES) is None


def test_the_lowest_cap_of_several_states_holds() -> None:
    text = TEXTS["quiet_hours"]
    before, florida = text.split('where      = "FL"')
    lower = Rules.parse(**TEXTS | {"quiet_hours": before + 'where = "FL"' + florida.replace("= 3", "= 2", 1)})
    both = somebody({"zip": "33101", "phone": "+14055550100"}, lower)
    assert sms_cap(both, date(2026, 12, 2), lower) == (2, "TCPA-QH-2-FL")


# --- each state's first and last minutes, in a week without holidays ---

STATE_HOURS = [
    # state, ZIP, zone, weekdays, Saturday, Sunday
    ("AL", "35203", CHI, "08:00-20:00", "08:00-20:00", "closed"),
    ("CA", "94102", LA, "09:00-21:00", "09:00-21:00", "09:00-21:00"),
    ("CO", "80202", DEN, "08:00-21:00", "08:00-21:00", "08:00-21:00"),  # federal hours only
    ("CT", "06510", NY, "09:00-20:00", "09:00-20:00", "09:00-20:00"),
    ("FL", "33101", NY, "08:00-20:00", "08:00-20:00", "08:00-20:00"),
    ("HI", "96813", HON, "08:00-21:00", "08:00-21:00", "08:00-21:00"),
    ("IL", "60601", CHI, "09:00-21:00", "09:00-21:00", "09:00-21:00"),
    ("KY", "42101", CHI, "10:00-21:00", "10:00-21:00", "10:00-21:00"),
    ("LA", "70112", CHI, "08:00-20:00", "08:00-20:00", "closed"),
    ("MA", "02139", NY, "08:00-20:00", "08:00-20:00", "08:00-20:00"),
    ("MD", "21201", NY, "08:00-20:00", "08:00-20:00", "08:00-20:00"),
    ("ME", "04101", NY, "09:00-17:00", "closed", "closed"),
    ("MI", "48201", NY, "09:00-21:00", "09:00-21:00", "09:00-21:00"),
    ("MN", "55401", CHI, "09:00-21:00", "09:00-21:00", "09:00-21:00"),
    ("MS", "39201", CHI, "08:00-20:00", "08:00-20:00", "closed"),
    ("NJ", "07102", NY, "08:00-20:00", "08:00-20:00", "08:00-20:00"),
    ("NM", "87101", DEN, "09:00-21:00", "09:00-21:00", "09:00-21:00"),
    ("NV", "89101", LA, "09:00-20:00", "09:00-20:00", "09:00-20:00"),
    ("NY", "10001", NY, "08:00-21:00", "08:00-21:00", "08:00-21:00"),
    ("OK", "73102", CHI, "08:00-20:00", "08:00-20:00", "08:00-20:00"),
    ("OR", "97201", LA, "08:00-20:00", "08:00-20:00", "08:00-20:00"),
    ("PA", "19103", NY, "09:00-19:00", "09:00-19:00", "closed"),
    ("PR", "00901", "America/Puerto_Rico", "08:00-21:00", "08:00-21:00", "08:00-21:00"),
    ("RI", "02903", NY, "09:00-18:00", "10:00-17:00", "closed"),
    ("SD", "57101", CHI, "09:00-21:00", "09:00-21:00", "closed"),
    ("TX", "78701", CHI, "09:00-21:00", "09:00-21:00", "12:00-21:00"),
    ("UT", "84101", DEN, "08:00-21:00", "08:00-21:00", "closed"),
    ("VA", "23219", NY, "08:00-21:00", "08:00-21:00", "08:00-21:00"),
    ("WA", "98101", LA, "08:00-20:00", "08:00-20:00", "08:00-20:00"),
    ("WY", "82001", DEN, "08:00-20:00", "08:00-20:00", "08:00-20:00"),
]
WEDNESDAY, SATURDAY, SUNDAY = date(2026, 12, 2), date(2026, 12, 5), date(2026, 12, 6)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("zip_code", "zone", "day", "hours"),
    [
        pytest.param(zip_code, zone, day, hours, id=f"{state} {day:%A}")
        for state, zip_code, zone, *three in STATE_HOURS
        for day, hours in zip((WEDNESDAY, SATURDAY, SUNDAY), three, strict=True)
    ],
)
def test_the_minutes_around_a_states_hours(zip_code: str, zone: str, day: date, hours: str) -> None:
    def open_at(moment: datetime) -> bool:
        return opens(moment, {"zip": zip_code}) == moment

    if hours == "closed":
        noon = to_utc(day, time(12), zone)
        assert not any(open_at(noon + timedelta(hours=h)) for h in range(-11, 12))
        return
    first, closing = (to_utc(day, time.fromisoformat(h), zone) for h in hours.split("-"))
    last = closing - timedelta(minutes=15)  # TCPA-QH-7
    assert not open_at(first - MINUTE)
    assert open_at(first)
    assert open_at(last)
    assert not open_at(last + MINUTE)


# --- rows of limited time, holidays ---


def test_a_row_counts_from_its_first_day() -> None:
    the_evening_before, the_first_evening = utc("Thu 2026-01-01 04:30"), utc("Fri 2026-01-02 04:30")  # 20:30
    portland = somebody({"zip": "97201"})
    for as_of, moment, rule in [
        (date(2025, 12, 31), the_evening_before, None),
        (date(2026, 1, 1), the_first_evening, "TCPA-QH-2-OR"),
    ]:
        windows = legal_windows(portland, Purpose.MARKETING, Channel.SMS, as_of, RULES)
        closed = closed_by(moment, windows)
        assert (closed.rule if closed else None) == rule
    assert sms_cap(portland, date(2025, 12, 31), RULES) is None
    assert sms_cap(portland, date(2026, 1, 1), RULES) == (3, "TCPA-QH-2-OR")


def test_a_row_counts_until_its_last_day() -> None:
    dated = TEXTS | {"quiet_hours": TEXTS["quiet_hours"].replace("from       = 2026-01-01", "to = 2026-01-31")}
    rules = Rules.parse(**dated)
    portland = somebody({"zip": "97201"}, rules)
    ids = [
        {w.rule for w in legal_windows(portland, Purpose.MARKETING, Channel.SMS, day, rules)}
        for day in (date(2026, 1, 31), date(2026, 2, 1))
    ]
    assert ids == [{"TCPA-QH-1", "TCPA-QH-2-OR"}, {"TCPA-QH-1"}]


@pytest.mark.parametrize(
    ("known", "noon", "rule"),
    [
        pytest.param({"zip": "35203"}, "Thu 2026-11-26 18:00", "TCPA-QH-2-AL", id="Thanksgiving, Alabama"),
        pytest.param({"zip": "33101"}, "Thu 2026-11-26 18:00", None, id="Thanksgiving, Florida has no ban"),
        pytest.param({"zip": "19103"}, "Fri 2026-11-27 18:00", "TCPA-QH-2-PA", id="the day after, Pennsylvania"),
        pytest.param({"zip": "02903"}, "Fri 2026-11-27 18:00", None, id="the day after, Rhode Island"),
        pytest.param({"zip": "70112"}, "Tue 2026-02-17 18:00", "TCPA-QH-2-LA", id="Mardi Gras, Louisiana"),
        pytest.param({"zip": "35203"}, "Tue 2026-02-17 18:00", None, id="Mardi Gras, Birmingham"),
        pytest.param({"zip": "70112"}, "Mon 2026-10-12 18:00", "TCPA-QH-2-LA", id="federal, not Louisiana's own"),
        pytest.param({"zip": "84101"}, "Fri 2026-07-24 18:00", "TCPA-QH-2-UT", id="Pioneer Day, Utah"),
        pytest.param({"zip": "04101"}, "Mon 2026-04-20 18:00", "TCPA-QH-2-ME", id="Patriots' Day, Maine"),
        pytest.param({"zip": "02903"}, "Mon 2026-08-10 18:00", "TCPA-QH-2-RI", id="Victory Day, Rhode Island"),
        pytest.param({"zip": "02903"}, "Fri 2026-07-03 18:00", "TCPA-QH-2-RI", id="an observed holiday"),
        pytest.param({"zip": "02903"}, "Fri 2027-12-31 18:00", "TCPA-QH-2-RI", id="next year's, observed this year"),
        pytest.param({"zip": "78701"}, "Mon 2026-03-02 18:00", None, id="Texas Independence Day: Texas has no ban"),
        pytest.param({"phone": "+18005550100"}, "Fri 2026-07-24 21:00", "TCPA-QH-9", id="any state's, unknown state"),
        pytest.param({"zip": "33101", "phone": "+14015550100"}, "Mon 2026-08-10 18:00", "TCPA-QH-2-RI", id="by phone"),
    ],
)
def test_holidays(known: dict[str, str], noon: str, rule: str | None) -> None:
    assert forbidden_by(utc(noon), known) == rule


def test_us_holidays_of_a_campaign() -> None:
    closed = national_holidays("US holidays")
    assert date(2026, 11, 26) in closed
    assert date(2026, 11, 27) not in closed
    assert "Thanksgiving" not in closed
    assert closed == Holidays()
    with pytest.raises(ValueError, match="Write “US holidays”"):
        national_holidays("Christmas")


# --- state unknown, abroad ---


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param("Tue 2026-12-01 20:00", "Tue 2026-12-01 22:45", id="weekday, winter"),
        pytest.param("Wed 2026-07-15 20:00", "Wed 2026-07-15 21:45", id="weekday, summer"),
        pytest.param("Sat 2026-12-05 20:00", "Sat 2026-12-05 21:45", id="Saturday, winter"),
    ],
)
def test_tz_5_in_all_fifty_states(first: str, last: str) -> None:
    for phone in ("+18885550100", "+15005550100", "+15555550100", "not a number"):
        assert opens(utc(first) - MINUTE, {"phone": phone}) == utc(first)
        assert opens(utc(last), {"phone": phone}) == utc(last)
        assert (opens(utc(last) + MINUTE, {"phone": phone}) or utc(last)) > utc(last) + timedelta(hours=10)


def test_tz_6_in_the_contiguous_states() -> None:
    known = {"zone": CHI, "country": "US"}
    assert opens(utc("Tue 2026-12-01 17:59"), known) == utc("Tue 2026-12-01 18:00")
    assert opens(utc("Tue 2026-12-01 22:46"), known) == utc("Wed 2026-12-02 18:00")
    assert opens(utc("Wed 2026-07-15 16:59"), known) == utc("Wed 2026-07-15 17:00")
    assert opens(utc("Sat 2026-12-05 22:00"), known) == utc("Mon 2026-12-07 18:00")


def test_tz_5_also_for_somebody_beyond_the_contiguous_states() -> None:
    known = {"zone": "America/Anchorage", "country": "US"}
    assert opens(utc("Tue 2026-12-01 19:30"), known) == utc("Tue 2026-12-01 20:00")


@pytest.mark.parametrize(
    ("known", "moment", "opening"),
    [
        pytest.param({"phone": "+442079460000"}, "Tue 2026-12-01 08:59", "Tue 2026-12-01 09:00", id="London opens"),
        pytest.param({"phone": "+442079460000"}, "Tue 2026-12-01 19:46", "Wed 2026-12-02 09:00", id="London shuts"),
        pytest.param({"phone": "+61412345678"}, "Tue 2026-12-01 00:59", "Tue 2026-12-01 01:00", id="Perth opens last"),
        pytest.param(
            {"phone": "+61412345678"}, "Tue 2026-12-01 08:46", "Wed 2026-12-02 01:00", id="Sydney shuts first"
        ),
        pytest.param(
            {"phone": "+14165550100"},
            "Tue 2026-12-01 13:59",
            "Tue 2026-12-01 14:00",
            id="Toronto, region known",
        ),
        pytest.param({"country": "CA"}, "Tue 2026-12-01 13:59", "Tue 2026-12-01 17:00", id="Canada, region unknown"),
        pytest.param(
            {"country": "CA", "state": "BC", "phone": "+16045550100"},
            "Tue 2026-12-01 13:59",
            "Tue 2026-12-01 17:00",
            id="British Columbia",
        ),
        pytest.param(
            {"phone": "+919812345678"},
            "Tue 2026-12-01 03:29",
            "Tue 2026-12-01 03:30",
            id="India, half an hour off",
        ),
        pytest.param(
            {"country": "GB", "phone": "+13055550100"},
            "Tue 2026-12-01 09:00",
            "Tue 2026-12-01 14:00",
            id="INT-4: both",
        ),
        pytest.param(
            {"zip": "10001", "phone": "+442079460000"},
            "Tue 2026-12-01 19:46",
            "Wed 2026-12-02 14:00",
            id="INT-4: both, again",
        ),
        pytest.param({"country": "TH", "phone": "+13055550100"}, "Tue 2026-12-01 19:46", None, id="no hour suits both"),
    ],
)
def test_abroad(known: dict[str, str], moment: str, opening: str | None) -> None:
    assert opens(utc(moment), known) == (utc(opening) if opening else None)


def test_a_foreign_number_takes_no_law_of_the_address_away() -> None:
    assert forbidden_by(utc("Sun 2026-12-06 17:00"), {"zip": "02903", "phone": "+442079460000"}) == "TCPA-QH-2-RI"
    assert forbidden_by(utc("Sun 2026-12-06 17:00"), {"phone": "+442079460000"}) is None


# --- courtesy hours, email, service ---


@pytest.mark.parametrize("purpose", [Purpose.APPOINTMENT, Purpose.CARE])
def test_courtesy_hours_of_texts(purpose: Purpose) -> None:
    known = {"zip": "02903", "phone": "+13105550100"}  # Rhode Island bans Sundays, for marketing only
    for moment, opening in [
        ("Sun 2026-12-06 15:59", "Sun 2026-12-06 16:00"),
        ("Mon 2026-12-07 01:45", "Mon 2026-12-07 01:45"),
        ("Mon 2026-12-07 01:46", "Mon 2026-12-07 16:00"),
    ]:
        assert opens(utc(moment), known, purpose) == utc(opening)
    windows = legal_windows(somebody(known), purpose, Channel.SMS, SUNDAY, RULES)
    assert {w.rule for w in windows} == {"TCPA-QH-5"}


@pytest.mark.parametrize("purpose", [Purpose.MARKETING, Purpose.APPOINTMENT, Purpose.CARE])
@pytest.mark.parametrize(
    ("known", "first", "last"),
    [
        pytest.param({"zip": "10001"}, "Sun 2026-12-06 12:00", "Mon 2026-12-07 01:59", id="ZIP"),
        pytest.param(
            {"zip": "10001", "phone": "+13105550100"},
            "Sun 2026-12-06 12:00",
            "Mon 2026-12-07 01:59",
            id="ZIP, not phone",
        ),
        pytest.param({"phone": "+13105550100"}, "Sun 2026-12-06 15:00", "Mon 2026-12-07 04:59", id="area code"),
        pytest.param({"state": "TX"}, "Sun 2026-12-06 14:00", "Mon 2026-12-07 02:59", id="both zones of the state"),
        pytest.param(
            {"zone": HON, "zip": "10001"},
            "Sun 2026-12-06 17:00",
            "Mon 2026-12-07 01:59",
            id="own word, and ZIP",
        ),
        pytest.param({}, "Sun 2026-12-06 14:00", "Mon 2026-12-07 03:59", id="nothing: the clinic"),
        pytest.param(
            {"phone": "+18005550100"},
            "Sun 2026-12-06 14:00",
            "Mon 2026-12-07 03:59",
            id="toll-free: the clinic",
        ),
    ],
)
def test_hours_of_email(purpose: Purpose, known: dict[str, str], first: str, last: str) -> None:
    assert opens(utc(first) - MINUTE, known, purpose, Channel.EMAIL) == utc(first)
    assert opens(utc(last), known, purpose, Channel.EMAIL) == utc(last)
    assert opens(utc(last) + MINUTE, known, purpose, Channel.EMAIL) != utc(last) + MINUTE


@pytest.mark.parametrize("channel", Channel)
def test_service_messages_have_no_hours(channel: Channel) -> None:
    assert legal_windows(somebody({"zip": "02903"}), Purpose.SERVICE, channel, SUNDAY, RULES) == ()


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        pytest.param("Tue 2026-12-01 13:00", 36000, id="never longer than ten hours"),
        pytest.param("Tue 2026-12-01 20:00", 5 * 3600 - 300, id="five minutes before closing"),
        pytest.param("Wed 2026-12-02 00:45", 600, id="ten minutes at least"),
        pytest.param("Wed 2026-12-02 00:46", None, id="less: not at all"),
    ],
)
def test_qh_7_a_text_expires_before_its_window_closes(moment: str, seconds: int | None) -> None:
    windows = legal_windows(somebody({"zip": "33101"}), Purpose.MARKETING, Channel.SMS, WEDNESDAY, RULES)
    expected = None if seconds is None else timedelta(seconds=seconds)
    if seconds is None:
        assert closed_by(utc(moment), windows) is not None
        return
    assert sms_validity(utc(moment), windows, RULES) == expected


def test_qh_7_without_the_floor_too_little_time_is_refused() -> None:
    noon = utc("Tue 2026-12-01 18:00")
    assert sms_validity(noon, (), RULES) == timedelta(hours=10)
    closing_soon = ZonedWindow(NY, week(time(9), time(13, 10)), "send")
    assert sms_validity(noon, (closing_soon,), RULES) is None


SAID = {
    "zone": st.sampled_from([None, None, CHI, HON]),
    "zip": st.sampled_from([None, "10001", "79901", "97914", "86515", "38501", "2139"]),
    "state": st.sampled_from([None, "NY", "TX", "ME", "KY", "ON"]),
    "country": st.sampled_from([None, "US", "CA", "GB"]),
    "phone": st.sampled_from([None, "+18505550100", "+14055550100", "+18005550100", "+442079460000", "+14165550100"]),
}


@given(st.fixed_dictionaries(SAID), st.integers(0, 24 * 60))
@settings(max_examples=200, deadline=None)
def test_an_open_moment_is_open_in_every_candidate_zone(known: dict[str, str | None], minutes: int) -> None:
    """By 08:00 to 21:00 at the widest (TCPA-TZ-1)."""
    place = somebody(known)
    moment = utc("Tue 2026-12-01 00:00") + timedelta(minutes=minutes)
    windows = legal_windows(place, Purpose.MARKETING, Channel.SMS, moment.date(), RULES)
    if closed_by(moment, windows) is None:
        for zone in place.zones:
            shown = (seen(moment, zone) or "")[-5:]
            assert "08:00" <= shown < "21:00"
    assert place.home_zone in place.zones or place.home_from == "clinic"
    assert set(place.mail_zones) <= {*place.zones, DEN}
