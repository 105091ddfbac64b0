"""Conditions (`if = "..."`): Jinja2 expressions, compiled once in a sandbox, asked of one person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import StrictUndefined, Undefined
from jinja2.environment import TemplateExpression
from jinja2.exceptions import TemplateRuntimeError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.core.condition_check import FILTERS, NAMES, TESTS, NotACondition, happenings, mistakes

__all__ = ["Condition", "ConditionError", "NotACondition"]

_UNKNOWN = "is not known for this person."


class ConditionError(Exception):
    """A condition has no answer for one person. The text is a plain sentence, without the person's values."""


@dataclass(frozen=True, slots=True)
class _Named:
    """`contact` or `event` as the sandbox hands it out: its fields, none of its methods."""

    name: str
    facts: object


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 with nothing in it but the words of a condition."""

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined)
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in FILTERS}
        self.tests = {name: self.tests[name] for name in TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        if not isinstance(obj, _Named):
            return super().getattr(obj, attribute)
        if isinstance(obj.facts, Mapping):
            if attribute in obj.facts:
                return obj.facts[attribute]
        elif hasattr(obj.facts, attribute) and not attribute.startswith("_"):
            return getattr(obj.facts, attribute)
        return self.undefined(hint=f"`{obj.name}.{attribute}` {_UNKNOWN}", name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self.getattr(obj, str(argument)) if isinstance(obj, _Named) else super().getitem(obj, argument)


_SANDBOX = _Sandbox()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a campaign. Raises NotACondition when the text is none.

    >>> near = Condition("contact.state in ['MA', 'NH'] and not happened('booking')")
    >>> near.holds({"contact": {"state": "MA"}, "event": {}, "happened": lambda word: False})
    True
    >>> sorted(near.events)
    ['booking']
    """

    text: str
    events: frozenset[str] = field(init=False, compare=False)  # the words inside `happened(...)`
    _compiled: TemplateExpression = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if wrong := mistakes(self.text):
            raise wrong[0]
        object.__setattr__(self, "events", happenings(self.text))
        object.__setattr__(self, "_compiled", _SANDBOX.compile_expression(self.text, undefined_to_none=False))

    def holds(self, context: Mapping[str, Any]) -> bool:
        """Whether it is so for one person, of whom `context` has `contact`, `event`, `happened`, `consented`.

        Raises ConditionError when it needs a value that is not there, or compares what cannot be compared.
        """
        names = {k: _Named(k, v) if k in ("contact", "event") else v for k, v in context.items() if k in NAMES}
        try:
            answer = self._compiled(names)
            if isinstance(answer, Undefined):
                raise ConditionError(f"“{self.text}” has no answer: {answer._undefined_message}")
            return bool(answer)
        except TemplateRuntimeError as error:
            # Only the sentence we gave StrictUndefined is passed on: Jinja2's own may quote a person's value.
            told = error.message or ""
            why = told if told.endswith(_UNKNOWN) else "a value it asks for is missing."
            raise ConditionError(f"“{self.text}” has no answer: {why}") from None
        except (TypeError, ValueError, AttributeError):
            raise ConditionError(f"“{self.text}” has no answer: it compares values that cannot be compared.") from None
