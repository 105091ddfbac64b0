"""A message is cut into units: its subject, its preheader, and each paragraph or list item of its words.

Rules that look for phrases look at one unit at a time. So what stands in a template without any value is judged once,
and a unit with values is judged by itself.
"""

import re
import unicodedata
from collections.abc import Iterator

#: What stands in a unit for the links of our own that differ from person to person: at a host that nobody can have.
OWN_HOST = "own-link.invalid"
OWN_LINK = f"https://{OWN_HOST}"

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

#: The path of a personal link: it says nothing, whatever words its letters happen to make.
OPAQUE = r"/l/[\w-]+"


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


def folded(name: str) -> str:
    """A name as it is compared: small letters without accents.

    >>> folded("DOLORES"), folded("Caridad"), folded("Fé")
    ('dolores', 'caridad', 'fe')
    """
    if name.isascii():
        return name.lower()
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def own_links(hosts: tuple[str, ...]) -> re.Pattern[str]:
    """What finds a personal link to one of these hosts (/l/TOKEN), or the host alone; never a page with words in it.

    >>> found = own_links(("clinic.example",))
    >>> found.sub(OWN_LINK, "Here: https://clinic.example/l/abc. Bye (https://clinic.example/)")
    'Here: https://own-link.invalid. Bye (https://own-link.invalid)'
    >>> [found.search(f"https://clinic.example{more}") for more in ("/knee", ".evil.com", "@evil.com", ":1@evil.com")]
    [None, None, None, None]
    """
    ports = [f"https{'?' if host in _LOCAL else ''}://{re.escape(host)}(?::\\d+)?" for host in hosts if host]
    either = ports[0] if len(ports) == 1 else f"(?:{'|'.join(ports)})" if ports else r"(?!)"
    return re.compile(rf"{either}(?:{OPAQUE}|/)?(?=$|[\s<>()\[\]\"',;!*]|[.:?](?!\S))")


def own_pages(hosts: tuple[str, ...]) -> re.Pattern[str]:
    """What finds an address at one of these hosts with all of its path, in text that `plain` has made."""
    either = "|".join(re.escape(host.lower()) for host in hosts if host)
    if not either:
        return re.compile(r"(?!)")
    return re.compile(rf"https?://(?:[\w-]+\.)*(?:{either})(?::\d+)?[/?#](?:[^\s<>()\"]*[\w/=&#-])?")


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
