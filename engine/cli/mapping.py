"""Which column says what: a kept mapping that fits the file, or one proposed, shown and kept once somebody agreed."""

import re
from dataclasses import replace
from pathlib import Path

import typer

from engine.cli.refusing import No, misused
from engine.cli.showing import aside, say, table
from engine.config import Settings
from engine.core.enquiry_mapping import PARTS, Mapping, fingerprint, guess_mapping
from engine.core.enquiry_table import Table
from engine.core.findings import Finding

FOLDER = "mappings"
_PROPOSED = ".proposed.toml"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def read_mappings(project: Path) -> dict[str, tuple[Mapping | None, tuple[Finding, ...]]]:
    """The kept mappings by name; one that cannot be read comes with what is wrong with it."""
    found: dict[str, tuple[Mapping | None, tuple[Finding, ...]]] = {}
    for path in sorted((project / FOLDER).glob("*.toml")):
        if path.name.startswith(".") or path.name.endswith(_PROPOSED):
            continue
        place = f"{FOLDER}/{path.name}"
        try:
            read = Mapping.read(path.read_text(encoding="utf-8-sig"), place)
        except (OSError, UnicodeDecodeError):
            read = (Finding(place, 0, 0, "", "The file cannot be read as text.", "Save it as UTF-8."),)
        found[path.stem] = (read, ()) if isinstance(read, Mapping) else (None, read)
    return found


def mapping_for(settings: Settings, table_read: Table, file: Path, named: str | None, form: str | None) -> Mapping:
    """The mapping to read this file with. Raises No when nobody is there to be asked."""
    kept = read_mappings(settings.project)
    if named is not None and named in kept:
        return _named(named, kept[named], table_read)
    if named is None:
        fitting = [(name, one) for name, (one, _) in kept.items() if one is not None and one.fits(table_read.header)]
        if fitting:
            aside(f"Read with the mapping {FOLDER}/{fitting[0][0]}.toml")
            return fitting[0][1]
        for _, findings in kept.values():
            for finding in findings:
                aside(str(finding))
    return _agreed(settings, _proposal(kept, table_read, file, named), table_read, _free(kept, file, named), form)


def _named(name: str, kept: tuple[Mapping | None, tuple[Finding, ...]], table_read: Table) -> Mapping:
    mapping, findings = kept
    if mapping is None:
        raise No(*map(str, findings))
    missing = mapping.missing(table_read.header)
    if missing:
        raise No(
            f"The mapping “{name}” reads columns that this file does not have: {', '.join(missing)}.",
            "Leave --mapping out to have the columns looked at anew.",
        )
    return mapping


def _proposal(
    kept: dict[str, tuple[Mapping | None, tuple[Finding, ...]]], table_read: Table, file: Path, named: str | None
) -> Mapping:
    """The columns as an earlier mapping had them, where all of them are still there; else a guess from their names."""
    for mapping, _ in kept.values():
        if mapping is not None and not mapping.missing(table_read.header):
            # The source stays: it is part of every enquiry's id, and these are the same form's.
            return replace(mapping, header=fingerprint(table_read.header))
    return guess_mapping(table_read.header, source=named if named and _NAME.fullmatch(named) else _slug(file))


def _slug(file: Path) -> str:
    slug = re.sub(r"[^a-z0-9]+", "_", file.name.partition(".")[0].lower()).strip("_")[:40]
    return slug if _NAME.fullmatch(slug) else "enquiries"


def _free(kept: dict[str, tuple[Mapping | None, tuple[Finding, ...]]], file: Path, named: str | None) -> str:
    if named is not None and not _NAME.fullmatch(named):
        raise misused("A mapping's name is small letters, digits and _, such as web_form.")
    name = named or _slug(file)
    number = 2
    while name in kept:
        name = f"{(named or _slug(file))[:36]}_{number}"
        number += 1
    return name


def _agreed(settings: Settings, proposal: Mapping, table_read: Table, name: str, form: str | None) -> Mapping:
    """Show the proposal, ask once, keep it. Where nobody can be asked, write it down for somebody to read."""
    folder = settings.project / FOLDER
    aside("These columns were not seen before. This is what they seem to say:")
    _show(proposal, table_read)
    if proposal.missing(table_read.header) or isinstance(Mapping.read(proposal.write()), tuple):
        raise No(
            "The file has no column for the moment of sending, or none for an address.",
            f"Write {FOLDER}/{name}.toml by hand; {FOLDER}/web_form.toml shows how.",
        )
    proposal = _with_form(proposal, settings, form)
    if not _somebody_there():
        path = _write(folder, f"{name}{_PROPOSED}", proposal)
        raise No(
            f"Nobody is there to be asked, so nothing was imported. The proposal is in {FOLDER}/{path.name}.",
            f"Read it, correct it, and save it as {FOLDER}/{name}.toml. Then import again.",
        )
    if not typer.confirm(f"Is that right? (It is kept as {FOLDER}/{name}.toml.)"):
        path = _write(folder, f"{name}{_PROPOSED}", proposal)
        raise No(
            f"Nothing was imported. Correct {FOLDER}/{path.name}, save it as {FOLDER}/{name}.toml, and import again."
        )
    _write(folder, f"{name}.toml", proposal)
    return proposal


def _somebody_there() -> bool:
    return typer.get_text_stream("stdin").isatty()


def _with_form(proposal: Mapping, settings: Settings, form: str | None) -> Mapping:
    """Name the consent form of the boxes: no header can tell which it was (decision 15)."""
    open_boxes = [c for c in proposal.consents if c.form is None]
    if not open_boxes:
        return proposal
    forms = sorted(settings.consent_forms)
    if form is None and forms and _somebody_there():
        aside("On which form were these boxes ticked? Without one they give no consent.")
        form = typer.prompt(f"The form ({', '.join(forms)}, or none)", default="none", show_default=False)
    if form in (None, "none"):
        return proposal
    if form not in settings.consent_forms:
        raise misused(f"Settings have no such consent form. Known: {', '.join(forms) or 'none'}.")
    return replace(proposal, consents=tuple(replace(c, form=c.form or form) for c in proposal.consents))


def _show(mapping: Mapping, table_read: Table) -> None:
    rows = [
        (column, part.replace("_", " "), PARTS[part]) for part, names in mapping.columns.items() for column in names
    ]
    rows += [
        (c.column, f"consent: {c.purpose} by {c.channel}", f"form: {c.form}" if c.form else "no form named yet")
        for c in mapping.consents
    ]
    rows += [(column, "(not read)", "") for column in mapping.unused(table_read.header)]
    table(("column", "says", ""), rows)
    say()


def _write(folder: Path, name: str, mapping: Mapping) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(mapping.write(), encoding="utf-8", newline="\n")
    return path
