"""What is wrong with the settings, as findings: where it stands, the problem, what to write instead."""

import json
import re
import types
from collections.abc import Mapping
from datetime import date
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from engine.config.settings import Settings
from engine.config.values import Unfit
from engine.core.findings import Finding
from engine.core.nearest import nearest
from engine.core.toml_text import Document

FILE = "settings.toml"
ENVIRONMENT = "environment"

Place = tuple[str | int, ...]

# What pydantic found, in our words. Everything else is told in its own.
_PROBLEMS = {
    "string_type": "It must be text in quotes.",
    "int_type": "It must be a whole number, without quotes.",
    "int_parsing": "It must be a whole number.",
    "int_from_float": "It must be a whole number.",
    "float_type": "It must be a number, without quotes.",
    "float_parsing": "It must be a number.",
    "bool_type": "It must be true or false, without quotes.",
    "bool_parsing": "It must be true or false.",
    "tuple_type": "It must be a list in square brackets.",
    "dict_type": "It must be a section of its own.",
    "model_type": "It must be a section of its own.",
    "date_type": "It must be a date, without quotes.",
    "date_parsing": "It must be a date: year, month, day.",
    "date_from_datetime_parsing": "It must be a date: year, month, day.",
    "too_short": "It is empty.",
    "greater_than": "It must be more than {gt}.",
    "greater_than_equal": "It must be at least {ge}.",
    "less_than_equal": "It must be at most {le}.",
    "literal_error": "It must be {expected}.",
    "enum": "It must be {expected}.",
}
# Settings that there are none of, for a reason.
_NEVER: dict[Place, tuple[str, str]] = {
    ("sendgrid", "baa"): (
        "SendGrid signs no BAA, so it may only carry general education to people who are not patients (HIP-1).",
        'Take it out. What it may not carry goes by a relay with a BAA: [smtp.baa] and email = ["sendgrid", "smtp"].',
    )
}


def variable(place: Place) -> str:
    """The environment variable that sets this value.

    >>> variable(("database", "url"))
    'NURTURE_DATABASE__URL'
    """
    return "NURTURE_" + "__".join(part.upper() for part in place if isinstance(part, str))


def dotted(place: Place) -> str:
    """The key as people say it: `clinic.brand`. Which of several boxes or faults is meant, the line tells."""
    return ".".join(part for part in place if isinstance(part, str))


def reach(data: Mapping[str, Any], place: Place) -> bool:
    """Whether the data has a value at this place."""
    here: Any = data
    for part in place:
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def at(document: Document, place: Place, *, of_key: bool = False) -> tuple[int, int]:
    """Line and column of a value, or of its key; of the section around it when it is missing; else (0, 0)."""
    for length in range(len(place), 0, -1):
        if spot := document.spots.get(place[:length]):
            if of_key or length < len(place):
                return spot.key_line, spot.key_column
            return spot.line, spot.column
    return 0, 0


def findings_of(error: ValidationError, document: Document, environment: Mapping[str, Any]) -> list[Finding]:
    """One finding for each value that pydantic refused."""
    every = error.errors()
    places: list[Place] = [details["loc"] for details in every]
    # A list whose entries were refused is called empty as well.
    told = [
        details
        for details in every
        if details["type"] != "too_short" or not any(_is_below(place, details["loc"]) for place in places)
    ]
    return [_finding(details, document, environment) for details in told]


def _is_below(place: Place, above: Place) -> bool:
    return len(place) > len(above) and place[: len(above)] == above


def _finding(details: Mapping[str, Any], document: Document, environment: Mapping[str, Any]) -> Finding:
    place: Place = details["loc"]
    kind, context = details["type"], details.get("ctx", {})
    # What is wrong with a section as a whole stands where the section does, even if the environment adds its secret.
    whole = kind == "value_error" and section_at(place) is not None and place in document.spots
    from_environment = reach(environment, place) and not whole
    if kind == "missing":
        problem, remedy = "It is missing.", _write(place, from_environment)
    elif place in _NEVER:
        problem, remedy = _NEVER[place]
    elif kind == "extra_forbidden":
        problem, remedy = "There is no such setting.", _instead(place, from_environment)
    elif kind == "value_error":
        problem, remedy = _own_words(context["error"])
        if section_at(place) is None:
            remedy = f"{remedy} {_for_example(place, from_environment)}".strip()
    else:
        problem = _PROBLEMS.get(kind, details["msg"] + ".").format_map(context)
        near = _one_of_these(details["input"], context.get("expected", ""))
        remedy = f'Did you mean "{near}"?' if near else _for_example(place, from_environment)
    if from_environment:
        return Finding(ENVIRONMENT, 0, 0, variable(place), problem, remedy)
    line, column = at(document, place, of_key=kind == "extra_forbidden")
    return Finding(FILE, line, column, dotted(place), problem, remedy)


def _one_of_these(written: Any, expected: str) -> str | None:
    """The word that was probably meant, of those that pydantic lists in quotes."""
    return nearest(written, re.findall("'([^']+)'", expected)) if isinstance(written, str) else None


def _own_words(error: Exception) -> tuple[str, str]:
    return (error.problem, error.remedy) if isinstance(error, Unfit) else (str(error), "")


def is_secret(field: FieldInfo | None) -> bool:
    """Whether the setting is one that only the environment may hold."""
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


def field_at(place: Place) -> FieldInfo | None:
    """The description of the setting at this place; None when there is no such setting."""
    annotation: Any = Settings
    found: FieldInfo | None = None
    for part in place:
        found = None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found = annotation.model_fields.get(str(part))
            if found is None:
                return None
            annotation = _without_none(found.annotation)
        else:
            annotation = _element(annotation)
    return found


def section_at(place: Place) -> type[BaseModel] | None:
    """The section at this place: for `("clinic",)` Clinic, for `("mailbox", "faults", 0)` FaultRule."""
    annotation: Any = Settings
    for part in place:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            known = annotation.model_fields.get(str(part))
            annotation = _without_none(known.annotation) if known else None
        else:
            annotation = _element(annotation)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(one for one in get_args(annotation) if one is not type(None))
    return annotation


def _element(annotation: Any) -> Any:
    """What a list or a table of named sections holds."""
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if get_origin(annotation) is tuple else None


def _write(place: Place, from_environment: bool) -> str:
    """The whole line to write, or, for a missing section, what it needs."""
    section = section_at(place)
    if section is None:
        return f"Write: {example(place, from_environment)}"
    needed = [name for name, field in section.model_fields.items() if field.is_required()]
    return f"Write a section [{dotted(place)}] with {', '.join(needed)}."


def _for_example(place: Place, from_environment: bool) -> str:
    shown = example(place, from_environment)
    return f"For example: {shown}" if shown else ""


def example(place: Place, from_environment: bool = False) -> str:
    """The line of settings.toml (or the variable) that sets this value to something sensible."""
    while place and isinstance(place[-1], int):
        place = place[:-1]
    field = field_at(place)
    if field is None or not field.examples:
        return ""
    value = field.examples[0]
    if from_environment:
        return f"{variable(place)}={_as_variable(value)}"
    return f"{place[-1]} = {as_toml(value)}"


def _as_variable(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return json.dumps(value) if isinstance(value, list | bool) else str(value)


def as_toml(value: Any) -> str:
    """A value as settings.toml writes it: the same as JSON, but for dates and tables.

    >>> as_toml(["en", "es"]), as_toml({"to": "*", "accepted": True})
    ('["en", "es"]', '{ to = "*", accepted = true }')
    """
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {as_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def _instead(place: Place, from_environment: bool) -> str:
    """For a key that is no setting: the one that was probably meant, or all that there are."""
    section = section_at(place[:-1]) if len(place) > 1 else Settings
    fields = section.model_fields if section else {}
    known = [name for name, field in fields.items() if from_environment or not is_secret(field)]
    near = nearest(str(place[-1]), known)
    if near is None:
        return f"There are: {', '.join(known)}."
    return f'Did you mean "{variable((*place[:-1], near)) if from_environment else near}"?'
