"""What is said of the therapy: the compliance table's own sentences, its negations, and honest neighbours."""

import tomllib
from pathlib import Path

import pytest

from engine.core.findings import Severity
from engine.core.gate import Concern, judge_whole
from engine.core.render import Email
from tests.core.gate.shipped import content_rules, scene

TABLE = tomllib.loads((Path(__file__).parent / "data" / "claims.toml").read_text("utf-8"))


def concerns(text: str) -> list[Concern]:
    """What is wrong with one paragraph of a marketing email, hedges aside."""
    found = judge_whole(Email("Hello", "A word", "", text), scene(), content_rules())
    return [concern for concern in found if not concern.rule.startswith("HEDGE-")]


def severity(text: str, rule: str) -> Severity | None:
    return next((concern.severity for concern in concerns(text) if concern.rule == rule), None)


@pytest.mark.parametrize(("text", "rule"), [(case["text"], case["rule"]) for case in TABLE["caught"]])
def test_the_table_s_claims_are_caught(text: str, rule: str) -> None:
    assert rule in {concern.rule for concern in concerns(text)}


@pytest.mark.parametrize("text", [case["text"] for case in (*TABLE["allowed"], *TABLE["rewrite"])])
def test_the_table_s_honest_sentences_and_rewrites_are_no_error(text: str) -> None:
    assert [concern for concern in concerns(text) if concern.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Not only proven, but fast", id="TV-70, not only"),
        pytest.param("Do not wait: proven relief", id="TV-70, another clause"),
        "Do not wait - proven relief",
        "Not just proven. Proven twice.",
        "Never merely proven",
        "It is not for us to tell you, or anybody else who reads this, that it is proven",
    ],
)
def test_a_negation_that_is_none_leaves_the_claim_an_error(text: str) -> None:
    assert severity(text, "CL-03") is Severity.ERROR


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Nobody can say whether it is proven.", "CL-03"),
        ("It does not reliably prevent further damage.", "CL-04"),
        ("It is not known whether they restore worn cartilage.", "CL-05"),
    ],
)
def test_a_claim_in_a_negated_clause_has_to_be_read_once_more(text: str, rule: str) -> None:
    assert severity(text, rule) is Severity.WARNING


@pytest.mark.parametrize(
    "text",
    [
        "Stem cell products for joint, back or disc pain have not been approved by the FDA.",
        "Not FDA-approved for this use.",
        "This is not an FDA-approved product.",
        "Please do not stop taking your medicines on your own.",
        "Please do not change any of your medicines on your own because of this visit.",
        "There is no cure for worn joints, and this is not a cure.",
        "A Cochrane review found that injections may slightly improve pain; the certainty was low.",
        "Some people report less pain afterwards, and some do not.",
        "Bring somebody to the visit. Our best wishes go with you.",
        "Your body keeps small numbers of them, in fat for example.",
    ],
)
def test_honest_and_everyday_sentences_raise_nothing(text: str) -> None:
    assert concerns(text) == []


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("It  doesn\u2019t\u00a0have any\nside\u2011effects", "CL-01"),
        ("\uff23\uff35\uff32\uff25\uff33 arthritis", "CL-03"),  # full-width letters
        ("Pro\u200bven relief", "CL-03"),  # a space of no width
        ("FDA\u2013approved", "CL-07"),
    ],
)
def test_other_signs_for_the_same_words_do_not_hide_a_claim(written: str, rule: str) -> None:
    assert rule in {concern.rule for concern in concerns(written)}


def test_a_concern_says_what_to_write_instead() -> None:
    (concern,) = concerns("It works without any risk.")
    assert concern.phrase == "without any risk"
    assert concern.instead.startswith("Like any procedure it has risks.")
    assert concerns(concern.instead) == []
