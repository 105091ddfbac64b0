"""Everything a decision about one enrolment rests on, read afresh from the store."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.core.consent import Consent, Purpose, Suppression, consent_for
from engine.core.contact import Channel
from engine.core.enrolment import Enrolment
from engine.core.jurisdiction import Whereabouts
from engine.core.messages import Status


@dataclass(slots=True)
class Contact:
    """A person we may write to. `ref` is the name that may travel; the rest stays inside."""

    id: int
    ref: str
    first_name: str | None
    last_name: str | None
    language: str
    zone: str | None  # their own word, IANA
    zip: str | None
    state: str | None
    country: str | None
    paused: str | None = None  # why automation waits for this person (decision 9), or None
    named_health: bool = False  # they wrote of their health in some event (HIP-20)


@dataclass(slots=True)
class Point:
    """One address of a contact. `key` is what suppression and caps count by."""

    id: int
    channel: Channel
    address: str
    key: str


@dataclass(slots=True)
class Done:
    """A row of the send log, as far as the position needs it."""

    step: str
    occurrence: int
    status: Status
    settled_at: datetime | None


@dataclass(slots=True)
class Traffic:
    """One message that counts toward caps: queued, on its way, in doubt or sent."""

    message_id: int
    contact_id: int
    address_key: str
    campaign: str
    channel: Channel
    purpose: str
    at: datetime
    waiting: bool = False  # still in the outbox


@dataclass(slots=True)
class Rival:
    """Another active enrolment of the same contact, and when it wants to be looked at."""

    campaign: str
    due_at: datetime
    waits_for: str | None = None


@dataclass(slots=True)
class Situation:
    """One enrolment with its contact's addresses, consents, suppressions, log and traffic."""

    enrolment: Enrolment
    contact: Contact
    points: tuple[Point, ...] = ()
    consents: tuple[Consent, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    done: tuple[Done, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    rivals: tuple[Rival, ...] = ()
    happened: frozenset[str] = frozenset()
    place: Whereabouts | None = field(default=None, repr=False, compare=False)  # once it was asked: `decisions.where`

    def names(self, purpose: Purpose) -> dict[str, Any]:
        """What the conditions of a campaign with this purpose see (docs/campaigns.md, "Conditions")."""
        consented = {p.channel.value for p in self.points if consent_for(self.consents, p.key, purpose)}
        return {
            "contact": {
                "first_name": self.contact.first_name,
                "last_name": self.contact.last_name,
                "language": self.contact.language,
                "state": self.contact.state,
                "zip": self.contact.zip,
            },
            "event": self.enrolment.event,
            "happened": lambda kind: kind in self.happened,
            "consented": lambda channel: channel in consented,
        }

    def phone(self) -> str | None:
        """The number whose area code says where the person may be."""
        for point in self.points:
            if point.channel is Channel.SMS:
                return point.address
        return None
