"""The sending path finds in one message what the full check finds, and looks only at what its template did not say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.consent import Purpose
from engine.core.findings import Severity
from engine.core.gate import NOT_JUDGED, Scene, judge_message, judge_template, judge_whole
from engine.core.gate.judging import judge_for
from engine.core.gate.message import parts_of
from engine.core.gate.shapes import shapes
from engine.core.render import Email, Layout, MissingValue, Sms, compile_email, compile_sms
from engine.core.segments import segments
from tests.core.gate.making import HTML, TEXT
from tests.core.gate.shipped import content_rules, scene, shipped

HOSTILE = st.sampled_from(
    [
        *"cures|Proven|no risks|FDA approved|Hope|Dolores|STOP to opt out|not|never|bit.ly/x|Reply CANCEL".split("|"),
        *"http://evil.example|900 555 0100|stem cells|Talk with your own physician|Ann!!|knee|- x|100 %".split("|"),
        *"DOLORES|Mar\u00eda Dolores|Knee Pain|Price|linktr.ee/x|https://own-link.invalid@evil.com".split("|"),
        *"https://own-link.invalid|https://harborclinic.example/knee".split("|"),
        *"in a day|some people do not improve|intrathecal|50 % off".split("|"),
        *("A\nB", "A\n\nB", "\u201cAnn\u201d", "W" * 60),
    ]
)
NAME = st.one_of(st.none(), HOSTILE, st.text(max_size=30), st.lists(HOSTILE, max_size=3).map(" ".join))

BODY = """Hi {{ contact.first_name or "there" }},

It is {{ contact.first_name or "not" }} proven, {{ contact.last_name or "friend" }}.

{% if contact.last_name %}
Stem cells, {{ contact.last_name }}, work {{ event.how | default("for some") }}. Some people do not improve.
{% elif event.kind == "new" %}
They {{ event.how | default("may help") }}. Talk with your own physician before you decide.
{% else %}
A chronic infection, an active cancer or a blood disorder may rule this out, {{ contact.first_name or "you" }}.
{% endif %}

- no {{ event.how | default("fuss") }}
- [Book it]({{ link.booking }})
"""
HEAD = """---
subject: For {{ contact.first_name or "you" }}
preheader: {{ contact.last_name or "A word" }}
---
"""
EMAIL_SOURCE = HEAD + BODY
SMS_SOURCE = """{{ clinic.brand }}: {{ contact.first_name or "Hi" }},
{%- if contact.last_name %} no {{ contact.last_name }} risks
{%- else %} see {{ link.guide }}{% endif %}. Reply STOP to {{ contact.first_name or "opt out" }}.
Not {{ contact.last_name or "proven" }}
"""
BY_EMAIL: Scene = scene()
BY_SMS: Scene = scene(channel="sms")
EMAIL = compile_email(EMAIL_SOURCE, Layout(HTML, TEXT), "x.email.md", "en")
SMS = compile_sms(SMS_SOURCE, "x.sms.txt", "en")


@settings(deadline=None)
@given(
    first=NAME,
    last=NAME,
    how=NAME,
    kind=st.sampled_from(["new", "old", ""]),
    spared=st.booleans(),
    number=st.integers(0, 9),
)
def test_template_and_values_together_are_the_full_check(
    first: str | None, last: str | None, how: str | None, kind: str, spared: bool, number: int
) -> None:
    for template, source, there in ((EMAIL, EMAIL_SOURCE, BY_EMAIL), (SMS, SMS_SOURCE, BY_SMS)):
        context = next(shapes(template, there))
        context["contact"] = {"first_name": first, "last_name": last}
        context["event"] = {"kind": kind} if how is None else {"kind": kind, "how": how}
        context["link"] = dict.fromkeys(context["link"], f"https://go.harborclinic.example/l/{number}{'y' * 21}")
        try:
            words = template.render(context)
        except MissingValue:
            continue
        judged = judge_template(template, source, there, content_rules())
        names = (first, last) if spared else ()
        quick = judge_message(words, judged, there, content_rules(), names)
        assert quick == judge_whole(words, there, content_rules(), names, books=judged.books)
        # A second time, from memory; and with nothing known of the template.
        assert quick == judge_message(words, judged, there, content_rules(), names)


@settings(deadline=None, max_examples=30)
@given(first=NAME, number=st.integers(0, 10**6))
def test_the_shipped_words_are_judged_alike_on_both_paths(first: str | None, number: int) -> None:
    one = shipped()[number % len(shipped())]
    context = next(shapes(one.template, one.scene))
    context["contact"] = {"first_name": first, "last_name": None}
    words = one.template.render(context)
    quick = judge_message(words, one.judged, one.scene, content_rules(), (first,))
    assert quick == judge_whole(words, one.scene, content_rules(), (first,), books=one.judged.books)


def test_a_message_without_values_is_made_of_what_its_template_said_whatever_its_links() -> None:
    for one in shipped():
        context = next(shapes(one.template, one.scene))
        context["link"] = dict.fromkeys(context["link"], f"https://go.harborclinic.example/l/{'z' * 22}")
        words = one.template.render(context)
        parts = parts_of(words, judge_for(content_rules(), one.scene), ())
        assert all((part, block) in one.judged.known for part, blocks in parts for block in blocks)


def test_shipped_messages_to_people_with_ordinary_names_raise_nothing() -> None:
    for one in shipped():
        for name in ("Ann", "Jos\u00e9", "Mary-Jane O'Neil", "Dolores", "Hope", "Grace"):
            context = next(shapes(one.template, one.scene))
            context["contact"] = {"first_name": name, "last_name": name}
            words = one.template.render(context)
            assert judge_message(words, one.judged, one.scene, content_rules(), (name, name)) == ()


@pytest.mark.parametrize(
    ("name", "rule"),
    [("a miracle cure", "CL-03"), ("bit.ly/x", "CTIA-3"), ("Knee", "HIP-3"), ("W" * 300, "TPL-SEG-1")],
)
def test_a_value_that_may_not_be_said_is_an_error_in_its_message(name: str, rule: str) -> None:
    text = f"Harbor Clinic: Hi {name}, a note. Reply STOP to opt out."
    found = judge_message(Sms(text, segments(text)), NOT_JUDGED, scene(channel="sms"), content_rules())
    assert rule in {concern.rule for concern in found if concern.severity is Severity.ERROR}


def test_a_long_name_that_pushes_the_brand_out_of_sight_is_found() -> None:
    text = f"Dear {'Maximiliana ' * 3}we are Harbor Clinic. Reply STOP to opt out."
    found = judge_message(Sms(text, segments(text)), NOT_JUDGED, scene(channel="sms"), content_rules())
    assert [concern.rule for concern in found] == ["CTIA-1"]


def test_a_name_that_is_a_word_of_a_rule_is_let_through_as_the_person_s_and_only_so() -> None:
    there, rules = scene(), content_rules()
    hello = Email("Hello", "A word", "", "Hi Miracle,\n\nSee you soon.\n")
    assert judge_message(hello, NOT_JUDGED, there, rules, ("Miracle",)) == ()
    assert [concern.rule for concern in judge_message(hello, NOT_JUDGED, there, rules)] == ["CL-10"]
    in_front = Email("Miracle, a word", "For Miracle", "", "Hi,\n")
    assert judge_message(in_front, NOT_JUDGED, there, rules, ("Miracle",)) == ()
    longer = Email("Hello", "A word", "", "Hi,\n\nHealing and Heals.\n")
    assert [concern.phrase for concern in judge_message(longer, NOT_JUDGED, there, rules, ("Heal",))] == ["heals"]
    praise = Email("Hello", "A word", "", "Hi Miracle,\n\nIt is a miracle.\n")
    assert [concern.rule for concern in judge_message(praise, NOT_JUDGED, there, rules, ("Miracle",))] == ["CL-10"]
    claim = Email("Hello", "A word", "", "Hi Cures Arthritis,\n")
    assert judge_message(claim, NOT_JUDGED, there, rules, ("Cures Arthritis",)) != ()


@pytest.mark.parametrize(
    ("language", "name"),
    [
        *[("es", name) for name in ("DOLORES", "dolores", "Mar\u00eda Dolores", "Maria Dolores", "Dolores-Ann", "Ron")],
        *[("en", name) for name in ("Price", "Deal", "Champagne", "Pain", "Jean Pain", "O'Hara-Price", "Cure", "BONE")],
    ],
)
def test_names_of_people_are_let_through_word_by_word_however_they_are_written(language: str, name: str) -> None:
    there = scene(channel="sms", purpose=Purpose.CARE, language=language)
    for printed in dict.fromkeys((name, name.upper())):
        words = Sms(text := f"Harbor Clinic: {printed}.", segments(text))
        assert judge_message(words, NOT_JUDGED, there, content_rules()) != ()
        assert judge_message(words, NOT_JUDGED, there, content_rules(), (name, None)) == ()


@pytest.mark.parametrize(
    "name", ["Knee Pain", "Pain Cure", "Pain-Free", "Pain Free", "Miracle Cure", "Sore Neck", "Pains"]
)
def test_a_claim_or_a_complaint_given_as_a_name_is_found(name: str) -> None:
    there = scene(channel="sms", purpose=Purpose.CARE)
    words = Sms(text := f"Harbor Clinic: {name}.", segments(text))
    assert judge_message(words, NOT_JUDGED, there, content_rules(), (name,)) != ()


@pytest.mark.parametrize("purpose", [Purpose.MARKETING, Purpose.CARE])
def test_a_line_end_in_a_header_is_refused(purpose: Purpose) -> None:
    """TV-53: a header value with CR LF."""
    words = Email("Hello\r\nBcc: all@example.com", "A word", "", "Hi,\n")
    found = judge_message(words, NOT_JUDGED, scene(purpose=purpose), content_rules())
    assert "RFC-2" in {concern.rule for concern in found if concern.severity is Severity.ERROR}


def test_words_in_a_language_without_rules_cannot_be_judged() -> None:
    words = Email("Bonjour", "", "", "Bonjour,\n")
    with pytest.raises(ValueError, match="no content rules in 'fr'"):
        judge_message(words, NOT_JUDGED, scene(language="fr"), content_rules())
