"""Settings: the environment over the file, secrets from the environment only, mistakes told all at once."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_origin

import pytest
from pydantic import BaseModel

from engine.config import DEVELOPMENT_KEY, Settings, Shown, load_settings, provenance
from engine.config.mistakes import Place, field_at, is_secret, section_at, variable
from engine.core.campaign import Cap, Refused
from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Finding
from engine.core.pacing import Pace
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


# --- mistakes ---

MISTAKES = [
    ("an unknown key", "[sending]\nchunks = 8\n", "13:1", "sending.chunks", 'Did you mean "chunk"?'),
    ("an unknown section", "[sendin]\nchunk = 8\n", "12:1", "sendin", 'Did you mean "sending"?'),
    (
        "a key far from any",
        "[sending]\nzebra = 8\n",
        "13:1",
        "sending.zebra",
        "There are: email, sms, rehearsal, chunk",
    ),
    ("a number in quotes", '[sending]\nchunk = "x"\n', "13:9", "sending.chunk", "chunk = 32"),
    ("too small a number", "[sending]\nchunk = 0\n", "13:9", "sending.chunk", "at least 1"),
    ("a wait in months", '[sending]\nfirst_delay = "1 month"\n', "13:15", "sending.first_delay", "30 days"),
    ("a cap in other words", '[caps]\nemail = "3 a week"\n', "13:9", "caps.email", "3 per 7 days"),
    ("a misspelt provider", '[sending]\nsms = "twillio"\n', "13:7", "sending.sms", 'Did you mean "twilio"?'),
    (
        "no grace in doubt",
        '[sending]\ndoubt_grace = "0 minutes"\n',
        "13:15",
        "sending.doubt_grace",
        "less than 1 minute",
    ),
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
        ("NURTURE_TWILIO_AUTH_TOKEN", "x", "Did you mean NURTURE_TWILIO__AUTH_TOKEN? Two underscores"),
        ("NURTURE_SMTP_BAA_ON", "x", "Did you mean NURTURE_SMTP__BAA__ON? Two underscores"),
    ],
    ids=["a bad value", "an unknown key", "an unknown section", "a misspelt secret", "no JSON", "one _", "one _ twice"],
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
    ("a provider's token", SOUND + '[twilio]\nauth_token = "hunter2"\n', "NURTURE_TWILIO__AUTH_TOKEN"),
    ("a key by its look", SOUND + '[sendgrid]\nx = "SG.hunter2hunter2hunter2"\n', "NURTURE_SENDGRID__API_KEY"),
    ("a relay's password", SOUND + '[smtp]\npassword = "hunter2"\n', "NURTURE_SMTP__PASSWORD"),
    ("an API key's secret", SOUND + '[twilio]\napi_key_secret = "hunter2"\n', "NURTURE_TWILIO__API_KEY_SECRET"),
    ("a secret's other name", SOUND + '[smtp]\npasswd = "hunter2"\n', "NURTURE_SMTP__PASSWORD"),
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


# --- real providers ---

REAL = """
[sending]
email = ["sendgrid", "smtp"]
sms = "twilio"
[twilio]
account_sid = "AC00000000000000000000000000000000"
messaging_service_sid = "MG00000000000000000000000000000000"
[smtp]
host = "smtp.relay.example"
username = "nurture"
"""
TOKENS = {
    "NURTURE_SECRET_KEY": LONG_KEY,
    "NURTURE_TWILIO__AUTH_TOKEN": "a-token",
    "NURTURE_SENDGRID__API_KEY": "a-key",
    "NURTURE_SMTP__PASSWORD": "a-password",
}
BAA = '[twilio.baa]\nsigned_by = "Dr. Ortiz"\non = 2026-01-31\n'


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The secrets of all real providers, in the environment."""
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)
    return TOKENS


@pytest.mark.usefixtures("tokens")
def test_a_clinic_sends_by_several_providers_in_its_own_order(project: Callable[[str], Path]) -> None:
    settings = load_settings(project(SOUND + REAL))
    assert settings.sending.names(Channel.EMAIL) == ("sendgrid", "smtp")
    assert settings.sending.names(Channel.SMS) == ("twilio",)
    assert not settings.only_mailbox
    assert (settings.twilio.pace, settings.sendgrid.pace) == (Pace(per_second=1), Pace())


@pytest.mark.usefixtures("tokens")
def test_one_word_names_one_provider(project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project(SOUND + REAL.replace('["sendgrid", "smtp"]', '"smtp"'))
    assert load_settings(folder).sending.email == ("smtp",)
    monkeypatch.setenv("NURTURE_SENDING__EMAIL", "smtp, sendgrid")
    assert load_settings(folder).sending.email == ("smtp", "sendgrid")


WRONG_CARRIERS = [
    ('"sendgird"', 'Did you mean "sendgrid"?'),
    ('["smtp", "pigeon"]', "There are: mailbox, sendgrid, smtp."),
    ('["smtp", "smtp"]', "It names a provider twice."),
    ("[]", "It names no provider."),
    ("[1]", "in quotes"),
    ("true", "in quotes"),
]


@pytest.mark.parametrize(("value", "words"), WRONG_CARRIERS, ids=[value for value, _ in WRONG_CARRIERS])
def test_carriers_that_cannot_be_right_are_refused(project: Callable[[str], Path], value: str, words: str) -> None:
    (finding,) = refused(project(SOUND + f"[sending]\nemail = {value}\n"))
    assert str(finding).startswith("settings.toml:13:9  sending.email: ")
    assert words in str(finding)


def test_what_a_chosen_provider_lacks_is_told_with_its_section_or_variable(project: Callable[[str], Path]) -> None:
    told = {f.key: f for f in refused(project(SOUND + '[sending]\nemail = ["smtp", "sendgrid"]\nsms = "twilio"\n'))}
    assert list(told) == [
        "NURTURE_SENDGRID__API_KEY",
        "NURTURE_TWILIO__AUTH_TOKEN",
        "NURTURE_SECRET_KEY",
        "smtp.host",
        "twilio.account_sid",
        "twilio.from_number",
    ]
    assert str(told["smtp.host"]) == (
        "settings.toml  smtp.host: It is missing, and [sending] says that “smtp” carries email."
        ' Write under [smtp]: host = "smtp.relay.example"'
    )
    assert "Set NURTURE_TWILIO__AUTH_TOKEN in the environment." in told["NURTURE_TWILIO__AUTH_TOKEN"].remedy
    assert "messaging_service_sid" in told["twilio.from_number"].remedy


@pytest.mark.parametrize("missing", list(TOKENS))
@pytest.mark.usefixtures("tokens")
def test_each_secret_of_a_chosen_provider_is_missed(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    assert [finding.key for finding in refused(project(SOUND + REAL))] == [missing]


@pytest.mark.usefixtures("tokens")
def test_an_api_key_of_twilio_needs_its_secret_and_no_token(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(SOUND + REAL.replace("[smtp]", f'api_key_sid = "SK{"0" * 32}"\n[smtp]'))
    monkeypatch.delenv("NURTURE_TWILIO__AUTH_TOKEN")
    assert [finding.key for finding in refused(folder)] == ["NURTURE_TWILIO__API_KEY_SECRET"]
    monkeypatch.setenv("NURTURE_TWILIO__API_KEY_SECRET", "another")
    assert load_settings(folder).twilio.auth_token is None


@pytest.mark.usefixtures("tokens")
def test_a_password_without_a_name_is_refused(project: Callable[[str], Path]) -> None:
    (finding,) = refused(project(SOUND + REAL.replace('username = "nurture"', "")))
    assert finding.key == "smtp.username"


def test_no_providers_secret_is_ever_shown(project: Callable[[str], Path], tokens: dict[str, str]) -> None:
    settings = load_settings(project(SOUND + REAL))
    told = repr(settings) + str(settings) + "".join(map(str, provenance(settings)))
    assert not [value for value in tokens.values() if value in told]
    assert shown(settings, "twilio.auth_token") == (
        "twilio.auth_token",
        "**********",
        "environment NURTURE_TWILIO__AUTH_TOKEN",
    )


SECTIONS = [
    ('[twilio]\naccount_sid = "AC12"\n', "13:15", "twilio.account_sid", "AC and 32 digits"),
    ('[twilio]\nmessaging_service_sid = "AC%s"\n' % ("0" * 32), "13:25", "messaging_service_sid", "MG and 32"),
    ('[twilio]\nfrom_number = "617-555-0142"\n', "13:15", "twilio.from_number", '"+16175550142"'),
    ('[twilio]\nfrom_number = "1234"\n', "13:15", "twilio.from_number", "short code of 5 or 6"),
    (
        '[twilio]\nfrom_number = "12345"\nmessaging_service_sid = "MG%s"\n' % ("0" * 32),
        "12:1",
        "twilio",
        "two senders",
    ),
    ("[twilio]\nper_second = 0\n", "13:14", "twilio.per_second", "It must be more than 0."),
    ('[twilio]\nper_second = "fast"\n', "13:14", "twilio.per_second", "It must be a number."),
    ('[twilio]\nregion = "ie1.evil.example"\n', "13:10", "twilio.region", "one word"),
    ('[twilio.baa]\nsigned_by = "Dr. Ortiz"\n', "12:1", "twilio.baa", "a name and a date"),
    ('[sendgrid.baa]\nsigned_by = "Dr. Ortiz"\n', "12:1", "sendgrid.baa", "SendGrid signs no BAA"),
    ('[sendgrid]\nbase_url = "http://mail.example"\n', "13:12", "sendgrid.base_url", "https://"),
    ('[smtp]\nhost = "smtp://relay.example"\n', "13:8", "smtp.host", "no name of a machine"),
    ('[smtp]\nhost = "relay.example"\nsecurity = "none"\n', "12:1", "smtp", "everybody on the way could read"),
    ("[smtp]\nport = 465\n", "12:1", "smtp", 'Port 465 wants: security = "tls"'),
    ('[smtp]\nport = 587\nsecurity = "tls"\n', "12:1", "smtp", 'Port 587 wants: security = "starttls"'),
    ('[phi]\nenquirer_policy = "by_content"\n', "12:1", "phi", "counsel's choice"),
    ('[phi]\nenquirer_policy = "loose"\n', "13:19", "phi.enquirer_policy", "'literal', 'by_content' or 'strict'"),
]


@pytest.mark.parametrize(
    ("text", "place", "key", "words"), SECTIONS, ids=[" ".join(row[0].split()) for row in SECTIONS]
)
def test_a_providers_section_that_cannot_be_right_is_refused_before_it_is_used(
    project: Callable[[str], Path], text: str, place: str, key: str, words: str
) -> None:
    (finding,) = refused(project(SOUND + text))
    assert str(finding).startswith(f"settings.toml:{place}  ")
    assert finding.key.endswith(key)
    assert words in str(finding)


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize("row", [row for row in SECTIONS if row[2] in ("twilio", "smtp")], ids=lambda row: row[3])
def test_a_mistake_of_a_whole_section_stands_in_the_file_though_its_secret_is_in_the_environment(
    project: Callable[[str], Path], row: tuple[str, str, str, str]
) -> None:
    findings = refused(project(SOUND + row[0]))
    assert [str(found).partition("  ")[0] for found in findings] == ["settings.toml:12:1"]


@pytest.mark.usefixtures("tokens")
def test_a_mistake_of_a_whole_section_that_only_the_environment_has_is_placed_there(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NURTURE_SMTP__PORT", "465")
    (finding,) = refused(project(SOUND))
    assert (finding.file, finding.key) == ("environment", "NURTURE_SMTP")


def test_a_relay_on_this_machine_may_do_without_encryption(project: Callable[[str], Path]) -> None:
    assert load_settings(project(SOUND + '[smtp]\nhost = "127.0.0.1"\nsecurity = "none"\n')).smtp.port == 587


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", False),
        (BAA, False),
        (BAA + "hipaa_project = true\n", True),
        ("[twilio.baa]\nhipaa_project = true\n", False),
    ],
    ids=["nothing", "signed only", "signed and marked", "marked only"],
)
def test_twilios_agreement_holds_when_it_is_signed_and_the_account_marked(
    project: Callable[[str], Path], text: str, holds: bool
) -> None:
    assert load_settings(project(SOUND + text)).twilio.baa.holds is holds


DATES = [
    ("twilio.baa.on", BAA.replace("2026-01-31", "{}")),
    ("smtp.baa.on", '[smtp.baa]\nsigned_by = "Dr. Ortiz"\non = {}\n'),
    ("phi.decided_on", '[phi]\nenquirer_policy = "by_content"\ndecided_by = "Jane Roe"\ndecided_on = {}\n'),
]


@pytest.mark.parametrize(("key", "text"), DATES, ids=[key for key, _ in DATES])
def test_nothing_is_signed_or_decided_on_a_day_to_come(project: Callable[[str], Path], key: str, text: str) -> None:
    evening = datetime(2026, 11, 24, 3, tzinfo=UTC)  # the 23rd in Boston
    load_settings(project(SOUND + text.format("2026-11-23")), evening)
    folder = project(SOUND + text.format("2026-11-24"))
    with pytest.raises(Refused) as caught:
        load_settings(folder, evening)
    (finding,) = caught.value.findings
    assert (finding.key, finding.problem) == (key, "This day is still to come.")
    assert finding.line > 0


def test_a_day_to_come_in_the_environment_is_found_as_well(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NURTURE_PHI__DECIDED_ON", "2027-01-01")
    with pytest.raises(Refused, match="NURTURE_PHI__DECIDED_ON: This day is still to come"):
        load_settings(project(SOUND), datetime(2026, 11, 24, tzinfo=UTC))


MIXED = [
    ('email = "mailbox"\nsms = "twilio"', "sending.email", "leave by twilio, while email only goes into a folder"),
    ('email = ["smtp", "mailbox"]\nsms = "twilio"', "sending.email", "leave by smtp and twilio"),
    ('email = "sendgrid"', "sending.sms", "while sms only goes into a folder"),
]


@pytest.mark.parametrize(("sending", "key", "words"), MIXED, ids=[text.replace("\n", " ") for text, *_ in MIXED])
@pytest.mark.usefixtures("tokens")
def test_the_mailbox_stands_beside_real_providers_only_in_a_rehearsal(
    project: Callable[[str], Path], sending: str, key: str, words: str
) -> None:
    text = SOUND + REAL.replace('email = ["sendgrid", "smtp"]\nsms = "twilio"', sending)
    (finding,) = refused(project(text))
    assert finding.key == key
    assert words in finding.problem
    assert "rehearsal = true" in finding.remedy
    assert not load_settings(project(text.replace(sending, f"{sending}\nrehearsal = true"))).only_mailbox


# --- what settings hand on ---


def test_faults_reach_the_mailbox_as_it_takes_them(project: Callable[[str], Path]) -> None:
    text = '[[mailbox.faults]]\nto = "*@example.org"\noutcome = "in_doubt"\nattempts = "all"\naccepted = true\n'
    (fault,) = load_settings(project(SOUND + text)).faults
    assert fault == Fault("*@example.org", Failure.IN_DOUBT, accepted=True)


def test_a_form_holds_from_its_first_to_its_last_day(project: Callable[[str], Path]) -> None:
    form = load_settings(project(SOUND + FORM)).consent_forms["form"]
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    assert [form.shown_on(day) for day in days] == [False, True, True, False]
