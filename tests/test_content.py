"""The clinic's words as the gate sees them: by its settings and campaigns."""

import re
import shutil
from pathlib import Path

import pytest

from engine.catalogue import catalogue
from engine.config import load_settings
from engine.content import Content
from engine.core.contact import Channel
from engine.core.findings import Finding, Severity
from engine.core.render import Sms
from engine.core.segments import segments
from tests.conftest import ROOT


def content(folder: Path) -> Content:
    settings = load_settings(folder)
    return Content(catalogue(folder, settings), settings)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("campaigns", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "settings.toml", tmp_path)
    return tmp_path


def set_to(project: Path, old: str, new: str) -> None:
    file = project / "settings.toml"
    text = file.read_text(encoding="utf-8")
    changed = re.sub(old, lambda _: new, text, count=1, flags=re.MULTILINE)
    assert changed != text
    file.write_text(changed, encoding="utf-8")


def rules_of(found: tuple[Finding, ...]) -> set[str]:
    return {finding.rule for finding in found}


def test_what_ships_has_no_finding() -> None:
    shipped = content(ROOT)
    assert list(map(str, shipped.findings())) == []
    assert {key[3] for key in shipped.catalogue.templates} == {"en", "es"}


@pytest.mark.parametrize(("state", "rule"), [("FL", "SSN-1"), ("WA", "SSN-3")])
def test_a_state_with_a_notice_refuses_every_marketing_email_until_its_words_are_there(
    project: Path, state: str, rule: str
) -> None:
    set_to(project, r'^state      = "MA"', f'state      = "{state}"')
    found = content(project).findings()
    marketing = {f"templates/{name}/" for name in ("therapy_basics", "booking_nudge")}
    emails = {f.file for f in found if f.rule == rule}
    folders = {file.rsplit("/", 1)[0] + "/" for file in emails}
    assert folders == marketing
    assert all("settings.toml" in f.remedy and f.severity is Severity.ERROR for f in found if f.rule == rule)

    set_to(project, r"^brand ", 'notice = "THE NOTICE OF THE STATE, WORD FOR WORD."\nbrand ')
    assert rules_of(content(project).findings()) == set()


def test_a_fact_that_the_clinic_has_not_confirmed_holds_its_message(project: Path) -> None:
    set_to(project, r"^confirmed = .*$", 'confirmed = ["F-3", "F-10", "F-12", "F-13", "F-21"]')
    found = content(project).findings()
    assert {f.file.rsplit("/")[-1] for f in found} == {"how_it_is_given.email.md", "how_it_is_given.es.email.md"}
    assert {(f.rule, f.severity) for f in found} == {("FACT-C", Severity.ERROR)}


def test_a_language_without_rules_cannot_be_approved(project: Path) -> None:
    french = project / "templates/service/stop.fr.sms.txt"
    french.write_text("{{ clinic.brand }}: Vous ne recevrez plus de messages. START pour revenir.\n", encoding="utf-8")
    shown = content(project)
    (finding,) = shown.findings()
    assert finding.file == "templates/service/stop.fr.sms.txt"
    assert "no rules on words in “fr”" in finding.problem
    assert shown.refused(("service", "stop", Channel.SMS, "fr")) == finding


def test_the_text_that_opens_a_marketing_campaign_confirms_the_opt_in(project: Path) -> None:
    welcome = project / "templates/therapy_basics/welcome_text.sms.txt"
    welcome.write_text("{{ clinic.brand }}: Thank you for asking. Reply STOP to opt out.\n", encoding="utf-8")
    assert rules_of(content(project).findings()) == {"OPT-1"}


def test_texts_of_a_campaign_may_not_go_on_without_saying_how_to_stop(project: Path) -> None:
    for file in (project / "templates/aftercare").glob("*.sms.txt"):
        if ".es." not in file.name:
            file.write_text(file.read_text(encoding="utf-8").replace("STOP to opt out.", ""), encoding="utf-8")
    assert rules_of(content(project).findings()) == {"CTIA-2"}


def test_what_a_person_typed_is_judged_with_the_sentence_it_stands_in() -> None:
    shipped = content(ROOT)
    key = ("aftercare", "check_in_day_1", Channel.SMS, "en")

    def told(name: str) -> str | None:
        text = f"Harbor Clinic: Hi {name}, how are you today? STOP to opt out."
        concern = shipped.concern(key, Sms(text, segments(text)), (name,))
        return concern.rule if concern else None

    assert told("Ann") is None
    assert told("Knee pain") == "HIP-3"


def test_words_of_a_campaign_that_is_broken_are_not_judged_by_a_guess(project: Path) -> None:
    campaign = project / "campaigns/aftercare.toml"
    text = campaign.read_text(encoding="utf-8")
    campaign.write_text(re.sub(r"(?m)^purpose .*$", 'purpose = "caring"', text), encoding="utf-8")
    shown = content(project)
    assert "aftercare" in shown.catalogue.broken
    assert shown.findings() == ()
