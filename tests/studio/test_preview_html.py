"""nurture preview --html and --language: which file is written, for whom, and what is refused."""

import json
import stat

import pytest

from tests.cli.conftest import NOON
from tests.studio.test_page import Read


def test_it_writes_a_page_that_only_its_owner_can_read(nurture, tmp_path):
    file = tmp_path / "tea.html"
    said = nurture("preview", "tea", "--start", NOON, "--html", str(file)).stdout
    assert said == f"Written: {file} (7 messages). Open it in a browser.\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    words = Read(file.read_text(encoding="utf-8")).words
    assert "Begun Mon Nov 23 2026, 12:00 PM EST Their clock: America/New_York, as their state says." in words
    assert "Dear Ann," in words and "Hola, Ann," in words


def test_a_page_is_written_over_and_closed_to_others(nurture, tmp_path):
    file = tmp_path / "tea.html"
    file.write_text("old " * 100_000)
    file.chmod(0o644)
    nurture("preview", "tea", "--html", str(file), "--language", "en")
    assert "old old" not in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_is_no_page_is_never_written_over(nurture, project):
    before = (project / "settings.toml").read_text()
    said = nurture("preview", "tea", "--html", str(project / "settings.toml"), code=2).stderr
    assert "--html names a file that ends in .html" in said
    assert (project / "settings.toml").read_text() == before


def test_a_page_that_cannot_be_written_is_said(nurture, tmp_path):
    said = nurture("preview", "tea", "--html", str(tmp_path / "nowhere" / "tea.html"), code=1).stderr
    assert "cannot be written" in said and "No such file or directory" in said


@pytest.mark.parametrize("other", ["--json", "--no-words"])
def test_a_page_shows_everything_and_stands_alone(nurture, other):
    assert "leave out --json and --no-words" in nurture("preview", "tea", "--html", "x.html", other, code=2).stderr


def test_what_is_wrong_with_a_template_stands_on_the_page(nurture, project, tmp_path):
    (project / "templates" / "tea" / "hello.email.md").write_text("no head")
    nurture("preview", "tea", "--html", str(tmp_path / "tea.html"), "--language", "en")
    words = Read((tmp_path / "tea.html").read_text(encoding="utf-8")).words
    assert "To be mended: " in words and "templates/tea/hello.email.md:1" in words
    assert "It would be held: " in words


# ------------------------------------------------------------------------------------------------------- languages


def steps(nurture, *args):
    said = nurture("preview", "tea", "--start", NOON, "--json", *args).stdout
    return {one["step"]: one.get("subject") or one.get("text") for one in map(json.loads, said.splitlines())}


def test_a_preview_speaks_the_language_that_is_asked_for(nurture):
    assert steps(nurture)["hello"] == steps(nurture, "--language", "en")["hello"] == "Tea & talk"
    spanish = steps(nurture, "--language", "es")
    assert spanish["hello"] == "Té y charla"
    assert spanish["in_spanish"].startswith("Harbor Clinic: ¿Charlamos?")


def test_a_page_in_one_language_has_that_one_only(nurture, tmp_path):
    nurture("preview", "tea", "--start", NOON, "--html", str(tmp_path / "es.html"), "--language", "es")
    assert set(Read((tmp_path / "es.html").read_text(encoding="utf-8")).all("section", "data-language")) == {"es"}


def test_a_language_that_is_not_served_is_refused(nurture):
    assert "([languages] served): en, es." in nurture("preview", "tea", "--language", "fr", code=2).stderr


def test_a_real_person_is_shown_in_their_own_language(nurture, tmp_path):
    ann = nurture.ann()
    assert "leave out --language" in nurture("preview", "tea", "--contact", ann, "--language", "es", code=2).stderr
    nurture("preview", "tea", "--contact", ann, "--start", NOON, "--html", str(tmp_path / "ann.html"))
    read = Read((tmp_path / "ann.html").read_text(encoding="utf-8"))
    assert set(read.all("section", "data-language")) == {"en"}


def test_whom_a_campaign_takes_in_one_language_only_is_shown_in_that_one(nurture, project, tmp_path):
    campaign = project / "campaigns" / "tea.toml"
    campaign.write_text(
        campaign.read_text().replace('on = "enquiry"', 'on = "enquiry"\nif = "contact.language == \'es\'"')
    )
    said = nurture("preview", "tea", "--start", NOON, "--html", str(tmp_path / "es.html")).stderr
    assert "In one of the languages: The campaign would not take this person." in said
    assert set(Read((tmp_path / "es.html").read_text(encoding="utf-8")).all("section", "data-language")) == {"es"}
    assert "would not take this person" in nurture("preview", "tea", "--language", "en", code=1).stderr
