"""The head of an email template: a few `key: value` lines between two lines of dashes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.core.findings import Finding
from engine.core.nearest import nearest

KEYS = ("subject", "preheader", "phi", "attach", "hedges", "facts")
_LINE = re.compile(r"(?P<key>[A-Za-z_][\w-]*)(?P<gap>\s*[:=]\s*)(?P<value>.*)")
_EXAMPLE = "---\nsubject: ...\npreheader: ...\n---"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of the head, where it stands."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a template, and what comes after it. `body_line` is the body's first line in the file.

    `hedges` and `facts`: the ids of the reminders that the email carries (H1) and of the facts that it uses (F-10), by
    which the clinic signs it off; the content gate compares them with the words.
    """

    subject: Entry
    preheader: Entry
    phi: Literal[0, 1, 2]
    attach_calendar: bool
    body: str
    body_line: int
    hedges: tuple[Entry, ...] = ()
    facts: tuple[Entry, ...] = ()


def read_head(source: str, file: str) -> tuple[Head | None, list[Finding]]:
    """Read the head of a template. `Head` is None when a finding makes it useless.

    >>> source = "---\\nsubject: Hello\\npreheader: A word\\nphi: 1\\n---\\nDear you,\\n"
    >>> head, findings = read_head(source, "x.email.md")
    >>> head.subject.text, head.phi, head.body, head.body_line, findings
    ('Hello', 1, 'Dear you,\\n', 6, [])
    """
    lines = source.split("\n")
    fence = lines[0].strip()
    end = next((i for i, line in enumerate(lines) if i and line.strip() == fence), None)
    if fence not in ("---", "+++") or end is None:
        return None, [_no_head(file, fence)]
    entries, findings = _entries(lines[1:end], file)
    phi = _phi(entries, file, findings)
    attach = _attach(entries, file, findings)
    for key in ("subject", "preheader"):
        entries[key] = _needed(key, entries, file, findings)
    body = "\n".join(lines[end + 1 :])
    if not body.strip():
        remedy = "Write them below the second line of dashes."
        findings.append(Finding(file, end + 1, 1, "", "The email has no words.", remedy))
    hedges, facts = (_ids(entries.get(key), shape, file, key, findings) for key, shape in _IDS.items())
    head = Head(entries["subject"], entries["preheader"], phi, attach, body, end + 2, hedges, facts)
    return head, findings


def _no_head(file: str, fence: str) -> Finding:
    """What is wrong when there is no head: `fence` is the first line."""
    remedy = f"Begin the file with:\n{_EXAMPLE}"
    problem = "The file does not begin with its subject and preheader between two lines of dashes."
    if fence in ("---", "+++"):
        problem, remedy = "The head has no end.", f"Write {fence} on a line of its own below the preheader."
    elif fence and not fence.strip("-–—― "):
        problem = "The head begins with a line of three hyphens (---), and this is a dash of another kind."
    return Finding(file, 1, 1, "", problem, remedy)


def _entries(lines: list[str], file: str) -> tuple[dict[str, Entry], list[Finding]]:
    entries: dict[str, Entry] = {}
    findings: list[Finding] = []
    for number, line in enumerate(lines, start=2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        key = match["key"] if match else ""
        if match is None:
            remedy = "Write key: value, the value on the same line."
            findings.append(Finding(file, number, 1, "", "This line is no `key: value`.", remedy))
        elif key not in KEYS:
            meant = nearest(key, KEYS)
            remedy = f"Did you mean {meant}?" if meant else f"Known keys: {', '.join(KEYS)}."
            findings.append(Finding(file, number, 1, key, f"The key “{key}” is not known.", remedy))
        elif key in entries:
            findings.append(Finding(file, number, 1, key, f"The {key} is given twice.", "Keep one of them."))
        else:
            column = line.index(key) + match.start("value") + 1
            entries[key] = Entry(_unquoted(match["value"]), number, column)
    return entries, findings


def _needed(key: str, entries: Mapping[str, Entry], file: str, findings: list[Finding]) -> Entry:
    """The words of a line that every email has. One that is only misspelt is not called missing as well."""
    entry = entries.get(key)
    if entry is not None and entry.text:
        return entry
    if entry is not None:
        findings.append(Finding(file, entry.line, 1, key, f"The {key} is empty.", "Write the words behind it."))
    elif not any(nearest(finding.key, KEYS) == key for finding in findings if finding.key not in KEYS):
        remedy = f"Write a line of its own between the lines of dashes: {key}: and then the words."
        findings.append(Finding(file, 1, 1, key, f"The {key} is missing.", remedy))
    return entry or Entry("", 1, 1)


def _unquoted(text: str) -> str:
    """Without the quotes around the whole value; quotes inside it stay.

    >>> _unquoted('"Hello"'), _unquoted('"a" or "b"')
    ('Hello', '"a" or "b"')
    """
    text = text.strip()
    whole = len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]
    return text[1:-1] if whole else text


_LEVELS: Mapping[str, Literal[0, 1, 2]] = {"0": 0, "1": 1, "2": 2}


def _phi(entries: Mapping[str, Entry], file: str, findings: list[Finding]) -> Literal[0, 1, 2]:
    entry = entries.get("phi")
    if entry is None:
        return 0
    if entry.text not in _LEVELS:
        remedy = (
            "Write 0 (generic), 1 (says that the person is a patient or has an appointment) "
            "or 2 (names their therapy, body part or condition)."
        )
        findings.append(Finding(file, entry.line, entry.column, "phi", "The phi level is 0, 1 or 2.", remedy))
    return _LEVELS.get(entry.text, 2)


_IDS = {"hedges": re.compile(r"H\d"), "facts": re.compile(r"F-\d{1,2}")}
_CALLED = {"hedges": "a reminder", "facts": "a fact"}
_SHOWN = {"hedges": "H1, H2, H7", "facts": "F-10, F-12"}


def _ids(
    entry: Entry | None, shape: re.Pattern[str], file: str, key: str, findings: list[Finding]
) -> tuple[Entry, ...]:
    """The ids of a list such as `H1, H2`, each where it stands."""
    found: list[Entry] = []
    for said in re.finditer(r"[^\s,]+", entry.text) if entry else ():
        assert entry is not None
        one = Entry(said[0], entry.line, entry.column + said.start())
        if not shape.fullmatch(one.text):
            remedy = f"Write them like this: {key}: {_SHOWN[key]}"
            findings.append(
                Finding(file, one.line, one.column, key, f"“{one.text}” is not how {_CALLED[key]} is named.", remedy)
            )
        elif any(one.text == other.text for other in found):
            findings.append(Finding(file, one.line, one.column, key, f"{one.text} is named twice.", "Remove one."))
        else:
            found.append(one)
    return tuple(found)


def _attach(entries: Mapping[str, Entry], file: str, findings: list[Finding]) -> bool:
    entry = entries.get("attach")
    if entry is not None and entry.text != "calendar":
        problem, remedy = "Only a calendar entry can be attached.", "Write calendar, or take the line out."
        findings.append(Finding(file, entry.line, entry.column, "attach", problem, remedy))
    return entry is not None
