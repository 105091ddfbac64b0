"""nurture import: a file of enquiries, with a fate for every row and a file of what must be corrected."""

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.opening import Json, Now, Opened, open_all, present
from engine.cli.refusing import FAILED, No
from engine.cli.showing import aside, count, heading, progress, say, say_json, table

if TYPE_CHECKING:
    from datetime import datetime

    from engine.core.enquiry_mapping import Mapping
    from engine.core.enquiry_table import Table
    from engine.importing import Fate, Imported

_TOP = 12
_FATES = {
    "enrolled": "taken and enrolled",
    "taken": "taken, in no campaign",
    "duplicate": "known already: nothing changed",
    "would enrol": "would be taken, with consent to something",
    "would be taken": "would be taken, without any consent",
    "rejected": "rejected: to be corrected",
    "empty": "empty",
}


def import_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A form's export, or a corrected file of rejects.")],
    mapping: Annotated[
        str | None, typer.Option(metavar="NAME", help="The mapping to read it with: mappings/NAME.toml")
    ] = None,
    form: Annotated[
        str | None, typer.Option(help="New columns: the consent form on which their boxes were ticked.")
    ] = None,
    event: Annotated[str, typer.Option(help="The event that a row stands for.")] = "enquiry",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and judge every row; write nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the fate of every row into this CSV file.")] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go. Else beside FILE: NAME.rejects.csv")
    ] = None,
    as_json: Json = False,
    now: Now = None,
) -> None:
    """Take in a file of enquiries.

    Twice changes nothing; every row has a fate, and one bad row stops no other.

    The columns are asked about once and remembered in mappings/. Rejected rows are written into a file of their
    own (readable by you only): correct it and import it. Exit code 0 although rows were rejected, 1 when all were.
    """
    from engine.cli.mapping import mapping_for
    from engine.cli.taking import a_known_word

    opened = open_all(ctx)
    moment = present(now, opened.settings)
    read = _read(file)
    chosen = mapping_for(opened.settings, read, file, mapping, form)
    a_known_word(event, opened)
    _sound(opened, chosen, dry_run)
    done = _import(opened, read, chosen, moment, event, dry_run)
    written = None if dry_run else _keep_rejects(file, rejects, read, done)
    if report is not None:
        _keep(report, _fates(done.fates))
    if as_json:
        say_json(
            {
                "dry_run": dry_run,
                "counts": done.counts(),
                "rejects_file": written,
                "fates": [f.as_json() for f in done.fates],
            }
        )
    else:
        _tell(done, dry_run, written)
    if done.fates and all(fate.fate in ("rejected", "empty") for fate in done.fates):
        raise typer.Exit(FAILED)


def _read(file: Path) -> "Table":
    from engine.core.contact import Refusal
    from engine.core.enquiry_table import read_table

    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise No(f"There is no file {file.name} in that place.") from None
    except OSError as error:
        raise No(f"The file cannot be read ({error.strerror}).") from None
    read = read_table(data)
    if isinstance(read, Refusal):
        raise No(str(read))
    return read


def _sound(opened: Opened, mapping: "Mapping", dry_run: bool) -> None:
    """Each row is taken once: a mapping that gives no consent, or a campaign that enrols nobody, would use it up."""
    from engine.core.enquiry_consent import consent_troubles

    told = [
        f"No consent can be taken from a column. {trouble} {trouble.remedy}"
        for trouble in consent_troubles(mapping, opened.settings.consent_forms)
    ]
    told += [
        f"campaigns/{name}.toml is broken and would enrol nobody. `nurture check` says what to repair."
        for name in opened.catalogue.broken
    ]
    if told and not dry_run:
        raise No(*told, "Nothing was imported, because every row is taken only once. --dry-run shows what would be.")
    for sentence in told:
        aside(sentence)


def _import(
    opened: Opened, read: "Table", mapping: "Mapping", now: "datetime", event: str, dry_run: bool
) -> "Imported":
    from engine.importing import import_rows

    with progress() as bar:
        task = bar.add_task("Reading rows" if dry_run else "Importing", total=len(read.rows))
        return import_rows(
            opened.house, read, mapping, now, dry_run=dry_run, event=event, progress=lambda _: bar.advance(task)
        )


def _keep_rejects(file: Path, asked: Path | None, read: "Table", done: "Imported") -> str | None:
    """Write what must be corrected; never over a file that somebody may have begun to correct."""
    from engine.core.enquiry_table import rejects_csv

    if not done.rejects:
        return None
    text = rejects_csv(read.as_written, done.rejects)
    stem = file.name.removesuffix(file.suffix).removesuffix(".rejects")
    path = asked or file.with_name(f"{stem}.rejects.csv")
    number = 2
    while asked is None and path.exists() and path.read_bytes() != text.encode():
        path = file.with_name(f"{stem}.rejects-{number}.csv")
        number += 1
    try:
        _keep(path, text)
    except OSError as error:
        raise No(
            f"The rows are imported, but the file of rejects could not be written ({error.strerror}).",
            "Import the same file again with --rejects PATH: rows that were taken stay as they are.",
        ) from None
    return str(path)


def _keep(path: Path, text: str) -> None:
    """A file that only its owner can read: it holds what people wrote about themselves."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
        path.chmod(0o600)  # one that was there before may have been open to others
        out.write(text)


def _fates(fates: "list[Fate]") -> str:
    from engine.importing import fates_csv

    return "".join(fates_csv(fates))


def _tell(done: "Imported", dry_run: bool, written: str | None) -> None:
    if dry_run:
        say("A dry run: nothing was written.")
    counts = done.counts()
    table(
        ("rows", "fate"),
        [(f"{n:,}", _FATES.get(fate, fate)) for fate, n in sorted(counts.items(), key=_most)],
        right=("rows",),
    )
    _reasons("Why rows were rejected", Counter(p for fate in done.fates if fate.fate != "empty" for p in fate.problems))
    _reasons("Why people are in no campaign", Counter(_declined(*d) for fate in done.fates for d in fate.declined))
    _reasons("What was noticed", Counter(n for fate in done.fates for n in fate.notes))
    if written is not None:
        heading("What to do")
        say(f"{count(len(done.rejects), 'row')} must be corrected: {written}")
        say("Correct the cells there (each row says what is wrong), save it as CSV UTF-8, and import that file.")


def _declined(campaign: str, reason: str) -> str:
    from engine.core.enrolment import DECLINED_SENTENCES, Declined

    return f"{campaign}: {DECLINED_SENTENCES[Declined(reason)]}"


def _most(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def _reasons(title: str, reasons: "Counter[str]") -> None:
    if not reasons:
        return
    heading(title)
    ordered: list[Any] = sorted(reasons.items(), key=_most)
    for reason, number in ordered[:_TOP]:
        say(f"  {number:>5,}  {reason}")
    if len(ordered) > _TOP:
        say(f"         and {count(len(ordered) - _TOP, 'other reason')}: all of them with --report FILE or --json")
