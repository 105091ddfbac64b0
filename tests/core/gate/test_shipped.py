"""What nurture ships says nothing that its own gate would have to refuse; and the clinic's article does."""

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from engine.core.findings import Severity
from engine.core.gate import judge_sequence, judge_template
from engine.core.gate.judging import judge_for
from engine.core.render import compile_email
from tests.core.gate.shipped import PURPOSES, compiled, content_rules, layout, scene, scene_of, shipped, told

LANGUAGES = sorted(content_rules().languages)
SHARED = Path(os.environ.get("NURTURE_SHARED", Path(__file__).parents[4] / "shared"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shipped_templates_have_no_finding(language: str) -> None:
    found = [str(finding) for one in shipped(language) for finding in one.judged.findings]
    assert found == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("campaign", PURPOSES)
def test_no_shipped_campaign_says_the_same_twice(language: str, campaign: str) -> None:
    there = next((one.scene for one in shipped(language) if one.campaign == campaign), None)
    if there is not None:
        assert [str(finding) for finding in judge_sequence(told(campaign, language), there, content_rules())] == []


@pytest.mark.parametrize("state", ["FL", "WA"])
def test_the_shipped_layout_shows_a_state_s_notice_as_it_must(state: str) -> None:
    notice = "This is the notice of our state,\nword for word."
    for campaign, template, source in compiled("en"):
        if campaign == "therapy_basics" and template.file.endswith(".md"):
            there = scene(state=state, notice=notice)
            assert [str(finding) for finding in judge_template(template, source, there, content_rules()).findings] == []


def test_judging_every_template_takes_well_under_half_a_second() -> None:
    everything = [one for language in LANGUAGES for one in compiled(language)]
    for campaign, template, _ in everything:
        judge_for(content_rules(), scene_of(campaign, template))
    began = time.process_time()
    for campaign, template, source in everything:
        judge_template(template, source, scene_of(campaign, template), content_rules())
    assert time.process_time() - began < 0.5


@pytest.mark.contract
def test_tv_68_the_clinic_s_article_as_a_template_is_refused_twenty_times_over() -> None:
    article = SHARED / "content" / "stem-cell-article.txt"
    if not article.is_file():
        pytest.skip(f"{article} is not here: set NURTURE_SHARED to the folder of the shared documents")
    source = f"---\nsubject: Hello\npreheader: A word\n---\n{article.read_text('utf-8')}"
    template = compile_email(source, layout("en"), "article.email.md", "en")
    findings = judge_template(template, source, scene(), content_rules()).findings
    claims = Counter(finding.severity for finding in findings if finding.rule.startswith("CL-"))
    assert claims[Severity.ERROR] >= 20
    assert all(finding.line > 4 and finding.column > 0 for finding in findings if finding.phrase)
