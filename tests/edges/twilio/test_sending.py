"""SMS by Twilio, against the stand-in: what it is sent, what it may carry, and where it goes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from twilio.rest import Client  # type: ignore[import-untyped]

from engine.core.contact import Channel
from engine.core.pacing import UNLIMITED, Pace
from engine.core.phi import PhiLevel
from engine.providers import Accepted, Provider
from engine.providers.twilio import TwilioProvider
from tests.edges.twilio.texts import ANN, FRIDAY, SERVICE, WORDS, a_text, send
from tests.fakes.twilio import TwilioFake
from tests.fakes.web import Reply, Request

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
