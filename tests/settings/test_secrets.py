"""Settings: secrets come from the environment only, and are never shown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import DEVELOPMENT_KEY, load_settings
from tests.settings.written import LONG_KEY, SOUND, refused, shown

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
