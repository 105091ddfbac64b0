"""SMTP: what a relay gets, what each of its replies means at each stage, and how long anything may take."""

import dataclasses
import re
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.core.contact import Channel
from engine.core.pacing import Pace
from engine.core.phi import PhiLevel
from engine.providers import (
    Accepted,
    AddressBlocked,
    Attachment,
    InDoubt,
    Misconfigured,
    Outgoing,
    Provider,
    Refused,
    SlowDown,
    Sought,
    TryLater,
    Unknown,
    Unreachable,
    Works,
)
from engine.providers.smtp import MAILS, SmtpProvider
from engine.providers.smtp_link import IDLE
from tests.fakes.smtp import SmtpFake, SmtpFault

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
MAIL = Outgoing(
    message="m1",
    attempt=1,
    contact="ann",
    channel=Channel.EMAIL,
    to="ann@example.com",
    subject="Su cita — mañana",
    text="Dear Ann,\n.here it is. Grüße.\n.\n",
    html="<p>Dear Ann,<br>here it is.</p>\n",
    headers=(
        ("From", '"Harbor Clinic" <hello@harborclinic.example>'),
        ("Reply-To", "frontdesk@harborclinic.example"),
        ("List-Unsubscribe", "<https://go.harborclinic.example/u/abc>"),
    ),
)
BIG = dataclasses.replace(MAIL, attachments=(Attachment("big.bin", "application/octet-stream", bytes(12_000_000)),))


class Turned:
    """A clock in seconds that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def fake() -> Iterator[SmtpFake]:
    with SmtpFake() as fake:
        yield fake


@pytest.fixture
def clock() -> Turned:
    return Turned()


@pytest.fixture
def provider(fake: SmtpFake, clock: Turned) -> Iterator[SmtpProvider]:
    provider = SmtpProvider(fake.host, fake.port, security="none", clock=clock)
    yield provider
    provider.close()


def a_mail(number: int) -> Outgoing:
    return dataclasses.replace(MAIL, message=f"m{number}", to=f"p{number}@example.com")


def name(case: Any) -> str:
    """Of a parameter, for the test's name."""
    if isinstance(case, SmtpFault):
        return re.sub(r"\W+", "_", f"{case.at} {case.reply or ''} {case.end} {'taken' if case.accepted else ''}")
    return case.__name__ if isinstance(case, type) else repr(case)


TO_DATA = [b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"354 go on"]


class Relay:
    """One that answers one connection as it was told, whatever it hears, and then does something odd, or listens."""

    def __init__(self, replies: Sequence[bytes], then: Callable[[socket.socket], object] | None = None) -> None:
        self._replies, self._then = replies, then
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self.heard = b""

    def __enter__(self) -> "Relay":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        self._listening.settimeout(10)
        connection, _ = self._listening.accept()
        connection.settimeout(10)
        with connection:
            for number, reply in enumerate(self._replies):
                if number:
                    self.heard += connection.recv(4096)
                connection.sendall(reply + b"\r\n")
            if self._then is not None:
                self._then(connection)
                return
            while more := connection.recv(4096):
                self.heard += more


def reset(connection: socket.socket) -> None:
    """Take a little, and let the connection die."""
    connection.recv(4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(connection: socket.socket) -> None:
    """A reply that never ends, a little at a time."""
    gone = select.poll()
    gone.register(connection, select.POLLRDHUP)
    with suppress(OSError):
        while not gone.poll(20):
            connection.sendall(b"250-and\r\n")


# --- what it is ---


def test_what_it_carries_depends_on_the_agreement_with_the_relay() -> None:
    plain: Provider = SmtpProvider("127.0.0.1", 25, security="none", pace=Pace(10, 500))
    covered: Provider = SmtpProvider("127.0.0.1", 25, security="none", baa=True)
    levels = [
        (provider.ceiling, [provider.carries(level, MAIL.to) for level in PhiLevel]) for provider in (plain, covered)
    ]
    assert levels == [(PhiLevel.GENERIC, [True, False, False]), (PhiLevel.PATIENT, [True, True, False])]
    assert (plain.name, plain.pace) == ("smtp", Pace(10, 500))
    assert plain.channels == {Channel.EMAIL}


def test_a_relay_cannot_be_asked(provider: SmtpProvider) -> None:
    assert not provider.can_be_asked
    assert isinstance(provider.find(Sought("m1", 1, "ann", Channel.EMAIL, MAIL.to, MAIL.text, FRIDAY)), Unknown)


# --- what the relay gets ---


def test_the_mail_arrives_whole(fake: SmtpFake, provider: SmtpProvider) -> None:
    calendar = Attachment("appointment.ics", "text/calendar; charset=utf-8; method=PUBLISH", b"BEGIN:VCALENDAR\r\n")
    assert provider.send(dataclasses.replace(MAIL, attachments=(calendar,)), FRIDAY) == Accepted(
        "m1.1@harborclinic.example"
    )
    (taken,) = fake.accepted
    assert (taken.to, taken.sender) == ("ann@example.com", "hello@harborclinic.example")
    assert taken.subject == MAIL.subject
    assert taken.text.replace("\r\n", "\n") == MAIL.text
    assert (taken.html or "").replace("\r\n", "\n") == MAIL.html
    assert taken.headers["List-Unsubscribe"] == "<https://go.harborclinic.example/u/abc>"
    assert taken.headers["Date"] == "Fri, 20 Nov 2026 15:00:00 +0000"
    assert taken.attachments[0].content == b"BEGIN:VCALENDAR\r\n"


def test_its_message_id_names_the_attempt(fake: SmtpFake, provider: SmtpProvider) -> None:
    for attempt in (1, 2):
        provider.send(dataclasses.replace(MAIL, attempt=attempt), FRIDAY)
    ids = [taken.headers["Message-ID"] for taken in fake.accepted]
    assert ids == ["<m1.1@harborclinic.example>", "<m1.2@harborclinic.example>"]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_no_words_can_end_a_mail_or_begin_another(fake: SmtpFake, provider: SmtpProvider, ends: str) -> None:
    text = ends.join(["Dear Ann,", ".", "MAIL FROM:<eve@example.com>", "..", ""])
    assert isinstance(provider.send(dataclasses.replace(MAIL, text=text, html=None), FRIDAY), Accepted)
    assert [taken.text.replace("\r\n", "\n") for taken in fake.accepted] == [text.replace(ends, "\n")]
    assert re.search(rb"[^\r]\n|\r[^\n]", fake.mails[0]) is None


@pytest.mark.parametrize(
    ("reply", "provider_id"),
    [
        ("250 2.0.0 Ok: queued as 4Rk2Xy0z12", "m1.1@harborclinic.example 4Rk2Xy0z12"),
        ("250 OK id=1pQrSt-0001ab-CD", "m1.1@harborclinic.example 1pQrSt-0001ab-CD"),
        ("250 Ok 0100018f-abc-000000", "m1.1@harborclinic.example 0100018f-abc-000000"),
        ("250 2.0.0 queued for ann@example.com", "m1.1@harborclinic.example"),
        ("250", "m1.1@harborclinic.example"),
        ("250 Ok: queued as 4Rk2Xy\x1b[2J", "m1.1@harborclinic.example 4Rk2Xy"),
        ("250 Ok: queued as \x00\x07abcdef", "m1.1@harborclinic.example"),
    ],
)
def test_the_relays_own_name_for_the_mail_is_kept(
    fake: SmtpFake, provider: SmtpProvider, reply: str, provider_id: str
) -> None:
    fake.fail(SmtpFault(at="final", reply=reply))
    assert provider.send(MAIL, FRIDAY) == Accepted(provider_id)


def test_a_name_longer_than_the_send_log_keeps_is_cut(fake: SmtpFake, provider: SmtpProvider) -> None:
    long = dataclasses.replace(MAIL, headers=(("From", f"hello@{'harbor.' * 30}example"),))
    outcome = provider.send(long, FRIDAY)
    assert isinstance(outcome, Accepted)
    assert len(outcome.provider_id) == 128


@pytest.mark.parametrize(
    "change",
    [
        {"to": "ánn@example.com"},
        {"to": "ann@example.com\r\nRCPT TO:<dan@example.com>"},
        {"subject": "Hello\r\nBcc: dan@example.com"},
        {"headers": ()},
        {"headers": (("From", "hello@clínica.example"),)},
        {"headers": (("From", "hello@harbor\x07.example"),)},
        {"headers": (("From", "hello@harbor\x7f.example"),)},
    ],
    ids=repr,
)
def test_what_no_email_may_carry_is_not_offered(
    fake: SmtpFake, provider: SmtpProvider, change: dict[str, object]
) -> None:
    outcome = provider.send(dataclasses.replace(MAIL, **change), FRIDAY)  # type: ignore[arg-type]
    assert isinstance(outcome, Refused)
    assert "@" not in outcome.detail
    assert fake.connections == 0


# --- what its replies mean ---


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


# --- encryption and login ---


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


# --- connections ---


def test_thirty_mails_are_one_connection(fake: SmtpFake, provider: SmtpProvider) -> None:
    for number in range(30):
        assert isinstance(provider.send(a_mail(number), FRIDAY), Accepted)
    assert (len(fake.accepted), fake.connections) == (30, 1)
    assert fake.stages == ["EHLO", *["MAIL", "RCPT", "DATA"] * 30]


def test_a_connection_ends_after_a_hundred_mails(fake: SmtpFake, provider: SmtpProvider) -> None:
    for number in range(MAILS + 1):
        provider.send(a_mail(number), FRIDAY)
    assert (len(fake.accepted), fake.connections) == (101, 2)


def test_after_a_refusal_the_relay_is_told_to_forget(fake: SmtpFake, provider: SmtpProvider) -> None:
    fake.fail(SmtpFault(at="rcpt", reply="550 5.1.1 no", times=1))
    provider.send(MAIL, FRIDAY)
    assert isinstance(provider.send(MAIL, FRIDAY), Accepted)
    assert fake.stages == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]
    assert fake.connections == 1


def test_a_connection_on_which_the_relay_wants_less_is_left(fake: SmtpFake, provider: SmtpProvider) -> None:
    fake.fail(SmtpFault(at="mail", reply="421 4.7.0 slow down", times=1))
    provider.send(MAIL, FRIDAY)
    assert isinstance(provider.send(MAIL, FRIDAY), Accepted)
    assert fake.connections == 2


def test_the_connection_used_last_is_used_next_so_that_others_may_go(
    fake: SmtpFake, provider: SmtpProvider, clock: Turned
) -> None:
    fake.latency = 0.2
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: provider.send(a_mail(number), FRIDAY), range(2)))
    fake.latency = 0
    for number in range(4):
        clock.now += IDLE - 1
        provider.send(a_mail(number), FRIDAY)
    assert fake.connections == 2
    assert "NOOP" not in fake.stages


def test_a_connection_that_lay_idle_is_asked_first(fake: SmtpFake, provider: SmtpProvider, clock: Turned) -> None:
    provider.send(a_mail(1), FRIDAY)
    clock.now += IDLE - 1
    provider.send(a_mail(2), FRIDAY)
    clock.now += IDLE
    provider.send(a_mail(3), FRIDAY)
    assert [stage for stage in fake.stages if stage in {"EHLO", "NOOP", "DATA"}] == [
        *("EHLO", "DATA", "DATA"),
        *("NOOP", "DATA"),
    ]


@pytest.mark.parametrize("idle", [0.0, IDLE], ids=["just now", "long ago"])
def test_a_connection_that_the_relay_closed_costs_nothing(
    fake: SmtpFake, provider: SmtpProvider, clock: Turned, idle: float
) -> None:
    provider.send(a_mail(1), FRIDAY)
    fake.stop()
    fake.start()
    clock.now += idle
    assert isinstance(provider.send(a_mail(2), FRIDAY), Accepted)
    assert fake.connections == 2


def test_no_more_connections_than_allowed_serve_many_threads(fake: SmtpFake) -> None:
    fake.latency = 0.005
    provider = SmtpProvider(fake.host, fake.port, security="none", most=3)
    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(lambda number: provider.send(a_mail(number), FRIDAY), range(60)))
    assert outcomes == [Accepted(f"m{number}.1@harborclinic.example") for number in range(60)]
    assert {taken.to for taken in fake.accepted} == {f"p{number}@example.com" for number in range(60)}
    assert fake.connections == fake.most_at_once == 3
    provider.close()


def test_who_finds_no_free_connection_in_time_waits_with_all_others(fake: SmtpFake) -> None:
    fake.fail(SmtpFault(at="final", end="hang"))
    provider = SmtpProvider(fake.host, fake.port, security="none", most=1, total=0.4)
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(lambda number: provider.send(a_mail(number), FRIDAY), range(3)))
    assert {type(outcome) for outcome in outcomes} <= {InDoubt, SlowDown}
    assert SlowDown("All connections to the relay are in use.") in outcomes


def test_what_is_closed_says_goodbye() -> None:
    with Relay([*TO_DATA, b"250 ok"]) as relay:
        provider = SmtpProvider("127.0.0.1", relay.port, security="none")
        assert isinstance(provider.send(MAIL, FRIDAY), Accepted)
        provider.close()
    assert relay.heard.endswith(b"\r\n.\r\nQUIT\r\n")


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
