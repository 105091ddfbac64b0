"""SMS by Twilio, against the stand-in: what it is sent, what becomes of every answer, and how it is asked."""

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from twilio.rest import Client  # type: ignore[import-untyped]

from engine.core.contact import Channel
from engine.core.pacing import UNLIMITED, Pace
from engine.core.phi import PhiLevel
from engine.providers import (
    Absent,
    Accepted,
    AddressBlocked,
    Found,
    InDoubt,
    Misconfigured,
    Outcome,
    Outgoing,
    Provider,
    Refused,
    SlowDown,
    Sought,
    Unknown,
    Unreachable,
    Works,
)
from engine.providers.twilio import TwilioProvider
from tests.fakes.server import CERTIFICATE
from tests.fakes.twilio import TwilioFake
from tests.fakes.web import Fault, Reply, Request

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SHORT = 0.2  # seconds
ANN = "+16175550123"
SERVICE = "MG" + "5" * 32
WORDS = "Harbor Clinic: your guide is here. Reply STOP to end. ñ"


class Clock:
    def __init__(self) -> None:
        self.now = FRIDAY

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> Iterator[TwilioFake]:
    with TwilioFake(api_key_sid="SK" + "1" * 32, api_key_secret="k" * 32, clock=clock) as running:
        yield running


@pytest.fixture
def made(fake: TwilioFake) -> Iterator[Callable[..., TwilioProvider]]:
    providers: list[TwilioProvider] = []

    def make(**changed: Any) -> TwilioProvider:
        settings = {
            "account_sid": fake.account_sid,
            "auth_token": fake.auth_token,
            "messaging_service_sid": SERVICE,
            "callback_base": "https://go.harborclinic.example",
            "base_url": fake.url,
            "total": 5.0,
            **changed,
        }
        providers.append(TwilioProvider(**settings))
        return providers[-1]

    yield make
    for provider in providers:
        provider.close()


@pytest.fixture
def provider(made: Callable[..., TwilioProvider]) -> TwilioProvider:
    return made()


def a_text(message: str = "m1", attempt: int = 1, to: str = ANN, text: str = WORDS, **more: Any) -> Outgoing:
    return Outgoing(message=message, attempt=attempt, contact="ann", channel=Channel.SMS, to=to, text=text, **more)


def send(provider: TwilioProvider, message: str = "m1", **more: Any) -> Outcome:
    return provider.send(a_text(message, **more), FRIDAY)


def sought(text: str = WORDS, to: str = ANN, started_at: datetime = FRIDAY) -> Sought:
    return Sought(message="m1", attempt=1, contact="ann", channel=Channel.SMS, to=to, text=text, started_at=started_at)


def named(value: object) -> str | None:
    """A short name for a test's parameter."""
    if not isinstance(value, Fault):
        return None
    what = value.status or value.code or value.body
    return " ".join(map(str, filter(None, [value.end, what, "accepted" * value.accepted])))[:40]


# --- what is sent


def test_it_is_a_provider_of_texts_that_can_be_asked(made: Callable[..., TwilioProvider]) -> None:
    provider: Provider = made(pace=Pace(per_second=3))
    assert (provider.name, set(provider.channels), provider.can_be_asked) == ("twilio", {Channel.SMS}, True)
    assert (provider.pace, made().pace) == (Pace(per_second=3), UNLIMITED)


def test_a_text_goes_out_with_all_that_it_needs_and_nothing_else(fake: TwilioFake, provider: TwilioProvider) -> None:
    outcome = provider.send(a_text("m-1", attempt=2, expires_in=timedelta(hours=1, milliseconds=1)), FRIDAY)
    assert outcome == Accepted(fake.accepted[0].sid)
    assert fake.seen[0].form() == {
        "To": ANN,
        "Body": WORDS,
        "MessagingServiceSid": SERVICE,
        "StatusCallback": "https://go.harborclinic.example/hooks/twilio/status?m=m-1&a=2#rc=3&rp=all",
        "ValidityPeriod": "3600",
    }


def test_a_number_sends_where_there_is_no_messaging_service(
    fake: TwilioFake, made: Callable[..., TwilioProvider]
) -> None:
    provider = made(messaging_service_sid=None, from_number="+15005550006", callback_base="https://go.example/")
    assert isinstance(send(provider), Accepted)
    assert fake.seen[0].form() == {
        "To": ANN,
        "Body": WORDS,
        "From": "+15005550006",
        "StatusCallback": "https://go.example/hooks/twilio/status?m=m1&a=1#rc=3&rp=all",
    }


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (timedelta(milliseconds=1), 1),
        (timedelta(seconds=59.9), 59),
        (timedelta(hours=10), 36_000),
        (timedelta(days=3), 36_000),
        (timedelta(seconds=-5), 1),
    ],
)
def test_the_validity_is_whole_seconds_within_twilio_s_bounds(
    given: timedelta, sent: int, fake: TwilioFake, provider: TwilioProvider
) -> None:
    provider.send(a_text(expires_in=given), FRIDAY)
    assert fake.accepted[0].validity_period == sent


def test_an_api_key_does_as_well_as_the_token(fake: TwilioFake, made: Callable[..., TwilioProvider]) -> None:
    provider = made(auth_token=None, api_key_sid=fake.api_key_sid, api_key_secret=fake.api_key_secret)
    assert isinstance(send(provider), Accepted)


@pytest.mark.parametrize(
    "missing",
    [
        {"auth_token": None},
        {"auth_token": ""},
        {"account_sid": ""},
        {"account_sid": "", "api_key_sid": "SK" + "1" * 32, "api_key_secret": "k"},
        {"api_key_sid": "SK" + "1" * 32},
        {"messaging_service_sid": None},
        {"base_url": "api.twilio.com"},
    ],
)
def test_what_cannot_work_is_told_at_once(missing: dict[str, Any], made: Callable[..., TwilioProvider]) -> None:
    with pytest.raises(ValueError):
        made(**missing)


# --- what it may carry


def test_without_the_agreement_it_carries_only_what_tells_nothing(provider: TwilioProvider) -> None:
    assert provider.ceiling is PhiLevel.GENERIC
    assert provider.carries(PhiLevel.GENERIC, "+442079460123")
    assert not provider.carries(PhiLevel.PATIENT, ANN)


@pytest.mark.parametrize(
    ("to", "may"),
    [
        (ANN, True),
        ("+12125550123", True),
        ("+18085550123", True),  # Hawaii
        ("+14165550123", False),  # Toronto
        ("+17875550123", False),  # Puerto Rico
        ("+18765550123", False),  # Jamaica
        ("+442079460123", False),
        ("+1617555", False),
        ("617-555-0123", False),
    ],
)
def test_with_the_agreement_patients_are_written_to_in_the_united_states_only(
    to: str, may: bool, made: Callable[..., TwilioProvider]
) -> None:
    provider = made(baa=True)
    assert provider.ceiling is PhiLevel.PATIENT
    assert provider.carries(PhiLevel.PATIENT, to) is may
    assert provider.carries(PhiLevel.GENERIC, to)
    assert not provider.carries(PhiLevel.PERSONAL, to)


# --- what becomes of every answer

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


# --- many at once


def test_one_connection_serves_one_call_after_the_other(fake: TwilioFake, provider: TwilioProvider) -> None:
    for number in range(30):
        assert isinstance(send(provider, f"m{number}"), Accepted)
    assert fake.connections == 1


def test_a_connection_that_went_away_while_idle_costs_nothing(fake: TwilioFake, provider: TwilioProvider) -> None:
    send(provider, "m1")
    fake.drop()
    assert isinstance(send(provider, "m2"), Accepted)
    assert [taken.message for taken in fake.accepted] == ["m1", "m2"]


def test_each_of_many_threads_gets_the_name_of_its_own_message(
    fake: TwilioFake, made: Callable[..., TwilioProvider]
) -> None:
    provider = made(most=16)
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda number: send(provider, f"m{number}"), range(600)))
    by_message = {taken.message: taken.sid for taken in fake.accepted}
    assert outcomes == [Accepted(by_message[f"m{number}"]) for number in range(600)]
    assert fake.connections <= 16


# --- where it goes


def test_the_environment_of_twilio_s_library_changes_nothing(
    fake: TwilioFake, made: Callable[..., TwilioProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TWILIO_REGION", "TWILIO_EDGE", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        monkeypatch.setenv(name, "ie1")
    assert isinstance(send(made()), Accepted)


class AnyHost(TwilioFake):
    """A proxy that answers itself, whatever host it is asked for."""

    def answer(self, request: Request) -> Reply:
        return Reply.of(201, {"sid": "SM1"})


@pytest.mark.parametrize(("region", "edge"), [("ie1", None), (None, "dublin"), ("ie1", "dublin"), (None, None)])
def test_region_and_edge_choose_the_host_as_the_library_would(
    region: str | None, edge: str | None, made: Callable[..., TwilioProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Client("AC1", "t", region=region, edge=edge, environment={"a": "b"})
    with AnyHost() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        provider = made(base_url="http://api.twilio.com", region=region, edge=edge)
        assert send(provider) == Accepted("SM1")
        assert f"http://{proxy.seen[0].headers['host']}" == library.get_hostname("http://api.twilio.com")


def test_region_and_edge_leave_another_host_alone(fake: TwilioFake, made: Callable[..., TwilioProvider]) -> None:
    assert isinstance(send(made(region="ie1", edge="dublin")), Accepted)


# --- evidence


def test_what_was_taken_is_found(fake: TwilioFake, provider: TwilioProvider) -> None:
    fake.fail(Fault(end="reset", accepted=True))
    assert isinstance(send(provider), InDoubt)
    assert provider.find(sought()) == Found((fake.accepted[0].sid,))


def test_what_was_not_taken_is_absent(fake: TwilioFake, provider: TwilioProvider) -> None:
    fake.fail(Fault(end="reset"))
    assert isinstance(send(provider), InDoubt)
    assert provider.find(sought()) == Absent()


def test_identical_messages_are_all_found_oldest_first(
    fake: TwilioFake, provider: TwilioProvider, clock: Clock
) -> None:
    for step in (0, 0, 1):
        clock.now += timedelta(seconds=step)
        send(provider)
    assert provider.find(sought()) == Found(tuple(taken.sid for taken in fake.accepted))


@pytest.mark.parametrize(
    "other",
    [
        {"text": WORDS + "."},
        {"to": "+16175550124"},
        {"started_at": FRIDAY + timedelta(minutes=2, seconds=1)},
    ],
)
def test_only_the_same_words_to_the_same_number_since_then_count(
    other: dict[str, Any], provider: TwilioProvider
) -> None:
    send(provider)
    assert provider.find(sought(**other)) == Absent()


def test_the_clocks_may_be_two_minutes_apart_and_the_zone_is_of_no_account(
    fake: TwilioFake, provider: TwilioProvider
) -> None:
    send(provider)
    started = (FRIDAY + timedelta(minutes=2)).astimezone(ZoneInfo("America/New_York"))
    assert provider.find(sought(started_at=started)) == Found((fake.accepted[0].sid,))


@pytest.mark.parametrize(
    "before",
    [
        {"messaging_service_sid": "MG" + "6" * 32},
        {"messaging_service_sid": None, "from_number": "+15005550006"},
    ],
    ids=["another service", "a number"],
)
def test_what_went_before_the_sender_was_changed_is_found_all_the_same(
    before: dict[str, Any], fake: TwilioFake, made: Callable[..., TwilioProvider]
) -> None:
    send(made(**before))
    assert made().find(sought()) == Found((fake.accepted[0].sid,))


def a_record(**changed: Any) -> dict[str, Any]:
    """What Twilio's list says of a message."""
    return {
        "sid": "SM1",
        "body": WORDS,
        "to": ANN,
        "direction": "outbound-api",
        "messaging_service_sid": SERVICE,
        "date_created": "Fri, 20 Nov 2026 15:00:00 +0000",
        **changed,
    }


def a_page(*records: object, **more: object) -> bytes:
    return json.dumps({"messages": records, "next_page_uri": None, **more}, ensure_ascii=False).encode()


def test_what_came_in_or_was_an_answer_does_not_count(fake: TwilioFake, provider: TwilioProvider) -> None:
    others = [a_record(direction=direction) for direction in ("inbound", "outbound-reply", "outbound-call")]
    fake.fail(Fault(method="GET", status=200, body=a_page(*others)))
    assert provider.find(sought()) == Absent()


def test_the_list_is_asked_by_number_only_and_in_bounds(fake: TwilioFake, provider: TwilioProvider) -> None:
    provider.find(sought())
    assert [request.asked() for request in fake.seen] == [{"To": ANN, "PageSize": "200"}]


def test_smaller_pages_than_asked_for_are_followed(fake: TwilioFake, provider: TwilioProvider) -> None:
    path = f"/2010-04-01/Accounts/{fake.account_sid}/Messages.json"
    newer, older = a_record(sid="SM2"), a_record(sid="SM1")
    fake.fail(
        Fault(method="GET", status=200, nth=1, body=a_page(newer, next_page_uri=f"{path}?PageToken=x%2F1&Page=1"))
    )
    fake.fail(Fault(method="GET", status=200, body=a_page(older)))
    assert provider.find(sought()) == Found(("SM1", "SM2"))
    assert (fake.seen[1].path, fake.seen[1].query) == (path, "PageToken=x%2F1&Page=1")


def test_what_was_taken_first_comes_first_however_the_list_is_sorted(
    fake: TwilioFake, provider: TwilioProvider
) -> None:
    later = a_record(sid="SM2", date_created="Fri, 20 Nov 2026 15:00:01 +0000")
    fake.fail(Fault(method="GET", status=200, body=a_page(a_record(), later)))
    assert provider.find(sought()) == Found(("SM1", "SM2"))


def test_among_too_many_messages_nothing_is_known(fake: TwilioFake, provider: TwilioProvider, clock: Clock) -> None:
    for number in range(250):
        send(provider, text=f"Code {number}")
    assert isinstance(provider.find(sought()), Unknown)
    assert len([request for request in fake.seen if request.method == "GET"]) == 1
    assert provider.find(sought(started_at=FRIDAY + timedelta(hours=1))) == Absent()  # all since then were seen


def test_pages_without_an_end_are_given_up(fake: TwilioFake, provider: TwilioProvider) -> None:
    again = f"/2010-04-01/Accounts/{fake.account_sid}/Messages.json?Page=1"
    fake.fail(Fault(method="GET", status=200, body=a_page(next_page_uri=again)))
    assert isinstance(provider.find(sought()), Unknown)
    assert fake.requests <= 20


def test_a_page_elsewhere_is_not_told_our_credentials(fake: TwilioFake, provider: TwilioProvider) -> None:
    with TwilioFake() as elsewhere:
        meta = {"key": "messages", "next_page_url": f"{elsewhere.url}/2010-04-01/x"}
        fake.fail(Fault(method="GET", status=200, body=a_page(meta=meta)))
        assert isinstance(provider.find(sought()), Unknown)
        assert (fake.requests, elsewhere.connections) == (1, 0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="GET", status=302, headers=(("Location", "https://elsewhere.example"),)),
        Fault(method="GET", status=401),
        Fault(method="GET", code=20429),
        Fault(method="GET", status=500),
        Fault(method="GET", status=202, body=a_page()),
        Fault(method="GET", status=200, body=b""),
        Fault(method="GET", status=200, body=b"<html>"),
        Fault(method="GET", status=200, body=b"[]"),
        Fault(method="GET", status=200, body=b"{}"),
        Fault(method="GET", status=200, body=a_page(7)),
        Fault(method="GET", status=200, body=a_page(a_record(sid=None))),
        Fault(method="GET", status=200, body=a_page(a_record(sid="SM1\n"))),
        Fault(method="GET", status=200, body=a_page(a_record(sid="S" * 65))),
        Fault(method="GET", status=200, body=a_page(a_record(date_created=None))),
        Fault(method="GET", status=200, body=a_page(a_record(date_created="yesterday"))),
        Fault(method="GET", end="truncate"),
        Fault(method="GET", end="reset"),
        Fault(method="GET", end="hang"),
        Fault(method="GET", end="drip", pause=0.01),
    ],
    ids=named,
)
def test_a_list_that_cannot_be_had_is_no_evidence(
    fault: Fault, fake: TwilioFake, made: Callable[..., TwilioProvider]
) -> None:
    fake.fail(fault)
    assert isinstance(made(total=SHORT).find(sought()), Unknown)


# --- a probe


def test_a_probe_sends_nothing_and_tells_the_time(fake: TwilioFake, provider: TwilioProvider, clock: Clock) -> None:
    send(provider)
    clock.now += timedelta(minutes=1)
    assert provider.probe() == Works("Twilio takes the credentials.", FRIDAY + timedelta(minutes=1))
    assert (fake.seen[1].method, fake.seen[1].asked()) == ("GET", {"PageSize": "1"})
    assert len(fake.accepted) == 1


@pytest.mark.parametrize(
    "wrong", [{"auth_token": "wrong"}, {"account_sid": "AC" + "b" * 32, "api_key_sid": "SK" + "1" * 32}]
)
def test_wrong_credentials_are_told_by_a_probe_and_by_sending(
    wrong: dict[str, str], fake: TwilioFake, made: Callable[..., TwilioProvider]
) -> None:
    provider = made(api_key_secret=fake.api_key_secret, **wrong)
    assert isinstance(provider.probe(), Misconfigured)
    assert isinstance(send(provider), Misconfigured)
    assert fake.accepted == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(method="GET", status=302), Misconfigured),
        (Fault(method="GET", status=403), Misconfigured),
        (Fault(method="GET", code=20429), InDoubt),
        (Fault(method="GET", status=400), InDoubt),
        (Fault(method="GET", status=500), InDoubt),
        (Fault(method="GET", status=200, body=b""), InDoubt),
        (Fault(method="GET", status=200, body=b"<html>"), InDoubt),
        (Fault(method="GET", status=200, body=b"[]"), InDoubt),
        (Fault(method="GET", status=200, body=b"{}"), InDoubt),
        (Fault(method="GET", status=200, body=b'{"messages": 7}'), InDoubt),
        (Fault(method="GET", end="hang"), InDoubt),
        (Fault(method="GET", end="close"), InDoubt),
    ],
    ids=named,
)
def test_a_probe_tells_what_is_wrong(
    fault: Fault, kind: type[Outcome], fake: TwilioFake, made: Callable[..., TwilioProvider]
) -> None:
    fake.fail(fault)
    assert isinstance(made(total=SHORT).probe(), kind)
