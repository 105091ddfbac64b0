"""Secrets do not belong into settings.toml: it is copied, shown and committed. They are found and refused."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

from engine.config.mistakes import FILE, Place, at, dotted, field_at, is_secret, variable
from engine.core.findings import Finding
from engine.core.toml_text import Document

_NAMES = re.compile(r"(?i)secret|token|passw(or)?d|passphrase|credential|(api|auth|private|signing)_?key")
_VALUES = re.compile(r"\bSG\.[\w-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY|\b[rs]k_live_\w+")
_PROBLEM = "A secret stands in settings.toml, a file that is copied, shown and committed."
# What somebody meant by a secret under a name that is no setting.
_MEANT: dict[str, Place] = {
    "database": ("database", "url"),
    "twilio": ("twilio", "auth_token"),
    "sendgrid": ("sendgrid", "api_key"),
    "smtp": ("smtp", "password"),
}


def without_secrets(document: Document) -> tuple[dict[str, Any], list[Finding]]:
    """The data less every secret, and a finding for each, which says nothing of its value."""
    data = deepcopy(document.data or {})
    findings = []
    for place in list(_secrets(data, ())):
        _remove(data, place)
        meant = place if is_secret(field_at(place)) else _MEANT.get(str(place[0]))
        name = variable(meant) if meant else "its variable"
        remedy = f"Take it out, set {name} in the environment, and change the secret: it may have been seen."
        findings.append(Finding(FILE, *at(document, place), dotted(place), _PROBLEM, remedy))
    return data, findings


def _secrets(value: Any, place: Place) -> Iterator[Place]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets(inner, (*place, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _secrets(inner, (*place, number))
    elif _is_secret(place, value):
        yield place


def _is_secret(place: Place, value: Any) -> bool:
    field = field_at(place)
    named = next((part for part in reversed(place) if isinstance(part, str)), "")
    if is_secret(field) or (field is None and _NAMES.search(named)):
        return True
    return isinstance(value, str) and bool(_VALUES.search(value) or _password(value))


def _password(value: str) -> str | None:
    """The password in a URL."""
    try:
        return urlsplit(value).password
    except ValueError:
        return None


def _remove(data: Any, place: tuple[Any, ...]) -> None:
    for part in place[:-1]:
        data = data[part]
    if isinstance(data, list):
        data[place[-1]] = ""  # the others keep their numbers, by which they are found in the file
    else:
        del data[place[-1]]


def masked_url(url: str) -> str:
    """The URL with its password hidden.

    >>> masked_url("postgresql+psycopg://nurture:hunter2@db/nurture")
    'postgresql+psycopg://nurture:***@db/nurture'
    """
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        return url if "@" not in url else "***"
    # To the last @: a password may hold one, or a slash. A query may hold one as well.
    user, at, place = rest.rpartition("@")
    place, mark, query = place.partition("?")
    shown = "&".join(_without_secret(pair) for pair in query.split("&"))
    return f"{scheme}://{user.partition(':')[0]}{':***' if ':' in user else ''}{at}{place}{mark}{shown}"


def _without_secret(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}{equals}***" if re.search(r"pass|secret|token|key", name, re.IGNORECASE) else pair
