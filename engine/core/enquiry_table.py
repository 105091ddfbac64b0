"""An enquiry export as a table of cells; its rejected rows as a file to be corrected and read again."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine.core.contact import Refusal, tidy

PROBLEM, REMEDY = "Problem", "What to write"  # the two columns a rejects file has more

_SAVE_AS_UTF8 = "Save it as “CSV UTF-8” and import that file."
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_SEPARATOR_LINE = re.compile(r"\A\"?sep=([,;\t|])\"?(?:\r\n|\r|\n)")
# What a spreadsheet would run as a formula, however many apostrophes already stand before it.
_FORMULA = re.compile(r"'*\s*[=+\-@＝＋－＠]|'*[\t\r\n]")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was refused: in which column (empty: the row as a whole), what is wrong, what to write."""

    column: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.column}: {self.problem}" if self.column else self.problem


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `number` is the row's in a spreadsheet (header: 1); its text begins in line `line`."""

    number: int
    line: int
    cells: tuple[str, ...] = field(repr=False)

    @property
    def blank(self) -> bool:
        """Whether no cell holds anything."""
        return not any(tidy(cell) for cell in self.cells)

    def misfit(self, width: int) -> Problem | None:
        """Why the row as a whole cannot be trusted: with cells cut off or added, any may be out of place."""
        if len(self.cells) < width:
            return Problem(
                "",
                f"The row has {len(self.cells)} of {width} cells.",
                "Check that each cell stands in its column, and fill in those that were cut off.",
            )
        if any(tidy(cell) for cell in self.cells[width:]):
            return Problem(
                "",
                f"The row has {len(self.cells)} cells instead of {width}.",
                "Check that each cell stands in its column, and delete what is over at the end of the row.",
            )
        if any("\x00" in cell for cell in self.cells):
            return Problem("", "The row holds a character that is no text.", "Type the damaged cell again.")
        return None


@dataclass(frozen=True, slots=True)
class Table:
    """`header`: the columns' names, trimmed, each once. `as_written`: the same cells as the file has them."""

    header: tuple[str, ...]
    as_written: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not taken, with every reason. A `blank` one needs no correction."""

    number: int
    line: int
    problems: tuple[Problem, ...]
    cells: tuple[str, ...] = field(repr=False)
    blank: bool = False


def read_table(data: bytes) -> Table | Refusal:
    """The header and rows of a CSV file in UTF-8, separated by commas, semicolons or tabs.

    A file that cannot be trusted as a whole (another encoding, a quote that never closes) is refused.
    Short and long rows are kept as they are. A file made by `rejects_csv` is read back as the
    original cells.

    >>> read_table(b"Name;Phone\\r\\nAnn;215-555-0101\\r\\n").rows[0].cells
    ('Ann', '215-555-0101')
    """
    text = _decoded(data)
    if isinstance(text, Refusal):
        return text
    text, delimiter = _delimiter(text)
    try:
        records = list(_records(text, delimiter))
    except _BrokenQuotes as broken:
        return Refusal(
            f"The quotes do not fit in the text that begins in line {broken.line}.",
            'Put " around the whole cell and write each " inside it twice, or export the file again.',
        )
    if not records:
        return Refusal("The file is empty.", "Export it again, with the names of the columns in its first line.")
    _, _, written = records[0]
    if any(re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", tidy(cell)) for cell in written):
        return Refusal("The first line holds a person, not the names of the columns.", "Add a line of names above it.")
    rows = [Row(number, line, cells) for number, line, cells in records[1:]]
    at = _problem_columns(written)
    if at is not None:
        written = _original(written, at)
        rows = [Row(row.number, row.line, _original(row.cells, at)) for row in rows]
    return Table(_names(written), written, tuple(rows))


def rejects_csv(as_written: Sequence[str], rejects: Iterable[Reject]) -> str:
    """A CSV file of the rejected rows: their cells as they came, then what is wrong and what to write.

    A cell that a spreadsheet would run as a formula gets an apostrophe in front; `read_table` takes it off
    again. Cells that a row has too many stand after the two added columns. Blank rows are left out. The text
    begins with a byte order mark, which Excel needs to read UTF-8.
    """
    width = len(as_written)
    lines = [[*map(_guarded, as_written), PROBLEM, REMEDY]]
    for reject in rejects:
        if not reject.blank:
            cells = [_guarded(cell) for cell in reject.cells]
            cells += [""] * (width - len(cells))
            problem = " | ".join(map(str, reject.problems))
            remedy = " | ".join(dict.fromkeys(p.remedy for p in reject.problems if p.remedy))
            lines.append([*cells[:width], _guarded(problem), _guarded(remedy), *cells[width:]])
    return "\ufeff" + "".join(",".join(map(_quoted, cells)) + "\r\n" for cells in lines)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _guarded(cell: str) -> str:
    return "'" + cell if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def _problem_columns(written: Sequence[str]) -> int | None:
    """Where "Problem" stands with "What to write" after it: then this is a rejects file come back."""
    names = [tidy(cell) for cell in written]
    pairs = pairwise(names)
    return next((at for at, pair in enumerate(pairs) if pair == (PROBLEM, REMEDY)), None)


def _original(cells: Sequence[str], at: int) -> tuple[str, ...]:
    return tuple(_unguarded(cell) for cell in (*cells[:at], *cells[at + 2 :]))


def _decoded(data: bytes) -> str | Refusal:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:4096].count(0) > len(data[:4096]) // 10:
        return Refusal("The file is not in UTF-8 (it looks like UTF-16).", _SAVE_AS_UTF8)
    if data[:4] == b"PK\x03\x04":
        return Refusal("This is a workbook, not a CSV file.", _SAVE_AS_UTF8)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Refusal(f"The file is not in UTF-8 (line {line} has a letter in another encoding).", _SAVE_AS_UTF8)


def _delimiter(text: str) -> tuple[str, str]:
    """The text without Excel's "sep=;" line, and the character between its cells."""
    said = _SEPARATOR_LINE.match(text)
    if said:
        # The line stays as an empty one, so that line numbers are still those of the file.
        return text[: said.start()] + "\n" + text[said.end() :], said.group(1)
    first = next((line for line in _LINE.findall(text) if line.strip()), "")
    outside_quotes = re.sub(r'"[^"]*"?', "", first)
    return text, max(",;\t", key=outside_quotes.count)


class _BrokenQuotes(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _records(text: str, delimiter: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """(number, line, cells) of each record with cells. Strict: an open quote would swallow what follows."""
    reader = csv.reader(_LINE.findall(text), delimiter=delimiter, strict=True)
    number, line = 0, 1
    try:
        for cells in reader:
            number += 1
            if cells:
                yield number, line, tuple(cells)
            line = reader.line_num + 1
    except csv.Error:
        raise _BrokenQuotes(line) from None


def _names(written: Sequence[str]) -> tuple[str, ...]:
    """Each column's name once: "Email", "Email (2)"; a column without a name is "Column 5"."""
    names: list[str] = []
    for place, cell in enumerate(written, start=1):
        name = " ".join(tidy(cell).split()) or f"Column {place}"
        taken = {n.casefold() for n in names}
        copy, count = name, 1
        while copy.casefold() in taken:
            count += 1
            copy = f"{name} ({count})"
        names.append(copy)
    return tuple(names)
