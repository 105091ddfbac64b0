"""Offsets, and local time over changes of clocks."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.core.timing import MIDNIGHT, Offset, add, closes_at, known_zone, local, next_open, to_utc
from tests.core.moments import seen, utc

NY, CHI, LA = "America/New_York", "America/Chicago", "America/Los_Angeles"
KOLKATA, LORD_HOWE, ST_JOHNS = "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"
SYDNEY, SANTIAGO = "Australia/Sydney", "America/Santiago"


# --- offsets ---


@pytest.mark.parametrize(
    ("text", "days", "exact"),
    [
        ("2 days", 2, timedelta()),
        ("1 day", 1, timedelta()),
        ("3 weeks", 21, timedelta()),
        ("1 week 2 days", 9, timedelta()),
        ("1 day 12 hours", 1, timedelta(hours=12)),
        ("1 day, 12 hours and 5 minutes", 1, timedelta(hours=12, minutes=5)),
        ("24 hours", 0, timedelta(hours=24)),
        ("10 minutes", 0, timedelta(minutes=10)),
        ("0 minutes", 0, timedelta()),
        (" 2 Days ", 2, timedelta()),
        ("3650 days", 3650, timedelta()),
    ],
)
def test_offset_is_read(text: str, days: int, exact: timedelta) -> None:
    assert Offset.parse(text) == Offset(days, exact)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("soon", "such as “2 days”"),
        ("", "such as “2 days”"),
        ("2", "such as “2 days”"),
        ("days", "such as “2 days”"),
        ("-2 days", "such as “2 days”"),
        ("1.5 days", "such as “2 days”"),
        ("2 days 3 days", "such as “2 days”"),
        ("1 day" + " " * 60 + "2 hours", "such as “2 days”"),
        ("2 days before", "such as “2 days”"),
        ("30 seconds", "minutes, hours, days or weeks"),
        ("2 months", "Write “60 days” instead"),
        ("1 year", "Write “365 days” instead"),
        ("3651 days", "longer than ten years"),
        ("99999999999999999999 weeks", "longer than ten years"),
        ("9" * 5000 + " days", "such as “2 days”"),
    ],
)
def test_offset_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError) as refusal:
        Offset.parse(text)
    assert says in str(refusal.value)


@given(st.integers(0, 3000), st.integers(0, 60 * 24 * 30))
def test_offset_reads_what_it_writes(days: int, minutes: int) -> None:
    offset = Offset(days, timedelta(minutes=minutes))
    assert Offset.parse(str(offset)) == offset


def test_negative_offset_says_so() -> None:
    assert str(Offset(-2)) == "-2 days"
    assert str(Offset(exact=timedelta(hours=-24))) == "-24 hours"


# --- local time and changes of clocks ---


@pytest.mark.parametrize(
    ("day", "at", "zone", "expected"),
    [
        pytest.param(
            date(2027, 3, 14), time(8), NY, "Sun 2027-03-14 12:00", id="TV-14 morning after the spring change"
        ),
        pytest.param(date(2027, 3, 13), time(8), NY, "Sat 2027-03-13 13:00", id="the day before it"),
        pytest.param(date(2026, 3, 8), time(2, 30), NY, "Sun 2026-03-08 07:00", id="skipped time becomes 03:00"),
        pytest.param(date(2026, 3, 8), time(1, 59), NY, "Sun 2026-03-08 06:59", id="the minute before the gap"),
        pytest.param(date(2026, 3, 8), time(3, 1), NY, "Sun 2026-03-08 07:01", id="the minute after the gap"),
        pytest.param(date(2026, 11, 1), time(1, 30), NY, "Sun 2026-11-01 05:30", id="repeated time: the first"),
        pytest.param(date(2026, 11, 1), time(2), NY, "Sun 2026-11-01 07:00", id="after the repeated hour"),
        pytest.param(date(2027, 11, 7), time(1, 30), LA, "Sun 2027-11-07 08:30", id="repeated, Los Angeles 2027"),
        pytest.param(date(2026, 10, 4), time(2, 30), SYDNEY, "Sat 2026-10-03 16:00", id="Sydney springs in October"),
        pytest.param(date(2026, 4, 5), time(2, 30), SYDNEY, "Sat 2026-04-04 15:30", id="Sydney repeats in April"),
        pytest.param(date(2026, 9, 6), MIDNIGHT, SANTIAGO, "Sun 2026-09-06 04:00", id="Santiago skips midnight"),
        pytest.param(
            date(2026, 10, 4),
            time(2, 15),
            LORD_HOWE,
            "Sat 2026-10-03 15:30",
            id="Lord Howe skips half an hour",
        ),
        pytest.param(
            date(2026, 4, 5),
            time(1, 45),
            LORD_HOWE,
            "Sat 2026-04-04 14:45",
            id="Lord Howe repeats half an hour",
        ),
        pytest.param(date(2026, 6, 1), time(9), KOLKATA, "Mon 2026-06-01 03:30", id="Kolkata is half an hour off"),
        pytest.param(date(2026, 1, 1), MIDNIGHT, ST_JOHNS, "Thu 2026-01-01 03:30", id="St John's at midnight"),
        pytest.param(date(2028, 2, 29), time(9), NY, "Tue 2028-02-29 14:00", id="leap day"),
        pytest.param(date(2011, 12, 30), time(12), "Pacific/Apia", "Fri 2011-12-30 10:00", id="a day Samoa skipped"),
    ],
)
def test_to_utc(day: date, at: time, zone: str, expected: str) -> None:
    assert to_utc(day, at, zone) == utc(expected)


ZONES = st.sampled_from(
    [
        *(NY, CHI, LA, "America/Phoenix", "Pacific/Honolulu", ST_JOHNS, KOLKATA, LORD_HOWE, SANTIAGO),
        *("America/Havana", "Asia/Beirut", "Pacific/Chatham", "Europe/London", "America/Nuuk"),
        "Antarctica/Troll",
    ]
)
DAYS = st.dates(date(2026, 1, 1), date(2028, 12, 31))
QUARTERS = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))


@given(DAYS, QUARTERS, ZONES)
@settings(max_examples=300)
def test_to_utc_shows_the_time_asked_for_or_the_first_after_a_gap(day: date, at: time, zone: str) -> None:
    moment = to_utc(day, at, zone)
    shown = local(moment, zone)
    if (shown.date(), shown.time()) == (day, at):
        earlier = {f"{local(moment - timedelta(minutes=m), zone):%d %H:%M}" for m in (30, 60, 120)}
        assert f"{shown:%d %H:%M}" not in earlier, "the first of two"
    else:
        just_before = local(moment - timedelta(seconds=1), zone).replace(tzinfo=None)
        assert just_before < datetime.combine(day, at) < shown.replace(tzinfo=None)


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 11, 24, 12)
    for call in (
        lambda: local(naive, NY),
        lambda: add(naive, Offset(1), NY),
        lambda: next_open(naive, ()),
        lambda: closes_at(naive, ()),
    ):
        with pytest.raises(ValueError, match="without a time zone"):
            call()


@pytest.mark.parametrize("name", ["", "Chicago", "america/chicago ", "../etc/passwd", "America", "CST6", "\0"])
def test_unknown_zones_are_known_to_be_unknown(name: str) -> None:
    assert not known_zone(name)


# --- adding ---


@pytest.mark.parametrize(
    ("start", "offset", "zone", "at", "expected"),
    [
        pytest.param(
            "Sat 2026-10-31 14:00",
            "1 day",
            NY,
            None,
            "Sun 2026-11-01 10:00",
            id="a day keeps 10:00 in autumn",
        ),
        pytest.param("Sat 2026-10-31 14:00", "24 hours", NY, None, "Sun 2026-11-01 09:00", id="24 hours do not"),
        pytest.param(
            "Sat 2027-03-13 15:00",
            "1 day",
            NY,
            None,
            "Sun 2027-03-14 10:00",
            id="a day keeps 10:00 in spring",
        ),
        pytest.param(
            "Sat 2027-03-13 15:00", "24 hours", NY, None, "Sun 2027-03-14 11:00", id="24 hours do not, spring"
        ),
        pytest.param("Sat 2026-10-03 00:00", "1 day", SYDNEY, None, "Sun 2026-10-04 10:00", id="Sydney in its spring"),
        pytest.param("Sat 2027-03-13 07:30", "1 day", NY, None, "Sun 2027-03-14 03:00", id="02:30 does not exist then"),
        pytest.param(
            "Sun 2026-11-01 06:30", "0 minutes", NY, None, "Sun 2026-11-01 01:30", id="the second 01:30 stays"
        ),
        pytest.param(
            "Mon 2026-11-23 20:00",
            "2 days",
            NY,
            "10:00",
            "Wed 2026-11-25 10:00",
            id="two days later at 10:00",
        ),
        pytest.param(
            "Mon 2026-11-23 14:00",
            "2 days",
            NY,
            "18:00",
            "Wed 2026-11-25 18:00",
            id="two days later at 18:00",
        ),
        pytest.param("Tue 2026-11-24 04:30", "1 day", NY, "10:00", "Tue 2026-11-24 10:00", id="the local day counts"),
        pytest.param(
            "Mon 2026-11-23 20:00",
            "10 minutes",
            NY,
            "10:00",
            "Tue 2026-11-24 10:00",
            id="never before it began",
        ),
        pytest.param(
            "Mon 2026-11-23 14:00",
            "10 minutes",
            NY,
            "10:00",
            "Mon 2026-11-23 10:00",
            id="today if still ahead",
        ),
        pytest.param("Mon 2026-11-23 15:00", "0 minutes", NY, "10:00", "Mon 2026-11-23 10:00", id="this very minute"),
        pytest.param("Tue 2028-02-29 15:00", "365 days", NY, None, "Wed 2029-02-28 10:00", id="from a leap day"),
        pytest.param("Mon 2028-02-28 15:00", "1 day", NY, None, "Tue 2028-02-29 10:00", id="to a leap day"),
        pytest.param("Thu 2026-12-31 15:00", "1 day", NY, "09:00", "Fri 2027-01-01 09:00", id="over year's end"),
        pytest.param(
            "Fri 2027-01-01 04:59", "1 day", NY, None, "Fri 2027-01-01 23:59", id="still New Year's Eve there"
        ),
        pytest.param(
            "Mon 2026-11-23 18:30",
            "1 day 12 hours",
            KOLKATA,
            None,
            "Wed 2026-11-25 12:00",
            id="days, then hours",
        ),
        pytest.param(
            "Sat 2026-10-03 15:00",
            "30 minutes",
            LORD_HOWE,
            None,
            "Sun 2026-10-04 02:30",
            id="half-hour change",
        ),
    ],
)
def test_add(start: str, offset: str, zone: str, at: str | None, expected: str) -> None:
    clock = time.fromisoformat(at) if at else None
    assert seen(add(utc(start), Offset.parse(offset), zone, clock), zone) == expected


HOURS_24_BACK, AN_HOUR_BACK = Offset(exact=timedelta(hours=-24)), Offset(exact=timedelta(hours=-1))


@pytest.mark.parametrize(
    ("start", "offset", "at", "expected"),
    [
        pytest.param("Mon 2027-03-15 14:00", Offset(-1), None, "Sun 2027-03-14 10:00", id="a day before, new clocks"),
        pytest.param("Sun 2027-03-14 14:00", Offset(-1), None, "Sat 2027-03-13 10:00", id="a day before keeps 10:00"),
        pytest.param("Sun 2027-03-14 14:00", HOURS_24_BACK, None, "Sat 2027-03-13 09:00", id="24 hours before"),
        pytest.param("Tue 2026-11-24 15:00", Offset(-1), time(17), "Mon 2026-11-23 17:00", id="the evening before"),
        pytest.param("Tue 2026-11-24 15:00", Offset(), time(17), "Tue 2026-11-24 17:00", id="no time at all goes on"),
        pytest.param("Wed 2026-11-25 13:00", HOURS_24_BACK, time(9), "Tue 2026-11-24 09:00", id="24 hours, at nine"),
        pytest.param("Tue 2026-11-24 13:00", AN_HOUR_BACK, time(9), "Mon 2026-11-23 09:00", id="never after it"),
    ],
)
def test_add_goes_back(start: str, offset: Offset, at: time | None, expected: str) -> None:
    assert seen(add(utc(start), offset, NY, at), NY) == expected


def test_no_days_leave_the_second_of_two_equal_times_alone() -> None:
    second = utc("Sun 2026-11-01 06:30")
    assert add(second, Offset(exact=timedelta(minutes=5)), NY) == utc("Sun 2026-11-01 06:35")


@given(DAYS, QUARTERS, st.integers(0, 400), ZONES)
def test_days_keep_the_wall_clock(day: date, at: time, days: int, zone: str) -> None:
    start = to_utc(day, at, zone)
    assume(local(start, zone).time() == at)
    reached = add(start, Offset(days), zone)
    assert reached == to_utc(day + timedelta(days=days), at, zone)
    assert reached.tzinfo is UTC
