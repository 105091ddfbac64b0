"""decide: every rule with the minute before it and the minute after it.

Ann lives in Massachusetts (New York's clock): emails 07:00-21:00, marketing texts 08:00-20:00, other texts
08:00-21:00, each text at least a quarter of an hour before the closing. In January her clock is UTC-5.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core.consent import Purpose
from engine.core.decisions import Send, Wait, decide
from engine.core.messages import Status
from engine.core.reasons import SENTENCES, Reason
from engine.core.situation import Done
from tests.core.moments import utc
from tests.core.situations import (
    EMAIL_ONLY,
    TERMS,
    at,
    done,
    plan,
    situation,
    step,
    visit,
)

CHAIN = plan(
    step("hello", 'after = "10 minutes"', 'email = "hello"')
    + step("text", 'after = "1 day"', 'sms = "text"', 'else = { email = "text" }')
    + step("last", 'after = "2 days"', 'at = "10:00"', 'email = "last"')
)
START = "Tue 2027-01-05 15:00"  # 10:00 at Ann's


# --- the chain of `after` steps


@pytest.mark.parametrize(
    ("rows", "moment", "decision"),
    [
        pytest.param(
            [],
            "Tue 2027-01-05 15:09",
            "wait until Tue 2027-01-05 15:10: not_due (step.after)",
            id="a minute early",
        ),
        pytest.param([], "Tue 2027-01-05 15:10", "send hello by email", id="when it is due"),
        pytest.param(
            [done("hello", None, Status.QUEUED)],
            "Wed 2027-01-06 16:00",
            "wait until an outcome: awaiting_outcome (decision 2)",
            id="what is queued holds the chain",
        ),
        pytest.param(
            [done("hello", None, Status.IN_DOUBT)],
            "Wed 2027-01-06 16:00",
            "wait until an outcome: awaiting_outcome (decision 2)",
            id="what is in doubt does not advance the chain",
        ),
        pytest.param(
            [done("hello", "Tue 2027-01-05 17:30")],
            "Wed 2027-01-06 17:29",
            "wait until Wed 2027-01-06 17:30: not_due (step.after)",
            id="counted from when the step before was sent",
        ),
        pytest.param(
            [done("hello", "Tue 2027-01-05 17:30", Status.SKIPPED)],
            "Wed 2027-01-06 17:30",
            "send text by sms",
            id="or skipped",
        ),
        pytest.param(
            [done("hello", "Tue 2027-01-05 17:30", Status.FAILED)],
            "Wed 2027-01-06 17:30",
            "send text by sms",
            id="or failed",
        ),
        pytest.param(
            [done("hello", "Tue 2027-01-05 15:10"), done("text", "Wed 2027-01-06 15:10")],
            "Fri 2027-01-08 14:59",
            "wait until Fri 2027-01-08 15:00: not_due (step.after)",
            id="the day's clock time is the recipient's",
        ),
        pytest.param(
            [done("hello", "Tue 2027-01-05 15:10"), done("text", "Wed 2027-01-06 15:10")],
            "Fri 2027-01-08 15:00",
            "send last by email",
            id="at ten o'clock at Ann's",
        ),
        pytest.param(
            [done(key, "Wed 2027-01-06 15:10") for key in ("hello", "text", "last")],
            "Wed 2027-01-06 15:10",
            "complete",
            id="all settled",
        ),
        pytest.param(
            [done("hello", "Tue 2027-01-05 15:10"), done("last", "Fri 2027-01-08 15:00")],
            "Sat 2027-01-09 15:10",
            "send text by sms",
            id="a step put in between later is done too",
        ),
    ],
)
def test_the_chain(rows, moment, decision) -> None:
    assert at(CHAIN, situation(CHAIN, START, rows=rows), moment) == decision


def test_a_reason_and_what_it_rests_on_go_with_every_decision() -> None:
    decision = decide(CHAIN, situation(CHAIN, START), utc("Tue 2027-01-05 15:10"), TERMS)
    assert isinstance(decision, Send)
    assert decision.reason is Reason.DUE
    assert dict(decision.facts) == {
        "due": "2027-01-05T15:10:00+00:00",
        "home_zone": "America/New_York",
        "home_from": "state",
        "zones": ["America/New_York"],
        "states": ["MA"],
        "consent": 1,
        "first_allowed": "2027-01-05T15:10:00+00:00",
    }


def test_every_reason_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Reason)


# --- days after the anchor, and repeats

DAYS = plan(
    step("next_day", "day = 1", 'at = "10:00"', 'email = "a"')
    + step("weekly", "day = 7", 'at = "09:30"', 'repeat = "tue for 3 weeks"', 'email = "b"'),
    purpose="care",
    head='[enrol]\non = "treatment"\nper = "treatment"\n',
)


@pytest.mark.parametrize(
    ("rows", "moment", "decision"),
    [
        pytest.param(
            [],
            "Wed 2027-01-06 14:59",
            "wait until Wed 2027-01-06 15:00: not_due (step.day)",
            id="a minute early",
        ),
        pytest.param([], "Wed 2027-01-06 15:00", "send next_day by email", id="the next day at ten"),
        pytest.param(
            [done("next_day", "Wed 2027-01-06 15:00")],
            "Tue 2027-01-12 14:29",
            "wait until Tue 2027-01-12 14:30: not_due (step.day)",
            id="the first repeat, a minute early",
        ),
        pytest.param(
            [done("next_day", None, Status.QUEUED)],
            "Tue 2027-01-12 14:30",
            "send weekly by email",
            id="days wait for no other step",
        ),
        pytest.param(
            [done("next_day", "Wed 2027-01-06 15:00"), done("weekly", "Tue 2027-01-12 14:30")],
            "Tue 2027-01-19 14:30",
            "send weekly#1 by email",
            id="the second repeat",
        ),
        pytest.param(
            [done("next_day", "Wed 2027-01-06 15:00")]
            + [done("weekly", "Tue 2027-01-12 14:30", occurrence=n) for n in range(2)],
            "Tue 2027-01-26 14:30",
            "send weekly#2 by email",
            id="the third",
        ),
        pytest.param(
            [done("next_day", "Wed 2027-01-06 15:00")]
            + [done("weekly", "Tue 2027-01-12 14:30", occurrence=n) for n in range(3)],
            "Tue 2027-01-26 14:30",
            "complete",
            id="and no fourth",
        ),
        pytest.param(
            [done("next_day", None, Status.SENDING)]
            + [done("weekly", "Tue 2027-01-12 14:30", occurrence=n) for n in range(3)],
            "Tue 2027-01-26 14:30",
            "wait until an outcome: awaiting_outcome (decision 2)",
            id="not over while one is on its way",
        ),
    ],
)
def test_days_and_repeats(rows, moment, decision) -> None:
    assert at(DAYS, situation(DAYS, START, rows=rows), moment) == decision


def test_a_repeat_every_second_week_over_a_change_of_clocks() -> None:
    campaign = plan(
        step("often", "day = 1", 'at = "09:30"', 'repeat = "mon, thu every 2 weeks for 4 weeks"', 'email = "b"'),
        purpose="care",
    )
    start = situation(campaign, "Wed 2027-03-03 15:00")
    seen = []
    rows: list[Done] = []
    for moment in (
        "Thu 2027-03-04 14:30",
        "Mon 2027-03-08 14:30",
        "Thu 2027-03-18 13:30",
        "Mon 2027-03-22 13:30",
    ):
        before = utc(moment) - timedelta(minutes=1)
        waiting = decide(campaign, replace(start, done=tuple(rows)), before, TERMS)
        assert isinstance(waiting, Wait)
        assert waiting.until == utc(moment)
        seen.append(at(campaign, replace(start, done=tuple(rows)), moment))
        rows.append(done("often", moment, occurrence=len(rows)))
    assert seen == [
        "send often by email",
        "send often#1 by email",
        "send often#2 by email",
        "send often#3 by email",
    ]
    assert at(campaign, replace(start, done=tuple(rows)), "Tue 2027-03-23 13:30") == "complete"


# --- counting down to an appointment

COUNTDOWN = visit(
    step("bring", 'before = "72 hours"', 'email = "bring"')
    + step("day_before", 'before = "24 hours"', 'sms = "day_before"', 'else = { email = "day_before" }')
    + step("soon", 'before = "3 hours"', 'sms = "soon"')
)
BOOKED, APPOINTMENT = "Mon 2027-01-04 15:00", "Wed 2027-01-20 19:00"  # 14:00 at Ann's
SENT_ONE = [done("bring", "Sun 2027-01-17 19:00")]
SENT_TWO = [*SENT_ONE, done("day_before", "Tue 2027-01-19 19:00")]


@pytest.mark.parametrize(
    ("rows", "moment", "decision"),
    [
        pytest.param(
            [],
            "Sun 2027-01-17 18:59",
            "wait until Sun 2027-01-17 19:00: not_due (step.before)",
            id="a minute early",
        ),
        pytest.param([], "Sun 2027-01-17 19:00", "send bring by email", id="72 hours before"),
        pytest.param(SENT_ONE, "Tue 2027-01-19 19:00", "send day_before by sms", id="24 hours before"),
        pytest.param([], "Tue 2027-01-19 18:59", "send bring by email", id="late, but nothing has overtaken it"),
        pytest.param([], "Tue 2027-01-19 19:00", "skip bring: superseded (decision 5)", id="overtaken by the next one"),
        pytest.param(SENT_TWO, "Wed 2027-01-20 18:59", "send soon by sms", id="a minute before it begins"),
        pytest.param(SENT_TWO, "Wed 2027-01-20 19:00", "skip soon: begun (decision 5)", id="it has begun"),
        pytest.param([], "Wed 2027-01-20 19:00", "skip bring: begun (decision 5)", id="all of them have"),
        pytest.param(
            [*SENT_TWO, done("soon", "Wed 2027-01-20 16:00")],
            "Wed 2027-01-20 18:59",
            "wait until Wed 2027-01-20 19:00: not_due (enrol.move)",
            id="it may be moved until it begins",
        ),
        pytest.param([*SENT_TWO, done("soon", "Wed 2027-01-20 16:00")], "Wed 2027-01-20 19:00", "complete", id="over"),
    ],
)
def test_countdown(rows, moment, decision) -> None:
    assert at(COUNTDOWN, situation(COUNTDOWN, BOOKED, anchor=APPOINTMENT, rows=rows), moment) == decision


@pytest.mark.parametrize(
    ("known", "decision"),
    [
        pytest.param("Tue 2027-01-19 19:00", "send day_before by sms", id="known in time"),
        pytest.param("Tue 2027-01-19 19:01", "send day_before by sms", id="a minute too late is in time"),
        pytest.param("Tue 2027-01-19 19:02", "skip day_before: not_in_time (decision 5)", id="too late"),
    ],
)
def test_a_reminder_for_a_moment_that_was_over_when_we_heard_of_it(known, decision) -> None:
    heard = situation(COUNTDOWN, known, anchor=APPOINTMENT, known=known, rows=SENT_ONE)
    assert at(COUNTDOWN, heard, "Tue 2027-01-19 19:02") == decision


# 24 hours before an appointment at 07:30 is 07:30 the day before: too early for a text (08:00).
EARLY = "Wed 2027-01-20 12:30"


@pytest.mark.parametrize(
    ("known", "moment", "decision"),
    [
        pytest.param(
            BOOKED,
            "Tue 2027-01-19 01:14",
            "wait until Tue 2027-01-19 01:15: not_due (step.before)",
            id="not before the last open moment",
        ),
        pytest.param(
            BOOKED,
            "Tue 2027-01-19 01:45",
            "send day_before by sms",
            id="earlier, at 20:45 the evening before",
        ),
        pytest.param(
            BOOKED,
            "Tue 2027-01-19 01:46",
            "skip day_before: no_open_moment (decision 4)",
            id="missed: never into the night",
        ),
        pytest.param(
            BOOKED,
            "Tue 2027-01-19 13:00",
            "send day_before by sms",
            id="late by a stopped process, and open again: it has not begun",
        ),
        pytest.param("Tue 2027-01-19 01:45", "Tue 2027-01-19 01:45", "send day_before by sms", id="known just in time"),
        pytest.param(
            "Tue 2027-01-19 01:47",
            "Tue 2027-01-19 01:47",
            "wait until Tue 2027-01-19 12:30: not_due (step.before)",
            id="known when the evening is over",
        ),
        pytest.param(
            "Tue 2027-01-19 01:47",
            "Tue 2027-01-19 12:30",
            "skip day_before: no_open_moment (decision 4)",
            id="then its moment is closed: skipped, never later",
        ),
    ],
)
def test_a_reminder_that_meets_closed_hours_moves_earlier_or_is_skipped(known, moment, decision) -> None:
    campaign = visit(step("day_before", 'before = "24 hours"', 'sms = "day_before"'))
    assert at(campaign, situation(campaign, known, anchor=EARLY, known=known), moment) == decision


def test_a_reminder_that_moves_earlier_asks_its_condition_then() -> None:
    campaign = visit(
        step("day_before", 'before = "24 hours"', 'sms = "day_before"', "if = \"not happened('arrived')\"")
    )
    come = situation(campaign, BOOKED, anchor=EARLY, happened=["arrived"])
    assert at(campaign, come, "Tue 2027-01-19 01:14").startswith("wait until Tue 2027-01-19 01:15")
    assert at(campaign, come, "Tue 2027-01-19 01:15") == "skip day_before: condition (step.if)"


def test_a_reminder_that_moves_earlier_waits_for_a_condition_without_answer() -> None:
    campaign = visit(step("day_before", 'before = "24 hours"', 'sms = "day_before"', "if = \"event.room == 'x'\""))
    unclear = situation(campaign, BOOKED, anchor=EARLY)
    assert at(campaign, unclear, "Tue 2027-01-19 01:45") == (
        "wait until Tue 2027-01-19 02:45: condition_error (step.if)"
    )


# --- a moved anchor

MOVING = visit(
    step("confirm", 'after = "0 minutes"', 'email = "confirm"')
    + step("new_time", 'after_move = "5 minutes"', 'email = "new_time"')
    + step("day_before", 'before = "24 hours"', 'sms = "day_before"')
)
CONFIRMED = done("confirm", BOOKED)


@pytest.mark.parametrize(
    ("moves", "known", "rows", "moment", "decision"),
    [
        pytest.param(
            0,
            BOOKED,
            [CONFIRMED],
            "Mon 2027-01-04 15:05",
            "wait until Tue 2027-01-19 19:00: not_due (step.before)",
            id="not moved",
        ),
        pytest.param(
            1,
            "Tue 2027-01-05 15:00",
            [CONFIRMED],
            "Tue 2027-01-05 15:04",
            "wait until Tue 2027-01-05 15:05: not_due (step.after_move)",
            id="moved, a minute early",
        ),
        pytest.param(
            1,
            "Tue 2027-01-05 15:00",
            [CONFIRMED],
            "Tue 2027-01-05 15:05",
            "send new_time#1 by email",
            id="moved",
        ),
        pytest.param(
            2,
            "Tue 2027-01-05 15:04",
            [CONFIRMED],
            "Tue 2027-01-05 15:05",
            "wait until Tue 2027-01-05 15:09: not_due (step.after_move)",
            id="moved twice: one message, for the second",
        ),
        pytest.param(
            2,
            "Thu 2027-01-07 15:00",
            [CONFIRMED, done("new_time", "Tue 2027-01-05 15:05", occurrence=1)],
            "Thu 2027-01-07 15:05",
            "send new_time#2 by email",
            id="moved again later: one more",
        ),
        pytest.param(
            1,
            "Tue 2027-01-19 20:00",
            [
                CONFIRMED,
                done("day_before", "Tue 2027-01-19 19:00"),
                done("new_time", "Tue 2027-01-19 20:05", occurrence=1),
            ],
            "Tue 2027-01-19 20:06",
            "skip day_before#1000: not_in_time (decision 5)",
            id="moved to an hour for which the reminder's moment is over",
        ),
    ],
)
def test_a_moved_anchor(moves, known, rows, moment, decision) -> None:
    moved = situation(MOVING, BOOKED, anchor=APPOINTMENT, known=known, moves=moves, rows=rows)
    assert at(MOVING, moved, moment) == decision


def test_a_reminder_that_went_out_for_the_old_date_goes_out_for_the_new_one() -> None:
    rows = [CONFIRMED, done("day_before", "Tue 2027-01-19 19:00")]
    rows.append(done("new_time", "Tue 2027-01-19 20:05", occurrence=1))
    moved = situation(MOVING, BOOKED, anchor="Wed 2027-01-27 19:00", known="Tue 2027-01-19 20:00", moves=1, rows=rows)
    assert at(MOVING, moved, "Tue 2027-01-26 18:59") == "wait until Tue 2027-01-26 19:00: not_due (step.before)"
    assert at(MOVING, moved, "Tue 2027-01-26 19:00") == "send day_before#1000 by sms"


# --- conditions, pauses

ONE = plan(step("only", 'after = "0 minutes"', 'email = "only"', 'late = "send"'))


@pytest.mark.parametrize(
    ("condition", "more", "moment", "decision"),
    [
        pytest.param("contact.state == 'MA'", {}, START, "send only by email", id="met"),
        pytest.param("contact.state == 'FL'", {}, START, "skip only: condition (step.if)", id="not met"),
        pytest.param("happened('booking')", {}, START, "skip only: condition (step.if)", id="has not happened"),
        pytest.param("happened('booking')", {"happened": ["booking"]}, START, "send only by email", id="has happened"),
        pytest.param("consented('sms')", {}, START, "send only by email", id="consent to another channel"),
        pytest.param(
            "consented('sms')",
            {"consents": EMAIL_ONLY},
            START,
            "skip only: condition (step.if)",
            id="without it",
        ),
        pytest.param(
            "event.room == 'x'",
            {},
            START,
            "wait until Tue 2027-01-05 16:00: condition_error (step.if)",
            id="without an answer it waits for staff",
        ),
        pytest.param(
            "event.room == 'x'",
            {},
            "Fri 2027-01-08 15:00",
            "wait until Fri 2027-01-08 16:00: condition_error (step.if)",
            id="as long as the step may be late",
        ),
        pytest.param(
            "event.room == 'x'",
            {},
            "Fri 2027-01-08 15:01",
            "skip only: condition_error (step.if)",
            id="and no longer",
        ),
        pytest.param("event.room == 'x'", {"event": {"room": "x"}}, START, "send only by email", id="with its value"),
    ],
)
def test_conditions(condition, more, moment, decision) -> None:
    campaign = plan(step("only", 'after = "0 minutes"', 'email = "only"', f'if = "{condition}"'))
    assert at(campaign, situation(campaign, START, **more), moment) == decision


def test_a_condition_is_asked_when_the_step_falls_due_and_not_before() -> None:
    campaign = plan(step("only", 'after = "1 day"', 'email = "only"', "if = \"happened('booking')\""))
    assert at(campaign, situation(campaign, START), START).startswith("wait until Wed 2027-01-06 15:00: not_due")


def test_a_paused_person_waits_in_marketing_only() -> None:
    assert at(ONE, situation(ONE, START, paused="replied"), START) == (
        "wait until an outcome: person_paused (decision 9)"
    )
    care = replace(ONE, purpose=Purpose.CARE)
    assert at(care, situation(care, START, paused="replied"), START) == "send only by email"


# --- several at once


def test_one_that_waits_for_its_hours_does_not_hold_up_another() -> None:
    campaign = plan(
        step("text", "day = 0", 'at = "19:55"', 'sms = "text"')
        + step("mail", "day = 0", 'at = "20:00"', 'email = "mail"')
    )
    evening = situation(campaign, START)
    assert at(campaign, evening, "Wed 2027-01-06 01:00") == "send mail by email"
    after = replace(evening, done=(done("mail", "Wed 2027-01-06 01:00"),))
    assert at(campaign, after, "Wed 2027-01-06 01:01") == "wait until Wed 2027-01-06 13:00: quiet_hours (TCPA-QH-2-MA)"


def test_of_two_due_the_earlier_goes_first() -> None:
    campaign = plan(
        step("second", "day = 1", 'at = "11:00"', 'email = "a"')
        + step("first", "day = 1", 'at = "10:00"', 'email = "b"'),
        purpose="care",
    )
    assert at(campaign, situation(campaign, START), "Wed 2027-01-06 17:00") == "send first by email"


def test_the_soonest_of_several_waits_is_named() -> None:
    campaign = plan(step("late", "day = 9", 'email = "a"') + step("soon", "day = 2", 'email = "b"'), purpose="care")
    assert at(campaign, situation(campaign, START), START).startswith("wait until Thu 2027-01-07 15:00")
