"""How many parts a text message is cut into: that is what it costs, and how fast it goes out (TPL-SEG-1).

Two alphabets exist. GSM-7 holds the letters, digits and signs of most European languages: 160 units in one
part, 153 in each of several. One character outside it (a curly quote, an emoji, `á`) turns the whole text
into UCS-2: 70 units, or 67. What takes two units or more (`€`, an emoji, a flag) is never cut in half.

Agrees with the carrier's own calculator, whose cases are in tests/core/data/segments.toml.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

import gsm0338  # type: ignore[import-untyped]


@dataclass(slots=True)
class Segments:
    """The parts of one text: `count` of them, in this alphabet, `units` (septets or 16-bit words) in all."""

    count: int
    encoding: Literal["GSM-7", "UCS-2"]
    units: int


_CODEC = gsm0338.Codec()


def _septets(character: str) -> int:
    try:
        return len(_CODEC.encode(character)[0])
    except UnicodeEncodeError:
        return 0


# Every character of GSM-7 lies below U+2100; the euro sign is the last.
_GSM = {chr(code): units for code in range(0x2100) if (units := _septets(chr(code)))}
_GSM_TEXT = re.compile("[{}]*".format("".join(map(re.escape, _GSM))))
_TWO_SEPTETS = re.compile("[{}]".format("".join(re.escape(c) for c, units in _GSM.items() if units == 2)))

# What must stay together: a line end, the two letters of a flag, a sign with all that is stacked on or joined
# to it (combining marks, variation selectors, skin tones; U+200D joins).
_MARKS = (
    r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
    r"\ufe00-\ufe0f\ufe20-\ufe2f\U0001f3fb-\U0001f3ff]*"
)
_CLUSTER = re.compile(rf"\r\n|[\U0001f1e6-\U0001f1ff]{{2}}|.{_MARKS}(?:\u200d.{_MARKS})*", re.DOTALL)


def segments(text: str) -> Segments:
    """Count the parts of a text as the carrier will.

    >>> segments("See you on Tuesday.")
    Segments(count=1, encoding='GSM-7', units=19)
    >>> segments("a" * 161).count
    2
    >>> segments("€" * 153).count  # two septets each, and none is cut: not 306 / 153
    3
    >>> segments("It’s time")  # the curly apostrophe
    Segments(count=1, encoding='UCS-2', units=9)
    """
    if _GSM_TEXT.fullmatch(text) and "\r\n" not in text:
        return _gsm(text)
    clusters = _CLUSTER.findall(text)
    sizes = [_words(cluster) for cluster in clusters]
    return Segments(_parts(sizes, 70, 67), "UCS-2", sum(sizes))


def _gsm(text: str) -> Segments:
    units = len(text) + len(_TWO_SEPTETS.findall(text))
    if units <= 160:
        return Segments(1, "GSM-7", units)
    if units == len(text):
        return Segments(-(-units // 153), "GSM-7", units)
    return Segments(_parts([_GSM[c] for c in text], 160, 153), "GSM-7", units)


def _words(cluster: str) -> int:
    # The calculator reads CR LF as one character that GSM-7 does not have, and as wide as one.
    return 1 if cluster == "\r\n" else sum(2 if c > "\uffff" else 1 for c in cluster)


def _parts(sizes: list[int], one: int, many: int) -> int:
    """Parts needed when nothing may be cut; a cluster wider than a whole part is cut after all.

    >>> _parts([67, 2], 70, 67)
    1
    >>> _parts([66, 2, 66], 70, 67)
    3
    """
    if sum(sizes) <= one:
        return 1
    count, left = 1, many
    for size in sizes:
        if left < size <= many:
            count, left = count + 1, many
        while size > left:
            size, count = size - left, count + 1
            left = many
        left -= size
    return count


def outside_gsm(text: str) -> tuple[str, ...]:
    """The characters that turn a text into UCS-2, each once, with its name: for the writer.

    >>> outside_gsm("It’s you")
    ('’ (right single quotation mark)',)
    """
    strange = dict.fromkeys(c for c in text if c not in _GSM)
    return tuple(f"{c} ({unicodedata.name(c, 'a character without a name').lower()})" for c in strange)
