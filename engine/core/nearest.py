"""The known word that somebody probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word closest to this one, or None when none is close.

    >>> nearest("marketting", ["marketing", "appointment", "care"])
    'marketing'
    >>> nearest("wednesday", ["mon", "tue", "wed"])
    'wed'
    >>> nearest("xylophone", ["mon", "tue", "wed"]) is None
    True
    """
    words = list(known)
    low = word.strip().lower()
    by_low = {w.lower(): w for w in words}
    if low in by_low:
        return by_low[low]
    close = get_close_matches(low, list(by_low), n=1, cutoff=0.6)
    if close:
        return by_low[close[0]]
    return next((w for lower, w in by_low.items() if len(lower) >= 3 and low.startswith(lower)), None)
