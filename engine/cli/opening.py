"""From the options on the command line to an open house. Beside the web, only this package reads a clock."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.refusing import No, misused

if TYPE_CHECKING:
    from pydantic import SecretStr

    from engine.catalogue import Catalogue
    from engine.config import Settings
    from engine.house import House
    from engine.providers import Carriers, Provider
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
    _carriers: "Callable[[], Carriers]" = field(repr=False)

    @property
    def carriers(self) -> "Carriers":
        """The providers of each channel. Made when first asked for: their libraries take their time to load."""
        return self._carriers()

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
    settings = load_settings(asked.project, clock())
    if asked.database is None:
        return settings
    return settings.model_copy(update={"database": settings.database.model_copy(update={"url": asked.database})})


def store_of(settings: "Settings", ctx: typer.Context | None = None) -> "Store":
    """The database, at the schema of this version. The embedded one is brought there by itself.

    Raises StoreError, and No when it was made with another key. With `ctx` its connections are closed when the
    command ends.
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
    _same_key(store, settings)
    return store


def _same_key(store: "Store", settings: "Settings") -> None:
    """One key for the whole life of a database: another one would not know the addresses of who said STOP."""
    from engine.store import marks

    # Of the key only what makes the digests (engine.core.refs): blake2b takes 64 bytes.
    fingerprint = blake2b(b"nurture: the key of this database", key=settings.key[:64], digest_size=32).hexdigest()
    with store.read() as conn:
        kept = marks.key(conn)
    if kept is None:
        with store.begin() as conn:
            marks.keep_key(conn, fingerprint, clock())
            kept = marks.key(conn)
    if kept != fingerprint:
        raise No(
            "This database was made with another NURTURE_SECRET_KEY: STOPs recorded in it would not be recognised.",
            "Set the one that was used then. (A database from rehearsals with the development key is not for real "
            "sending: name another database.)",
        )


def open_all(ctx: typer.Context) -> Opened:
    """Settings, database, campaigns, templates and providers. Their connections are closed when the command ends."""
    settings = settings_of(ctx)
    return with_catalogue(settings, store_of(settings, ctx), ctx)


def without_database(settings: "Settings") -> Opened:
    """The same for commands that need none: the store is never connected."""
    from engine.store import open_store

    return with_catalogue(settings, open_store("sqlite://"))


def with_catalogue(settings: "Settings", store: "Store", ctx: typer.Context | None = None) -> Opened:
    """Read the campaigns and templates as they are now, and put the house together."""
    from engine.catalogue import catalogue
    from engine.house import open_house

    @cache
    def carriers() -> "Carriers":
        made = carriers_of(settings)
        if ctx is not None:
            ctx.call_on_close(made.close)
        return made

    read = catalogue(settings.project, settings)
    return Opened(settings, store, read, open_house(store, read, settings), carriers)


def read_again(opened: Opened) -> Opened:
    """The same with the campaigns and templates as they are now. Store and providers stay as they are."""
    from engine.catalogue import catalogue
    from engine.house import open_house

    read = catalogue(opened.settings.project, opened.settings)
    return replace(opened, catalogue=read, house=open_house(opened.store, read, opened.settings))


def carriers_of(settings: "Settings") -> "Carriers":
    """The providers that the settings name, by channel, the preferred first. Nothing is connected yet."""
    from engine.core.contact import Channel
    from engine.providers import Carriers

    named = {channel: settings.sending.names(channel) for channel in Channel}
    made = {name: _provider(name, settings) for names in named.values() for name in names}
    return Carriers({channel: [made[name] for name in names] for channel, names in named.items()})


def _provider(name: str, settings: "Settings") -> "Provider":
    """One provider. Its library is loaded here, and so only where it is chosen."""
    # What it needs is there: without it the settings would not have been read.
    match name:
        case "twilio":
            return _twilio(settings)
        case "sendgrid":
            from engine.providers.sendgrid import SendGridProvider

            sendgrid = settings.sendgrid
            return SendGridProvider(
                _plain(sendgrid.api_key) or "",
                base_url=sendgrid.base_url,
                pace=sendgrid.pace,
                connect=sendgrid.connect_seconds,
                total=sendgrid.total_seconds,
                most=settings.sending.concurrency,
            )
        case "smtp":
            from engine.providers.smtp import SmtpProvider

            smtp = settings.smtp
            return SmtpProvider(
                smtp.host or "",
                smtp.port,
                security=smtp.security,
                username=smtp.username,
                password=_plain(smtp.password),
                baa=smtp.baa.holds,
                pace=smtp.pace,
                connect=smtp.connect_seconds,
                total=smtp.total_seconds,
            )
    from engine.providers.mailbox import MailboxProvider

    return MailboxProvider(settings.mailbox_folder, settings.faults, settings.mailbox.can_be_asked)


def _twilio(settings: "Settings") -> "Provider":
    from engine.providers.twilio import TwilioProvider

    twilio = settings.twilio
    by_key = twilio.api_key_sid is not None
    return TwilioProvider(
        twilio.account_sid or "",
        auth_token=None if by_key else _plain(twilio.auth_token),
        api_key_sid=twilio.api_key_sid,
        api_key_secret=_plain(twilio.api_key_secret) if by_key else None,
        from_number=twilio.from_number,
        messaging_service_sid=twilio.messaging_service_sid,
        callback_base=settings.clinic.public_url,
        base_url=twilio.base_url,
        region=twilio.region,
        edge=twilio.edge,
        baa=twilio.baa.holds,
        pace=twilio.pace,
        connect=twilio.connect_seconds,
        total=twilio.total_seconds,
        most=settings.sending.concurrency,
    )


def _plain(secret: "SecretStr | None") -> str | None:
    return None if secret is None else secret.get_secret_value()
