"""Which occurrences lie ahead: the send log is the position."""

from dataclasses import replace

import pytest

from engine.core.messages import Status
from engine.core.occurrences import GENERATION, ahead
from tests.core.people import NY
from tests.core.situations import done, plan, situation, step, visit

MIXED = visit(
    step("first", 'after = "0 minutes"', 'email = "a"')
    + step("day", "day = 2", 'at = "10:00"', 'email = "a"')
    + step("second", 'after = "1 day"', 'email = "a"')
    + step("before", 'before = "24 hours"', 'email = "a"')
    + step("moved", 'after_move = "5 minutes"', 'email = "a"')
)
BOOKED, APPOINTMENT = "Mon 2027-01-04 15:00", "Wed 2027-01-20 19:00"


def lying_ahead(campaign, **how):
    s = situation(campaign, BOOKED, **how)
    left = ahead(campaign, s.enrolment, s.done, NY)
    return [f"{o.step.key}#{o.number} {o.due:%a %Y-%m-%d %H:%M}" for o in left.occurrences], left.blocked


def test_the_chain_shows_its_next_step_only_the_rest_stands_on_its_own() -> None:
    assert lying_ahead(MIXED, anchor=APPOINTMENT) == (
        ["first#0 Mon 2027-01-04 15:00", "before#0 Tue 2027-01-19 19:00", "day#0 Fri 2027-01-22 15:00"],
        False,
    )


def test_a_row_in_the_log_is_done_and_the_chain_goes_on() -> None:
    rows = [done("first", "Mon 2027-01-04 16:00"), done("before", "Tue 2027-01-19 19:00", Status.CANCELLED)]
    assert lying_ahead(MIXED, anchor=APPOINTMENT, rows=rows) == (
        ["second#0 Tue 2027-01-05 16:00", "day#0 Fri 2027-01-22 15:00"],
        False,
    )


@pytest.mark.parametrize("status", [Status.QUEUED, Status.HELD, Status.SENDING, Status.IN_DOUBT])
def test_what_is_not_settled_blocks_the_chain_and_nothing_else(status) -> None:
    left, blocked = lying_ahead(MIXED, anchor=APPOINTMENT, rows=[done("first", None, status)])
    assert left == ["before#0 Tue 2027-01-19 19:00", "day#0 Fri 2027-01-22 15:00"]
    assert blocked


def test_a_moved_anchor_begins_a_new_generation() -> None:
    rows = [
        done("first", BOOKED),
        done("second", "Tue 2027-01-05 15:00"),
        done("before", "Tue 2027-01-19 19:00"),
    ]
    moved = {"anchor": "Wed 2027-01-27 19:00", "known": "Tue 2027-01-19 20:00", "moves": 1, "rows": rows}
    assert lying_ahead(MIXED, **moved)[0] == [
        "moved#1 Tue 2027-01-19 20:05",
        f"before#{GENERATION} Tue 2027-01-26 19:00",
        f"day#{GENERATION} Fri 2027-01-29 15:00",
    ]


def test_two_due_at_one_moment_come_in_the_order_of_the_file() -> None:
    campaign = plan(step("b", "day = 1", 'email = "a"') + step("a", "day = 1", 'email = "a"'))
    assert [o.split("#")[0] for o in lying_ahead(campaign)[0]] == ["b", "a"]


@pytest.mark.parametrize(
    ("repeat", "days"),
    [
        pytest.param("mon for 3 weeks", ["Mon 2027-01-11", "Mon 2027-01-18", "Mon 2027-01-25"], id="weekly"),
        pytest.param(
            "mon, thu for 2 weeks",
            ["Thu 2027-01-07", "Mon 2027-01-11", "Thu 2027-01-14", "Mon 2027-01-18"],
            id="twice a week",
        ),
        pytest.param(
            "mon every 2 weeks for 5 weeks",
            ["Mon 2027-01-11", "Mon 2027-01-25", "Mon 2027-02-08"],
            id="every second week",
        ),
        pytest.param("tue for 2 weeks", ["Tue 2027-01-05", "Tue 2027-01-12"], id="the first day counts"),
    ],
)
def test_repeats_begin_on_the_steps_own_day(repeat, days) -> None:
    campaign = plan(step("r", "day = 1", 'at = "09:30"', f'repeat = "{repeat}"', 'email = "a"'))
    assert lying_ahead(campaign)[0] == [f"r#{n} {day} 14:30" for n, day in enumerate(days)]


def test_a_repeat_keeps_the_wall_clock_over_both_changes_of_clocks() -> None:
    campaign = plan(step("r", "day = 0", 'at = "09:30"', 'repeat = "sun for 40 weeks"', 'email = "a"'))
    s = situation(campaign, "Sun 2027-03-07 15:00")
    dues = {f"{o.due:%Y-%m-%d}": f"{o.due:%H:%M}" for o in ahead(campaign, s.enrolment, (), NY).occurrences}
    assert [dues[d] for d in ("2027-03-07", "2027-03-14", "2027-10-31", "2027-11-07")] == [
        "14:30",
        "13:30",
        "13:30",
        "14:30",
    ]


def test_editing_a_live_campaign_neither_repeats_nor_loses_a_step() -> None:
    """The same person under a plan with a step removed, one added in the middle, and the order changed."""
    rows = [done("first", BOOKED), done("second", "Tue 2027-01-05 15:00")]
    edited = plan(
        step("second", 'after = "1 day"', 'email = "a"')
        + step("added", 'after = "1 day"', 'email = "a"')
        + step("first", 'after = "0 minutes"', 'email = "a"')
    )
    s = replace(situation(edited, BOOKED), done=tuple(rows))
    left = ahead(edited, s.enrolment, s.done, NY)
    assert [(o.step.key, f"{o.due:%a %H:%M}") for o in left.occurrences] == [("added", "Wed 15:00")]
