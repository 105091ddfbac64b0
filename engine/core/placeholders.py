"""Notes to be filled in that were left in words: `[NAME]`, `[insert date]`, XXX, TBD, lorem ipsum.

What another program would have filled in is one as well: `*|FNAME|*`, `%FIRSTNAME%`, `<NAME>`.
"""

import re
from collections.abc import Iterator

from engine.core.merge_syntax import Slip

# By what a note speaks of: the merge field that is meant. The first that fits counts, so “clinic phone” is a phone.
_MEANT = (
    (r"l(?:ast)?[ _-]?name|surname|apellidos?", '{{ contact.last_name or "" }}'),
    (r"phone|telephone|tel|tel[eé]fono", "{{ clinic.phone }}"),
    (r"address|direcci[oó]n", "{{ clinic.address }}"),
    (r"web[ _-]?site|site|web|sitio", "{{ clinic.site }}"),
    (r"booking|book|reserva|cita", "{{ link.booking }}"),
    (r"guide|gu[ií]a|folleto", "{{ link.guide }}"),
    (r"clinic|cl[ií]nica|company|practice|brand", "{{ clinic.name }}"),
    (r"time|hora", "{{ anchor.time }}"),
    (r"date|day|fecha|d[ií]a", "{{ anchor.day }}"),
    (r"link|url|enlace", "{{ link.guide }}"),
    (r"f(?:irst)?[ _-]?name|name|nombre", '{{ contact.first_name or "there" }}'),
)
_KNOWN = "|".join(words for words, _ in _MEANT)
_ABOUT = "your|the|patient(?:'s)?|client(?:'s)?|appointment|number|here|su|del?|la"
_WORDS = rf"(?:(?:{_ABOUT})[ _-]+)*(?:{_KNOWN})(?:[ _-]+(?:{_ABOUT}|{_KNOWN}))*"
_IN_BRACKETS = "|".join(
    (
        rf"(?i:{_WORDS})",  # [First Name]
        r"(?i:insert|enter|fill in|add|your)\b[^\[\]\n]*",  # [insert the study here]
        r"(?!(?:STOP|HELP|START|UNSTOP)\])(?=[^\[\]]*[A-Z]{4})[A-Z0-9 _'/-]+",  # [THERAPY]; [PDF] may be meant so
    )
)
_NOTES = re.compile(
    rf"(?<!\])\[ ?(?:{_IN_BRACKETS}) ?\](?![(\[])"  # not the words of a link
    rf"|<(?:{_KNOWN.upper()})>|\*\|\w+\|\*|%[A-Z][A-Z_]+%"
    r"|\bX{3,}(?:-X+)*\b|\b(?:TB[ACD]|FIXME)\b|\b(?P<english>TODO)\b|(?i:\blorem ipsum\b)"
)
_ASIDE = re.compile(r"\{#.*?#\}", re.DOTALL)  # a note to oneself, which nobody is sent


def placeholders(text: str, language: str) -> Iterator[Slip]:
    """Each note that is left in a text, with the merge field that is probably meant.

    >>> [slip] = placeholders("Hi [First Name], [read it](https://a.b)", "en")
    >>> slip.start, slip.words, slip.remedy
    (3, '[First Name]', 'Write {{ contact.first_name or "there" }} in its place.')
    """
    for found in _NOTES.finditer(_ASIDE.sub(lambda aside: " " * len(aside[0]), text)):
        # In Spanish it is a word: all of it.
        if not (found["english"] and language == "es"):
            problem = f"“{found[0]}” looks like a note to be filled in."
            yield Slip(found.start(), found[0], problem, _remedy(found[0]))


def _remedy(note: str) -> str:
    said = note.replace("_", " ")
    if re.fullmatch(r"X+(-X+)+", note):
        said = "phone"
    for words, field in _MEANT:
        if re.search(rf"\b(?:{words})\b", said, re.IGNORECASE):
            return f"Write {field} in its place."
    if note in ("TODO", "FIXME"):
        return "Write the words that belong here. For a note to yourself write {# note #}."
    return f"Write the words that belong here{', or round brackets if it is no note' if note[0] == '[' else ''}."
