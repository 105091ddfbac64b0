"""A text, how it is sent and sought, and a clock that is turned by hand."""

from datetime import UTC, datetime
from typing import Any

from engine.core.contact import Channel
from engine.providers import Outcome, Outgoing, Sought
from engine.providers.twilio import TwilioProvider
from tests.fakes.web import Fault

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SHORT = 0.2  # seconds
ANN = "+16175550123"
SERVICE = "MG" + "5" * 32
WORDS = "Harbor Clinic: your guide is here. Reply STOP to end. ñ"


class Clock:
    """A moment, turned by hand."""

    def __init__(self) -> None:
        self.now = FRIDAY

    def __call__(self) -> datetime:
        return self.now


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
