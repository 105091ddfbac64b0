"""nurture check, settings, migrate: what the clinic wrote, looked over before anything runs."""

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.opening import Json, settings_of
from engine.cli.refusing import FAILED, not_found
from engine.cli.showing import count, say, say_json, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from engine.catalogue import Catalogue
    from engine.cli.ceilings import Over
    from engine.config import Settings
    from engine.core.findings import Finding


def check(
    ctx: typer.Context,
    campaigns: Annotated[
        list[str] | None, typer.Argument(metavar="[CAMPAIGN]...", help="Only these campaigns. Without any: everything.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look over everything the clinic wrote.

    Settings, campaigns, templates and the mappings of imports: all there is to mend, with file, line and column.
    Exit code 1 when anything is. A note is only to be known.
    """
    from engine.catalogue import catalogue
    from engine.core.campaign import Refused
    from engine.core.findings import Finding

    try:
        settings = settings_of(ctx)
    except Refused as refused:
        _report(list(refused.findings), as_json, "", "Campaigns are looked over once settings.toml is right.")
        raise typer.Exit(FAILED) from None
    read = catalogue(settings.project, settings)
    chosen = campaigns or []
    known = {*read.campaigns, *read.broken}
    if set(chosen) - known:
        raise not_found(f"There is no such campaign. There are: {', '.join(sorted(known)) or 'none yet'}.")
    over = _over_ceilings(read, settings)
    found = [*read.findings, *(one.finding for one in over if one.whole)]
    if not chosen:
        found += [*_answers(read, settings), *_mappings(settings.project)]
    places = tuple(
        f"{kind}/{name}{end}" for name in chosen for kind, end in (("campaigns", ".toml"), ("templates", "/"))
    )
    # The layout stands around every campaign's emails.
    if not known:
        problem = "There is no campaign here: no file campaigns/NAME.toml."
        found.append(Finding("campaigns", 1, 1, "", problem, "Write one (docs/campaigns.md), or name another folder."))
    mine = [f for f in found if not chosen or f.file.startswith((*places, "templates/_layout/"))]
    notes = [one.finding for one in over if not one.whole and (not chosen or one.finding.file.startswith(places))]
    _report(
        mine,
        as_json,
        f"{count(len(chosen or known), 'campaign')} and {count(len(read.templates), 'template')} are in order.",
        notes=notes,
    )
    if mine:
        raise typer.Exit(FAILED)


def _over_ceilings(read: "Catalogue", settings: "Settings") -> "list[Over]":
    """Messages that nobody may carry."""
    from engine.cli.ceilings import over_ceilings
    from engine.cli.opening import carriers_of

    with closing(carriers_of(settings)) as carriers:
        return list(over_ceilings(read, settings, carriers))


def _mappings(project: "Path") -> "list[Finding]":
    from engine.cli.mapping import read_mappings

    return [finding for _, findings in read_mappings(project).values() for finding in findings]


def _answers(read: "Catalogue", settings: "Settings") -> "Iterator[Finding]":
    """STOP, START and HELP have an answer, unless the provider gives it (OPT-2, OPT-3)."""
    from engine.core.contact import Channel
    from engine.core.findings import Finding

    if settings.sms.stop_reply_by == "provider":
        return
    for name in ("stop", "start", "help"):
        for language in settings.languages.served:
            if read.template("service", name, Channel.SMS, language) is None:
                problem = f"There is no answer to {name.upper()} in the language “{language}”."
                remedy = "Put it back: the project came with one in English."
                yield Finding(f"templates/service/{name}.sms.txt", 0, 0, "", problem, remedy)


def _report(
    findings: "list[Finding]", as_json: bool, good: str, last: str = "", notes: "Sequence[Finding]" = ()
) -> None:
    if as_json:
        for finding in findings:
            say_json(finding)
        for note in notes:
            say_json({**asdict(note), "note": True})
        return
    for finding in findings:
        say(str(finding))
    for note in notes:
        say(f"note: {note}")
    if findings:
        say(f"{count(len(findings), 'thing')} to mend. {last}".rstrip())
    else:
        say(good)


def settings(ctx: typer.Context, as_json: Json = False) -> None:
    """Every setting, its value, and where it came from."""
    from engine.config import provenance

    shown = provenance(settings_of(ctx))
    if as_json:
        for one in shown:
            say_json(one._asdict())
    else:
        table(("setting", "value", "from"), shown)


def migrate(ctx: typer.Context) -> None:
    """Bring the database to this version's schema.

    The embedded SQLite is brought there by itself.
    """
    from engine.store import open_store

    store = open_store(settings_of(ctx).database_url)
    ctx.call_on_close(store.engine.dispose)
    store.migrate()
    store.check()
    say("The database is at the schema of this version.")
