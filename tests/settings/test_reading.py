"""Settings: the environment over the file, defaults, and what settings hand on."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import get_origin

import pytest
from pydantic import BaseModel

from engine.config import Settings, load_settings
from engine.config.mistakes import Place, field_at, is_secret, section_at, variable
from engine.core.campaign import Cap, Refused
from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.timing import Offset
from engine.providers.mailbox import Failure, Fault
from tests.conftest import ROOT
from tests.settings.written import FORM, SOUND, refused, shown


def leaves(section: type[BaseModel] = Settings, above: Place = ()) -> Iterator[Place]:
    """Every setting that can be written, by its place."""
    for name, field in section.model_fields.items():
        place = (*above, name)
        inner = (*place, "a") if get_origin(field.annotation) is dict else (*place, 0)
        below = section_at(place) or section_at(inner)
        if below is None:
            yield place
        else:
            yield from leaves(below, place if section_at(place) else inner)


EVERY = [place for place in leaves() if place != ("secret_key",)]


def test_the_shipped_settings_are_sound_and_hold_the_demo_clinic() -> None:
    settings = load_settings(ROOT)
    form = settings.consent_forms["web_form_2026"]
    texts = form.box(Channel.SMS, Purpose.MARKETING)
    assert settings.clinic.brand == "Harbor Clinic"
    assert settings.only_mailbox
    assert texts is not None
    assert texts.frequency == Cap(4, Offset(days=30))
    assert form.box(Channel.EMAIL, Purpose.MARKETING) is not None
    assert form.box(Channel.SMS, Purpose.CARE) is None


@pytest.mark.parametrize("place", EVERY, ids=[".".join(map(str, place)) for place in EVERY])
def test_the_shipped_file_names_and_explains_every_setting(place: Place) -> None:
    text = (ROOT / "settings.toml").read_text(encoding="utf-8")
    says = rf"^# {place[-1]} .*{variable(place)}$" if is_secret(field_at(place)) else rf"^(# )?{place[-1]} *= "
    assert re.search(says, text, re.MULTILINE)


@pytest.mark.parametrize("place", EVERY, ids=[".".join(map(str, place)) for place in EVERY])
def test_every_setting_says_what_it_means_and_has_an_example(place: Place) -> None:
    section = section_at(place[:-1])
    assert section is not None
    field = section.model_fields[str(place[-1])]
    assert field.description
    assert field.examples


def test_the_environment_goes_over_the_file(project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project(SOUND + '[caps]\nemail = "2 per 7 days"\n')
    monkeypatch.setenv("NURTURE_CLINIC__BRAND", "Harbor")
    monkeypatch.setenv("NURTURE_CAPS__SMS", "1 per 48 hours")
    monkeypatch.setenv("NURTURE_LANGUAGES__SERVED", "en, es")
    settings = load_settings(folder)
    assert settings.clinic.brand == "Harbor"
    assert settings.languages.served == ("en", "es")
    assert shown(settings, "clinic.brand") == ("clinic.brand", "Harbor", "environment NURTURE_CLINIC__BRAND")
    assert shown(settings, "caps.sms").value == "1 per 48 hours"
    assert shown(settings, "caps.email") == ("caps.email", "2 per 7 days", "settings.toml")
    assert shown(settings, "sending.chunk") == ("sending.chunk", "32", "default")


def test_a_whole_section_as_json_is_traced_to_its_variable(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NURTURE_SENDING", '{"chunk": 7}')
    assert shown(load_settings(project(SOUND)), "sending.chunk").source == "environment NURTURE_SENDING"


def test_defaults_follow_the_decisions(project: Callable[[str], Path]) -> None:
    settings = load_settings(project(SOUND))
    assert settings.caps.email == (Cap(1, Offset(exact=timedelta(hours=24))), Cap(3, Offset(days=7)))
    assert settings.caps.sms == (Cap(1, Offset(exact=timedelta(hours=24))), Cap(2, Offset(days=7)))
    assert settings.sending.doubt_grace == timedelta(minutes=3)
    assert settings.clinic.site == "https://harborclinic.example"  # no slash: paths are put behind it


def test_relative_paths_start_at_the_project(project: Callable[[str], Path]) -> None:
    folder = project(SOUND)
    settings = load_settings(folder)
    assert settings.database_url == f"sqlite:///{folder}/var/nurture.db"
    assert settings.mailbox_folder == folder / "var/mailbox"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////srv/nurture.db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql+psycopg://nurture@localhost/nurture",
    ],
    ids=["an absolute path", "no path", "in memory", "a server"],
)
def test_other_database_urls_stay_as_they_are(project: Callable[[str], Path], url: str) -> None:
    assert load_settings(project(SOUND + f'[database]\nurl = "{url}"\n')).database_url == url


def test_the_project_is_the_one_given_then_the_variables_then_the_current_folder(
    project: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(SOUND)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(folder)
    assert load_settings().project == folder
    monkeypatch.setenv("NURTURE_PROJECT", str(elsewhere))
    assert load_settings(folder).project == folder
    assert "There is no settings.toml" in refused(elsewhere)[0].problem
    with pytest.raises(Refused):
        load_settings()


# --- what settings hand on ---


def test_faults_reach_the_mailbox_as_it_takes_them(project: Callable[[str], Path]) -> None:
    text = '[[mailbox.faults]]\nto = "*@example.org"\noutcome = "in_doubt"\nattempts = "all"\naccepted = true\n'
    (fault,) = load_settings(project(SOUND + text)).faults
    assert fault == Fault("*@example.org", Failure.IN_DOUBT, accepted=True)


def test_a_form_holds_from_its_first_to_its_last_day(project: Callable[[str], Path]) -> None:
    form = load_settings(project(SOUND + FORM)).consent_forms["form"]
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    assert [form.shown_on(day) for day in days] == [False, True, True, False]
