"""Takes values out of a TOML table, and keeps every mistake with its place, its key and its remedy."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, TypeVar

from engine.core.findings import Finding
from engine.core.nearest import nearest
from engine.core.time_words import Wrong
from engine.core.toml_text import Document, Path, Spot

_T = TypeVar("_T")
_NOWHERE = Spot(1, 1, 1, 1, 0)


@dataclass(slots=True)
class Page:
    """One file while it is read. What could not be read as TOML is among the findings from the start."""

    file: str
    document: Document
    findings: list[Finding] = field(default_factory=list)
    meant: set[Path] = field(default_factory=set)  # keys that unknown ones were taken for

    def __post_init__(self) -> None:
        for t in self.document.troubles:
            self.findings.append(Finding(self.file, t.line, t.column, "", t.problem, t.remedy))

    def spot(self, path: Path) -> Spot:
        """Where this path stands; else the nearest thing around it."""
        while path and path not in self.document.spots:
            path = path[:-1]
        return self.document.spots.get(path, _NOWHERE)

    def wrong(self, path: Path, problem: str, remedy: str, *, at_key: bool = False, into: int | None = None) -> None:
        """Note a mistake at a value (`into`: so many letters into its text), or at its key."""
        spot = self.spot(path)
        line, column = (spot.key_line, spot.key_column) if at_key else (spot.line, spot.column)
        if into is not None:
            line, column = self._inside(spot, path, into)
        self.findings.append(Finding(self.file, line, column, label(path), problem, remedy))

    def missing(self, path: Path, problem: str, remedy: str) -> None:
        """Note something that is not there. Not when it may be in a line that could not be read, or is misspelt."""
        if not self.document.troubles and path not in self.meant:
            self.wrong(path, problem, remedy, at_key=True)

    def _inside(self, spot: Spot, path: Path, into: int) -> tuple[int, int]:
        """Line and column of a letter of a text value; of the value itself where the text holds escapes."""
        source = self.document.text
        value = _value_at(self.document.data, path)
        start = spot.index + (3 if source[spot.index : spot.index + 3] in ('"""', "'''") else 1)
        start += source[start : start + 1] == "\n"
        if not isinstance(value, str) or source[start : start + len(value)] != value:
            return spot.line, spot.column
        before = source[: start + into]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def label(path: Path) -> str:
    """A path as people say it: ("step", 1, "after") is step.after."""
    return ".".join(part for part in path if isinstance(part, str))


def _value_at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file: the whole of it, `[enrol]`, one `[[step]]`."""

    page: Page
    path: Path
    values: Mapping[str, Any]

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def wrong(self, key: str, problem: str, remedy: str, *, at_key: bool = False) -> None:
        """Note a mistake at this key's value, or at the key itself."""
        self.page.wrong((*self.path, key), problem, remedy, at_key=at_key)

    def missing(self, key: str, problem: str, remedy: str, *, instead: Iterable[str] = ()) -> None:
        """Note that this key is not there, nor any that would do `instead`, at the table's own place."""
        if not any((*self.path, other) in self.page.meant for other in instead):
            self.page.missing((*self.path, key), problem, remedy)

    def text(self, key: str) -> str | None:
        """A value in quotes; None, with a finding, when it is something else or empty."""
        return self._text(key, self.values[key], (*self.path, key))

    def _text(self, key: str, value: Any, path: Path) -> str | None:
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, str):
            self.page.wrong(path, f"`{key}` is empty.", "Write something between the quotes, or remove the line.")
        elif isinstance(value, list | dict):
            self.page.wrong(path, f"`{key}` holds one text.", f'Write it like `{key} = "..."`.')
        else:
            self.page.wrong(path, f"`{key}` is written in quotes.", f'Write `{key} = "{_bare(value)}"`.')
        return None

    def read(self, key: str, reader: Callable[[str], _T]) -> _T | None:
        """A text value, understood by `reader`; None when absent, or wrong (then with a finding)."""
        if key not in self.values:
            return None
        text = self.text(key)
        return None if text is None else self._understood(key, text, (*self.path, key), reader)

    def _understood(self, key: str, text: str, path: Path, reader: Callable[[str], _T]) -> _T | None:
        try:
            return reader(text)
        except Wrong as wrong:
            remedy = wrong.remedy
            if path[-1] == key:  # not inside a list: then the whole line can be written out
                remedy = re.sub(r"^Write `([^`]+)`(?=[.;])", lambda m: f'Write `{key} = "{m.group(1)}"`', remedy)
            self.page.wrong(path, wrong.problem, remedy)
            return None

    def several(self, key: str, reader: Callable[[str], _T]) -> tuple[_T, ...]:
        """One text or a list, each understood by `reader`; what is wrong is left out, with a finding."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            read = self.read(key, reader)
            return () if read is None else (read,)
        found: list[_T] = []
        for number, item in enumerate(value):
            path = (*self.path, key, number)
            text = self._text(key, item, path)
            read = None if text is None else self._understood(key, text, path, reader)
            if read in found and read is not None:
                self.page.wrong(path, f"“{text}” is in the list twice.", "Remove one.")
            elif read is not None:
                found.append(read)
        if key in self.values and not value:
            self.wrong(key, "The list is empty.", "Name something in it, or remove the line.")
        return tuple(found)

    def number(self, key: str, least: int, most: int) -> int | None:
        """A whole number without quotes; None when absent or wrong (then with a finding)."""
        if key not in self.values:
            return None
        value = self.values[key]
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        if isinstance(value, str) and (digits := re.search(r"\d+", value)) and least <= int(digits.group()) <= most:
            remedy = f"Write `{key} = {int(digits.group())}`."
        else:
            remedy = f"Write one from {least} to {most}."
        self.wrong(key, f"`{key}` is a whole number without quotes, from {least} to {most}.", remedy)
        return None

    def table(self, key: str) -> "Table | None":
        """The table under a heading `[key]`; None when absent or wrong (then with a finding)."""
        value = self.values.get(key)
        path = (*self.path, key)
        if isinstance(value, dict):
            return Table(self.page, path, value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            self.page.wrong((*path, 0), f"There is only one `[{key}]`.", f"Write `[{key}]` with single brackets.")
        elif key in self.values:
            problem = f"`{key}` is a heading with lines under it."
            self.wrong(key, problem, f"Write `[{key}]` on a line of its own.", at_key=True)
        return None

    def only(self, known: Iterable[str], later: Iterable[str], elsewhere: Mapping[str, str]) -> None:
        """Note every key that is not known. `elsewhere`: the remedy for keys that belong to another place.

        To be called before `missing`, which passes over what is only misspelt.
        """
        known = tuple(known)
        for key, value in self.values.items():
            if key in known:
                continue
            path = (*self.path, key)
            heading = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict) for v in value))
            if isinstance(value, list) and heading:
                path = (*path, 0)
            if key in later:
                self.page.wrong(path, f"`{key}` is not yet built.", "Remove it for now.", at_key=True)
                continue
            close = nearest(key, known)
            if close and heading:
                close = f"[[{close}]]" if isinstance(value, list) else f"[{close}]"
            remedy = elsewhere.get(key) or (f"Did you mean `{close}`?" if close else f"Known are: {', '.join(known)}.")
            self.page.meant |= {(*self.path, word) for word in re.findall(r"`\[*(\w+)", remedy) if word in known}
            self.page.wrong(path, f"`{key}` is not known here.", remedy, at_key=True)


def _bare(value: object) -> str:
    """A value that was written without quotes, as it belongs between them."""
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
