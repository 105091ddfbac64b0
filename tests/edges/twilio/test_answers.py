"""SMS by Twilio: what becomes of every answer."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from engine.providers import (
    Accepted,
    AddressBlocked,
    InDoubt,
    Misconfigured,
    Outcome,
    Refused,
    SlowDown,
    Unknown,
    Unreachable,
)
from engine.providers.twilio import TwilioProvider
from tests.edges.twilio.texts import ANN, SHORT, WORDS, named, send, sought
from tests.fakes.server import CERTIFICATE
from tests.fakes.twilio import TwilioFake
from tests.fakes.web import Fault

BLOCKED = (21211, 21214, 21217, 21610, 21614)
REFUSED = (21408, 21612, 21617, 21658, 21602, 21421, 29999)
OURS = (20003, 20403, 20404, 21212, 21603, 21606, 21608, 21609, 21659, 21660, 21701, 21703)
WAIT = (20429, 21611, 20503)


@pytest.mark.parametrize(
    ("codes", "kind"), [(BLOCKED, AddressBlocked), (REFUSED, Refused), (OURS, Misconfigured), (WAIT, SlowDown)]
)
def test_a_refusal_means_what_its_code_means(
    codes: tuple[int, ...], kind: type[Outcome], fake: TwilioFake, provider: TwilioProvider
) -> None:
    for code in codes:
        fake.mend()
        fake.fail(Fault(code=code))
        outcome = send(provider)
        assert isinstance(outcome, kind) and not isinstance(outcome, Accepted)
        assert f"({code})" in outcome.detail
        if isinstance(outcome, AddressBlocked | Refused):
            assert outcome.code == str(code)
    assert fake.accepted == []


@pytest.mark.parametrize("code", BLOCKED)
def test_of_the_numbers_that_take_no_texts_only_the_one_that_said_so_has_answered_stop(
    code: int, fake: TwilioFake, provider: TwilioProvider
) -> None:
    fake.fail(Fault(code=code))
    outcome = send(provider)
    assert isinstance(outcome, AddressBlocked)
    assert outcome.stopped is (code == 21610)


def test_a_code_says_more_than_its_status(fake: TwilioFake, provider: TwilioProvider) -> None:
    fake.fail(Fault(status=403, code=21408))
    assert isinstance(send(provider), Refused)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Misconfigured),
        (302, Misconfigured),
        (307, Misconfigured),
        (400, Refused),
        (401, Misconfigured),
        (403, Misconfigured),
        (404, Misconfigured),
        (408, InDoubt),
        (413, Refused),
        (429, SlowDown),
        (500, InDoubt),
        (502, InDoubt),
        (503, InDoubt),
        (504, InDoubt),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b"<html>Oh</html>",
        b"",
        b"[]",
        b'{"code": "no"}',
        b'{"code": true}',
        b'{"code": -21610}',
        b'{"code": 1000000}',
        b'{"code": 21610.0}',
    ],
)
def test_an_answer_without_a_code_means_what_its_status_means(
    status: int, kind: type[Outcome], body: bytes, fake: TwilioFake, provider: TwilioProvider
) -> None:
    fake.fail(Fault(status=status, body=body, headers=(("Location", f"{fake.url}/elsewhere"),)))
    outcome = send(provider)
    assert isinstance(outcome, kind) and not isinstance(outcome, Accepted)
    assert f"({status})" in outcome.detail
    assert fake.requests == 1  # neither followed nor repeated


@pytest.mark.parametrize(
    ("asked", "after"),
    [
        (7, timedelta(seconds=7)),
        ("Fri, 20 Nov 2026 15:02:00 GMT", timedelta(minutes=2)),
        ("Fri, 20 Nov 2026 14:02:00 GMT", timedelta(0)),
        (10**30, timedelta(hours=1)),
        ("Sat, 21 Nov 2026 15:02:00 GMT", timedelta(hours=1)),
        ("soon", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("code", [20429, 20503])
def test_a_wish_to_wait_is_heard(
    code: int, asked: int | str | None, after: timedelta | None, fake: TwilioFake, provider: TwilioProvider
) -> None:
    fake.fail(Fault(code=code, retry_after=asked))
    outcome = send(provider)
    assert isinstance(outcome, SlowDown)
    assert outcome.after == after


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, accepted=True),
        Fault(end="truncate"),
        Fault(end="hang", accepted=True),
        Fault(end="hang"),
        Fault(end="drip", pause=0.01),
        Fault(end="reset", accepted=True),
        Fault(end="close"),
        Fault(body=b"<html>", accepted=True),
        Fault(body=b"", accepted=True),
        Fault(body=b"[]", accepted=True),
        Fault(body=b'"SM1"', accepted=True),
        Fault(body=b'{"status": "queued"}', accepted=True),
        Fault(body=b'{"sid": ""}', accepted=True),
        Fault(body=b'{"sid": 7}', accepted=True),
        Fault(body=b'{"sid": "SM1\\n"}', accepted=True),
        Fault(body=b'{"sid": "SM1\\u0000"}', accepted=True),
        Fault(body='{"sid": "SM１"}'.encode(), accepted=True),  # a digit, and none of Twilio's
        Fault(body=b'{"sid": "<script>"}', accepted=True),
        Fault(body=b'{"sid": "%s"}' % (b"S" * 65), accepted=True),
        Fault(body=b'{"sid": "SM1", "date_created": 7}', accepted=True),
        Fault(body=b'{"sid": "SM1"', accepted=True),
        Fault(body=b"\xff\xfe", accepted=True),
    ],
    ids=named,
)
def test_without_a_usable_answer_a_message_is_in_doubt(
    fault: Fault, fake: TwilioFake, made: Callable[..., TwilioProvider]
) -> None:
    fake.fail(fault)
    assert isinstance(send(made(total=SHORT)), InDoubt)
    assert fake.requests == 1


def test_a_server_that_is_not_there_surely_took_nothing(fake: TwilioFake, provider: TwilioProvider) -> None:
    fake.stop()
    assert isinstance(send(provider), Unreachable)
    assert isinstance(provider.probe(), Unreachable)
    assert isinstance(provider.find(sought()), Unknown)
    fake.start()
    assert isinstance(send(provider), Accepted)


def test_a_certificate_that_is_not_trusted_ends_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, made: Callable[..., TwilioProvider]
) -> None:
    with TwilioFake(tls=True) as secured:
        untrusting = made(base_url=secured.url)
        assert isinstance(send(untrusting), Unreachable)
        untrusting.close()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
        trusting = made(base_url=secured.url)
        assert isinstance(send(trusting), Accepted)
        trusting.close()


def test_a_text_that_cannot_be_encoded_is_refused(fake: TwilioFake, provider: TwilioProvider) -> None:
    assert isinstance(send(provider, text="half an emoji: \ud83d"), Refused)
    assert fake.requests == 0


def test_nothing_said_or_logged_holds_the_number_the_words_or_the_token(
    fake: TwilioFake, made: Callable[..., TwilioProvider], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("twilio.http_client").setLevel(logging.DEBUG)
    provider = made(total=SHORT)
    said: list[object] = [send(provider), provider.find(sought()), provider.probe()]
    message = json.dumps({"code": 21211, "message": f"'{ANN}' is not valid: {WORDS}", "status": 400}).encode()
    for fault in (
        Fault(status=400, body=message, method="*"),
        Fault(status=500, body=message, method="*"),
        Fault(status=201, body=message, method="*"),
        Fault(status=200, body=message, method="*"),
        Fault(end="truncate", method="*"),
        Fault(end="reset", method="*"),
    ):
        fake.mend()
        fake.fail(fault)
        said += [send(provider), provider.find(sought()), provider.probe()]
    words = f"{said} {caplog.text}"
    assert [secret for secret in (ANN, ANN[1:], WORDS[:20], fake.auth_token) if secret in words] == []
    assert logging.getLogger("twilio.http_client").level == logging.WARNING
