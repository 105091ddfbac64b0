"""Which pieces of text a match must contain: so that most patterns need not be tried on most words."""

import re
from collections.abc import Sequence
from functools import lru_cache
from re import _constants as constants  # type: ignore[attr-defined]  # the parser of `re` has no public name
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT)
_MOST_LETTERS = 12
_LINE_END = re.compile(r"\n *")


def needed(pattern: str) -> tuple[str, ...]:
    """Texts of which every match of the pattern contains at least one; empty when nothing can be said.

    >>> needed(r"\\bknown to man\\b|\\b(?:best|superior)\\b.{0,60}\\btherapy\\b")
    ('known to man', 'therapy')
    >>> needed(r"\\d+")
    ()
    """
    found = _of(parser.parse(pattern)) or frozenset()
    return tuple(sorted(need for need in found if not any(other in need for other in found - {need})))


def alternatives(pattern: str) -> list[str]:
    """The alternatives of a pattern, each a pattern of its own.

    >>> alternatives(r"\\bcures?\\b|a(?:b|c)|[|]\\|")
    ['\\\\bcures?\\\\b', 'a(?:b|c)', '[|]\\\\|']
    """
    found, depth, inside, start, at = [], 0, False, 0, 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 1
        elif inside:
            inside = sign != "]"
        elif sign == "[":
            inside = True
            at += pattern.startswith(("[]", "[^]"), at)  # a bracket that comes first is a letter
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "|" and depth == 0:
            found.append(pattern[start:at])
            start = at + 1
        at += 1
    return [*found, pattern[start:]]


def _of(items: Sequence[Any]) -> frozenset[str] | None:
    """The best of what the parts of a sequence, all of which must match, need."""
    best: frozenset[str] | None = None
    run = ""
    for kind, value in [*items, (None, None)]:
        if kind is constants.LITERAL:
            run += chr(value)
            continue
        best, run = _better(best, frozenset({run}) if run else None), ""
        best = _better(best, _inside(kind, value))
    return best


def _inside(kind: Any, value: Any) -> frozenset[str] | None:
    if kind is constants.SUBPATTERN:
        return _of(value[-1])
    if kind in _REPEATS and value[0] > 0:
        return _of(value[2])
    if kind is constants.BRANCH:
        needs = [_of(branch) for branch in value[1]]
        return None if None in needs else frozenset().union(*(need for need in needs if need is not None))
    if kind is constants.IN and all(item[0] is constants.LITERAL for item in value):
        return frozenset(chr(item[1]) for item in value)
    return None


def _better(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """The set whose shortest text is longer; of equals the smaller one."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other, key=lambda need: (min(min(map(len, need)), _MOST_LETTERS), -len(need)))


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of ours, whose alternatives may stand in lines of their own. ValueError: what `re` has against it."""
    try:
        return re.compile(_LINE_END.sub("", pattern))
    except re.error as error:
        raise ValueError(f"the pattern cannot be read ({error})") from None
