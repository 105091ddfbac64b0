"""Settings: the environment over the file, secrets from the environment only, mistakes told all at once."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import get_origin

import pytest
from pydantic import BaseModel

from engine.config import DEVELOPMENT_KEY, Settings, Shown, load_settings, provenance
from engine.config.mistakes import Place, section_at
from engine.core.campaign import Cap, Refused
from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Finding
from engine.core.timing import Offset
from engine.providers.mailbox import Failure, Fault
from tests.conftest import ROOT

SOUND = """
[clinic]
name = "Harbor Clinic"
brand = "Harbor Clinic"
phone = "617-555-0142"
address = "12 Example Street, Boston, MA 02110"
site = "https://harborclinic.example/"
public_url = "https://go.harborclinic.example"
zone = "America/New_York"
state = "MA"
email = "hello@harborclinic.example"
"""
FORM = """
[consent_forms.form]
url = "https://harborclinic.example/guide"
language = "en"
valid_from = 2026-01-01
valid_to = 2026-06-30
[[consent_forms.form.boxes]]
channel = "sms"
purposes = ["marketing"]
wording = "Text me (up to 4 msgs/mo)"
frequency = "4 per 30 days"
"""
LONG_KEY = "k" * 32


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """A project folder with this settings.toml."""

    def write(text: str) -> Path:
        (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def refused(folder: Path) -> tuple[Finding, ...]:
    with pytest.raises(Refused) as caught:
        load_settings(folder)
    return caught.value.findings


def shown(settings: Settings, key: str) -> Shown:
    return next(row for row in provenance(settings) if row.key == key)


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
    assert re.search(rf"^(# )?{place[-1]} *= ", text, re.MULTILINE)


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


# --- mistakes ---

MISTAKES = [
    ("an unknown key", "[sending]\nchunks = 8\n", "13:1", "sending.chunks", 'Did you mean "chunk"?'),
    ("an unknown section", "[sendin]\nchunk = 8\n", "12:1", "sendin", 'Did you mean "sending"?'),
    ("a key far from any", "[sending]\nzebra = 8\n", "13:1", "sending.zebra", "There are: email, sms, chunk"),
    ("a number in quotes", '[sending]\nchunk = "x"\n', "13:9", "sending.chunk", "chunk = 32"),
    ("too small a number", "[sending]\nchunk = 0\n", "13:9", "sending.chunk", "at least 1"),
    ("a wait in months", '[sending]\nfirst_delay = "1 month"\n', "13:15", "sending.first_delay", "30 days"),
    ("a cap in other words", '[caps]\nemail = "3 a week"\n', "13:9", "caps.email", "3 per 7 days"),
    ("a provider nobody has", '[sending]\nsms = "pigeon"\n', "13:7", "sending.sms", "'mailbox' or 'twilio'"),
    ("a language in words", '[languages]\nserved = ["English"]\n', "13:11", "languages.served", '"en"'),
    ("a misspelt outcome", '[[mailbox.faults]]\nto="*"\noutcome="later"\n', "14:9", "outcome", "try_later"),
    (
        "accepted without doubt",
        '[[mailbox.faults]]\nto="*"\noutcome="refused"\naccepted=true\n',
        "12:1",
        "mailbox.faults",
        "in_doubt",
    ),
    ("texts without a number", FORM.replace('frequency = "4 per 30 days"', ""), "18:1", "boxes", "TCPA-C-2"),
    (
        "a form that ends early",
        FORM.replace("2026-06-30", "2025-06-30"),
        "13:1",
        "consent_forms.form",
        "valid_to",
    ),
    ("a form without boxes", FORM.partition("[[")[0], "13:1", "consent_forms.form.boxes", "It is missing"),
    (
        "a date in words",
        FORM.replace("2026-01-01", '"May"'),
        "16:14",
        "valid_from",
        "valid_from = 2026-01-01",
    ),
    ("curly quotes", "[sms]\nstop_reply_by = “engine”\n", "13:17", "", "straight"),
]


@pytest.mark.parametrize(("text", "place", "key", "words"), [row[1:] for row in MISTAKES], ids=[r[0] for r in MISTAKES])
def test_a_mistake_is_told_with_its_place_and_what_to_write(
    project: Callable[[str], Path], text: str, place: str, key: str, words: str
) -> None:
    (finding,) = refused(project(SOUND + text))
    assert str(finding).startswith(f"settings.toml:{place}  ")
    assert key in finding.key
    assert words in str(finding)


CLINIC = [
    ("name", '" "', "It is empty"),
    ("brand", '"Harbor Clinic of Boston"', "at most 15"),
    ("brand", '"Harbor’s"', "plain letters"),
    ("phone", '"555-0142"', "no area code"),
    ("site", '"harborclinic.example"', "https://"),
    ("public_url", '"https://x.example/?a=b"', "plain address"),
    ("zone", '"Eastern"', "no such time zone"),
    ("zone", '"America/New York"', 'Did you mean "America/New_York"?'),
    ("state", '"Massachusetts"', 'state = "MA"'),
    ("email", '"hello"', "no @"),
    ("address", '"12 Example Street\\nBoston"', "one line"),
    ("phone", "6175550142", "text in quotes"),
]


@pytest.mark.parametrize(("key", "value", "words"), CLINIC, ids=[f"{key} {value}" for key, value, _ in CLINIC])
def test_a_clinic_that_cannot_be_right_is_refused(
    project: Callable[[str], Path], key: str, value: str, words: str
) -> None:
    text = re.sub(rf"^{key} = .*$", lambda _: f"{key} = {value}", SOUND, flags=re.MULTILINE)
    (finding,) = refused(project(text))
    assert finding.key == f"clinic.{key}"
    assert words in str(finding)


def test_all_mistakes_are_told_at_once(project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NURTURE_CAPS__SMS", "many")
    text = SOUND.replace('state = "MA"', "") + "[sending]\nchunk = 0\nemial = 'mailbox'\n"
    assert [finding.key for finding in refused(project(text))] == [
        "NURTURE_CAPS__SMS",
        "clinic.state",
        "sending.chunk",
        "sending.emial",
    ]


def test_a_missing_section_says_what_it_needs(project: Callable[[str], Path]) -> None:
    (finding,) = refused(project(""))
    assert str(finding).startswith("settings.toml  clinic: It is missing. Write a section [clinic] with name, brand")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NURTURE_CAPS__SMS", "many", "NURTURE_CAPS__SMS=1 per 24 hours"),
        ("NURTURE_SENDING__CHUNKS", "8", "NURTURE_SENDING__CHUNK"),
        ("NURTURE_SENDNG__CHUNK", "8", "Did you mean NURTURE_SENDING__CHUNK?"),
        ("NURTURE_SECRTE_KEY", "x", "Did you mean NURTURE_SECRET_KEY?"),
        ("NURTURE_SENDING", "chunk", "must be JSON"),
    ],
    ids=["a bad value", "an unknown key", "an unknown section", "a misspelt secret", "no JSON"],
)
def test_a_variable_that_cannot_be_right_is_named(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    (finding,) = refused(project(SOUND))
    assert finding.file == "environment"
    assert words in str(finding)


# --- secrets ---

SECRETS = [
    ("the key itself", 'secret_key = "hunter2hunter2"\n' + SOUND, "NURTURE_SECRET_KEY"),
    (
        "a database password",
        SOUND + '[database]\nurl = "postgresql://a:hunter2@db/x"\n',
        "NURTURE_DATABASE__URL",
    ),
    ("a provider's token", SOUND + '[twilio]\nauth_token = "hunter2"\n', "TWILIO_AUTH_TOKEN"),
    ("a key by its look", SOUND + '[sendgrid]\nx = "SG.hunter2hunter2hunter2"\n', "SENDGRID_API_KEY"),
    ("a password somewhere", SOUND + 'mail_password = "hunter2"\n', "its variable"),
]


@pytest.mark.parametrize(("text", "variable"), [row[1:] for row in SECRETS], ids=[row[0] for row in SECRETS])
def test_a_secret_in_the_file_is_refused_and_not_repeated(
    project: Callable[[str], Path], text: str, variable: str
) -> None:
    findings = refused(project(text))
    told = next(finding for finding in findings if "secret" in finding.problem)
    assert f"set {variable} in the environment" in told.remedy
    assert told.line > 0
    assert "hunter2" not in "".join(map(str, findings))


def test_a_secret_in_the_file_is_not_used(project: Callable[[str], Path]) -> None:
    assert [finding.key for finding in refused(project('secret_key = "short"\n' + SOUND))] == ["secret_key"]


def test_a_secret_is_never_shown(project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NURTURE_SECRET_KEY", LONG_KEY)
    monkeypatch.setenv("NURTURE_DATABASE__URL", "postgresql+psycopg://nurture:hunter2@db/nurture")
    settings = load_settings(project(SOUND))
    assert settings.key == LONG_KEY.encode()
    assert shown(settings, "secret_key").value == "**********"
    assert shown(settings, "database.url").value == "postgresql+psycopg://nurture:***@db/nurture"
    assert LONG_KEY not in repr(settings)


def test_a_bad_value_that_may_be_a_secret_is_not_repeated(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NURTURE_SECRET_KEY", "hunter2")
    (finding,) = refused(project(SOUND))
    assert "shorter than 32" in str(finding)
    assert "hunter2" not in str(finding)


def test_without_a_key_the_mailbox_uses_the_development_key(project: Callable[[str], Path]) -> None:
    settings = load_settings(project(SOUND))
    assert settings.key == DEVELOPMENT_KEY
    assert shown(settings, "secret_key").value == "not set: the development key is used"


def test_a_real_provider_needs_a_key_of_its_own(project: Callable[[str], Path]) -> None:
    findings = refused(project(SOUND + '[sending]\nsms = "twilio"\n'))
    assert [finding.key for finding in findings] == ["NURTURE_SECRET_KEY", "sending.sms"]
    assert "not yet built" in findings[1].problem


# --- what settings hand on ---


def test_faults_reach_the_mailbox_as_it_takes_them(project: Callable[[str], Path]) -> None:
    text = '[[mailbox.faults]]\nto = "*@example.org"\noutcome = "in_doubt"\nattempts = "all"\naccepted = true\n'
    (fault,) = load_settings(project(SOUND + text)).faults
    assert fault == Fault("*@example.org", Failure.IN_DOUBT, accepted=True)


def test_a_form_holds_from_its_first_to_its_last_day(project: Callable[[str], Path]) -> None:
    form = load_settings(project(SOUND + FORM)).consent_forms["form"]
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    assert [form.shown_on(day) for day in days] == [False, True, True, False]
