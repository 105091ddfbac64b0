"""Purposes, consent and suppression: may this person be written to at this address, for this purpose?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.core.contact import Channel


class Purpose(StrEnum):
    """What a message is for. It decides consent, hours, caps and which providers may carry it (MC-1 to MC-4)."""

    MARKETING = "marketing"  # education and nudges to enquirers
    APPOINTMENT = "appointment"  # confirmations and reminders of one appointment
    CARE = "care"  # check-ins and reminders after treatment
    SERVICE = "service"  # answers to the person's own STOP, START or HELP; internal


class SuppressionReason(StrEnum):
    """Why an address must not be written to."""

    STOP = "stop"  # the exact word by SMS; START lifts it for appointment and care only
    REVOKED = "revoked"  # other words, a form comment, a call; a person lifts it
    BOUNCED = "bounced"  # the provider says the address takes nothing
    COMPLAINT = "complaint"  # the mail was reported as spam; never lifted by START
    STAFF = "staff"  # somebody at the clinic said so


PURPOSES = (Purpose.MARKETING, Purpose.APPOINTMENT, Purpose.CARE)


@dataclass(slots=True)
class Consent:
    """One row of the ledger: what a contact agreed to, or took back, at one address for one purpose.

    The ledger only grows; of the rows for one (address, purpose) the latest given counts (TCPA-C-6).
    """

    id: int
    channel: Channel
    address_key: str
    purpose: Purpose
    granted: bool
    form: str | None
    given_at: datetime
    most: int | None = None  # the advertised number of messages ...
    most_days: int | None = None  # ... in so many days (TCPA-F-3)


@dataclass(slots=True)
class Suppression:
    """One row: an address was suppressed for a purpose and a reason, or that was lifted."""

    id: int
    address_key: str
    purpose: Purpose
    reason: SuppressionReason
    lifted: bool


def suppressed(rows: Iterable[Suppression], address_key: str, purpose: Purpose) -> SuppressionReason | None:
    """The reason this address is closed for the purpose, or None. Reasons stand side by side: lifting one leaves
    the rest.

    >>> stop = Suppression(1, "k", Purpose.CARE, SuppressionReason.STOP, lifted=False)
    >>> start = Suppression(2, "k", Purpose.CARE, SuppressionReason.STOP, lifted=True)
    >>> suppressed([stop], "k", Purpose.CARE)
    <SuppressionReason.STOP: 'stop'>
    >>> suppressed([stop, start], "k", Purpose.CARE) is None
    True
    """
    if not rows:
        return None
    standing: dict[SuppressionReason, bool] = {}
    for row in sorted(rows, key=lambda r: r.id):
        if row.address_key == address_key and row.purpose is purpose:
            standing[row.reason] = not row.lifted
    # STOP is named first: it is the one that forbids the `else` channel (decision 11).
    return next((reason for reason in SuppressionReason if standing.get(reason)), None)


def consent_for(rows: Iterable[Consent], address_key: str, purpose: Purpose) -> Consent | None:
    """The consent that stands for this address and purpose, or None when there is none or it was taken back.

    What was said last counts, not what was written down last: importing an old form does not undo a newer no.
    """
    last: Consent | None = None
    for row in rows:
        if row.address_key != address_key or row.purpose is not purpose:
            continue
        if last is None or (row.given_at, row.id) > (last.given_at, last.id):
            last = row
    return last if last is not None and last.granted else None
