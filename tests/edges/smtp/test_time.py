"""SMTP: how long anything may take, and what a probe finds."""

import socket
import threading
from typing import Any

import pytest

from engine.providers import InDoubt, Unreachable, Works
from engine.providers.smtp import SmtpProvider
from tests.edges.smtp.relay import BIG, FRIDAY, MAIL, TO_DATA, Relay, drip, name, reset
from tests.fakes.smtp import SmtpFake, SmtpFault

# --- time ---


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (SmtpFault(at="connect", end="hang"), Unreachable),
        (SmtpFault(at="ehlo", end="hang"), Unreachable),
        (SmtpFault(at="mail", end="hang"), Unreachable),
        (SmtpFault(at="rcpt", end="hang"), Unreachable),
        (SmtpFault(at="data", end="hang"), Unreachable),
        (SmtpFault(at="final", end="hang"), InDoubt),
        (SmtpFault(at="final", end="hang", accepted=True), InDoubt),
    ],
    ids=name,
)
def test_a_silent_relay_is_left_in_time(fake: SmtpFake, fault: SmtpFault, expected: type) -> None:
    fake.fail(fault)
    provider = SmtpProvider(fake.host, fake.port, security="none", total=0.2)
    assert isinstance(provider.send(MAIL, FRIDAY), expected)


def test_a_silent_relay_is_left_in_time_under_tls() -> None:
    with SmtpFake() as silent:  # it says nothing, so TLS does not begin either
        silent.fail(SmtpFault(at="connect", end="hang"))
        provider = SmtpProvider(silent.host, silent.port, security="tls", connect=0.2)
        where = f"{silent.host}:{silent.port}"
        assert provider.send(MAIL, FRIDAY) == Unreachable(f"No connection to {where}: it took too long.")


@pytest.mark.parametrize(("theirs", "ours"), [("tls", "starttls"), ("starttls", "tls")])
def test_a_relay_that_speaks_the_other_way_is_told_with_its_place_and_what_to_write(theirs: Any, ours: Any) -> None:
    with SmtpFake(security=theirs) as fake:
        provider = SmtpProvider(fake.host, fake.port, security=ours, total=0.5, context=fake.context)
        outcome = provider.send(MAIL, FRIDAY)
    assert isinstance(outcome, Unreachable)
    assert f"{fake.host}:{fake.port}" in outcome.detail
    assert outcome.detail.endswith('Port 465 wants security = "tls", 587 wants "starttls".')


def test_an_untrusted_certificate_is_not_taken_for_the_wrong_port() -> None:
    with SmtpFake(security="tls") as fake:
        outcome = SmtpProvider(fake.host, fake.port, security="tls").send(MAIL, FRIDAY)
    assert isinstance(outcome, Unreachable)
    assert "Port 465" not in outcome.detail


def test_what_was_lost_in_the_middle_of_the_mail_surely_did_not_go() -> None:
    with Relay(TO_DATA, reset) as relay:
        outcome = SmtpProvider("127.0.0.1", relay.port, security="none").send(BIG, FRIDAY)
        assert outcome == Unreachable("The dialogue with the relay broke off before the mail was handed over.")


def test_a_relay_that_takes_the_mail_too_slowly_is_left_in_time() -> None:
    given_up = threading.Event()
    with Relay(TO_DATA, lambda _: given_up.wait(10)) as relay:
        outcome = SmtpProvider("127.0.0.1", relay.port, security="none", total=0.5).send(BIG, FRIDAY)
        given_up.set()
        assert isinstance(outcome, Unreachable)


def test_the_time_that_replies_took_is_not_there_any_more_for_the_mail() -> None:
    given_up = threading.Event()
    in_time: list[bool] = []

    def answer_late(connection: socket.socket) -> None:
        connection.recv(4096)
        given_up.wait(0.8)
        connection.sendall(b"354 go on\r\n")
        in_time.append(given_up.wait(0.6))  # of the one second 0.2 are left

    with Relay(TO_DATA[:-1], answer_late) as relay:
        outcome = SmtpProvider("127.0.0.1", relay.port, security="none", total=1).send(BIG, FRIDAY)
        given_up.set()
    assert isinstance(outcome, Unreachable)
    assert in_time == [True]


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([], Unreachable),
        ([b"220 hi"], Unreachable),
        ([b"220 hi", b"250 hi"], Unreachable),
        (TO_DATA, InDoubt),
    ],
    ids=["at once", "at EHLO", "at MAIL", "at the end"],
)
def test_a_reply_that_drips_is_left_in_time(replies: list[bytes], expected: type) -> None:
    with Relay(replies, drip) as relay:
        outcome = SmtpProvider("127.0.0.1", relay.port, security="none", total=0.3).send(MAIL, FRIDAY)
        assert isinstance(outcome, expected)


# --- whether it works ---


def test_a_probe_does_everything_but_write() -> None:
    with Relay([b"220 hi", b"250 hi", b"250 fine"]) as relay:
        provider = SmtpProvider("127.0.0.1", relay.port, security="none", helo="clinic.example")
        assert provider.probe() == Works("The relay takes our connection.")
    assert relay.heard.lower() == b"ehlo clinic.example\r\nnoop\r\nquit\r\n"


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([b"220 hi", b"250 hi"], Unreachable),
        ([b"220 hi", b"250 hi", b"421 4.3.2 closing"], Unreachable),
    ],
    ids=["silent", "closing"],
)
def test_a_probe_sees_a_relay_that_does_nothing_more(replies: list[bytes], expected: type) -> None:
    with Relay(replies, reset) as relay:
        assert isinstance(SmtpProvider("127.0.0.1", relay.port, security="none").probe(), expected)
