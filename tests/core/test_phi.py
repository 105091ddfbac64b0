"""The level of a message by its campaign, its reader and the clinic's policy (HIP-2, HIP-20, decision 18)."""

from pathlib import Path

import pytest

from engine.core.campaign_file import parse_campaign
from engine.core.phi import EnquirerPolicy, PhiLevel, asks_of_health, level_of, names_health, patient_kinds
from tests.core.situations import VISIT, plan, step

LITERAL, BY_CONTENT, STRICT = EnquirerPolicy.LITERAL, EnquirerPolicy.BY_CONTENT, EnquirerPolicy.STRICT
GENERIC, PATIENT = PhiLevel.GENERIC, PhiLevel.PATIENT

ONE = step("one", 'after = "1 day"', 'email = "one"')
GUIDE = plan(ONE, head='[exit]\non = ["booking", "not_interested", "moved_away"]\ngoal = "booking"\n')
KNEES = plan(ONE, head="if = \"event.condition | default('') == 'knee'\"\n")
CARE = plan(ONE, purpose="care", head='[enrol]\non = "treatment"\n[exit]\non = ["care_ended", "not_interested"]\n')
VISITS = plan(ONE, purpose="appointment", head=VISIT + '[exit]\non = ["arrived", "moved_away"]\ngoal = "arrived"\n')

CASES = [
    # campaign, policy, what happened, named something of their health, the template's phi, level
    ("who only asked", GUIDE, LITERAL, {"enquiry"}, False, 0, GENERIC),
    ("who named a condition", GUIDE, LITERAL, {"enquiry"}, True, 0, PATIENT),
    ("who booked", GUIDE, LITERAL, {"enquiry", "booking"}, False, 0, PATIENT),
    ("who was treated", GUIDE, LITERAL, {"treatment"}, False, 0, PATIENT),
    ("counsel: who named a condition", GUIDE, BY_CONTENT, {"enquiry"}, True, 0, GENERIC),
    ("counsel: who booked", GUIDE, BY_CONTENT, {"booking"}, True, 0, PATIENT),
    ("counsel: to be in it tells", KNEES, BY_CONTENT, {"enquiry"}, False, 0, PATIENT),
    ("literal: chosen for a condition", KNEES, LITERAL, {"enquiry"}, True, 0, PATIENT),
    ("strict: who only asked", GUIDE, STRICT, {"enquiry"}, False, 0, PATIENT),
    ("words that tell", GUIDE, LITERAL, {"enquiry"}, False, 1, PATIENT),
    ("counsel: words that tell", GUIDE, BY_CONTENT, {"enquiry"}, False, 2, PATIENT),
    ("an appointment", VISITS, BY_CONTENT, set(), False, 0, PATIENT),
    ("care", CARE, BY_CONTENT, set(), False, 0, PATIENT),
]


@pytest.mark.parametrize(
    ("campaign", "policy", "happened", "named", "declared", "level"),
    [row[1:] for row in CASES],
    ids=[row[0] for row in CASES],
)
def test_the_level_is_that_of_the_reader_and_the_campaign(campaign, policy, happened, named, declared, level):
    assert (
        level_of(
            campaign,
            policy=policy,
            happened=frozenset(happened),
            named_health=named,
            patient_kinds=patient_kinds([GUIDE, CARE, VISITS]),
            declared=declared,
        )
        is level
    )


def test_events_of_patients_are_those_that_appointments_and_care_live_by():
    assert patient_kinds([GUIDE, CARE, VISITS]) == {"treatment", "care_ended", "booking", "reschedule", "arrived"}


def test_what_ends_marketing_too_makes_nobody_a_patient():
    assert patient_kinds([GUIDE, CARE, VISITS]).isdisjoint({"enquiry", "not_interested", "moved_away"})


def test_who_reached_a_goal_of_marketing_has_booked_even_where_no_appointment_campaign_is():
    assert patient_kinds([GUIDE]) == {"booking"}


def test_a_goal_that_begins_marketing_makes_nobody_a_patient():
    first = plan(ONE, head='[exit]\non = "interest"\ngoal = "interest"\n')
    second = plan(ONE, head='[enrol]\non = "interest"\n')
    assert patient_kinds([first, second]) == frozenset()
    assert patient_kinds([first]) == {"interest"}


def test_the_shipped_campaigns_know_who_is_a_patient():
    shipped = [
        parse_campaign(file.read_text(encoding="utf-8"), name=file.stem, file=file.name)
        for file in (Path(__file__).parents[2] / "campaigns").glob("*.toml")
    ]
    assert patient_kinds(shipped) == {
        "booking", "reschedule", "cancel", "arrived", "no_show", "treatment", "care_ended", "adverse_event"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"source": "web", "topic": "x"}, False),
        ({"condition": "", "comment": None}, False),
        ({"condition": "knee pain"}, True),
        ({"comment": "Please write to me in the evening."}, True),  # it may name anything
    ],
    ids=["neither", "empty", "a condition", "a comment"],
)
def test_words_on_health_are_a_condition_or_any_comment(payload, named):
    assert names_health(payload) is named


@pytest.mark.parametrize(
    ("condition", "asks"),
    [
        ("event.condition == 'knee'", True),
        ("event['comment'] is defined", True),
        ("event.source == 'health_fair'", False),
        ("event.precondition == 'none'", False),
    ],
)
def test_a_condition_on_health_is_seen_wherever_it_stands(condition, asks):
    stepwise = step("one", 'after = "1 day"', 'email = "one"', f'if = "{condition}"')
    assert asks_of_health(plan(ONE, head=f'if = "{condition}"\n')) is asks
    assert asks_of_health(plan(stepwise)) is asks
