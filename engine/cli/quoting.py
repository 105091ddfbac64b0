"""How a finding is shown: its sentence, the line it is about with a caret under the words, and what to write."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from engine.cli.showing import count, plain
from engine.core.findings import Finding, Severity

# A secret that strayed into settings.toml is found there, and never shown.
_QUOTED = ("campaigns/", "templates/", "mappings/")
_WIDEST = 100  # letters of a line that are shown
_BEFORE = 40  # of which so many stand before the words that are meant
# A merge field, words in quotes, an HTML tag, a picture, a link's address, a heading, a word.
_TOKEN = re.compile(
    r"\{[{%].*?[}%]\}|\{[^{}]*\}|\"[^\"]*\"|'[^']*'|<[^<>]+>|!\[[^\]]*\]\([^)]*\)|\]?\([^()]*\)|\[+[\w.]+\]+|[\w.-]+|."
)


def shown(finding: Finding, project: Path, *, note: bool = False) -> Iterator[str]:
    """The lines in which one finding is told."""
    place = ":".join([finding.file, *(str(number) for number in (finding.line, finding.column) if number > 0)])
    mark = "note: " if note else "" if finding.severity is Severity.ERROR else f"{finding.severity}: "
    subject = f"{finding.key}: " if finding.key else ""
    yield plain(f"{place}  {mark}{subject}{finding.problem}")
    yield from _quoted(finding, project)
    rule = f" ({finding.rule})" if finding.rule else ""
    if finding.why or rule:
        yield plain(f"   Why: {finding.why}{rule}" if finding.why else f"   Rule: {finding.rule}")
    for line in filter(None, finding.remedy.split("\n")):
        yield plain(f"   {line}")


def account(findings: Iterable[Finding]) -> Iterator[str]:
    """How many errors and warnings there are, in all and by file; of at least one finding."""
    every = list(findings)
    files = dict.fromkeys(finding.file for finding in every)
    if len(files) == 1:
        yield f"{_counted(every)} in {next(iter(files))}."
        return
    yield f"{_counted(every)} in {count(len(files), 'file')}:"
    width = max(map(len, files))
    for file in files:
        yield f"   {file:<{width}}  {_counted([finding for finding in every if finding.file == file])}"


def _counted(findings: list[Finding]) -> str:
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    said = [count(number, word) for number, word in ((errors, "error"), (len(findings) - errors, "warning")) if number]
    return " and ".join(said)


def _quoted(finding: Finding, project: Path) -> Iterator[str]:
    """The line, and carets under what is meant."""
    lines = _lines(project / finding.file) if finding.file.startswith(_QUOTED) else ()
    if not 0 < finding.line <= len(lines):
        return
    line = lines[finding.line - 1].replace("\t", " ").rstrip()
    if not line:
        return
    start, end = meant(line, max(finding.column - 1, 0), finding.phrase)
    left = max(0, start - _BEFORE) if len(line) > _WIDEST else 0
    cut = line[left : left + _WIDEST]
    before = f"{'… ' if left else ''}{line[left:start]}"
    carets = "^" * max(_width(line[start : min(end, left + _WIDEST)]), 1)
    margin = f"{finding.line:>5} | "
    text = f"{'… ' if left else ''}{cut}{' …' if left + _WIDEST < len(line) else ''}"
    yield f"{margin}{plain(text)}"
    yield f"{' ' * (len(margin) - 2)}| {' ' * _width(before)}{carets}"


def meant(line: str, start: int, phrase: str = "") -> tuple[int, int]:
    """Where the words that are meant begin and end in a line: the phrase, else what stands at `start`.

    >>> meant('after = "2 dys"', 8), meant("No risk at  all!", 0, "risk at all")
    ((8, 15), (3, 15))
    """
    if phrase:
        words = re.compile(r"\s+".join(re.escape(word) for word in phrase.split()), re.IGNORECASE)
        found = words.search(line, start) or words.search(line)
        return found.span() if found else (start, max(min(start + len(phrase), len(line)), start + 1))
    token = _TOKEN.match(line, start)
    return token.span() if token else (start, start + 1)


def _width(text: str) -> int:
    """The columns of a terminal that a text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@cache
def _lines(path: Path) -> tuple[str, ...]:
    """The lines of a file as they were counted; none when it cannot be read."""
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError:
        return ()
    return tuple(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
