"""A message's life: its statuses, what may follow what, and when to try again."""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum


class Status(StrEnum):
    """Where a message stands. The account that must balance (decision 23) counts each of them."""

    QUEUED = "queued"  # scheduler or retry: waits in the outbox for its send_at
    HELD = "held"  # sender: something must be repaired first; released when it is
    SENDING = "sending"  # sender: the intent is committed, the provider is being called
    IN_DOUBT = "in_doubt"  # sweep or a lost answer: it may have gone; evidence or staff move it on
    SENT = "sent"  # the provider accepted it
    DELIVERED = "delivered"  # a receipt says it arrived
    FAILED = "failed"  # refused for good, or a receipt says it did not arrive
    SKIPPED = "skipped"  # scheduler or sender: rules said no
    CANCELLED = "cancelled"  # an event, a STOP or staff came first


SETTLED = frozenset({Status.SENT, Status.DELIVERED, Status.FAILED, Status.SKIPPED, Status.CANCELLED})
WAITING = frozenset({Status.QUEUED, Status.HELD})

# Which receipts may still change a message: forward only, and what a provider never had cannot be reported on.
_RECEIPT_MOVES: dict[Status, frozenset[Status]] = {
    Status.SENDING: frozenset({Status.SENT, Status.DELIVERED, Status.FAILED}),
    Status.IN_DOUBT: frozenset({Status.SENT, Status.DELIVERED, Status.FAILED}),
    Status.SENT: frozenset({Status.DELIVERED, Status.FAILED}),
    # Asynchronous bounces come after "delivered" (providers, section 4.4).
    Status.DELIVERED: frozenset({Status.FAILED}),
}


def receipt_moves(now_at: Status, reported: Status, tries: int = 1) -> bool:
    """Whether a receipt may move a message, tried so often, from one status to the other.

    A message that waits to be sent again after a lost answer did go, if its provider says so now.

    >>> receipt_moves(Status.SENT, Status.DELIVERED), receipt_moves(Status.DELIVERED, Status.SENT)
    (True, False)
    """
    if now_at in WAITING:
        return tries > 0 and reported in (Status.SENT, Status.DELIVERED)
    return reported in _RECEIPT_MOVES.get(now_at, frozenset())


def next_try(message: str, tries: int, now: datetime, first: timedelta, most: timedelta) -> datetime:
    """When to try again after `tries` tries: doubling from `first` up to `most`, spread by up to a quarter.

    The spread comes from the message's own name, not from dice: the same run gives the same times.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    >>> wait = next_try("m", 3, noon, timedelta(minutes=1), timedelta(hours=4)) - noon
    >>> timedelta(minutes=4) <= wait <= timedelta(minutes=5)
    True
    """
    base: timedelta = min(first * (1 << max(tries, 1) - 1), most)
    spread = int.from_bytes(hashlib.blake2b(f"{message}/{tries}".encode(), digest_size=4).digest(), "big") / 2**32
    return now + base + timedelta(seconds=round(base.total_seconds() * spread / 4))
