"""From the options on the command line to an open house. Beside the web, only this package reads a clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.refusing import misused

if TYPE_CHECKING:
    from engine.catalogue import Catalogue
    from engine.config import Settings
    from engine.core.contact import Channel
    from engine.house import House
    from engine.providers import Provider
    from engine.store import Store


@dataclass(frozen=True, slots=True)
class Asked:
    """What was said before the command: which project, which database, how much to tell of a surprise."""

    project: Path | None = None
    database: str | None = None
    traceback: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """One project, opened."""

    settings: "Settings"
    store: "Store"
    catalogue: "Catalogue"
    house: "House"
    providers: "Mapping[Channel, Provider]"

    @property
    def zone(self) -> str:
        """The clinic's zone: the one in which times are shown."""
        return self.settings.clinic.zone


def clock() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def a_moment(text: str) -> datetime:
    """An ISO moment that says its zone, as UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter("This is no moment. Write it like 2026-11-20T15:00Z.") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(
            "It does not say in which zone. Write 2026-11-20T15:00Z (UTC) or 2026-11-20T10:00-05:00."
        )
    return moment.astimezone(UTC)


Now = Annotated[
    datetime | None,
    typer.Option("--now", parser=a_moment, metavar="MOMENT", help="Rehearsals: take this for the present moment."),
]
Json = Annotated[bool, typer.Option("--json", help="For machines: JSON instead of words.")]


def present(now: datetime | None, settings: "Settings") -> datetime:
    """The moment a command works with. `--now` is refused where a real provider might carry what follows from it."""
    if now is None:
        return clock()
    if not settings.only_mailbox:
        raise misused("--now is for rehearsals: it works only while every provider is the mailbox.")
    return now


def settings_of(ctx: typer.Context) -> "Settings":
    """The settings, read and checked. Raises Refused."""
    from engine.config import load_settings

    asked: Asked = ctx.obj
    settings = load_settings(asked.project)
    if asked.database is None:
        return settings
    return settings.model_copy(update={"database": settings.database.model_copy(update={"url": asked.database})})


def store_of(settings: "Settings", ctx: typer.Context | None = None) -> "Store":
    """The database, at the schema of this version. The embedded one is brought there by itself. Raises StoreError.

    With `ctx` its connections are closed when the command ends.
    """
    from engine.store import StoreError, open_store

    store = open_store(settings.database_url)
    if ctx is not None:
        ctx.call_on_close(store.engine.dispose)
    try:
        store.check()
    except StoreError:
        if store.engine.dialect.name != "sqlite":
            raise
        store.migrate()
    return store


def open_all(ctx: typer.Context) -> Opened:
    """Settings, database, campaigns, templates and providers."""
    settings = settings_of(ctx)
    return with_catalogue(settings, store_of(settings, ctx))


def without_database(settings: "Settings") -> Opened:
    """The same for commands that need none: the store is never connected."""
    from engine.store import open_store

    return with_catalogue(settings, open_store("sqlite://"))


def with_catalogue(settings: "Settings", store: "Store") -> Opened:
    """Read the campaigns and templates as they are now, and put the house together."""
    from engine.catalogue import catalogue
    from engine.core.contact import Channel
    from engine.house import open_house
    from engine.providers.mailbox import MailboxProvider

    read = catalogue(settings.project, settings)
    mailbox = MailboxProvider(settings.mailbox_folder, settings.faults, settings.mailbox.can_be_asked)
    providers: Mapping[Channel, Provider] = dict.fromkeys(Channel, mailbox)
    return Opened(settings, store, read, open_house(store, read, settings), providers)
