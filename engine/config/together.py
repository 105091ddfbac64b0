"""What is right by itself and wrong together: a provider that is chosen and not set up, a key that is missing."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.config.mistakes import ENVIRONMENT, FILE, Place, at, dotted, example, field_at, is_secret, variable
from engine.config.settings import SHORTEST_KEY, Settings
from engine.core.contact import Channel
from engine.core.findings import Finding
from engine.core.toml_text import Document

_MAKE_A_KEY = 'Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


def unfit_together(settings: Settings, document: Document, now: datetime | None) -> Iterator[Finding]:
    """A finding for each. `now`: see `load_settings`."""
    for name in settings.sending.real:
        for place in _needed(settings, name):
            yield _missing(settings, document, place, name)
    yield from _mixed(settings, document)
    yield from _only_demo(settings, document)
    yield from _without_name(settings, document)
    if now is not None:
        yield from _still_to_come(settings, document, now)
    yield from _key(settings)


def _needed(settings: Settings, provider: str) -> Iterator[Place]:
    """What a chosen provider cannot do without, as far as it is missing."""
    twilio, smtp = settings.twilio, settings.smtp
    match provider:
        case "twilio":
            secret = "auth_token" if twilio.api_key_sid is None else "api_key_secret"
            needed: Iterable[str] = ("account_sid", "from_number", secret)
            if twilio.messaging_service_sid is not None:
                needed = ("account_sid", secret)
        case "sendgrid":
            needed = ("api_key",)
        case _:
            needed = ("host", "password") if smtp.username is not None else ("host",)
    for key in needed:
        if getattr(getattr(settings, provider), key) is None:
            yield provider, key


def _missing(settings: Settings, document: Document, place: Place, provider: str) -> Finding:
    channel = next(c for c in Channel if provider in settings.sending.names(c))
    problem = f"It is missing, and [sending] says that “{provider}” carries {channel}."
    if is_secret(field_at(place)):
        remedy = f"Set {variable(place)} in the environment. It never stands in settings.toml."
        return Finding(ENVIRONMENT, 0, 0, variable(place), problem, remedy)
    remedy = f"Write under [{provider}]: {example(place)}"
    if place == ("twilio", "from_number"):
        remedy += f" (or, in place of it, {example(('twilio', 'messaging_service_sid'))})"
    return Finding(FILE, *at(document, place), dotted(place), problem, remedy)


def _mixed(settings: Settings, document: Document) -> Iterator[Finding]:
    """Some messages into a folder and others into the world: by mistake, people wait for what never comes."""
    sending = settings.sending
    if settings.only_mailbox or sending.rehearsal or "mailbox" not in (*sending.email, sending.sms):
        return
    channel = Channel.SMS if sending.sms == "mailbox" else Channel.EMAIL
    problem = (
        f"Messages would leave by {' and '.join(sending.real)}, while {channel} only goes into a folder (mailbox)."
    )
    remedy = "Name a real provider here as well; or, if nobody waits for these messages, write: rehearsal = true"
    yield Finding(FILE, *at(document, ("sending", channel.value)), f"sending.{channel}", problem, remedy)


def _only_demo(settings: Settings, document: Document) -> Iterator[Finding]:
    """Words that nobody signed must not leave the machine (decision 22)."""
    if settings.signoff.demo and not settings.only_mailbox:
        problem = f"Words that nobody signed would leave by {' and '.join(settings.sending.real)}."
        remedy = "Take this line out, and have the words signed: nurture signoff"
        yield Finding(FILE, *at(document, ("signoff", "demo")), "signoff.demo", problem, remedy)


def _without_name(settings: Settings, document: Document) -> Iterator[Finding]:
    """A password that nobody logs in with: the relay would be asked without it."""
    if "smtp" in settings.sending.real and settings.smtp.password is not None and settings.smtp.username is None:
        place = ("smtp", "username")
        problem = f"It is missing, and {variable(('smtp', 'password'))} is set: a password without a name."
        yield Finding(FILE, *at(document, place), dotted(place), problem, f"Write under [smtp]: {example(place)}")


def _still_to_come(settings: Settings, document: Document, now: datetime) -> Iterator[Finding]:
    """Agreements and decisions of days to come: nobody has signed or decided them yet."""
    today = now.astimezone(ZoneInfo(settings.clinic.zone)).date()
    for place, day in (
        (("twilio", "baa", "on"), settings.twilio.baa.on),
        (("smtp", "baa", "on"), settings.smtp.baa.on),
        (("phi", "decided_on"), settings.phi.decided_on),
    ):
        if day is not None and day > today:
            problem, remedy = "This day is still to come.", "Write the day on which it was done."
            if place in document.spots:
                yield Finding(FILE, *at(document, place), dotted(place), problem, remedy)
            else:
                yield Finding(ENVIRONMENT, 0, 0, variable(place), problem, remedy)


def _key(settings: Settings) -> Iterator[Finding]:
    secret = settings.secret_key.get_secret_value() if settings.secret_key else None
    if secret is None and not settings.only_mailbox:
        problem = "It is missing: the development key is known to everybody, so anyone could forge links."
        yield Finding(ENVIRONMENT, 0, 0, "NURTURE_SECRET_KEY", problem, _MAKE_A_KEY)
    if secret is not None and len(secret) < SHORTEST_KEY:
        problem = f"It is shorter than {SHORTEST_KEY} characters."
        yield Finding(ENVIRONMENT, 0, 0, "NURTURE_SECRET_KEY", problem, _MAKE_A_KEY)
