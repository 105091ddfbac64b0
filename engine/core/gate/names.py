"""Names of people that are words of a rule too (Dolores, Hope, Price) are let through where a message prints them."""

import re
from collections.abc import Iterable
from functools import lru_cache

from engine.core.gate.judging import Judge
from engine.core.gate.units import folded, plain

# What stands in a message in place of such a name.
_SOMEBODY = "Ann"
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")

#: What finds a name as it is printed, and what to read in its place.
Spared = tuple[re.Pattern[str], str]


def spared_of(names: Iterable[str | None], judge: Judge) -> tuple[Spared, ...]:
    """What of these names, as they were given, is let through."""
    found: tuple[Spared, ...] = ()
    for name in names:
        if name and (one := _spared(name, judge)):
            found += (one,)
    return found


@lru_cache(maxsize=4096)
def _spared(name: str, judge: Judge) -> Spared | None:
    """A name is let through for one word of it that is a known name, if no rule is about anything else in it.

    So a Dolores, a DOLORES and a María Dolores are greeted, and who signs up as Knee Pain or Pain Free is not.
    """
    words = [word for word in _WORD.findall(name) if folded(word) in judge.names]
    if not words:
        return None
    broken = {folded(phrase) for phrase in judge.broken_by(plain(name))}
    if len(broken) > 1 or not broken <= {folded(word) for word in words}:
        return None
    alike = dict.fromkeys((name, name.upper(), name.title(), name.capitalize()))  # as a template may print it
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, alike))})(?!\w)")
    return pattern, _WORD.sub(lambda word: _SOMEBODY if word[0] in words else word[0], name)


def without(text: str, spared: Iterable[Spared]) -> str:
    """The text with these names out of the way."""
    for pattern, instead in spared:
        text = pattern.sub(instead.replace("\\", r"\\"), text)
    return text
