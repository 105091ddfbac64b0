"""Settings of real providers: who carries what, and what each needs."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.config import load_settings, provenance
from engine.core.campaign import Refused
from engine.core.contact import Channel
from engine.core.pacing import Pace
from tests.settings.written import LONG_KEY, SOUND, refused, shown

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
