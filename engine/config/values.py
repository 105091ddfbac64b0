"""The kinds of values that settings hold, each checked in plain words."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_settings import NoDecode

from engine.core.campaign import Cap
from engine.core.contact import Refusal, normal_email, normal_phone
from engine.core.nearest import nearest
from engine.core.segments import segments
from engine.core.timing import Offset, known_zone

STATES = frozenset(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC"
    " ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI".split()
)
LONGEST_BRAND = 15
# Signs for everybody while nothing leaves the machine; nobody can sign in this name.
DEMO_ROLE = "demo"


class Unfit(ValueError):
    """A value that cannot be right. pydantic hands it on with the place of the value."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def _line(text: str) -> str:
    if not text.strip():
        raise Unfit("It is empty.", "")
    if not text.isprintable():
        raise Unfit("It holds a line end or another character that cannot be seen.", "Write it in one line.")
    return text.strip()


def _paragraph(text: str) -> str:
    if not text.strip():
        raise Unfit("It is empty.", "")
    if not text.replace("\n", " ").isprintable():
        raise Unfit("It holds a character that cannot be seen.", "Delete it and type it again.")
    return text.strip()


def _brand(text: str) -> str:
    if len(text) > LONGEST_BRAND:
        raise Unfit(
            f"It has {len(text)} characters; every text message begins with it.",
            f"Write at most {LONGEST_BRAND}.",
        )
    if segments(text).encoding != "GSM-7":
        raise Unfit(
            "It holds a character that makes every text message twice as dear (a curly quote, an accent).",
            "Write plain letters.",
        )
    return text


def _phone(text: str) -> str:
    phone = normal_phone(text)
    if isinstance(phone, Refusal):
        raise Unfit(phone.problem, phone.remedy)
    return text


def _email(text: str) -> str:
    email = normal_email(text)
    if isinstance(email, Refusal):
        raise Unfit(email.problem, email.remedy)
    return email.address


def _url(text: str) -> str:
    """Without a slash at the end, so that paths can be put behind it."""
    parts = urlsplit(text)
    if parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1"}:
        raise Unfit("It does not begin with https://.", "")
    if not parts.hostname or parts.query or parts.fragment or parts.username or re.search(r"\s", text):
        raise Unfit("It is not a plain address: no spaces, no ?, no #, no name and password.", "")
    return text.rstrip("/")


def _zone(text: str) -> str:
    if not known_zone(text):
        near = nearest(text, available_timezones())
        raise Unfit("There is no such time zone.", f'Did you mean "{near}"?' if near else "")
    return text


def _state(text: str) -> str:
    if text not in STATES:
        raise Unfit("It is not the two capital letters of a state or territory.", "")
    return text


def _language(text: str) -> str:
    if not re.fullmatch("[a-z]{2}", text):
        raise Unfit("It is not a language's two small letters.", 'Write "en" for English, "es" for Spanish.')
    return text


def _sid(prefix: str) -> AfterValidator:
    """Twilio's names of things: two letters that say of what, and 32 hexadecimal digits."""

    def check(text: str) -> str:
        if not re.fullmatch(f"{prefix}[0-9a-fA-F]{{32}}", text):
            raise Unfit(f"It is not {prefix} and 32 digits from 0 to f.", "Copy it from the console.")
        return text

    return AfterValidator(check)


def _sender(text: str) -> str:
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}|[0-9]{5,6}", text):
        raise Unfit("It is no number with + and its country's code, and no short code of 5 or 6 digits.", "")
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:-]+", text) or "//" in text:
        raise Unfit("It is no name of a machine: no https://, no path, no spaces; the port has a line of its own.", "")
    return text


def _site(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", text):
        raise Unfit("It is no website's name: small letters and dots, no https://, no path.", 'Write "doi.org".')
    return text


def _fact(text: str) -> str:
    if not re.fullmatch(r"F-[1-9][0-9]?", text):
        raise Unfit("It is no fact's number.", "docs/writing.md lists the facts: F-3, F-10 and so on.")
    return text


def _role(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z_]{1,29}", text) or text == DEMO_ROLE:
        raise Unfit("It is no role: small letters, and not “demo”.", 'Write "clinician".')
    return text


def _host_part(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+", text):
        raise Unfit("It is one word of small letters and digits.", "")
    return text


def carriers(*known: str) -> BeforeValidator:
    """One provider's name or several, the preferred first."""

    def check(value: object) -> object:
        named = words(value)
        if not isinstance(named, list | tuple) or not all(isinstance(name, str) for name in named):
            raise Unfit("It must be a provider's name in quotes, or a list of them in square brackets.", "")
        unknown = next((name for name in named if name not in known), None)
        if unknown is not None:
            near = nearest(unknown, known)
            raise Unfit("There is no such provider.", f'Did you mean "{near}"?' if near else _one_of(known))
        if not named:
            raise Unfit("It names no provider.", _one_of(known))
        if len(set(named)) < len(named):
            raise Unfit("It names a provider twice.", "Write each once, the preferred first.")
        return named

    return BeforeValidator(check)


def _one_of(known: Iterable[str]) -> str:
    return f"There are: {', '.join(known)}."


def length_of_time(text: object) -> timedelta:
    """How long machines wait: a day is 24 hours."""
    if isinstance(text, timedelta):
        return text
    offset = Offset.parse(_text(text))
    return timedelta(days=offset.days) + offset.exact


def one_cap(text: object) -> Cap:
    """The cap written as `4 per 30 days`."""
    if isinstance(text, Cap):
        return text
    found = re.fullmatch(r"\s*(\d+) per (.+)", _text(text))
    if not found or int(found[1]) < 1:
        raise Unfit("It is not a number per length of time.", "")
    return Cap(int(found[1]), Offset.parse(found[2]))


def caps(text: object) -> tuple[Cap, ...]:
    """All the caps of one channel, written as `1 per 24 hours, 3 per 7 days`."""
    return text if isinstance(text, tuple) else tuple(one_cap(part) for part in _text(text).split(","))


def words(value: object) -> object:
    """A list, or, as the environment writes it, words between commas."""
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Unfit("It must be text in quotes.", "")
    return value


Line = Annotated[str, AfterValidator(_line)]
Paragraph = Annotated[str, AfterValidator(_paragraph)]
Brand = Annotated[Line, AfterValidator(_brand)]
PhoneNumber = Annotated[Line, AfterValidator(_phone)]
EmailAddress = Annotated[Line, AfterValidator(_email)]
Url = Annotated[Line, AfterValidator(_url)]
Zone = Annotated[str, AfterValidator(_zone)]
State = Annotated[str, AfterValidator(_state)]
Language = Annotated[str, AfterValidator(_language)]
Wait = Annotated[timedelta, BeforeValidator(length_of_time)]
Words = Annotated[tuple[Line, ...], NoDecode, BeforeValidator(words)]
Languages = Annotated[tuple[Language, ...], NoDecode, BeforeValidator(words)]
Caps = Annotated[tuple[Cap, ...], NoDecode, BeforeValidator(caps)]
Attempts = Annotated[tuple[int, ...], BeforeValidator(lambda value: () if value == "all" else value)]
EmailCarriers = Annotated[tuple[str, ...], NoDecode, carriers("mailbox", "sendgrid", "smtp")]
AccountSid = Annotated[str, _sid("AC")]
ApiKeySid = Annotated[str, _sid("SK")]
ServiceSid = Annotated[str, _sid("MG")]
Sender = Annotated[str, AfterValidator(_sender)]
Host = Annotated[str, AfterValidator(_host)]
HostPart = Annotated[str, AfterValidator(_host_part)]
SelectorNames = Annotated[tuple[HostPart, ...], NoDecode, BeforeValidator(words)]
Sites = Annotated[tuple[Annotated[str, AfterValidator(_site)], ...], NoDecode, BeforeValidator(words)]
Facts = Annotated[tuple[Annotated[str, AfterValidator(_fact)], ...], NoDecode, BeforeValidator(words)]
Roles = Annotated[tuple[Annotated[str, AfterValidator(_role)], ...], NoDecode, BeforeValidator(words)]
OneCap = Annotated[Cap, NoDecode, BeforeValidator(one_cap)]


class Section(BaseModel):
    """One `[heading]` of settings.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
