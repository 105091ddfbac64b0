"""The stand-in, and a provider that leads to it."""

from collections.abc import Iterator

import pytest

from engine.providers.smtp import SmtpProvider
from tests.edges.smtp.relay import Turned
from tests.fakes.smtp import SmtpFake


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
