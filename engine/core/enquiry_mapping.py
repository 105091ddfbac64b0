"""Which column of a form's export says what: proposed once from the header, then kept as TOML."""

import collections.abc as abc
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from engine.core.consent import PURPOSES, Purpose
from engine.core.contact import Channel
from engine.core.enquiry_cells import YES, says_yes
from engine.core.findings import Finding
from engine.core.nearest import nearest
from engine.core.toml_text import Document, Path, read_toml

# What a column may say, and how the file explains it. `condition` and `comment` may be several columns.
PARTS: abc.Mapping[str, str] = {
    "first_name": "",
    "last_name": "",
    "email": "",
    "phone": "",
    "zip": "",
    "state": "",
    "language": "the language the person prefers",
    "condition": "health information",
    "comment": "health information; a wish not to be written to is honoured",
    "ip": "kept as part of the proof of consent",
    "submitted_at": "when the form was sent: consent and day 0 count from it",
}
_MANY = frozenset({"condition", "comment"})


@dataclass(frozen=True, slots=True)
class ConsentColumn:
    """A box on the form: a yes here is consent for the channel and purpose, by the wording of `form`.

    `form` names a consent form in settings; without one, no consent is taken from the column (decision 15).
    """

    column: str
    channel: Channel
    purpose: Purpose
    form: str | None


@dataclass(frozen=True, slots=True)
class Mapping:
    """How to read the exports of one form. `source` is part of every enquiry's id and never changes."""

    source: str
    columns: abc.Mapping[str, tuple[str, ...]]
    consents: tuple[ConsentColumn, ...] = ()
    yes: frozenset[str] = field(default=frozenset(YES))
    header: str | None = None

    @classmethod
    def read(cls, text: str, file: str = "mapping.toml") -> "Mapping | tuple[Finding, ...]":
        """The mapping in this TOML text, or everything that is wrong with it."""
        return _Reading(read_toml(text), file).mapping()

    def write(self) -> str:
        """The mapping as TOML with a word on each part; `read` gives back the same mapping."""
        lines = [
            "# How to read the exports of one form. Names are those in the first line of the file.",
            f"source = {_toml(self.source)}  # part of every enquiry's id: do not change it",
        ]
        if self.header is not None:
            lines.append(f"header = {_toml(self.header)}  # of the header it was made for")
        lines.append(f"yes = [{', '.join(map(_toml, sorted(self.yes)))}]  # what counts as a tick")
        lines += ["", "[columns]"]
        for part, meaning in PARTS.items():
            names = self.columns.get(part, ())
            if names:
                value = _toml(names[0]) if len(names) == 1 else f"[{', '.join(map(_toml, names))}]"
                lines.append(f"{part} = {value}" + (f"  # {meaning}" if meaning else ""))
        for consent in self.consents:
            lines += [
                "",
                "[[consent]]",
                f"column = {_toml(consent.column)}",
                f'channel = "{consent.channel}"',
            ]
            lines.append(f'purpose = "{consent.purpose}"')
            if consent.form is not None:
                lines.append(f"form = {_toml(consent.form)}  # a consent form in settings")
        return "\n".join(lines) + "\n"

    def fits(self, header: abc.Sequence[str]) -> bool:
        """Whether it was made for a file with these columns. A form that changed is to be mapped again."""
        same = self.header is None or self.header == fingerprint(header)
        return same and not self.missing(header)

    def missing(self, header: abc.Sequence[str]) -> tuple[str, ...]:
        """The columns it names that the file does not have."""
        there = {_bare(name) for name in header}
        return tuple(name for name in self.names() if _bare(name) not in there)

    def unused(self, header: abc.Sequence[str]) -> tuple[str, ...]:
        """The file's columns that it does not read."""
        read = {_bare(name) for name in self.names()}
        return tuple(name for name in header if _bare(name) not in read)

    def names(self) -> tuple[str, ...]:
        """Every column it reads."""
        parts = [name for names in self.columns.values() for name in names]
        return (*parts, *(consent.column for consent in self.consents))

    def cells(self, header: abc.Sequence[str], row: abc.Sequence[str]) -> dict[str, str]:
        """The row's cells by the names that this mapping gives to columns; a missing cell is empty."""
        places = {_bare(name): place for place, name in enumerate(header)}
        at = {name: places.get(_bare(name), len(row)) for name in self.names()}
        return {name: row[place] if place < len(row) else "" for name, place in at.items()}


def fingerprint(header: abc.Sequence[str]) -> str:
    """The header's columns and their order in sixteen letters; capitals and outer spaces do not matter."""
    return hashlib.sha256("\x1f".join(map(_bare, header)).encode()).hexdigest()[:16]


def _bare(name: str) -> str:
    return " ".join(name.split()).casefold()


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


# ------------------------------------------------------------------------------------------------- guessing

# In this order, because the first that fits takes the column: "Email me the guide" is a box, not an address.
_GUESSES: tuple[tuple[str, str], ...] = (
    ("consent sms", r"\b(?:text|sms)\b.*\bme\b|\btexts?\b|\bsms\b"),
    ("consent email", r"\bme\b.*\be-?mails?\b|\be-?mail me\b|\bnewsletters?\b|\bsubscribe\b|\bsend me\b"),
    ("submitted_at", r"\bsubmitted\b|\btimestamp\b|\bdate\b|\bcreated\b|\bsent at\b"),
    ("ip", r"\bip\b"),
    ("first_name", r"\b(?:first|given)[ _]?name\b|\bfname\b|\bforename\b"),
    ("last_name", r"\b(?:last|family)[ _]?name\b|\bsurname\b|\blname\b"),
    ("email", r"\be-?mail\b"),
    ("phone", r"\bphone\b|\bmobile\b|\bcell\b|\btel(?:ephone)?\b"),
    ("zip", r"\bzip\b|\bpost(?:al)?[ _]?code\b"),
    ("state", r"\bstate\b"),
    ("language", r"\blanguage\b|\bidioma\b"),
    ("comment", r"\banything else\b|\bcomments?\b|\bmessage\b|\bnotes?\b|\bquestions?\b"),
    ("condition", r"\bhurts?\b|\bpain\b|\bcondition\b|\bsymptoms?\b|\bconcern\b|\bdiagnosis\b|\bproblem\b"),
)


def guess_mapping(header: abc.Sequence[str], source: str = "web_form") -> Mapping:
    """A proposal to be shown and confirmed: it names no consent form, because no header can tell which.

    >>> guess_mapping(["E-mail", "Email me the guide", "Submitted at"]).consents[0].column
    'Email me the guide'
    """
    columns: dict[str, tuple[str, ...]] = {}
    consents: list[ConsentColumn] = []
    for name in header:
        bare = _bare(name).replace("_", " ")
        part = next((part for part, pattern in _GUESSES if re.search(pattern, bare)), None)
        if part is not None and part.startswith("consent"):
            consents.append(ConsentColumn(name, Channel(part.split()[1]), Purpose.MARKETING, None))
        elif part in _MANY:
            columns[part] = (*columns.get(part, ()), name)
        elif part is not None:
            columns.setdefault(part, (name,))
    return Mapping(source, columns, tuple(consents), header=fingerprint(header))


# -------------------------------------------------------------------------------------------------- reading

_TOP = ("source", "header", "yes", "columns", "consent")
_OF_CONSENT = ("column", "channel", "purpose", "form")


class _Reading:
    """One pass over a mapping's TOML that gathers what is wrong with it."""

    def __init__(self, document: Document, file: str) -> None:
        self.document, self.file = document, file
        self.findings = [Finding(file, t.line, t.column, "", t.problem, t.remedy) for t in document.troubles]

    def mapping(self) -> Mapping | tuple[Finding, ...]:
        data = self.document.data
        if data is None:
            return tuple(self.findings)
        self.known_keys(data, _TOP, ())
        source = self.source(data.get("source"))
        columns = self.columns(data.get("columns"))
        consents = self.consents(data.get("consent", []))
        yes = self.yes(data.get("yes", list(YES)))
        header = data.get("header")
        if header is not None and not isinstance(header, str):
            self.say(("header",), "It is the mark of the header this was made for.", "Leave it out.")
        read: list[str] = [n for names in columns.values() for n in names] + [c.column for c in consents]
        for name in dict.fromkeys(n for n in read if read.count(n) > 1):
            self.say(("columns",), f"The column “{name}” is used twice.", "Use it once.")
        if self.findings:
            return tuple(sorted(self.findings, key=lambda f: (f.line, f.column)))
        return Mapping(source, columns, consents, yes, header)

    def say(self, path: Path, problem: str, remedy: str) -> None:
        spot = self.document.spots.get(path)
        line, column = (spot.line, spot.column) if spot else (0, 0)
        key = ".".join(str(part) for part in path if isinstance(part, str))
        self.findings.append(Finding(self.file, line, column, key, problem, remedy))

    def known_keys(self, table: abc.Mapping[str, Any], known: abc.Sequence[str], path: Path) -> None:
        for key in table:
            if key not in known:
                meant = nearest(key, known)
                remedy = f"Write `{meant}`." if meant else f"Known here: {', '.join(known)}."
                self.say((*path, key), f"`{key}` is not known here.", remedy)

    def source(self, value: object) -> str:
        if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,39}", value):
            return value
        self.say(
            ("source",),
            "A mapping names its form, in lower-case letters, digits and _.",
            'Write source = "web_form".',
        )
        return ""

    def yes(self, value: object) -> frozenset[str]:
        listed = value if isinstance(value, list) else []
        words = [word for word in listed if isinstance(word, str) and says_yes(word, frozenset()) is None]
        if not words or len(words) < len(listed):
            self.say(("yes",), "It lists the words that count as a tick; none of them may mean no.", _YES_LIST)
            return frozenset()
        return frozenset(word.strip().casefold() for word in words)

    def columns(self, value: object) -> dict[str, tuple[str, ...]]:
        if not isinstance(value, dict):
            self.say(("columns",), "It does not say which columns to read.", "Write a table [columns].")
            return {}
        self.known_keys(value, tuple(PARTS), ("columns",))
        columns: dict[str, tuple[str, ...]] = {}
        for part in PARTS:
            names = value.get(part, [])
            listed = names if isinstance(names, list) and part in _MANY else [names]
            if names and all(isinstance(name, str) and name.strip() for name in listed):
                columns[part] = tuple(listed)
            elif names not in ("", []):
                self.say(("columns", part), "It is not the name of a column.", f'Write {part} = "…".')
        if "submitted_at" not in columns:
            self.say(("columns",), "It does not say when the form was sent.", 'Write submitted_at = "…".')
        if "email" not in columns and "phone" not in columns:
            self.say(("columns",), "It names no email and no phone column.", 'Write email = "…".')
        return columns

    def consents(self, value: object) -> tuple[ConsentColumn, ...]:
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.say(("consent",), "Each consent column is a table of its own.", "Write [[consent]].")
            return ()
        found = [self.consent(one, ("consent", place)) for place, one in enumerate(value)]
        return tuple(consent for consent in found if consent is not None)

    def consent(self, table: abc.Mapping[str, Any], path: Path) -> ConsentColumn | None:
        self.known_keys(table, _OF_CONSENT, path)
        column, channel, form = table.get("column"), table.get("channel"), table.get("form")
        purpose = table.get("purpose", Purpose.MARKETING.value)
        before = len(self.findings)
        if not isinstance(column, str) or not column.strip():
            self.say((*path, "column"), "A consent needs its column.", 'Write column = "…".')
        if not isinstance(channel, str) or channel not in list(Channel):
            self.say((*path, "channel"), "A consent is for one channel.", 'Write "email" or "sms".')
        if purpose not in [p.value for p in PURPOSES]:
            self.say((*path, "purpose"), "It is no purpose.", 'Write "marketing", "appointment" or "care".')
        if form is not None and (not isinstance(form, str) or not form.strip()):
            self.say((*path, "form"), "It names no consent form.", "Write the name it has in settings.")
        if len(self.findings) > before:
            return None
        return ConsentColumn(str(column), Channel(str(channel)), Purpose(purpose), form)


_YES_LIST = 'Write yes = ["yes", "true", "1"].'
