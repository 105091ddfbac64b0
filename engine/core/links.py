"""Signed links: short, opaque, expiring, and saying nothing about anybody (HIP-4, HIP-16, BULK-5).

A link names one message and what may be done about it. It looks like https://clinic.example/l/ and 22
letters, which are 16 bytes:

    bytes 0-7    the plain part, hidden:   version (4 bits), kind (4 bits), message id (40 bits),
                 last day of validity (16 bits, days since 2020-01-01, UTC)
    bytes 8-15   the seal: the first 64 bits of HMAC-SHA256(key "seal", plain part)

The plain part is hidden by the first 64 bits of HMAC-SHA256(key "hide", seal), so that nobody reads from two
links how many messages lie between them, or which are check-ins. Both keys come from the clinic's own. The
same message, kind and day always give the same link. The key before is accepted too, so that keys can change.

A link is a bearer token (decision 21): whoever has it may use it. Its page shows nothing about the person.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache


class LinkKind(StrEnum):
    """What a link is for. Templates write `{{ link.booking }}`."""

    BOOKING = "booking"  # choose a time
    GUIDE = "guide"  # the public guide
    UNSUBSCRIBE = "unsubscribe"  # end marketing, one click
    PREFERENCES = "preferences"  # choose channels and kinds of message
    CHECK_IN = "check_in"  # answer how it goes


# The numbers are in links that people hold: never change or reuse one.
_NUMBERS = {
    LinkKind.BOOKING: 1,
    LinkKind.GUIDE: 2,
    LinkKind.UNSUBSCRIBE: 3,
    LinkKind.PREFERENCES: 4,
    LinkKind.CHECK_IN: 5,
}
_KINDS = {number: kind for kind, number in _NUMBERS.items()}

#: How long after sending a link works. Ways out must work for 400 days at least (BULK-5).
LASTS = {
    LinkKind.BOOKING: timedelta(days=120),
    LinkKind.GUIDE: timedelta(days=400),
    LinkKind.UNSUBSCRIBE: timedelta(days=430),
    LinkKind.PREFERENCES: timedelta(days=430),
    LinkKind.CHECK_IN: timedelta(days=30),
}

_VERSION = 1
_FIRST_DAY = date(2020, 1, 1)
_LETTERS = 22
_SHORTEST_KEY = 16
_LOCAL = ("http://localhost:", "http://localhost/", "http://127.0.0.1:", "http://127.0.0.1/")


@dataclass(frozen=True, slots=True)
class Link:
    """A link of ours that is still valid."""

    kind: LinkKind
    message_id: int


@dataclass(frozen=True, slots=True)
class Expired:
    """A link of ours whose time is over: say so kindly, and show the phone number."""

    kind: LinkKind
    message_id: int


@dataclass(frozen=True, slots=True)
class Forged:
    """Not a link of ours: mistyped, cut off, made up, or made with a key that is no longer accepted."""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads links with the clinic's key; `previous` is the key before, accepted but not used.

    Raises ValueError for a base that is not https (http is for this machine only), or too short a key.
    """

    base_url: str
    key: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)
    _keys: tuple[tuple["_Mac", "_Mac"], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("https://", *_LOCAL)) and f"{self.base_url}/" not in _LOCAL:
            raise ValueError("Links need a base that begins with https://, such as https://clinic.example.")
        given = [key for key in (self.key, self.previous) if key is not None]
        if any(len(key) < _SHORTEST_KEY for key in given):
            raise ValueError(f"The key of the links is too short: give at least {_SHORTEST_KEY} random bytes.")
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))
        object.__setattr__(self, "_keys", tuple((_derived(k, b"seal"), _derived(k, b"hide")) for k in given))

    def make(self, kind: LinkKind, message_id: int, expires: datetime) -> str:
        """The link for a message, valid through the day (UTC) of `expires`.

        >>> links = Links("https://clinic.example", b"k" * 32)
        >>> url = links.make(LinkKind.BOOKING, 7, datetime(2026, 12, 1, tzinfo=UTC))
        >>> len(url) - len("https://clinic.example/l/")
        22
        >>> links.read(url.rpartition("/")[2], datetime(2026, 12, 1, 23, 59, tzinfo=UTC))
        Link(kind=<LinkKind.BOOKING: 'booking'>, message_id=7)
        """
        return self._on(kind, message_id, _day(expires))

    def _on(self, kind: LinkKind, message_id: int, day: int) -> str:
        plain = ((_VERSION << 4 | _NUMBERS[kind]) << 56 | message_id << 16 | day).to_bytes(8)
        sealing, hiding = self._keys[0]
        seal = sealing(plain)[:8]
        return f"{self.base_url}/l/{_written(_xor(plain, hiding(seal)) + seal)}"

    def make_all(self, fields: Iterable[str], message_id: int, now: datetime) -> dict[str, str]:
        """The links that a template prints (its `fields`), each lasting as long as its kind does."""
        today = _day(now)
        return {kind.value: self._on(kind, message_id, today + LASTS[kind].days) for kind in _kinds(frozenset(fields))}

    def read(self, token: str, now: datetime) -> Link | Expired | Forged:
        """What the 22 letters of a link say. Never raises, whatever the text is."""
        data = _read(token)
        if data is None:
            return Forged()
        seal = data[8:]
        for sealing, hiding in self._keys:
            plain = _xor(data[:8], hiding(seal))
            if hmac.compare_digest(sealing(plain)[:8], seal):
                return _told(plain, now)
        return Forged()


def unsubscribe_headers(url: str, mailto: str) -> tuple[tuple[str, str], ...]:
    """The headers that give a mail program its own unsubscribe button (RFC 8058, RFC 2369, BULK-4, RFC-10).

    `url` takes a POST and asks nothing further; `mailto` is the address for programs that know no better. On
    this machine only (http) one click cannot be promised, and the address stands alone.

    >>> unsubscribe_headers("https://clinic.example/l/x", "stop@clinic.example")[0][1]
    '<https://clinic.example/l/x>, <mailto:stop@clinic.example?subject=unsubscribe>'
    """
    if not url.startswith(("https://", *_LOCAL)) or any(c in url + mailto for c in "\r\n<>, "):
        raise ValueError("Unsubscribe headers need an https address and a plain email address.")
    by_mail = f"<mailto:{mailto}?subject=unsubscribe>"
    if not url.startswith("https://"):
        return (("List-Unsubscribe", by_mail),)
    one_click = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    return ("List-Unsubscribe", f"<{url}>, {by_mail}"), one_click


@lru_cache(maxsize=4096)
def _kinds(fields: frozenset[str]) -> tuple[LinkKind, ...]:
    """The links among the fields of a template."""
    return tuple(kind for kind in LinkKind if f"link.{kind}" in fields)


def _day(moment: datetime) -> int:
    return moment.astimezone(UTC).toordinal() - _FIRST_DAY.toordinal()


class _Mac:
    """HMAC-SHA256 with its key worked in beforehand: half the time of `hmac.digest`, per link twice."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod="sha256")

    def __call__(self, message: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(message)
        return mac.digest()


def _derived(key: bytes, use: bytes) -> _Mac:
    return _Mac(hmac.digest(key, use, "sha256"))


def _xor(eight: bytes, mask: bytes) -> bytes:
    return (int.from_bytes(eight) ^ int.from_bytes(mask[:8])).to_bytes(8)


def _written(data: bytes) -> str:
    return base64.b64encode(data, b"-_").decode()[:_LETTERS]


def _read(token: str) -> bytes | None:
    if len(token) != _LETTERS or not token.isascii():
        return None
    try:
        data = base64.b64decode(token + "==", altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    # The last letter holds four bits that mean nothing: one link has one spelling.
    return data if _written(data) == token else None


def _told(plain: bytes, now: datetime) -> Link | Expired | Forged:
    kind = _KINDS.get(plain[0] & 15)
    if plain[0] >> 4 != _VERSION or kind is None:
        return Forged()
    message_id = int.from_bytes(plain[1:6])
    last = _FIRST_DAY + timedelta(days=int.from_bytes(plain[6:]))
    valid = now.astimezone(UTC).date() <= last
    return Link(kind, message_id) if valid else Expired(kind, message_id)
