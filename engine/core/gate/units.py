"""A message is cut into units: its subject, its preheader, and each paragraph or list item of its words.

Rules that look for phrases look at one unit at a time. So what stands in a template without any value is judged once,
and a unit with values is judged by itself.
"""

import re
import unicodedata
from collections.abc import Iterator

#: What stands in a unit for any link to the clinic's own pages.
OWN_LINK = "https://link"

_SINGLE, _DOUBLE = "\u2018\u2019\u201a\u201b\u2032\u02bc`\u00b4", "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_UNSEEN = "\u00ad\u034f\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\ufeff"
_PLAIN = str.maketrans(
    {**dict.fromkeys(_SINGLE, "'"), **dict.fromkeys(_DOUBLE, '"'), **dict.fromkeys(_DASHES, "-")}
    | dict.fromkeys(_UNSEEN)
)
_ITEM = re.compile(r"\s*(?:> ?)*(?:- |\d{1,9}\. )")
_RULE = re.compile(r"\s*(?:> ?)*[=-]{2,}\s*")
_LOCAL = ("localhost", "127.0.0.1")


def plain(text: str) -> str:
    """The text as patterns read it: NFKC, small letters, one space for any white space, plain quotes and dashes.

    >>> plain("It’s “FDA‑approved”,  a\\nCURE")
    'it\\'s "fda-approved", a cure'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_PLAIN)).translate(_PLAIN)
    elif "`" in text:
        text = text.replace("`", "'")
    return " ".join(text.lower().split())


def own_links(hosts: tuple[str, ...]) -> re.Pattern[str]:
    """What finds a link to one of these hosts, without a full stop that ends its sentence.

    >>> own_links(("clinic.example",)).sub(OWN_LINK, "Here: https://clinic.example/l/abc. Bye (https://clinic.example/)")
    'Here: https://link. Bye (https://link)'
    """
    ports = [f"https{'?' if host in _LOCAL else ''}://{re.escape(host)}(?::\\d+)?" for host in hosts if host]
    either = ports[0] if len(ports) == 1 else f"(?:{'|'.join(ports)})" if ports else r"(?!)"
    return re.compile(either + r"(?![\w.-]*\w)(?:[/?#](?:[^\s<>()\"]*[\w/=&#-])?)?")


def units_of(block: str) -> Iterator[str]:
    """The paragraphs and list items of one block of a plain text: what stands between two empty lines.

    >>> list(units_of("Bring:\\n- a list\\n  of medicines\\n- your reports"))
    ['Bring:', 'a list of medicines', 'your reports']
    """
    unit = ""
    for line in block.split("\n"):
        if _RULE.fullmatch(line):
            continue
        item = _ITEM.match(line)
        if item and unit:
            yield unit
            unit = ""
        words = line[item.end() :] if item else line.lstrip("> ") if line.lstrip().startswith(">") else line
        unit = f"{unit} {words.strip()}".strip()
    if unit:
        yield unit
