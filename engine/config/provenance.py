"""Each setting with its value and where it came from, for `nurture settings`. Secrets are masked."""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from engine.config.mistakes import FILE, Place, dotted, reach, variable
from engine.config.secrets_kept_out import masked_url
from engine.config.settings import Settings
from engine.core.campaign import Cap
from engine.core.timing import Offset


class Shown(NamedTuple):
    """One setting, as it is shown."""

    key: str
    value: str
    source: str  # "default", "settings.toml" or "environment NURTURE_..."


def provenance(settings: Settings) -> list[Shown]:
    """Every setting in the order of its section, with its value and source."""
    leaves = _leaves(settings, ())
    return [Shown(dotted(place), _shown(place, value), _source(settings, place)) for place, value in leaves]


def _leaves(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves(getattr(value, name), (*place, name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*place, name))
    elif isinstance(value, tuple) and any(isinstance(inner, BaseModel) for inner in value):
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*place, number))
    else:
        yield place, value


def _source(settings: Settings, place: Place) -> str:
    if reach(settings._in_environment, place):
        # A section may have been given whole, as JSON in one variable.
        names = [variable(place[:length]) for length in range(len(place), 0, -1)]
        return f"environment {next((name for name in names if name in settings._variables), names[0])}"
    return FILE if reach(settings._in_file, place) else "default"


def _shown(place: Place, value: Any) -> str:
    if place == ("secret_key",):
        return "not set: the development key is used" if value is None else "**********"
    if place == ("database", "url"):
        return masked_url(value)
    return _words(value)


def _words(value: Any) -> str:
    """The value as settings.toml would have it, without the quotes."""
    match value:
        case None | ():
            return "-"
        case bool():
            return str(value).lower()
        case SecretStr():
            return "**********"
        case Enum():
            return str(value.value)
        case timedelta():
            return str(Offset(value.days, value % timedelta(days=1)))
        case tuple():
            return ", ".join(map(_words, value))
        case Cap() | date() | int() | str():
            return str(value)
    raise AssertionError(f"no words for a {type(value).__name__}")
