"""Opaque names for rows, safe to travel: nobody can read back what they are about, and nobody can guess one."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b


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
        return _letters(int.from_bytes(self._digest(kind, parts, 10)), 8)

    def at(self, moment: datetime, kind: str, *parts: object) -> str:
        """The same for a row of some moment: names of one moment begin alike, so that an index keeps them together.

        Otherwise each would be written into a page of its own: a fifth of what a message costs the database.

        >>> from datetime import UTC
        >>> refs, now = Refs(b"k"), datetime(2026, 11, 20, tzinfo=UTC)
        >>> refs.at(now, "message", 1)[:4] == refs.at(now, "message", 2)[:4], len(refs.at(now, "message", 1))
        (True, 16)
        """
        return _turn(moment) + _letters(int.from_bytes(self._digest(kind, parts, 8)) >> 4, 6)

    def _digest(self, kind: str, parts: tuple[object, ...], size: int) -> bytes:
        text = "\x1f".join((kind, *map(str, parts)))
        return blake2b(text.encode(), key=self.key[:64], digest_size=size).digest()


_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # of base32, which the library writes more slowly
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


@lru_cache(maxsize=64)
def _turn(moment: datetime) -> str:
    """Four letters that all names of about a moment begin with."""
    turn = int(moment.timestamp() * 16)  # it comes round in eighteen hours, which does no harm
    return _PAIRS[turn >> 10 & 1023] + _PAIRS[turn & 1023]


def _letters(number: int, pairs: int) -> str:
    """So many pairs of letters, ten bits each."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(10 * pairs - 10, -1, -10)])
