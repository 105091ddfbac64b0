"""Our own data: what is wrong with it is said so that it can be mended, and the quick look misses nothing."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Severity
from engine.core.gate import ContentRules
from engine.core.gate.literals import needed
from engine.core.gate.rules import Pattern
from engine.core.gate.units import plain
from tests.core.gate.shipped import CONTENT, content_rules, scene

RULES = (CONTENT / "rules.toml").read_text("utf-8")
EN = (CONTENT / "en.toml").read_text("utf-8")


def every_pattern() -> Iterator[tuple[str, Pattern]]:
    for code, said in content_rules().languages.items():
        for table in (said.patterns, said.wording, said.hedges, said.facts, {"therapy": said.therapy}):
            yield from ((f"{code} {key}", pattern) for key, pattern in table.items())


@pytest.mark.parametrize(
    ("rules", "en", "told"),
    [
        (RULES.replace('id       = "CL-02"', 'id       = "CL-01"'), EN, "CL-01 is in two rules"),
        (RULES.replace('source   = "S-FDA1 S-UMB S-NMA S-FTC1"', "", 1), EN, "CL-01.source"),
        (RULES.replace('severity = "error"', 'severity = "fatal"', 1), EN, "CL-01.severity"),
        (RULES.replace('source   = "S-FDA1 S-UMB S-NMA S-FTC1"', 'source   = ""', 1), EN, "CL-01.source"),
        (RULES.replace('id       = "CTIA-1"', 'id       = "CTIA-9"'), EN, "no rule CTIA-1"),
        (RULES, EN.replace("[patterns.CL-01]\npattern = '''\\b(", "[patterns.CL-01]\npattern = '''\\b(("), "CL-01"),
        (RULES, EN.replace("[patterns.CL-01]", "[patterns.CL-99]"), "CL-01"),
        (RULES, EN.replace("[wording.STOP]", "[wording.HALT]"), "STOP"),
        (RULES, EN.replace('sentence = "Some people do not improve."', 'sentence = "It helps."'), "hedges.H2"),
        (RULES, EN.replace("reading = 9", "reading = 'nine'"), "limits.reading"),
        (RULES, EN + "\n[patterns.CL-01]\n", "en.toml"),
    ],
)
def test_a_mistake_in_our_own_rules_names_file_and_rule(rules: str, en: str, told: str) -> None:
    assert (rules, en) != (RULES, EN)
    with pytest.raises(ValueError, match=re.escape(told)) as raised:
        ContentRules.parse(rules, en=en)
    assert ".toml" in str(raised.value)


def test_all_languages_have_the_same_keys() -> None:
    other = re.sub(r"\[facts\.F-21\][^\[]*", "", EN)
    with pytest.raises(ValueError, match=r"xx.toml: \[facts\] has no F-21"):
        ContentRules.parse(RULES, en=EN, xx=other)


def test_every_rule_says_its_id_source_and_severity() -> None:
    for rule in content_rules().rules.values():
        assert rule.id and rule.source and rule.problem and rule.why and rule.remedy
        assert rule.severity in ("error", "warning", "none")
        assert rule.severity != "none" or rule.graded


def test_the_first_grade_that_fits_a_message_counts() -> None:
    health, florida = content_rules().rules["HIP-3"], content_rules().rules["SSN-2"]
    at_home, there = scene(channel=Channel.SMS), scene(channel=Channel.SMS, state="FL")
    assert (health.severity_in(at_home), florida.severity_in(at_home)) == (Severity.ERROR, None)
    assert (health.severity_in(there), florida.severity_in(there)) == (None, Severity.ERROR)
    care = scene(channel=Channel.SMS, state="FL", purpose=Purpose.CARE)
    assert (health.severity_in(care), florida.severity_in(care)) == (Severity.ERROR, None)


@pytest.mark.parametrize(
    ("name", "pattern"), list(every_pattern()), ids=lambda value: value if isinstance(value, str) else ""
)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_pattern_finds_has_a_piece_of_text_that_it_needs(
    name: str, pattern: Pattern, data: st.DataObject
) -> None:
    one = data.draw(st.sampled_from(pattern.alternatives))
    found = one.pattern.search(data.draw(st.from_regex(one.pattern)))
    assert found is not None
    assert not one.needs or any(need in found[0] for need in one.needs)


@pytest.mark.parametrize(
    ("name", "pattern"), list(every_pattern()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_pattern_has_to_be_tried_on_everything(name: str, pattern: Pattern) -> None:
    for one in pattern.alternatives:
        assert one.needs, one.pattern.pattern
        assert all(need == need.lower() for need in one.needs)


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        (r"a?bc", ("bc",)),
        (r"(?:ab|cd)+x?", ("ab", "cd")),
        (r"(?:ab|\d)", ()),
        (r"ab(?=cde)", ("ab",)),
        (r"[xy]", ("x", "y")),
        (r"(?:cures?|cured)", ("cure",)),
    ],
)
def test_what_a_pattern_needs_is_read_from_it(pattern: str, needs: tuple[str, ...]) -> None:
    assert needed(pattern) == needs


@pytest.mark.parametrize(
    ("name", "pattern"), list(every_pattern()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_alternatives_of_a_pattern_are_the_pattern(name: str, pattern: Pattern) -> None:
    assert "|".join(one.pattern.pattern for one in pattern.alternatives) == pattern.pattern.pattern


def test_of_matches_that_overlap_the_first_is_told() -> None:
    pattern = Pattern(re.compile(r"no pain|pain free|no pain at all"))
    assert [found[0] for found in pattern.matches("no pain free day, and no pain at all")] == ["no pain", "no pain"]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_plain_words_stay_as_they_are(text: str) -> None:
    once = plain(text)
    assert "  " not in once and once == once.strip()
    assert once.isascii() is False or plain(once) == once
