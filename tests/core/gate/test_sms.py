"""Text messages: the brand, the way out, what carriers block, what it costs, what a lock screen may show."""

from typing import Any

import pytest

from engine.core.consent import Purpose
from engine.core.findings import Severity
from engine.core.gate import Told, judge_sequence
from engine.core.gate.shapes import NAME, shapes
from engine.core.render import compile_sms
from tests.core.gate.making import finding, rules_of, sms, text_scene
from tests.core.gate.shipped import content_rules

BRAND = "{{ clinic.brand }}: "
STOP = " Reply STOP to opt out."


@pytest.mark.parametrize("purpose", [Purpose.MARKETING, Purpose.APPOINTMENT, Purpose.CARE])
def test_tv_56_a_therapy_on_a_lock_screen_is_an_error_for_everybody(purpose: Purpose) -> None:
    judged = sms(BRAND + "Your stem cell injection is tomorrow." + STOP, purpose=purpose)
    assert rules_of(judged) == ["HIP-3", "HIP-3"]
    assert [found.severity for found in judged.findings] == [Severity.ERROR, Severity.ERROR]
    assert sms(BRAND + "Your appointment is tomorrow." + STOP, purpose=purpose).findings == ()


@pytest.mark.parametrize(("state", "rule"), [("FL", "SSN-2"), ("WA", "SSN-2"), ("MA", "HIP-3")])
def test_tv_67_in_florida_and_washington_such_a_text_is_an_advertisement_without_its_notice(
    state: str, rule: str
) -> None:
    judged = sms(BRAND + "More on stem cells: {{ link.guide }}" + STOP, state=state)
    assert rules_of(judged) == [rule]
    assert finding(judged, rule).severity is Severity.ERROR


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        pytest.param("Reply CANCEL to cancel.", ["TPL-KW-1"], id="TV-71"),
        ("Text YES if you are coming.", ["TPL-KW-1"]),
        ("Reply START to book.", ["TPL-KW-1"]),
        ("Reply HELP if you are late.", ["TPL-KW-1"]),
        ("Reply 1 to confirm, 2 to change.", []),
        ("Reply HELP for help.", []),
        ("Please reply to this text.", []),
        ("Call us to cancel.", []),
        ("Win a voucher at the casino.", ["CTIA-5"]),
        ("See bit.ly/abc", ["CTIA-3"]),
        ("See https://tinyurl.com/abc", ["CTIA-3"]),
        ("See https://evil.example/a", ["CTIA-4"]),
        ("See http://harborclinic.example/a", ["LINK-1"]),
        ("See https://harborclinic.example.evil.com/a", ["CTIA-4"]),
        ("See https://harborclinic.example/a", []),
        ("See https://doi.org/10.1038/s41591-023-02632-w", []),
        ("See evil.com", ["CTIA-4"]),
        ("See https://linktr.ee/harbor", ["CTIA-4"]),
        ("See linktr.ee/harbor", ["CTIA-4"]),
        ("See https://links.evil.com", ["CTIA-4"]),
        ("See https://link.bit.ly/x", ["CTIA-3"]),
        ("See https://go.harborclinic.example@evil.com/x", ["CTIA-4"]),
        ("See https://go.harborclinic.example:443@evil.com/x", ["CTIA-4"]),
        ("See https://evil.com@go.harborclinic.example/x", ["CTIA-4"]),
        ("See https://go.harborclinic.example.evil.com/x", ["CTIA-4"]),
        ("See https://go.harborclinic.example\u3002evil.com/x", ["TPL-SEG-1", "TPL-SEG-2", "CTIA-4"]),
        ("See https://own-link.invalid@evil.com/x", ["CTIA-4"]),
        ("See https://own-link.invalid.evil.com/x", ["CTIA-4"]),
        ("We are open 9 a.m./5 p.m. and/or 7.30/8.30.", []),
        ("See https://harborclinic.example/knee-arthritis", ["LINK-2", "LINK-2"]),
        ("See https://harborclinic.example/new/stem_cells", ["LINK-2"]),
        ("See https://www.harborclinic.example/?page=stem%20cells", ["LINK-2"]),
        ("See harborclinic.example/parking", []),
        ("See https://harborclinic.example/new-here?from=text", []),
        ("See https://go.harborclinic.example/l/a_knee-cure_a-stem-cell", []),
        ("Call 900-555-0100.", ["CTIA-4"]),
        ("Call 1-900-555-0100.", ["CTIA-4"]),
        ("Call +1 (900) 555 0100.", ["CTIA-4"]),
        ("Call 1.900.555.0100.", ["CTIA-4"]),
        ("Call 9005550100.", ["CTIA-4"]),
        ("Call +44 20 7946 0958.", ["CTIA-4"]),
        ("Call 1-617-555-0142.", []),
        ("It is ZIP 02110-1234, booking 12345678, of 20260101.", []),
        ("Call (617) 555-0142.", []),
        ("Call {{ clinic.phone }} or 911.", []),
        ("It is 7.30 p.m. on 12.12.2026.", []),
        ("Take 5 mg at noon.", ["HIP-3"]),
        ("Hello!!", ["TPL-MARKS"]),
        ("Hello!", []),
        ("BOOK YOUR VISIT WITH US NOW", ["TPL-CAPS"]),
    ],
)
def test_what_a_text_says(words: str, rules: list[str]) -> None:
    assert rules_of(sms(BRAND + words + STOP)) == rules


def test_the_brand_stands_within_the_first_forty_characters() -> None:
    assert rules_of(sms("Hello." + STOP)) == ["CTIA-1"]
    assert rules_of(sms("a" * 27 + "{{ clinic.brand }}" + STOP)) == []
    assert rules_of(sms("a" * 28 + "{{ clinic.brand }}" + STOP)) == ["CTIA-1"]


def test_the_brand_stands_there_for_long_names_too() -> None:
    judged = sms('Hi {{ contact.first_name or "you" }}, this is {{ clinic.brand }}.' + STOP)
    assert "With long names" in finding(judged, "CTIA-1").problem
    assert rules_of(sms('{{ clinic.brand }}: Hi {{ contact.first_name or "you" }}.' + STOP)) == []


def test_every_marketing_text_says_how_to_stop_and_the_others_now_and_then() -> None:
    assert rules_of(sms(BRAND + "Hello.")) == ["CTIA-2"]
    assert rules_of(sms(BRAND + "Hello.", purpose=Purpose.CARE)) == []


def told(*said: str, days: list[float | None] | None = None) -> list[str]:
    """The texts, by number, at which a care campaign fails to say how to stop."""
    there = text_scene(purpose=Purpose.CARE)
    messages = [
        Told(str(number), there.channel, sms(BRAND + words, purpose=Purpose.CARE), day)
        for number, (words, day) in enumerate(zip(said, days or [None] * len(said), strict=True), start=1)
    ]
    return [found.file for found in judge_sequence(messages, there, content_rules())]


def test_how_to_stop_stands_in_the_first_text_and_in_one_of_any_five() -> None:
    assert told("Hello." + STOP, *["Hello."] * 4) == []
    assert told("Hello." + STOP, *["Hello."] * 5) == ["6"]
    assert told("Hello.") == ["1"]


def test_how_to_stop_is_said_at_least_every_thirty_days() -> None:
    assert told("Hello." + STOP, "Hello.", days=[0, 29]) == []
    assert told("Hello." + STOP, "Hello.", days=[0, 30]) == ["2"]


OPT_IN = (
    "You are signed up for up to 4 texts a month. Msg & data rates may apply. Reply HELP for help, STOP to opt out."
)


@pytest.mark.parametrize(
    ("role", "words", "missing"),
    [
        ("opt_in", OPT_IN, []),
        ("opt_in", OPT_IN.replace("4 texts a month", "date"), ["how often"]),
        ("opt_in", OPT_IN.replace("Msg & data rates may apply. ", ""), ["data rates"]),
        ("opt_in", OPT_IN.replace("HELP for help, ", ""), ["what HELP does"]),
        ("opt_in", OPT_IN.replace(", STOP to opt out", ""), ["how to stop"]),
        ("help", "Help at {{ clinic.phone }}. Msg&data rates may apply. Reply STOP to opt out.", []),
        ("help", "Help is near. Msg&data rates may apply. Reply STOP to opt out.", ["phone number"]),
        ("help", "Help at {{ clinic.phone }}.", ["data rates", "how to stop"]),
        ("stop", "You're unsubscribed and will get no more texts. Reply START to get texts again.", []),
        ("stop", "Goodbye.", ["unsubscribed", "no more texts", "come back"]),
    ],
)
def test_sign_up_help_and_stop_say_all_that_carriers_ask_for(role: str, words: str, missing: list[str]) -> None:
    purpose = Purpose.MARKETING if role == "opt_in" else Purpose.SERVICE
    judged = sms(BRAND + words, role=role, purpose=purpose)
    assert len(judged.findings) == len(missing)
    for found, what in zip(judged.findings, missing, strict=True):
        assert what in found.problem


def test_the_answer_to_stop_advertises_nothing() -> None:
    words = "You're unsubscribed and will get no more texts. Reply START to get texts again. 10% off!"
    assert rules_of(sms(BRAND + words, role="stop", purpose=Purpose.SERVICE)) == ["PROMO-1"]


def test_tv_73_a_curly_apostrophe_makes_a_short_text_cost_two() -> None:
    judged = sms(BRAND + "It\u2019s time to look back at the week with us, as we said." + STOP)
    assert rules_of(judged) == ["TPL-SEG-1", "TPL-SEG-2"]
    assert {found.severity for found in judged.findings} == {Severity.WARNING}
    assert "right single quotation mark" in finding(judged, "TPL-SEG-2").problem
    assert rules_of(sms(BRAND + "It's time to look back at the week with us, as we said." + STOP)) == []


@pytest.mark.parametrize(
    ("letters", "severities"),
    [(85, []), (105, [Severity.WARNING]), (230, [Severity.WARNING, Severity.ERROR]), (290, [Severity.ERROR])],
)
def test_the_length_of_a_text_is_that_of_its_longest_values(letters: int, severities: list[Severity]) -> None:
    text = f'{BRAND}Hi {{{{ contact.first_name or "you" }}}} {"a" * letters} {STOP}'
    assert [f.severity for f in sms(text).findings if f.rule == "TPL-SEG-1"][: len(severities)] == severities


def test_a_text_that_is_too_long_for_the_longest_name_only_is_an_error_with_that_reason() -> None:
    judged = sms(f'{BRAND}Hi {{{{ contact.first_name or "you" }}}} {"a" * 230}.{STOP}')
    errors = [found for found in judged.findings if found.severity is Severity.ERROR]
    assert len(errors) == 1 and "With the longest names" in errors[0].problem


@pytest.mark.parametrize("name", [NAME, "Maximiliana"])
def test_links_and_times_count_with_their_real_length(name: str) -> None:
    template = compile_sms("{{ link.guide }} {{ anchor.day }} {{ anchor.time }}", "x.sms.txt", "en")
    context: dict[str, Any] = next(shapes(template, text_scene(), name))
    assert context["link"]["guide"].startswith("https://go.harborclinic.example/l/")
    assert len(context["link"]["guide"].rpartition("/")[2]) == 22
    assert context["anchor"]["day"] == "Wednesday, September 16"
    assert context["anchor"]["time"].endswith("EDT") and len(context["anchor"]["time"]) == len("10:30 AM EDT")
