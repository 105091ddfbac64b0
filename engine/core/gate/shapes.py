"""The shapes of a template: what it says when it chooses one way or another, and when its values are long."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, product
from typing import Any

from engine.core.gate.scene import Scene
from engine.core.merge import KNOWN
from engine.core.render import EmailTemplate, SmsTemplate
from engine.core.wording import anchor_words

#: A name that no rule is about; one as long as names get; and one as long as `safe_value` lets through.
NAME = "Ann"
LONG_NAME = "Maximiliana-Caroline"
LONGEST_NAME = "W" * 60
#: What stands for a value of the enrolling event, which may be anything.
_VALUE = "it"
_LETTERS = 22  # of a signed link
_MOST_SHAPES = 64
_SAMPLE = object()  # whatever the context has
_ABSENT = None

_Template = EmailTemplate | SmsTemplate


def shapes(template: _Template, scene: Scene, name: str = NAME) -> Iterator[dict[str, Any]]:
    """Contexts that make a template choose each of its words at least once: every combination, up to 64 of them.

    The first has every value; people are called `name`. One in which a value is missing that has to be there cannot be
    rendered (MissingValue).
    """
    choosing = {name: sorted(values) for name, values in template.choices.items() if _varies(name)}
    options = [[_SAMPLE, *values, _ABSENT] for values in choosing.values()]
    for chosen in islice(product(*options), _MOST_SHAPES):
        yield _with(_context(template, scene, name), dict(zip(choosing, chosen, strict=True)))


def _context(template: _Template, scene: Scene, name: str) -> dict[str, Any]:
    """Every value that a template may print: people are called `name`, times are as long as they get."""
    return {
        "contact": {"first_name": name, "last_name": name},
        "clinic": {
            "name": scene.name,
            "brand": scene.brand,
            "phone": scene.phone,
            "address": scene.address,
            "site": f"https://{scene.hosts[-1]}" if scene.hosts else "",
            "notice": scene.notice,
        },
        "link": {kind: sample_link(scene, kind) for kind in KNOWN["link"]},
        "anchor": dict(_long_anchor(scene.language)),
        "event": {field.partition(".")[2]: _VALUE for field in template.fields if field.startswith("event.")},
        "purpose": scene.purpose.value,
    }


def sample_link(scene: Scene, kind: str) -> str:
    """A link of ours, as long as they are, that tells its kind."""
    return f"https://{scene.hosts[0] if scene.hosts else 'clinic.example'}/l/{kind.ljust(_LETTERS, 'x')}"


def _varies(field: str) -> bool:
    """Whether a field differs from person to person; the clinic, the purpose and the language do not."""
    return field.partition(".")[0] in ("contact", "anchor", "event", "link")


def _with(made: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    for field, value in values.items():
        space, _, key = field.partition(".")
        if value is _ABSENT and space != "contact":
            made[space].pop(key, None)
        elif value is not _SAMPLE:
            made[space][key] = value
    return made


@lru_cache(maxsize=8)
def _long_anchor(language: str) -> Mapping[str, str]:
    """The longest day, date and time that the language has."""
    first = datetime(2026, 9, 1, tzinfo=UTC)
    moments = (first + timedelta(days=day, minutes=61 * (day % 24)) for day in range(366))
    every = [anchor_words(moment, "America/New_York", "America/Chicago", language) for moment in moments]
    return {key: max((words[key] for words in every), key=len) for key in ("day", "date", "time")}
