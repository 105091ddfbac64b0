"""How things are shown: times on the clinic's clock, tables, JSON, masked addresses."""

import getpass
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

CHANNELS = {"email": "email", "sms": "text"}
_WIDTH_IN_FILES = 200


def stamp(moment: datetime | None, zone: str) -> str:
    """For lines that are sorted and searched: 2026-11-20 10:00 EST."""
    return "-" if moment is None else f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"


def day_and_time(moment: datetime, zone: str) -> str:
    """For sentences: Fri Nov 20 2026, 10:00 AM EST."""
    there = moment.astimezone(ZoneInfo(zone))
    return f"{there:%a %b} {there.day} {there.year}, {there:%I:%M %p %Z}".replace(", 0", ", ")


def day(moment: datetime, zone: str) -> str:
    """For sentences that need no hour: Nov 20 2026."""
    there = moment.astimezone(ZoneInfo(zone))
    return f"{there:%b} {there.day} {there.year}"


def count(number: int, one: str, many: str = "") -> str:
    """1 message, 2 messages."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(text: str) -> str:
    """What somebody wrote, without the characters that would drive a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def masked(channel: str, address: str) -> str:
    """An address as it may be read over a shoulder."""
    from engine.core.contact import mask_email, mask_phone

    return mask_email(address) if channel == "email" else mask_phone(address)


def initials(*names: str | None) -> str:
    """A person as they may be named over a shoulder: A. R."""
    return " ".join(f"{name[0]}." for name in names if name) or "no name"


def say(text: str = "") -> None:
    """One line, or several, on stdout."""
    typer.echo(text)


def aside(text: str) -> None:
    """Something on stderr, so that stdout stays what was asked for."""
    typer.echo(text, err=True)


def say_json(value: Any) -> None:
    """One JSON document on one line."""
    say(json.dumps(plainly(value), ensure_ascii=False))


def columns(row: Any, *without: str) -> dict[str, Any]:
    """A row of the database by its columns' names."""
    return {key: value for key, value in row._mapping.items() if key not in without}


def plainly(value: Any) -> Any:
    """As JSON knows it: moments in ISO, dataclasses and mappings as objects."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    match value:
        case Mapping():
            return {str(key): plainly(one) for key, one in value.items()}
        case datetime():
            return value.isoformat()
        case str() | int() | float() | bool() | None:
            return value
        case Iterable():
            return [plainly(one) for one in value]
    return str(value)


def console(*, err: bool = False) -> "Console":
    """rich, without guesses of its own: no markup, no highlighting; into a file the lines are not folded."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else _WIDTH_IN_FILES
    return Console(stderr=err, highlight=False, markup=False, emoji=False, width=width)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[str] = ()) -> None:
    """A table. `right`: the columns of numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for head in heads:
        made.add_column(head, justify="right" if head in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(plain(str(cell))) for cell in row))
    screen = console()
    with screen.capture() as caught:
        screen.print(made)
    say("\n".join(line.rstrip() for line in caught.get().rstrip("\n").split("\n")))


def progress() -> "Progress":
    """A bar on stderr, and only where somebody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    screen = console(err=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)


def heading(text: str) -> None:
    """A line that begins a part."""
    say()
    say(typer.style(text, bold=True))


def someone() -> str:
    """Who sits at this terminal, for the record of human acts."""
    try:
        return getpass.getuser()[:64]
    except (OSError, KeyError, ImportError):
        return "staff"
