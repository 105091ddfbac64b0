"""A template is judged in all its shapes, and every finding has its place, its reason and its remedy."""

import pytest

from engine.core.consent import Purpose
from engine.core.findings import Severity
from engine.core.front_matter import read_head
from engine.core.gate import Told, judge_sequence
from engine.core.render import TemplateRefused
from tests.core.gate.making import TEXT, email, finding, rules_of, sms
from tests.core.gate.shipped import content_rules, scene

HEDGES = {
    "H1": "Stem cell products for joint, back or disc pain have not been approved by the FDA.",
    "H2": "Some people do not improve.",
    "H3": "The risks include pain, swelling, bleeding and infection, and rarer but serious harms have been reported.",
    "H4": "A chronic infection, an active cancer or a blood disorder may rule this out.",
    "H5": "Talk with your own physician before you decide.",
    "H7": "This email is not for emergencies: in an emergency, call 911.",
}
NAMED = f"hedges: {', '.join(HEDGES)}\n"


def test_a_finding_names_place_phrase_rule_reason_and_another_way_to_say_it() -> None:
    judged = email("Hi,\n\nWe say what we\nknow. It **has no\nside effects** at all.")
    found = finding(judged, "CL-01")
    assert (found.file, found.line, found.column) == ("templates/x/hello.email.md", 8, 12)
    assert found.phrase == "has no side effects"
    assert str(found) == (
        "templates/x/hello.email.md:8:12  “has no side effects” says that there are no risks. Pain, swelling, "
        "infections and worse have been reported, so it is not true. (CL-01) Name the risks instead. For example: "
        "“Like any procedure it has risks. They include pain, swelling, bleeding and infection.”"
    )


def test_the_same_phrase_twice_has_two_places() -> None:
    judged = email("It is proven.\n\nYes, it is \u201cproven\u201d indeed.")
    assert [(found.line, found.column) for found in judged.findings if found.rule == "CL-03"] == [(5, 7), (7, 13)]


def test_a_phrase_with_a_value_in_it_is_found_by_its_first_words() -> None:
    judged = email('Hi.\n\nMany patients {{ contact.first_name or "see" }} it; they get some {{ event.x }} relief.')
    assert [(found.rule, found.line) for found in judged.findings] == [("CL-09", 7), ("CL-22", 7)]


@pytest.mark.parametrize(("part", "line"), [("subject", 2), ("preheader", 3)])
def test_a_phrase_in_the_head_is_placed_there(part: str, line: int) -> None:
    judged = email("Hi.", **{part: "Your knee MRI result"})
    assert {(found.rule, found.line, found.key) for found in judged.findings} == {("HIP-4", line, part)}
    assert [found.phrase for found in judged.findings] == ["knee", "mri"]


def test_tv_58_a_body_part_in_a_subject_is_an_error_for_patients_too() -> None:
    judged = email("Hi.", subject="Your knee MRI result", purpose=Purpose.CARE)
    assert {found.severity for found in judged.findings} == {Severity.ERROR}
    assert rules_of(email("Your knee hurts.", purpose=Purpose.CARE)) == []


@pytest.mark.parametrize(
    "body",
    [
        "{% if contact.first_name %}Hi.{% else %}It is proven.{% endif %}",
        '{% if event.kind == "new" %}It is proven.{% elif event.kind == "old" %}Hi.{% endif %}',
        '{% if event.kind == "new" %}Hi.{% elif event.kind == "old" %}It is proven.{% endif %}',
        'It is {{ contact.first_name or "proven" }}.',
        'It is {{ event.x | default("proven") }}.',
        'It is {{ "proven" if anchor.day else "said" }}.',
        '{% if contact.first_name %}{% if event.a == "b" %}Hi.{% else %}It is proven.{% endif %}{% endif %}',
    ],
)
def test_words_are_judged_whichever_way_the_template_chooses(body: str) -> None:
    assert rules_of(email(body)) == ["CL-03"]


def test_what_the_layout_says_is_told_of_the_layout() -> None:
    judged = email("Hi.", text=TEXT + "\n\nIt is proven.")
    assert (finding(judged, "CL-03").file, finding(judged, "CL-03").line) == ("templates/_layout/email.text.txt", 0)


# ------------------------------------------------------------------------------------------------------------- hedges


def test_an_email_that_names_the_therapy_carries_every_reminder() -> None:
    body = "On stem cells.\n\n" + " ".join(HEDGES.values())
    assert rules_of(email(body, head=NAMED)) == []
    for hedge, sentence in HEDGES.items():
        named = ", ".join(name for name in HEDGES if name != hedge)
        judged = email(body.replace(sentence, ""), head=f"hedges: {named}\n")
        assert rules_of(judged) == [f"HEDGE-{hedge}"]
        assert HEDGES[hedge] in judged.findings[0].remedy


def test_a_therapy_that_is_named_for_some_readers_only_still_needs_its_reminders() -> None:
    judged = email("{% if contact.first_name %}On stem cells.{% else %}On walking.{% endif %}")
    assert len([rule for rule in rules_of(judged) if rule.startswith("HEDGE-H")]) == len(HEDGES)


def test_words_that_lead_to_a_booking_say_who_may_not_have_it() -> None:
    assert rules_of(email("[Book]({{ link.booking }})")) == ["HEDGE-H4"]
    assert rules_of(email("[Book]({{ link.booking }})\n\n" + HEDGES["H4"], head="hedges: H4\n")) == []
    assert rules_of(email("[Book]({{ link.booking }})", purpose=Purpose.APPOINTMENT)) == []


def test_the_head_names_the_reminders_that_the_words_need_and_have() -> None:
    body = "On stem cells.\n\n" + " ".join(HEDGES.values())
    lacking = finding(email(body, head="hedges: H1, H2, H3, H4, H7\n"), "HEDGE-ID")
    assert (lacking.line, lacking.remedy) == (4, "Write in the head: hedges: H1, H2, H3, H4, H7, H5")
    too_many = finding(email("Hi.", head="hedges: H5\n"), "HEDGE-ID")
    assert (too_many.line, too_many.column) == (4, 9)
    assert HEDGES["H5"] in too_many.remedy


def test_words_that_carry_a_reminder_without_need_do_not_have_to_name_it() -> None:
    assert rules_of(email(HEDGES["H7"])) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [("hedges: H1, X2", "“X2”"), ("facts: F-3, F-3", "twice"), ("facts: F3", "“F3”"), ("hedge: H1", "hedges")],
)
def test_a_list_in_the_head_is_refused_where_it_cannot_be_read(line: str, told: str) -> None:
    _, findings = read_head(f"---\nsubject: A\npreheader: B\n{line}\n---\nHi\n", "x.email.md")
    assert len(findings) == 1 and told in str(findings[0])
    assert findings[0].line == 4


# -------------------------------------------------------------------------------------------------------------- facts


def test_a_fact_that_the_clinic_has_not_confirmed_holds_its_template() -> None:
    body = "The cells are drawn from your own fat."
    judged = email(body, head="facts: F-10\n", confirmed=frozenset())
    held = finding(judged, "FACT-C")
    assert held.severity is Severity.ERROR
    assert held.remedy.startswith('Have it confirmed and add "F-10" to settings.toml: [facts] confirmed = [...]')
    assert judged.facts == ("F-10",)
    assert rules_of(email(body, head="facts: F-10\n", confirmed=frozenset({"F-10"}))) == []


def test_a_fact_that_is_not_for_campaigns_is_refused_whatever_is_confirmed() -> None:
    everything = frozenset(f"F-{number}" for number in range(30))
    judged = email("It can be given by the intrathecal route.", head="facts: F-14\n", confirmed=everything)
    assert finding(judged, "FACT-X").phrase == "intrathecal"


def test_the_head_names_the_facts_that_the_words_use() -> None:
    assert rules_of(email("The cells are drawn from your own fat.")) == ["FACT-ID"]
    assert rules_of(email("Hi.", head="facts: F-10\n")) == ["FACT-ID"]


# ------------------------------------------------------------------------------------------------- promotion, reading


@pytest.mark.parametrize("purpose", [Purpose.APPOINTMENT, Purpose.CARE])
def test_tv_28_an_offer_in_a_reminder_makes_it_marketing(purpose: Purpose) -> None:
    judged = sms(
        "{{ clinic.brand }}: We see you tomorrow. Bring a friend for 10% off. STOP to opt out.", purpose=purpose
    )
    assert rules_of(judged) == ["PROMO-1"]
    assert 'purpose = "marketing"' in judged.findings[0].remedy
    assert rules_of(email("Get 10% off.", purpose=purpose)) == ["PROMO-1"]
    assert rules_of(email("Get 10% off.")) == []
    assert rules_of(email("Feel free to call. Parking is free.", purpose=purpose)) == []


def test_words_that_are_hard_to_read_are_a_warning_with_their_grade() -> None:
    judged = email(
        "Notwithstanding considerable methodological heterogeneity, contemporary investigations demonstrate "
        "insufficient evidentiary substantiation regarding orthobiological interventions."
    )
    found = finding(judged, "READING-1")
    assert found.severity is Severity.WARNING and "Flesch-Kincaid" in found.problem
    assert judged.reading is not None and judged.reading > 20
    assert rules_of(email("We call you. You tell us how you are.")) == []


def test_tv_83_a_field_of_the_person_s_health_is_refused_before_anything_is_judged() -> None:
    for field in ("{condition}", "{{ condition }}", "{{ event.condition }}"):
        with pytest.raises(TemplateRefused):
            email(f"On your {field}.")


# ---------------------------------------------------------------------------------------------------------- sequences

LONG = "This one thought is said in so many words that nobody could miss it."


def told(*bodies: tuple[str, str]) -> list[tuple[str, int, str]]:
    """Where a campaign of emails says something again: file, line and key."""
    there = scene()
    messages = [
        Told(f"{number}.email.md", there.channel, email(body, subject=subject, preheader=f"Word {number}"))
        for number, (subject, body) in enumerate(bodies, start=1)
    ]
    return [(found.file, found.line, found.key) for found in judge_sequence(messages, there, content_rules())]


def test_a_subject_or_a_paragraph_that_comes_twice_is_found_where_it_comes_again() -> None:
    assert told(("One", LONG), ("Two", f"Hi.\n\n{LONG.upper()}")) == [("2.email.md", 7, "")]
    assert told(("One", "Hi."), ("one", "Ho.")) == [("2.email.md", 2, "subject")]
    assert told(("One", f"{LONG}\n\nBut then:\n\n- {LONG}")) == [("1.email.md", 9, "")]


def test_greetings_buttons_and_reminders_may_come_again() -> None:
    again = "Hi Ann,\n\n[Choose a time]({{ link.guide }})\n\n" + " ".join(HEDGES.values()) + "\n\nThe team"
    assert told(("One", again), ("Two", again)) == []


def test_an_email_that_is_sent_again_repeats_nobody() -> None:
    judged = email(LONG)
    there = scene()
    twice = [Told("1.email.md", there.channel, judged)] * 2
    assert judge_sequence(twice, there, content_rules()) == ()
