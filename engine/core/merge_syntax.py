"""Why a template cannot be read: a merge field, a choice or a note that is not closed, or is not one.

Jinja2 says what it waited for, at the place where it gave up. Its author is told where it begins, and what to write.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from jinja2 import TemplateSyntaxError

from engine.core.merge import KNOWN, TEXT
from engine.core.nearest import nearest

FALLBACK = 'Write a field, as in {{ contact.first_name or "there" }}.'
CHOICE = "Only if, elif, else and endif are understood, as in {% if anchor.day %} ... {% endif %}."

_OPENING = re.compile(r"\{[{%#]")
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
_KIND = {"{{": "merge field", "{%": "{% ... %}", "{#": "{# note #}"}
# As much of an unclosed field as is surely one: a name, and what follows it as a fallback or a change of letters.
_FIELD = re.compile(
    r"\{\{-?[ \t]*[\w.]+(?:[ \t]*(?:\bor\b|\|)[ \t]*(?:\"[^\"\n]*\"|'[^'\n]*'|[\w.]+(?:\([^()\n]*\))?))*"
)
_CURLY = re.compile("[“”„«»‘’]")
_STRAIGHT = '"'


class Slip(NamedTuple):
    """A mistake at `start` of a text (from 0), and the words that are meant there."""

    start: int
    words: str
    problem: str
    remedy: str


def syntax_slips(text: str) -> list[Slip]:
    """Every place at which a text that Jinja2 refused is not written as it should be; none: it is something else.

    >>> [(slip.start, slip.problem) for slip in syntax_slips("Hi {{ contact.first_name, call {{ clinic.phone }}")]
    [(3, 'This merge field is not closed.')]
    """
    slips: list[Slip] = []
    ifs: list[tuple[int, str]] = []
    for start, whole, closed in _pieces(text):
        if not closed:
            slips.append(_unclosed(start, whole))
        elif whole.startswith("{{"):
            slips += _unreadable_field(start, whole)
        elif whole.startswith("{%"):
            slips += _statement(start, whole, ifs)
    slips += [
        Slip(start, whole, "This if is not closed.", "Write {% endif %} where its words end.") for start, whole in ifs
    ]
    return sorted(slips)


def _pieces(text: str) -> Iterator[tuple[int, str, bool]]:
    """Each `{{ ... }}`, `{% ... %}` and `{# ... #}`, and whether it is closed before the next one begins."""
    at = 0
    while opening := _OPENING.search(text, at):
        start, kind = opening.start(), opening[0]
        following = None if kind == "{#" else _OPENING.search(text, opening.end())
        limit = following.start() if following else len(text)
        end = text.find(_CLOSING[kind], opening.end(), limit)
        at = opening.end() if end < 0 else end + 2
        yield start, text[start:limit].partition("\n")[0].rstrip() if end < 0 else text[start:at], end >= 0


def _unclosed(start: int, begun: str) -> Slip:
    kind = begun[:2]
    remedy = f"Write {_CLOSING[kind]} behind it."
    if found := _FIELD.match(begun):
        begun = found[0]
        remedy = f"Write }}}} behind it: {begun} }}}}"
    return Slip(start, begun, f"This {_KIND[kind]} is not closed.", remedy)


def _reads(text: str) -> bool:
    try:
        TEXT.parse(text)
    except TemplateSyntaxError:
        return False
    return True


def _unreadable_field(start: int, whole: str) -> Iterator[Slip]:
    if _reads(whole):
        return
    inside = whole.strip("{}- \t\n")
    if curly := _CURLY.search(whole):
        problem = f"This merge field cannot be read with curly quotes ({curly[0]})."
        yield Slip(start, whole, problem, f"Write {_CURLY.sub(_STRAIGHT, whole)}")
        return
    name = re.match(r"[A-Za-z]\w*(?:[ .-]+\w+)*?(?= or\b|\s*\||$)", inside)
    meant = meant_by(name[0]) if name else None
    remedy = f"Did you mean {meant}?" if meant else FALLBACK
    yield Slip(start, whole, "This merge field cannot be read." if inside else "This merge field is empty.", remedy)


def meant_by(words: str) -> str | None:
    """The merge field that is called like these words, as it is written; None: there is none.

    >>> meant_by("clinic phone"), meant_by("FirstName"), meant_by("shoe size")
    ('{{ clinic.phone }}', '{{ contact.first_name or "there" }}', None)
    """
    every = [(space, key) for space, keys in KNOWN.items() for key in keys]
    fields = {key: f"{space}.{key}" for space, key in every} | {
        f"{space}_{key}": f"{space}.{key}" for space, key in every
    }
    found = nearest("_".join(re.findall(r"\w+", words)), fields)
    if found is None:
        return None
    fallback = ' or "there"' if fields[found] == "contact.first_name" else ""
    return f"{{{{ {fields[found]}{fallback} }}}}"


def _statement(start: int, whole: str, ifs: list[tuple[int, str]]) -> Iterator[Slip]:
    """What is wrong with one `{% ... %}`; `ifs` are those that are open, and are kept up."""
    word, _, rest = whole.strip("{}%-+ \t\n").partition(" ")
    if word not in ("if", "elif", "else", "endif"):
        yield Slip(start, whole, f"“{word}” is not for templates.", CHOICE)
    elif word != "if" and not ifs:
        remedy = "Write {% if ... %} where its words begin, or take this out."
        yield Slip(start, whole, f"There is no open if for this {word}.", remedy)
    elif word in ("if", "elif") and not _reads(f"{{% if {rest} %}}{{% endif %}}"):
        yield _unreadable_if(start, whole, word)
    if word == "if":
        ifs.append((start, whole))
    elif word == "endif" and ifs:
        ifs.pop()


def _unreadable_if(start: int, whole: str, word: str) -> Slip:
    if curly := _CURLY.search(whole):
        problem = f"This {word} cannot be read with curly quotes ({curly[0]})."
        return Slip(start, whole, problem, f"Write {_CURLY.sub(_STRAIGHT, whole)}")
    remedy = f'Write it like {{% {word} anchor.day %}} or {{% {word} event.kind == "enquiry" %}}.'
    return Slip(start, whole, f"This {word} cannot be read.", remedy)
