"""What a provider can do, and the ways a call can end, each named by what to do next.

A provider carries one message at a time and remembers nothing for us. It never raises for what the outside
did: it returns an outcome. None of the details below may hold a name, an address or the words of a message.
Every provider is used by many threads at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, Self

from engine.core.contact import Channel
from engine.core.pacing import Pace
from engine.core.phi import PhiLevel


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in an email. `content_type` may carry parameters: `text/calendar; method=REQUEST`."""

    filename: str
    content_type: str
    content: bytes


@dataclass(slots=True)
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


# --------------------------------------------------------------------------------------------- how a call ends


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it. Never send it again."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class TryLater:
    """This one did not go, and the same call may succeed later; `after` when the provider said how long."""

    detail: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class SlowDown:
    """It did not go because we send too fast (429, a full queue): all by this provider wait; no try is spent."""

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
    stopped: bool = False  # the provider says that this address answered STOP


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """It did not go, and neither will any other: stop this provider and tell ops; spend no attempts."""

    detail: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """It surely did not go, and not because of what it is: no connection came about (DNS, refused, TLS), or the other
    side broke off or had no time before it could take anything. No try is spent; several in a row stop the provider.
    """

    detail: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The call ended without a usable answer: it may have gone. Look for evidence before anything else."""

    detail: str


Outcome = Accepted | TryLater | SlowDown | Refused | AddressBlocked | Misconfigured | Unreachable | InDoubt


# -------------------------------------------------------------------------------------------------- evidence


@dataclass(frozen=True, slots=True)
class Sought:
    """A message in doubt, as the provider may know it: the try that was lost."""

    message: str
    attempt: int
    contact: str
    channel: Channel
    to: str
    text: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """Evidence of acceptance: these are the provider's names for what it took, oldest first.

    More than one where the provider cannot tell identical messages apart; the first that no other message of ours
    owns is taken for this one.
    """

    provider_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider was asked and has no such message. Evidence only after the grace time."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider cannot be asked, or did not answer: no evidence either way."""

    detail: str


Evidence = Found | Absent | Unknown


@dataclass(frozen=True, slots=True)
class Works:
    """A probe went through: the provider is reached and takes our credentials. `clock`: the moment it says it is."""

    detail: str
    clock: datetime | None = None


Health = Works | Misconfigured | Unreachable | InDoubt


# -------------------------------------------------------------------------------------------------- providers


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

    @property
    def ceiling(self) -> PhiLevel:
        """The highest level of health information it may carry (decision 18, HIP-1)."""

    @property
    def pace(self) -> Pace:
        """How fast its sender may send: SMS segments, or emails."""

    def carries(self, level: PhiLevel, to: str) -> bool:
        """Whether a message of this level may go to this address by it: its ceiling, and any limit by country."""

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        """Hand one message over. May take seconds: no transaction is open around it."""

    def find(self, sought: Sought) -> Evidence:
        """Was this try ever accepted?"""

    def probe(self) -> Health:
        """Is it there, and does it take our credentials? Sends nothing."""

    def close(self) -> None:
        """Let its connections go."""


@dataclass(frozen=True, slots=True)
class Carriers:
    """The providers of each channel, the preferred first: a message goes by the first that may carry it."""

    by_channel: Mapping[Channel, Sequence[Provider]]

    @classmethod
    def only(cls, provider: Provider) -> Self:
        """One provider for everything that it carries."""
        return cls(dict.fromkeys(provider.channels, (provider,)))

    def choose(self, channel: Channel, level: PhiLevel, to: str) -> Provider | None:
        """Who carries this; None: nobody may (`PHI_PROVIDER`)."""
        for provider in self.by_channel.get(channel, ()):
            if provider.carries(level, to):
                return provider
        return None

    def ceiling(self, channel: Channel) -> PhiLevel:
        """The highest level that anything by this channel may have."""
        return max((provider.ceiling for provider in self.by_channel.get(channel, ())), default=PhiLevel.GENERIC)

    def named(self, name: str) -> Provider | None:
        """The provider of this name; None when the settings have it no more."""
        return next((provider for provider in self if provider.name == name), None)

    def __iter__(self) -> Iterator[Provider]:
        return iter({p.name: p for providers in self.by_channel.values() for p in providers}.values())

    def close(self) -> None:
        """Let all connections go."""
        for provider in self:
            provider.close()
