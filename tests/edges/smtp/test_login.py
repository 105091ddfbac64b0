"""SMTP: encryption and login."""

from typing import Any

import pytest

from engine.providers import Accepted, Misconfigured, Unreachable, Works
from engine.providers.smtp import SmtpProvider
from tests.edges.smtp.relay import FRIDAY, MAIL, name
from tests.fakes.smtp import SmtpFake, SmtpFault


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_encrypts_and_logs_in(security: Any) -> None:
    with SmtpFake(security=security, username="nurture", password="pass word") as fake:
        provider = SmtpProvider(
            fake.host, fake.port, security=security, username="nurture", password="pass word", context=fake.context
        )
        assert isinstance(provider.send(MAIL, FRIDAY), Accepted)
        assert isinstance(provider.probe(), Works)
        provider.close()


def test_a_relay_without_starttls_gets_nothing(fake: SmtpFake) -> None:
    provider = SmtpProvider(fake.host, fake.port, security="starttls", username="nurture", password="secret")
    outcome = provider.send(MAIL, FRIDAY)
    assert isinstance(outcome, Misconfigured)
    assert "STARTTLS" in outcome.detail
    assert set(fake.stages) <= {"EHLO", "QUIT"}


def test_what_was_said_before_the_encryption_counts_for_nothing() -> None:
    """An eavesdropper may put replies behind the one to STARTTLS (CVE-2011-0411)."""
    with SmtpFake(security="starttls") as fake:
        fake.fail(SmtpFault(at="starttls", reply="220 go ahead\r\n250 AUTH PLAIN"))
        provider = SmtpProvider(
            fake.host, fake.port, security="starttls", username="nurture", password="secret", context=fake.context
        )
        assert isinstance(provider.send(MAIL, FRIDAY), Unreachable | Misconfigured)
        assert "AUTH" not in fake.stages
        provider.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_untrusted_certificate_means_nothing_went(security: Any) -> None:
    with SmtpFake(security=security) as fake:
        provider = SmtpProvider(fake.host, fake.port, security=security)
        outcome = provider.send(MAIL, FRIDAY)
        assert isinstance(outcome, Unreachable)
        assert "certificate" in outcome.detail
        assert fake.requests == 0


@pytest.mark.parametrize("host", ["relay.example", "192.0.2.1"])
def test_without_encryption_nothing_leaves_the_machine(host: str) -> None:
    provider = SmtpProvider(host, 587, security="none")
    assert provider.send(MAIL, FRIDAY) == provider.probe()
    outcome = provider.probe()
    assert isinstance(outcome, Misconfigured)
    assert 'security = "starttls"' in outcome.detail


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_on_the_machine_itself_it_may_go_without(fake: SmtpFake, host: str) -> None:
    provider = SmtpProvider(host, fake.port, security="none")
    assert isinstance(provider.send(MAIL, FRIDAY), Accepted)
    provider.close()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, Misconfigured),
        (SmtpFault(at="auth", reply="535 5.7.8 wrong"), Misconfigured),
        (SmtpFault(at="auth", reply="534 5.7.9 too weak"), Misconfigured),
        (SmtpFault(at="auth", reply="454 4.7.0 later"), Unreachable),
        (SmtpFault(at="auth", reply="what?"), Unreachable),
        (SmtpFault(at="auth", end="close"), Unreachable),
        (SmtpFault(at="starttls", reply="454 4.7.0 not now"), Unreachable),
        (SmtpFault(at="starttls", end="reset"), Unreachable),
    ],
    ids=name,
)
def test_each_refused_login_has_its_outcome(fault: SmtpFault | None, expected: type) -> None:
    with SmtpFake(security="starttls", username="nurture", password="right") as fake:
        if fault is not None:
            fake.fail(fault)
        provider = SmtpProvider(
            fake.host, fake.port, security="starttls", username="nurture", password="wrong", context=fake.context
        )
        outcome = provider.send(MAIL, FRIDAY)
        assert isinstance(outcome, expected)
        assert "wrong" not in repr(outcome)
        assert fake.stages.count("AUTH") <= 1


@pytest.mark.parametrize("password", ["contraseña", None])
def test_a_login_that_cannot_be_said_or_is_not_wanted_stops_the_provider(password: str | None) -> None:
    with SmtpFake(security="tls", username="nurture", password=password) as fake:
        provider = SmtpProvider(
            fake.host, fake.port, security="tls", username="nurture", password=password, context=fake.context
        )
        assert isinstance(provider.send(MAIL, FRIDAY), Misconfigured)
