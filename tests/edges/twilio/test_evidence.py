"""SMS by Twilio: how it is asked what it took, and whether it works."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.providers import Absent, Found, InDoubt, Misconfigured, Outcome, Unknown, Works
from engine.providers.twilio import TwilioProvider
from tests.edges.twilio.texts import ANN, FRIDAY, SERVICE, SHORT, WORDS, Clock, named, send, sought
from tests.fakes.twilio import TwilioFake
from tests.fakes.web import Fault

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
