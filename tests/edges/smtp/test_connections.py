"""SMTP: connections are used again, and let go."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.providers import Accepted, InDoubt, SlowDown
from engine.providers.smtp import MAILS, SmtpProvider
from engine.providers.smtp_link import IDLE
from tests.edges.smtp.relay import FRIDAY, MAIL, TO_DATA, Relay, Turned, a_mail
from tests.fakes.smtp import SmtpFake, SmtpFault


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
