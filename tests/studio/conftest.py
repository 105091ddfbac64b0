"""A small campaign in two languages: one message of each kind, one task, one that is held, one left out."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.catalogue import catalogue
from engine.config import load_settings
from engine.core.findings import Finding
from engine.house import House, open_house
from engine.store import open_store
from engine.studio.page import Told, harmless, page
from engine.studio.preview import Person, begun, example_event, imagined, play
from tests.cli.conftest import SETTINGS as CLINIC
from tests.cli.conftest import Nurture
from tests.conftest import ROOT, Databases

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # ten in the morning at the clinic
SETTINGS = f"""{CLINIC}
[languages]
served = ["en", "es"]

[sms]
price_per_segment = 0.0113
"""
CAMPAIGN = """
title = "Tea & <b>talk</b>"
purpose = "marketing"
[enrol]
on = "enquiry"
[exit]
on = ["booking"]
[send]
hours = "09:00-18:00"
[[step]]
key = "hello"
after = "0 minutes"
email = "hello"
[[step]]
key = "late_word"
after = "10 hours"
sms = "late_word"
[[step]]
key = "in_spanish"
after = "1 day"
if = "contact.language == 'es'"
sms = "late_word"
[[step]]
key = "form"
after = "1 day"
email = "form"
[[step]]
key = "call"
after = "1 day"
task = "Phone <i>them</i> & ask."
"""
EMAIL = """---
subject: {subject}
preheader: {preheader}
---
{greeting} {{{{ contact.first_name or "friend" }}}},

[{choices}]({{{{ link.preferences }}}}) & "more".
"""
WORDS = {
    "hello.email.md": EMAIL.format(
        subject="Tea & talk", preheader="Two short answers", greeting="Dear", choices="Choose"
    ),
    "hello.es.email.md": EMAIL.format(
        subject="Té y charla", preheader="Dos respuestas", greeting="Hola,", choices="Elegir"
    ),
    "late_word.sms.txt": "{{ clinic.brand }}: </p><script>alert(1)</script> {{ link.preferences }} STOP to end.\n",
    "late_word.es.sms.txt": "{{ clinic.brand }}: ¿Charlamos? Llámenos al {{ clinic.phone }}. STOP para terminar.\n",
    "form.email.md": EMAIL.format(
        subject="A form", preheader="A word", greeting="{{ event.form }} for", choices="Choose"
    ),
    "form.es.email.md": EMAIL.format(
        subject="Un formulario", preheader="Una palabra", greeting="{{ event.form }} para", choices="Elegir"
    ),
}


def written(folder: Path) -> Path:
    """The small project, written into this folder."""
    (folder / "campaigns").mkdir(parents=True)
    (folder / "settings.toml").write_text(SETTINGS)
    (folder / "campaigns" / "tea.toml").write_text(CAMPAIGN)
    shutil.copytree(ROOT / "templates" / "_layout", folder / "templates" / "_layout")
    (folder / "templates" / "tea").mkdir()
    for name, words in WORDS.items():
        (folder / "templates" / "tea" / name).write_text(words, encoding="utf-8")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of the small project."""
    return written(tmp_path / "project")


@pytest.fixture
def nurture(project: Path, databases: Databases, tmp_path: Path) -> Nurture:
    """`nurture` on the small project, with an empty SQLite database."""
    return Nurture(project, databases.new("sqlite", tmp_path, migrated=True))


@dataclass
class Preview:
    """A page, and what it was made of."""

    house: House
    told: list[Told]
    html: str


@pytest.fixture
def preview(project: Path) -> Callable[..., Preview]:
    """`preview(languages=("en",), findings=(...), first_name=...)`: the page of the small campaign."""

    def make(
        languages: tuple[str, ...] = ("en", "es"), findings: tuple[Finding, ...] = (), **person: str | None
    ) -> Preview:
        settings = load_settings(project)
        read = catalogue(project, settings)
        assert read.findings == ()
        house = open_house(open_store("sqlite://"), read, settings)
        told = [_told(harmless(house), language, person) for language in languages]
        return Preview(house, told, page(house, read.campaigns["tea"], told, findings))

    return make


def _told(house: House, language: str, person: dict[str, str | None]) -> Told:
    campaign, zone = house.catalogue.campaigns["tea"], house.settings.clinic.zone
    event = example_event(campaign, FRIDAY, {}, zone)
    somebody = imagined(house, campaign, Person(**{"state": "MA", "language": language, **person}), event)  # type: ignore[arg-type]
    answer = begun(campaign, event, somebody, house.terms)
    assert not isinstance(answer, str), answer
    return Told(language, ("Their clock: <i>Boston</i>.",), zone, FRIDAY, tuple(play(house, campaign, answer)))
