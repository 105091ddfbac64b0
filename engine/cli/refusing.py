"""How `nurture` says no: one or more plain sentences on stderr and an exit code, never a traceback.

0  done
1  what was asked for failed, or was found wanting: findings, an unreadable file, an account that does not balance
2  the command was not understood: an option or a value that cannot be right
3  what was named is not there: no such contact, message, campaign or task; or several fit
130  ended by Ctrl+C
"""

from collections.abc import Callable, Iterable
from traceback import walk_tb
from typing import Any

DONE, FAILED, MISUSED, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 130


class No(Exception):
    """The command ends here. The sentences say why and what to do; none repeats what was typed about a person."""

    def __init__(self, *sentences: str, code: int = FAILED) -> None:
        super().__init__("\n".join(sentences))
        self.sentences, self.code = sentences, code


def not_found(*sentences: str) -> No:
    """Something was named that is not there."""
    return No(*sentences, code=NOT_FOUND)


def misused(*sentences: str) -> No:
    """Options that do not go together, or a value that cannot be right."""
    return No(*sentences, code=MISUSED)


def told(error: Exception) -> No | None:
    """What to say of an error that was to be expected; None for one that was not."""
    if isinstance(error, No):
        return error
    return next((say(error) for kind, say in _known() if isinstance(error, kind)), None)


def surprise(error: Exception) -> No:
    """What to say of an error that nobody expected: its class and place only, its text may hold somebody's data."""
    frames = [(frame.f_code.co_filename.replace("\\", "/"), line) for frame, line in walk_tb(error.__traceback__)]
    ours = [f"engine/{file.rpartition('/engine/')[2]}, line {line}" for file, line in frames if "/engine/" in file]
    return No(
        f"Something unexpected went wrong: {type(error).__name__} in {ours[-1] if ours else 'an unknown place'}.",
        "Please tell the engineers. `nurture --traceback ...` shows them more; it may show patients' data too.",
    )


def _known() -> Iterable[tuple[type[Exception], Callable[[Any], No]]]:
    # Only called once something has gone wrong, so these imports cost nothing in good times.
    import sqlalchemy as sa

    from engine.core.campaign import Refused
    from engine.house import UnknownForm
    from engine.intake import IntakeError
    from engine.store import StoreError
    from engine.tick import ClockTurnedBack

    yield Refused, lambda error: No(*map(str, error.findings))
    for kind in (StoreError, IntakeError, UnknownForm, ClockTurnedBack):
        yield kind, lambda error: No(str(error))
    yield sa.exc.ArgumentError, lambda _: No("`database.url` is no address of a database.", _URL)
    yield sa.exc.DBAPIError, _database
    yield ModuleNotFoundError, _missing_driver
    yield OSError, lambda error: No(f"{error.strerror or type(error).__name__}: {error.filename or 'a file'}")


_URL = "Write it like sqlite:///var/nurture.db or postgresql+psycopg://nurture@localhost/nurture"


def _database(error: Any) -> No:
    # Neither the text nor the parameters: both may hold an address or a name.
    return No(
        f"The database refused or could not be reached ({type(error.orig).__name__}).",
        "Check `database.url` (nurture settings) and that the database runs. Nothing was half done.",
    )


def _missing_driver(error: Any) -> No:
    if error.name and error.name.startswith("psycopg"):
        return No("PostgreSQL needs the driver psycopg. Install nurture with its extra: nurture[postgres]")
    return surprise(error)
