"""What a provider can do, and the six ways a call can end, each named by what to do next.

A provider carries one message at a time and remembers nothing for us. It never raises for what the outside
did: it returns an outcome. None of the details below may hold a name, an address or the words of a message.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engine.core.contact import Channel


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in an email. `content_type` may carry parameters: `text/calendar; method=REQUEST`."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message, ready to go: the words are final, the address is in its normal form.

    `message` and `contact` are opaque public ids. An SMS has no subject, html, headers or attachments.
    `headers` holds everything an email needs beside To and Subject: From, Reply-To, List-Unsubscribe.
    """

    message: str
    attempt: int  # counts from 1
    contact: str
    channel: Channel
    to: str
    text: str
    subject: str | None = None
    html: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    expires_in: timedelta | None = None  # an SMS that waits longer than this must not be delivered any more


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it. Never send it again."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class TryLater:
    """It did not go, and the same call may succeed later; `after` when the provider said how long."""

    detail: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not go, and never will as it is. Other messages to the same address may."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class AddressBlocked:
    """It did not go, and nothing will go to this address: suppress it."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """It did not go, and neither will any other: stop this provider and tell ops; spend no attempts."""

    detail: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The call ended without an answer: it may have gone. Look for evidence before anything else."""

    detail: str


Outcome = Accepted | TryLater | Refused | AddressBlocked | Misconfigured | InDoubt


@dataclass(frozen=True, slots=True)
class Found:
    """Evidence that the provider accepted the message, and by which attempt."""

    provider_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider was asked and has no such message. Evidence only after the grace time."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider cannot be asked, or did not answer: no evidence either way."""

    detail: str


Evidence = Found | Absent | Unknown


class Provider(Protocol):
    """One way out of the house."""

    @property
    def name(self) -> str:
        """The word used in settings, in the send log and in `nurture status`."""

    @property
    def channels(self) -> frozenset[Channel]:
        """What it carries."""

    @property
    def can_be_asked(self) -> bool:
        """Whether `find` can answer: it decides what becomes of messages in doubt (decision 25)."""

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        """Hand one message over. May take seconds: no transaction is open around it."""

    def find(self, message: str, contact: str) -> Evidence:
        """Was this message ever accepted?"""
