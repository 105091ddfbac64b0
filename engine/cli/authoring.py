"""nurture check, schema, settings, migrate: what the clinic wrote, looked over before anything runs."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.opening import Json, settings_of
from engine.cli.refusing import FAILED, misused
from engine.cli.showing import count, say, say_json, table

if TYPE_CHECKING:
    from pathlib import Path

    from engine.cli.checking import Looked


Strict = Annotated[bool, typer.Option("--strict", help="Exit code 1 with warnings, too.")]
Sarif = Annotated[bool, typer.Option("--sarif", help="For code reviews and build servers: SARIF 2.1.0.")]


def check(
    ctx: typer.Context,
    campaigns: Annotated[
        list[str] | None, typer.Argument(metavar="[CAMPAIGN]...", help="Only these campaigns. Without any: everything.")
    ] = None,
    strict: Strict = False,
    as_json: Json = False,
    as_sarif: Sarif = False,
) -> None:
    """Look over everything the clinic wrote.

    Settings, campaigns, templates and the mappings of imports: all there is to mend, with file, line and column.
    An error holds messages, and exit code is 1 with any. A warning needs somebody's eye; a note is only to be known.
    """
    from engine.cli.checking import Looked, in_order, look_over
    from engine.config import find_project
    from engine.core.campaign import Refused
    from engine.core.findings import Severity

    if as_json and as_sarif:
        raise misused("Either --json or --sarif.")
    try:
        settings = settings_of(ctx)
    except Refused as refused:
        looked = Looked(in_order(refused.findings), (), 0, 0)
    else:
        looked = look_over(settings, campaigns or ())
    if as_sarif:
        _say_sarif(looked)
    elif as_json:
        for finding in looked.findings:
            say_json(finding)
        for note in looked.notes:
            say_json({**asdict(note), "note": True})
    else:
        _say(looked, find_project(ctx.obj.project))
    if looked.count(Severity.ERROR) or (strict and looked.count(Severity.WARNING)):
        raise typer.Exit(FAILED)


def _say(looked: "Looked", project: "Path") -> None:
    from engine.cli.quoting import account, shown

    told = [*((finding, False) for finding in looked.findings), *((note, True) for note in looked.notes)]
    for finding, note in told:
        for line in shown(finding, project, note=note):
            say(line)
        say()
    for line in account(looked.findings) if looked.findings else ():
        say(line)
    if not looked.campaigns:
        say("Campaigns are looked over once settings.toml is right.")
    elif not looked.findings:
        say(f"{count(looked.campaigns, 'campaign')} and {count(looked.templates, 'template')} are in order.")


def _say_sarif(looked: "Looked") -> None:
    import json
    from importlib.metadata import version

    from engine.core.sarif import sarif

    say(json.dumps(sarif(looked.findings, looked.notes, version("nurture")), indent=1, ensure_ascii=False))


def schema(ctx: typer.Context) -> None:
    """The campaign file as a JSON Schema, for editors.

    It holds the clinic's own words for events: nurture schema > docs/campaign.schema.json
    """
    import json

    from engine.core.campaign_schema import campaign_schema

    say(json.dumps(campaign_schema(settings_of(ctx).events.words), indent=2, ensure_ascii=False))


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
