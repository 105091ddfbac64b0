"""Windows: when something may be sent, first and last, and what forbids it."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.core.timing import MIDNIGHT, ZonedWindow, closed_by, closes_at, last_open, next_open, week
from tests.core.moments import utc

NY, CHI, DEN, LA = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
KOLKATA, LORD_HOWE, ST_JOHNS = "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"
SYDNEY = "Australia/Sydney"
NINE_TO_FIVE = week(time(9), time(17))


def window(zone: str, hours: tuple[tuple[time, time] | None, ...] = NINE_TO_FIVE, minutes: int = 0) -> ZonedWindow:
    return ZonedWindow(zone, hours, "test", floor=timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        pytest.param("Tue 2026-11-24 13:59", "Tue 2026-11-24 14:00", id="the minute before opening waits"),
        pytest.param("Tue 2026-11-24 14:00", "Tue 2026-11-24 14:00", id="the opening is included"),
        pytest.param("Tue 2026-11-24 21:59", "Tue 2026-11-24 21:59", id="the minute before closing"),
        pytest.param("Tue 2026-11-24 22:00", "Wed 2026-11-25 14:00", id="the closing is not included"),
        pytest.param("Thu 2026-12-31 22:00", "Fri 2027-01-01 14:00", id="year's end"),
        pytest.param("Mon 2028-02-28 22:00", "Tue 2028-02-29 14:00", id="leap day"),
        pytest.param("Sat 2026-10-31 21:00", "Sun 2026-11-01 14:00", id="winter hours from the day of the change on"),
        pytest.param("Sat 2027-03-13 22:00", "Sun 2027-03-14 13:00", id="summer hours from the day of the change on"),
    ],
)
def test_one_window(moment: str, opens: str) -> None:
    assert next_open(utc(moment), (window(NY),)) == utc(opens)


def test_an_open_moment_keeps_its_seconds() -> None:
    moment = utc("Tue 2026-11-24 15:00") + timedelta(seconds=7, microseconds=5)
    assert next_open(moment, (window(NY),)) == moment
    assert last_open(moment, (window(NY),), moment) == moment


def test_without_windows_every_moment_is_open() -> None:
    moment = utc("Tue 2026-11-24 03:00")
    assert next_open(moment, ()) == moment
    assert last_open(moment, (), moment) == moment
    assert closed_by(moment, ()) is None
    assert closes_at(moment, ()) is None


@pytest.mark.parametrize(
    ("zones", "moment", "opens"),
    [
        pytest.param((NY, LA), "Tue 2026-11-24 14:00", "Tue 2026-11-24 17:00", id="the westernmost opens last"),
        pytest.param((NY, LA), "Tue 2026-11-24 21:59", "Tue 2026-11-24 21:59", id="still open in both"),
        pytest.param((NY, LA), "Tue 2026-11-24 22:00", "Wed 2026-11-25 17:00", id="the easternmost closes first"),
        pytest.param((CHI, NY, DEN), "Tue 2026-11-24 14:30", "Tue 2026-11-24 16:00", id="three zones, any order"),
        pytest.param((KOLKATA, "Asia/Tokyo"), "Tue 2026-11-24 00:00", "Tue 2026-11-24 03:30", id="half-hour zone"),
        pytest.param((LORD_HOWE, SYDNEY), "Fri 2026-10-02 00:00", "Fri 2026-10-02 00:00", id="Lord Howe in winter"),
        pytest.param((ST_JOHNS, NY), "Tue 2026-11-24 12:30", "Tue 2026-11-24 14:00", id="St John's and New York"),
        pytest.param((NY, "Asia/Tokyo"), "Tue 2026-11-24 12:30", None, id="never open together"),
    ],
)
def test_several_zones(zones: tuple[str, ...], moment: str, opens: str | None) -> None:
    windows = tuple(window(zone) for zone in zones)
    assert next_open(utc(moment), windows) == (utc(opens) if opens else None)


@pytest.mark.parametrize(
    ("hours", "moment", "opens"),
    [
        pytest.param(
            week(time(0), MIDNIGHT), "Tue 2026-11-24 05:00", "Tue 2026-11-24 05:00", id="whole days: midnight"
        ),
        pytest.param(
            week(time(0), MIDNIGHT, range(5)),
            "Sat 2026-11-28 04:59",
            "Sat 2026-11-28 04:59",
            id="Friday 23:59",
        ),
        pytest.param(
            week(time(0), MIDNIGHT, range(5)),
            "Sat 2026-11-28 05:00",
            "Mon 2026-11-30 05:00",
            id="Saturday 00:00",
        ),
        pytest.param(week(time(18), MIDNIGHT), "Wed 2026-11-25 04:59", "Wed 2026-11-25 04:59", id="until midnight"),
        pytest.param(week(time(18), MIDNIGHT), "Wed 2026-11-25 05:00", "Wed 2026-11-25 23:00", id="shut at midnight"),
        pytest.param(
            week(time(2, 15), time(2, 45)),
            "Sun 2026-03-08 05:00",
            "Mon 2026-03-09 06:15",
            id="hours that a change skips",
        ),
        pytest.param(
            week(time(2, 15), time(3, 30)),
            "Sun 2026-03-08 05:00",
            "Sun 2026-03-08 07:00",
            id="opening in the gap",
        ),
        pytest.param(
            week(time(1), time(1, 45)),
            "Sun 2026-11-01 05:50",
            "Mon 2026-11-02 06:00",
            id="closing twice: the first",
        ),
        pytest.param((None,) * 7, "Tue 2026-11-24 05:00", None, id="never"),
    ],
)
def test_odd_hours(hours: tuple[tuple[time, time] | None, ...], moment: str, opens: str | None) -> None:
    assert next_open(utc(moment), (window(NY, hours),)) == (utc(opens) if opens else None)


@pytest.mark.parametrize("minutes", [0, 15])
def test_midnight_is_no_closing_where_the_next_day_adjoins(minutes: int) -> None:
    weekdays = window(NY, week(MIDNIGHT, MIDNIGHT, range(5)), minutes)
    always = window(NY, week(MIDNIGHT, MIDNIGHT), minutes)
    late = utc("Wed 2026-11-25 04:59")
    assert next_open(late, (weekdays,)) == late
    assert closes_at(late, (weekdays,)) == utc("Sat 2026-11-28 05:00")
    assert closes_at(late, (always,)) is None


def test_closed_days() -> None:
    thanksgiving = ZonedWindow(NY, NINE_TO_FIVE, "test", closed_on=frozenset({date(2026, 11, 26)}))
    assert next_open(utc("Wed 2026-11-25 22:00"), (thanksgiving,)) == utc("Fri 2026-11-27 14:00")
    assert last_open(utc("Fri 2026-11-27 13:00"), (thanksgiving,), utc("Mon 2026-11-23 00:00")) == utc(
        "Wed 2026-11-25 21:59"
    )


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        pytest.param("Tue 2026-11-24 21:44", "Tue 2026-11-24 21:44", id="16 minutes before closing"),
        pytest.param("Tue 2026-11-24 21:45", "Tue 2026-11-24 21:45", id="the last moment is included"),
        pytest.param("Tue 2026-11-24 21:46", "Wed 2026-11-25 14:00", id="14 minutes are too few"),
    ],
)
def test_the_floor_keeps_a_distance_from_closing(moment: str, opens: str) -> None:
    with_floor = (window(NY, minutes=15),)
    assert next_open(utc(moment), with_floor) == utc(opens)
    assert closes_at(utc("Tue 2026-11-24 21:44"), with_floor) == utc("Tue 2026-11-24 22:00")


def test_a_window_shorter_than_its_floor_never_opens() -> None:
    short = window(NY, week(time(9), time(9, 10)), minutes=15)
    assert next_open(utc("Tue 2026-11-24 05:00"), (short,)) is None
    assert last_open(utc("Tue 2026-11-24 05:00"), (short,), utc("Thu 2026-01-01 00:00")) is None


@pytest.mark.parametrize(
    ("moment", "minutes", "last"),
    [
        pytest.param("Tue 2026-11-24 15:00", 0, "Tue 2026-11-24 15:00", id="open: stays"),
        pytest.param("Tue 2026-11-24 22:00", 0, "Tue 2026-11-24 21:59", id="just closed: the minute before"),
        pytest.param("Tue 2026-11-24 22:00", 15, "Tue 2026-11-24 21:45", id="just closed, with a floor"),
        pytest.param("Tue 2026-11-24 21:50", 15, "Tue 2026-11-24 21:45", id="too near the closing"),
        pytest.param("Tue 2026-11-24 13:59", 0, "Mon 2026-11-23 21:59", id="before opening: the day before"),
        pytest.param("Mon 2026-11-23 13:00", 0, None, id="but not before the beginning"),
    ],
)
def test_a_before_step_moves_earlier_never_later(moment: str, minutes: int, last: str | None) -> None:
    found = last_open(utc(moment), (window(NY, minutes=minutes),), utc("Mon 2026-11-23 00:00"))
    assert found == (utc(last) if last else None)


def test_before_step_in_several_zones_and_over_a_weekend() -> None:
    windows = tuple(window(zone, week(time(9), time(17), range(5))) for zone in (NY, LA))
    monday_morning = utc("Mon 2026-11-30 14:00")
    assert last_open(monday_morning, windows, utc("Mon 2026-11-23 00:00")) == utc("Fri 2026-11-27 21:59")
    assert last_open(monday_morning, windows, utc("Fri 2026-11-27 22:00")) is None


def test_last_open_refuses_a_moment_that_is_already_too_early() -> None:
    moment = utc("Tue 2026-11-24 15:00")
    assert last_open(moment, (window(NY),), moment + timedelta(minutes=1)) is None


def test_closes_at_is_the_first_closing_of_an_open_moment() -> None:
    windows = (window(LA), window(NY))
    assert closes_at(utc("Tue 2026-11-24 18:00"), windows) == utc("Tue 2026-11-24 22:00")
    assert closes_at(utc("Tue 2026-11-24 23:00"), windows) is None


def test_closed_by_names_the_window_that_forbids() -> None:
    federal = ZonedWindow(NY, week(time(8), time(21)), "TCPA-QH-1")
    state = ZonedWindow(NY, week(time(10), time(21)), "TCPA-QH-2-KY")
    for moment, rule in [
        ("Tue 2026-11-24 12:59", "TCPA-QH-1"),
        ("Tue 2026-11-24 14:59", "TCPA-QH-2-KY"),
        ("Tue 2026-11-24 15:00", None),
    ]:
        closed = closed_by(utc(moment), (federal, state))
        assert (closed.rule if closed else None) == rule


@pytest.mark.parametrize(
    "hours",
    [week(time(9), time(17))[:6], week(time(17), time(9)), week(time(9), time(9))],
    ids=["six days", "closes before it opens", "empty"],
)
def test_windows_that_make_no_sense_are_refused(hours: tuple[tuple[time, time] | None, ...]) -> None:
    with pytest.raises(ValueError, match="a window"):
        ZonedWindow(NY, hours, "test")


# --- properties, against a clock read step by step ---

ZONES = st.sampled_from(
    [
        *(
            NY,
            CHI,
            LA,
            "America/Phoenix",
            "Pacific/Honolulu",
            ST_JOHNS,
            KOLKATA,
            LORD_HOWE,
            "America/Santiago",
        ),
        *("America/Havana", "Asia/Beirut", "Pacific/Chatham", "Europe/London", "America/Nuuk"),
        "Antarctica/Troll",
    ]
)
STEP = timedelta(minutes=15)
# Between 04:00 and 23:00 no zone here changes its clocks, so that the wall clock alone says what is open.
SPANS = st.tuples(st.integers(16, 91), st.integers(1, 40)).map(
    lambda s: (time(s[0] // 4, s[0] % 4 * 15), time(min(s[0] + s[1], 92) // 4, min(s[0] + s[1], 92) % 4 * 15))
)
WINDOWS = st.builds(
    ZonedWindow,
    zone=ZONES,
    hours=st.lists(st.one_of(SPANS, SPANS, st.none()), min_size=7, max_size=7).map(tuple),
    rule=st.just("test"),
    closed_on=st.frozensets(st.dates(date(2026, 10, 1), date(2026, 11, 30)), max_size=5),
    floor=st.sampled_from([timedelta(), timedelta(), timedelta(minutes=15)]),
)
MOMENTS = st.datetimes(datetime(2026, 9, 20), datetime(2026, 11, 20)).map(
    lambda m: m.replace(second=0, microsecond=0, tzinfo=UTC)
)


def on_the_clock(moment: datetime, window: ZonedWindow) -> bool:
    """Whether a person who looks at a clock on the wall would call the window open."""
    here = moment.astimezone(ZoneInfo(window.zone))
    hours = window.hours[here.weekday()]
    if hours is None or here.date() in window.closed_on:
        return False
    left = datetime.combine(here, hours[1]) - here.replace(tzinfo=None)
    return here.time() >= hours[0] and left >= max(window.floor, timedelta(microseconds=1))


@given(st.lists(WINDOWS, min_size=1, max_size=3), MOMENTS)
@settings(max_examples=150, deadline=None)
def test_next_open_is_allowed_by_all_and_nothing_earlier_is(windows: list[ZonedWindow], moment: datetime) -> None:
    found = next_open(moment, windows)
    looked_until = min(found or moment + timedelta(days=20), moment + timedelta(days=20))
    if found is not None:
        assert found >= moment
        assert all(on_the_clock(found, w) for w in windows)
    looked_at = moment
    while looked_at < looked_until:
        assert not all(on_the_clock(looked_at, w) for w in windows), looked_at
        looked_at = looked_at.replace(minute=looked_at.minute // 15 * 15) + STEP


@given(st.lists(WINDOWS, min_size=1, max_size=3), MOMENTS)
@settings(max_examples=150, deadline=None)
def test_last_open_is_allowed_by_all_and_nothing_later_is(windows: list[ZonedWindow], moment: datetime) -> None:
    not_before = moment - timedelta(days=20)
    found = last_open(moment, windows, not_before)
    if found is not None:
        assert not_before <= found <= moment
        assert all(on_the_clock(found, w) for w in windows)
    looked_at = moment
    while looked_at > (found or not_before):
        assert not all(on_the_clock(looked_at, w) for w in windows), looked_at
        on_the_quarter = looked_at.minute % 15 == 0
        looked_at -= timedelta(minutes=1) if on_the_quarter else timedelta(minutes=looked_at.minute % 15)


@given(st.lists(WINDOWS, min_size=1, max_size=3), MOMENTS)
@settings(deadline=None)
def test_closes_at_is_where_the_open_time_ends(windows: list[ZonedWindow], moment: datetime) -> None:
    opened = next_open(moment, windows)
    assume(opened is not None)
    assert opened is not None
    closing = closes_at(opened, windows)
    assert closing is not None
    bare = [ZonedWindow(w.zone, w.hours, w.rule, w.closed_on) for w in windows]
    assert closed_by(closing - timedelta(minutes=1), bare) is None
    assert closed_by(closing, bare) is not None
