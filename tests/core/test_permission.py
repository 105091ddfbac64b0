"""Whether a message may go: lateness, hours, caps, priority, addresses; with the minute before and after.

Ann lives in Massachusetts (New York's clock): emails 07:00-21:00, marketing texts 08:00-20:00, other texts
08:00-21:00, each text at least a quarter of an hour before the closing. In January her clock is UTC-5.
"""

from dataclasses import replace
from typing import Any

import pytest

from engine.core.campaign import Cap
from engine.core.consent import Purpose, SuppressionReason
from engine.core.contact import Channel
from engine.core.decisions import Send, decide
from engine.core.decisions import where as place
from engine.core.permission import Allowed, Blocked, Deferred, permit
from engine.core.reasons import Reason
from engine.core.situation import Rival, Situation, Traffic
from engine.core.timing import Offset
from tests.core.moments import utc
from tests.core.situations import (
    EMAIL,
    EMAIL_ONLY,
    EVERYTHING,
    PHONE,
    TERMS,
    at,
    consent,
    plan,
    situation,
    step,
    suppression,
    traffic,
    visit,
)

START = "Tue 2027-01-05 15:00"  # 10:00 at Ann's
APPOINTMENT = "Wed 2027-01-20 19:00"


# --- late

LATE = {
    "chain": plan(step("only", 'after = "1 day"', 'email = "only"')),
    "day": plan(step("only", "day = 1", 'email = "only"')),
    "own": plan(step("only", 'after = "1 day"', 'email = "only"', 'late = "skip after 2 hours"')),
    "send": plan(step("only", 'after = "1 day"', 'email = "only"', 'late = "send"')),
    "begun": visit(step("only", 'after = "1 day"', 'email = "only"', 'late = "skip once it has begun"')),
}


@pytest.mark.parametrize(
    ("kind", "moment", "decision"),
    [
        pytest.param("chain", "Sat 2027-01-09 15:00", "send only by email", id="a chain step waits three days"),
        pytest.param("chain", "Sat 2027-01-09 15:01", "skip only: late (step.late)", id="and no minute longer"),
        pytest.param("day", "Thu 2027-01-07 15:00", "send only by email", id="a day's step waits one day"),
        pytest.param("day", "Thu 2027-01-07 15:01", "skip only: late (step.late)", id="and no minute more"),
        pytest.param("own", "Wed 2027-01-06 17:00", "send only by email", id="its own two hours"),
        pytest.param("own", "Wed 2027-01-06 17:01", "skip only: late (step.late)", id="and a minute"),
        pytest.param("send", "Wed 2027-06-09 16:00", "send only by email", id="however late"),
        pytest.param("begun", "Wed 2027-01-20 18:59", "send only by email", id="before it has begun"),
        pytest.param("begun", "Wed 2027-01-20 19:00", "skip only: begun (decision 5)", id="once it has begun"),
    ],
)
def test_late(kind, moment, decision) -> None:
    campaign = LATE[kind]
    anchor = APPOINTMENT if kind == "begun" else None
    assert at(campaign, situation(campaign, START, anchor=anchor), moment) == decision


def test_late_counts_from_the_first_moment_that_was_allowed() -> None:
    """Due on Saturday in a campaign of weekdays: the three days begin on Monday at nine."""
    campaign = plan(
        step("only", 'after = "1 day"', 'email = "only"'),
        head='[send]\ndays = "mon-fri"\nhours = "09:00-19:00"\n',
    )
    friday = situation(campaign, "Fri 2027-01-08 15:00")
    assert at(campaign, friday, "Sat 2027-01-09 15:00") == "wait until Mon 2027-01-11 14:00: send_window (send)"
    assert at(campaign, friday, "Thu 2027-01-14 14:00") == "send only by email"
    assert at(campaign, friday, "Thu 2027-01-14 14:01") == "skip only: late (step.late)"


def test_a_late_step_says_what_it_had_waited_for() -> None:
    campaign = LATE["chain"]
    decision = decide(campaign, situation(campaign, START, waits_for="cap"), utc("Sat 2027-01-09 15:01"), TERMS)
    assert decision.facts["waited_for"] == "cap"  # type: ignore[union-attr]


# --- hours

NOW = plan(step("only", 'after = "0 minutes"', 'sms = "only"'))


@pytest.mark.parametrize(
    ("moment", "decision"),
    [
        pytest.param(
            "Tue 2027-01-05 12:59",
            "wait until Tue 2027-01-05 13:00: quiet_hours (TCPA-QH-1)",
            id="a minute to eight",
        ),
        pytest.param("Tue 2027-01-05 13:00", "send only by sms", id="eight o'clock"),
        pytest.param("Wed 2027-01-06 00:45", "send only by sms", id="a quarter to eight in the evening"),
        pytest.param(
            "Wed 2027-01-06 00:46",
            "wait until Wed 2027-01-06 13:00: quiet_hours (TCPA-QH-2-MA)",
            id="too little of the day left for a text",
        ),
    ],
)
def test_quiet_hours_name_their_rule(moment, decision) -> None:
    assert at(NOW, situation(NOW, "Tue 2027-01-05 05:00"), moment) == decision


def test_permission_is_asked_in_every_zone_where_the_person_may_be() -> None:
    """A Californian number and an address in New York: 08:00 in Los Angeles opens."""
    phone = replace(PHONE, address="+12135550101")
    there = situation(NOW, "Tue 2027-01-05 05:00", points=(phone,), state="NY")
    assert at(NOW, there, "Tue 2027-01-05 16:59").startswith("wait until Tue 2027-01-05 17:00: quiet_hours")
    assert at(NOW, there, "Tue 2027-01-05 17:00") == "send only by sms"


# --- caps


def counted(*moments: str, **more: Any) -> list[Traffic]:
    return [traffic(moment, number=i, **more) for i, moment in enumerate(moments)]


ONE = plan(step("only", 'after = "0 minutes"', 'email = "only"', 'late = "send"'))
TEXT = plan(step("only", 'after = "0 minutes"', 'sms = "only"', 'late = "send"'))
OTHER = 8  # another contact at the same address


@pytest.mark.parametrize(
    ("campaign", "counts", "moment", "decision"),
    [
        pytest.param(
            ONE,
            counted("Mon 2027-01-04 15:00"),
            "Tue 2027-01-05 14:59",
            "wait until Tue 2027-01-05 15:00: cap (caps.email 1 per 24 hours)",
            id="one in 24 hours, a minute early",
        ),
        pytest.param(
            ONE,
            counted("Mon 2027-01-04 15:00"),
            "Tue 2027-01-05 15:00",
            "send only by email",
            id="24 hours on",
        ),
        pytest.param(
            ONE,
            counted("Wed 2026-12-30 15:00", "Thu 2026-12-31 15:00", "Sat 2027-01-02 15:00"),
            "Wed 2027-01-06 14:59",
            "wait until Wed 2027-01-06 15:00: cap (caps.email 3 per 7 days)",
            id="three in seven days",
        ),
        pytest.param(
            ONE,
            counted("Wed 2026-12-30 15:00", "Thu 2026-12-31 15:00", "Sat 2027-01-02 15:00"),
            "Wed 2027-01-06 15:00",
            "send only by email",
            id="the first of the three is seven days old",
        ),
        pytest.param(
            ONE,
            counted("Mon 2027-01-04 20:00", contact=OTHER),
            "Tue 2027-01-05 16:00",
            "wait until Tue 2027-01-05 20:00: cap (caps.email 1 per 24 hours)",
            id="somebody else at the same address counts",
        ),
        pytest.param(
            ONE,
            counted("Mon 2027-01-04 20:00", point=replace(EMAIL, key="elsewhere")),
            "Tue 2027-01-05 16:00",
            "wait until Tue 2027-01-05 20:00: cap (caps.email 1 per 24 hours)",
            id="the person's other address counts",
        ),
        pytest.param(
            ONE,
            counted("Mon 2027-01-04 20:00", point=replace(EMAIL, key="elsewhere"), contact=OTHER),
            "Tue 2027-01-05 16:00",
            "send only by email",
            id="neither the person nor the address",
        ),
        pytest.param(
            ONE,
            counted("Mon 2027-01-04 20:00", point=PHONE),
            "Tue 2027-01-05 16:00",
            "send only by email",
            id="texts do not count for emails",
        ),
        pytest.param(
            ONE,
            counted("Mon 2027-01-04 20:00", purpose="care"),
            "Tue 2027-01-05 16:00",
            "send only by email",
            id="care does not count for marketing",
        ),
        pytest.param(
            TEXT,
            counted("Fri 2027-01-01 15:00", "Sun 2027-01-03 15:00", point=PHONE),
            "Tue 2027-01-05 16:00",
            "wait until Fri 2027-01-08 15:00: cap (caps.sms 2 per 7 days)",
            id="two texts in seven days",
        ),
        pytest.param(
            ONE,
            counted("Tue 2027-01-05 18:00"),
            "Tue 2027-01-05 16:00",
            "wait until Wed 2027-01-06 18:00: cap (caps.email 1 per 24 hours)",
            id="one that waits to be tried again counts from then",
        ),
    ],
)
def test_marketing_caps(campaign, counts, moment, decision) -> None:
    assert at(campaign, situation(campaign, "Tue 2027-01-05 14:00", counted=counts), moment) == decision


def test_care_has_no_marketing_caps() -> None:
    campaign = plan(step("only", 'after = "0 minutes"', 'email = "only"'), purpose="care")
    full = situation(campaign, START, counted=counted("Tue 2027-01-05 14:59", purpose="care"))
    assert at(campaign, full, START) == "send only by email"


@pytest.mark.parametrize(
    ("campaign", "purpose"), [(TEXT, Purpose.MARKETING), (replace(TEXT, purpose=Purpose.CARE), Purpose.CARE)]
)
def test_no_more_than_the_consent_itself_advertised(campaign, purpose) -> None:
    consents = (consent(PHONE, purpose, most=2, days=30),)
    counts = counted("Mon 2026-12-14 15:00", "Mon 2026-12-21 15:00", point=PHONE, purpose=purpose.value)
    full = situation(campaign, "Tue 2027-01-05 14:00", consents=consents, counted=counts)
    assert at(campaign, full, "Wed 2027-01-13 14:59") == "wait until Wed 2027-01-13 15:00: cap (TCPA-F-3)"
    assert at(campaign, full, "Wed 2027-01-13 15:00") == "send only by sms"


def test_a_campaigns_own_cap_counts_its_own_messages_by_any_channel() -> None:
    campaign = plan(
        step("only", 'after = "0 minutes"', 'email = "only"', 'late = "send"'),
        purpose="care",
        head='[send]\ncap = "1 per 5 days"\n',
    )
    own = counted("Mon 2027-01-04 15:00", campaign="plan", point=PHONE, purpose="care")
    others = counted("Tue 2027-01-05 15:00", purpose="care")
    full = situation(campaign, START, counted=[*own, *others])
    assert at(campaign, full, "Sat 2027-01-09 14:59") == "wait until Sat 2027-01-09 15:00: cap (send.cap)"
    assert at(campaign, full, "Sat 2027-01-09 15:00") == "send only by email"


def test_a_states_own_cap_on_texts() -> None:
    """Florida: three marketing texts in 24 hours, whatever the clinic allows itself."""
    terms = replace(TERMS, caps={Channel.SMS: (Cap(9, Offset(days=1)),)})
    phone = replace(PHONE, address="+13055550101")
    counts = counted("Tue 2027-01-05 13:00", "Tue 2027-01-05 14:00", "Tue 2027-01-05 15:00", point=phone)
    full = situation(TEXT, "Tue 2027-01-05 13:00", points=(phone,), counted=counts, state="FL")
    assert at(TEXT, full, "Wed 2027-01-06 00:00", terms) == "wait until Wed 2027-01-06 13:00: cap (TCPA-QH-2-FL)"
    two = replace(full, traffic=tuple(counts[1:]))
    assert at(TEXT, two, "Wed 2027-01-06 00:00", terms) == "send only by sms"


# --- priority


@pytest.mark.parametrize(
    ("rival", "due", "moment", "decision"),
    [
        pytest.param(
            "first",
            "Tue 2027-01-05 20:00",
            START,
            "wait until Tue 2027-01-05 20:01: priority (priority)",
            id="later today",
        ),
        pytest.param(
            "first",
            "Tue 2027-01-05 20:00",
            "Tue 2027-01-05 20:00",
            "send only by email",
            id="it had its turn",
        ),
        pytest.param("last", "Tue 2027-01-05 20:00", START, "send only by email", id="lower priority"),
        pytest.param("first", "Wed 2027-01-06 05:00", START, "send only by email", id="tomorrow, by Ann's clock"),
        pytest.param(
            "first",
            "Wed 2027-01-06 04:59",
            START,
            "wait until Wed 2027-01-06 05:00: priority (priority)",
            id="the last minute of today",
        ),
        pytest.param("care", "Tue 2027-01-05 20:00", START, "send only by email", id="not marketing: no rival"),
    ],
)
def test_priority(rival, due, moment, decision) -> None:
    wanted = situation(ONE, START, rivals=[Rival(rival, utc(due))])
    assert at(ONE, wanted, moment) == decision


# --- whom it reaches

BOTH = plan(step("only", 'after = "0 minutes"', 'sms = "only"', 'else = { email = "other" }'))
TASK = plan(step("only", 'after = "0 minutes"', 'sms = "only"', 'else = { task = "Phone them." }'), purpose="care")
STAFF = plan(step("only", 'after = "0 minutes"', 'task = "Phone them."'), purpose="care")


@pytest.mark.parametrize(
    ("campaign", "how", "decision"),
    [
        pytest.param(BOTH, {}, "send only by sms", id="the step's own channel"),
        pytest.param(BOTH, {"points": (EMAIL,)}, "send only by email", id="no number: else"),
        pytest.param(BOTH, {"consents": EMAIL_ONLY}, "send only by email", id="no consent to texts: else"),
        pytest.param(
            BOTH,
            {"suppressions": suppression(PHONE)},
            "skip only: stopped (TCPA-R-1)",
            id="what STOP refused goes round by no other channel",
        ),
        pytest.param(
            BOTH,
            {"suppressions": suppression(PHONE, SuppressionReason.BOUNCED)},
            "send only by email",
            id="a dead number is not a STOP: else",
        ),
        pytest.param(BOTH, {"points": ()}, "skip only: no_address (step.sms)", id="nowhere to write to"),
        pytest.param(BOTH, {"consents": ()}, "skip only: no_consent (TCPA-C-6)", id="no consent at all"),
        pytest.param(
            NOW,
            {"suppressions": suppression(PHONE, SuppressionReason.REVOKED)},
            "skip only: suppressed (suppression.revoked)",
            id="closed otherwise",
        ),
        pytest.param(TASK, {}, "send only by sms", id="the task is the last resort"),
        pytest.param(TASK, {"points": (EMAIL,)}, "ask only: Phone them.", id="no number: staff phone"),
        pytest.param(TASK, {"suppressions": suppression(PHONE)}, "ask only: Phone them.", id="STOP: staff phone"),
        pytest.param(STAFF, {"points": (), "consents": ()}, "ask only: Phone them.", id="a task from the start"),
    ],
)
def test_reach(campaign, how, decision) -> None:
    assert at(campaign, situation(campaign, START, **how), START) == decision


def test_of_two_addresses_the_first_that_may_be_written_to() -> None:
    second = replace(PHONE, id=3, address="+16175550102", key="second")
    points = (PHONE, second, EMAIL)
    consents = (*EVERYTHING, consent(second))
    dead = situation(
        BOTH,
        START,
        points=points,
        consents=consents,
        suppressions=suppression(PHONE, SuppressionReason.BOUNCED),
    )
    decision = decide(BOTH, dead, utc(START), TERMS)
    assert isinstance(decision, Send)
    assert decision.point is second


def test_an_address_without_consent_of_its_own_takes_nothing() -> None:
    """Consent is for one address: a new number has none."""
    new = replace(PHONE, address="+16175550109", key="new")
    assert at(NOW, situation(NOW, START, points=(new,)), START) == "skip only: no_consent (TCPA-C-6)"


# --- asked again at the moment of sending


def permitted(campaign, where: Situation, moment: str, itself: int | None = None):
    step = campaign.steps[0]
    point = next(p for p in where.points if p.channel is step.choices[0].channel)
    return permit(campaign, where, step, utc(START), point, utc(moment), place(where, TERMS), TERMS, itself=itself)


def test_a_message_does_not_count_against_itself() -> None:
    own = situation(ONE, START, counted=[traffic(START, number=5)])
    assert permitted(ONE, own, START, itself=5) == Allowed()
    assert isinstance(permitted(ONE, own, START), Deferred)


def test_a_queued_message_can_become_too_late() -> None:
    campaign = LATE["own"]
    queued = situation(campaign, START)
    assert permitted(campaign, queued, "Tue 2027-01-05 17:00") == Allowed()
    assert permitted(campaign, queued, "Tue 2027-01-05 17:01") == Blocked(Reason.LATE, "step.late")


def test_hours_that_never_open_are_no_wait() -> None:
    campaign = plan(step("only", 'after = "0 minutes"', 'sms = "only"'), head='[send]\ndays = "sun"\n')
    alabama = replace(PHONE, address="+12055550101")
    never = situation(campaign, START, points=(alabama,), state="AL")
    assert at(campaign, never, START) == "skip only: no_open_moment (decision 4)"


def test_a_step_with_a_task_to_fall_back_on_is_not_dropped_for_lateness() -> None:
    late = situation(TASK, START)
    assert at(TASK, late, "Fri 2027-01-08 15:00") == "send only by sms"
    assert at(TASK, late, "Fri 2027-01-08 15:01") == "ask only: Phone them."
