"""The stand-in, and providers that lead to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.providers.twilio import TwilioProvider
from tests.edges.twilio.texts import SERVICE, Clock
from tests.fakes.twilio import TwilioFake


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
