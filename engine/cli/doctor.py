"""nurture doctor: is everything that sending needs as it should be? It only asks."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.opening import Json, carriers_of, clock, settings_of
from engine.cli.refusing import FAILED, misused
from engine.cli.showing import count, plain, progress, say, say_json

if TYPE_CHECKING:
    from pathlib import Path

    from engine.checkup import Check
    from engine.checkup.domain import Sender
    from engine.checkup.machine import Reading
    from engine.checkup.names import Names
    from engine.config import Settings
    from engine.core.findings import Finding
    from engine.providers import Carriers

    Look = tuple[str, Callable[[], Iterable[Check]]]

_SHOWN = {"ok": "ok", "warning": "warning", "failed": "FAILED", "not_checked": "not checked"}
_MARGIN = max(map(len, _SHOWN.values())) + 2


def doctor(
    ctx: typer.Context,
    resolver: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS[:PORT]", help="The DNS resolver to ask. Without it, this machine's own."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Examine everything that sending needs. Nothing is sent.

    Settings, secrets (by name only), database, disk, clock, each provider's credentials, the public URL, SPF, DKIM
    and DMARC of the sender's domain, and what each provider may carry: each with what was found and what to do.
    Exit code 1 when anything failed; a warning is no failure.
    """
    from engine.checkup.names import names_by
    from engine.core.campaign import Refused

    try:
        names = names_by(resolver)
    except ValueError:
        raise misused("--resolver: write a machine's address, such as 10.0.0.53 or 10.0.0.53:5353.") from None
    try:
        settings = settings_of(ctx)
    except Refused as refused:
        found = list(_unreadable(refused.findings))
    else:
        carriers = carriers_of(settings)
        ctx.call_on_close(carriers.close)
        found = _examined(_looks(settings, carriers, names))
    if as_json:
        for check in found:
            say_json(check)
    else:
        _tell(found)
    if any(check.verdict == "failed" for check in found):
        raise typer.Exit(FAILED)


def _unreadable(findings: "Iterable[Finding]") -> "Iterator[Check]":
    from engine.checkup import failed, not_checked

    for finding in findings:
        place, key = str(finding).partition("  ")[0], f"{finding.key}: " if finding.key else ""
        yield failed("settings", f"{place}  {key}{finding.problem}", finding.remedy)
    yield not_checked("everything else", "It is examined once the settings can be read.")


def _looks(settings: "Settings", carriers: "Carriers", names: "Names") -> "list[Look]":
    """All there is to examine, in order: what it is called while somebody waits for it, and how."""
    from engine.checkup import domain, machine, reach, sending

    readings: list[Reading] = []
    return [
        ("settings", lambda: [machine.readable(settings), machine.secrets(settings)]),
        ("database", lambda: machine.database(settings.database_url, clock, readings)),
        ("disk", lambda: machine.disk(_places(settings))),
        *((provider.name, partial(sending.credentials, settings, provider, clock, readings)) for provider in carriers),
        ("addresses", lambda: sending.addresses(settings)),
        # After those who tell the time.
        ("clock", lambda: [*machine.clocks(readings), machine.zone(settings.clinic.zone, clock())]),
        ("public URL", lambda: reach.public_url(settings.clinic.public_url, names, needed=not settings.only_mailbox)),
        ("sender domain", lambda: domain.sender_domain(_sender(settings), names)),
        ("health information", lambda: sending.ceilings(settings, carriers)),
        ("texts", lambda: sending.texts(settings)),
    ]


def _places(settings: "Settings") -> "dict[str, Path]":
    """The folders that fill up."""
    from pathlib import Path

    from sqlalchemy import make_url

    places = {}
    if settings.database_url.startswith("sqlite"):
        places["the database"] = Path(make_url(settings.database_url).database or ".").parent
    if "mailbox" in (*settings.sending.email, settings.sending.sms):
        places["the mailbox"] = settings.mailbox_folder
    return places


def _sender(settings: "Settings") -> "Sender":
    from engine.checkup.domain import Sender

    keys = {"sendgrid": settings.sendgrid.dkim_selectors, "smtp": settings.smtp.dkim_selectors}
    real = tuple((name, keys[name]) for name in settings.sending.email if name in keys)
    return Sender(settings.clinic.email.rpartition("@")[2], real)


def _examined(looks: "list[Look]") -> "list[Check]":
    found: list[Check] = []
    with progress() as bar:
        task = bar.add_task("", total=len(looks))
        for name, look in looks:
            bar.update(task, description=f"Examining: {name}")
            found += look()
            bar.advance(task)
    return found


def _tell(found: "list[Check]") -> None:
    for check in found:
        # What strangers published in the DNS stands in it: one line, and nothing that drives a terminal.
        said = plain(f"{check.name}: {check.found}").replace("\n", " ")
        say(f"{_SHOWN[check.verdict]:<{_MARGIN}}{said}")
        if check.remedy:
            say(f"{'':<{_MARGIN}}-> {check.remedy}")
    of = Counter(check.verdict.value for check in found)
    say(
        f"{of['ok']} ok, {count(of['warning'], 'warning')}, {of['failed']} failed, {of['not_checked']} not checked."
        " Nothing was sent."
    )
