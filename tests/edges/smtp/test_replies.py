"""SMTP: what each of the replies means at each stage."""

import socket

import pytest

from engine.providers import Accepted, AddressBlocked, InDoubt, Misconfigured, Refused, SlowDown, TryLater, Unreachable
from engine.providers.smtp import SmtpProvider
from tests.edges.smtp.relay import FRIDAY, MAIL, a_mail, name
from tests.fakes.smtp import SmtpFake, SmtpFault


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (SmtpFault(at="connect", reply="554 5.3.2 not today"), Unreachable),
        (SmtpFault(at="connect", reply="421 4.3.2 too many"), Unreachable),
        (SmtpFault(at="connect", reply="SSH-2.0-OpenSSH_9.6"), Unreachable),
        (SmtpFault(at="connect", end="close"), Unreachable),
        (SmtpFault(at="connect", end="reset"), Unreachable),
        (SmtpFault(at="ehlo", reply="550 go away"), Unreachable),
        (SmtpFault(at="ehlo", end="close"), Unreachable),
        (SmtpFault(at="mail", reply="421 4.7.0 slow down"), SlowDown),
        (SmtpFault(at="mail", reply="421 4.7.0 slow down", end="close"), SlowDown),
        (SmtpFault(at="mail", reply="451 4.3.0 later"), Unreachable),
        (SmtpFault(at="mail", reply="550 5.7.1 sender rejected"), Misconfigured),
        (SmtpFault(at="mail", reply="530 5.7.0 log in first"), Misconfigured),
        (SmtpFault(at="mail", reply="what?"), Unreachable),
        (SmtpFault(at="mail", end="reset"), Unreachable),
        (SmtpFault(at="rcpt", reply="450 4.2.0 greylisted"), TryLater),
        (SmtpFault(at="rcpt", reply="451 4.7.1 greylisted, ann@example.com"), TryLater),
        (SmtpFault(at="rcpt", reply="421 4.7.0 too many for them"), SlowDown),
        (SmtpFault(at="rcpt", reply="550 5.1.1 no ann@example.com here"), AddressBlocked),
        (SmtpFault(at="rcpt", reply="550-5.1.1 no ann here\r\n550 5.1.1 at all"), AddressBlocked),
        (SmtpFault(at="rcpt", reply="550 5.1.10 null MX"), AddressBlocked),
        (SmtpFault(at="rcpt", reply="550 5.2.1 shut down"), AddressBlocked),
        (SmtpFault(at="rcpt", reply="550 5.1.8 bad sender"), Misconfigured),
        (SmtpFault(at="rcpt", reply="550 5.1.7 bad sender"), Misconfigured),
        (SmtpFault(at="rcpt", reply="530 5.7.0 log in first"), Misconfigured),
        (SmtpFault(at="rcpt", reply="550 no such user"), Refused),
        (SmtpFault(at="rcpt", reply="552 5.2.2 full"), Refused),
        (SmtpFault(at="rcpt", reply="554 5.7.1 policy"), Refused),
        (SmtpFault(at="rcpt", end="close"), Unreachable),
        (SmtpFault(at="rcpt", end="reset"), Unreachable),
        (SmtpFault(at="data", reply="451 4.3.0 later"), Unreachable),
        (SmtpFault(at="data", reply="421 4.3.2 closing", end="close"), SlowDown),
        (SmtpFault(at="data", reply="554 5.5.1 no"), Refused),
        (SmtpFault(at="data", reply="250 2.0.0 what for?"), Unreachable),
        (SmtpFault(at="data", end="reset"), Unreachable),
        (SmtpFault(at="final", reply="421 4.7.0 slow down"), SlowDown),
        (SmtpFault(at="final", reply="451 4.3.0 later"), TryLater),
        (SmtpFault(at="final", reply="552 5.3.4 too big"), Refused),
        (SmtpFault(at="final", reply="554 5.7.1 spam"), Refused),
        (SmtpFault(at="final", reply="what?", accepted=True), InDoubt),
        (SmtpFault(at="final", reply="650 what?", accepted=True), InDoubt),
        (SmtpFault(at="final", reply="354 go on", accepted=True), InDoubt),
        (SmtpFault(at="final", end="close"), InDoubt),
        (SmtpFault(at="final", end="reset"), InDoubt),
        (SmtpFault(at="final", end="reset", accepted=True), InDoubt),
    ],
    ids=name,
)
def test_each_reply_has_its_outcome(fake: SmtpFake, provider: SmtpProvider, fault: SmtpFault, expected: type) -> None:
    fake.fail(fault)
    outcome = provider.send(MAIL, FRIDAY)
    assert isinstance(outcome, expected)
    assert "ann" not in repr(outcome)
    assert bool(fake.accepted) is fault.accepted
    # Whatever it was, the next mail finds a connection that can take it.
    fake.mend()
    assert isinstance(provider.send(a_mail(2), FRIDAY), Accepted)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("550 5.1.1 no ann@example.com", AddressBlocked("5.1.1", "The relay knows no such address (550 5.1.1).")),
        ("554 5.7.1 policy", Refused("5.7.1", "The relay does not take this mail (554 5.7.1).")),
        ("550 no", Refused("550", "The relay does not take this mail (550).")),
        ("450 4.2.0 greylisted", TryLater("The relay may take it later (450 4.2.0).")),
    ],
)
def test_a_refusal_is_told_by_its_numbers_alone(
    fake: SmtpFake, provider: SmtpProvider, reply: str, outcome: object
) -> None:
    fake.fail(SmtpFault(at="rcpt", reply=reply))
    assert provider.send(MAIL, FRIDAY) == outcome


def test_where_nobody_listens_nothing_went() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        provider = SmtpProvider("127.0.0.1", held.getsockname()[1], security="none")
        assert isinstance(provider.send(MAIL, FRIDAY), Unreachable)
        assert isinstance(provider.probe(), Unreachable)


def test_a_name_without_an_address_means_nothing_went() -> None:
    provider = SmtpProvider("relay..invalid", 587, security="starttls")
    assert provider.send(MAIL, FRIDAY) == Unreachable("No connection to relay..invalid:587: its name has no address.")
