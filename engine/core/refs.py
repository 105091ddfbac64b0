"""Opaque names for rows, safe to travel: the same row always has the same name, and nobody can read it back."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Refs:
    """Names made with the clinic's own key, so that a copied database elsewhere gives others."""

    key: bytes

    def __call__(self, kind: str, *parts: object) -> str:
        """Sixteen lower-case letters and digits.

        >>> Refs(b"k")("message", 7, "welcome", 0) == Refs(b"k")("message", 7, "welcome", 0)
        True
        >>> len(Refs(b"k")("contact", "a"))
        16
        """
        return _letters(self._digest(kind, parts, 10))

    def on(self, day: datetime, kind: str, *parts: object) -> str:
        """The same for a row of some day (UTC): names of one day begin alike, so that an index keeps them together.

        >>> from datetime import UTC
        >>> refs, day = Refs(b"k"), datetime(2026, 11, 20, tzinfo=UTC)
        >>> refs.on(day, "message", 1)[:2] == refs.on(day, "message", 2)[:2], len(refs.on(day, "message", 1))
        (True, 16)
        """
        ordinal = day.toordinal() % 1024
        return _ALPHABET[ordinal >> 5] + _ALPHABET[ordinal & 31] + _letters(self._digest(kind, parts, 9))[:14]

    def _digest(self, kind: str, parts: tuple[object, ...], size: int) -> bytes:
        text = "\x1f".join((kind, *map(str, parts)))
        return hashlib.blake2b(text.encode(), key=self.key[:64], digest_size=size).digest()


_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def _letters(digest: bytes) -> str:
    return base64.b32encode(digest).decode().lower()
