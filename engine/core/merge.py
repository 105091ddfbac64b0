"""Merge fields: the small language between `{{ }}` and `{% %}`, checked in the file and compiled once.

A template may print a known field, with a fallback (`or`, `default`), change its letters (`upper`, `lower`,
`title`, `capitalize`), and choose words by `if` / `elif` / `else`. Nothing else of Jinja2 is let in: no call,
no loop, no `safe`. So a template cannot print markup from a value, and cannot fail at sending in any way but
one: a value that is not there, which is MissingValue.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

#: What a template may name. `event` has the fields of the enrolling event, whatever the clinic calls them.
KNOWN: Mapping[str, tuple[str, ...]] = {
    "contact": ("first_name", "last_name"),
    "clinic": ("name", "brand", "phone", "address", "site"),
    "link": ("booking", "guide", "unsubscribe", "preferences", "check_in"),
    "anchor": ("day", "date", "time"),
    "event": (),
}


class MissingValue(Exception):
    """A message needs a value that is not known for this person. Says which, never anybody's values."""

    def __init__(self, template: str, field: str) -> None:
        super().__init__(template, field)
        self.template = template
        self.field = field

    def __str__(self) -> str:
        fallback = '| default("words")' if self.field.startswith("event.") else 'or "words"'
        return (
            f"{self.template} needs {self.field}, which is not known for this person. "
            f"Give it a fallback, as in {{{{ {self.field} {fallback} }}}}, or see that it becomes known."
        )


class _Blank(Exception):
    """A field without a value was about to be printed."""


class _Unknown(StrictUndefined):
    """Undefined: using it in any way says its bare name, and nothing about what surrounds it."""

    @property
    def _undefined_message(self) -> str:
        return str(self._undefined_name)


def _must(value: Any, field: str) -> Any:
    if value is None or isinstance(value, Undefined):
        raise _Blank(field)
    return value


def _default(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None or isinstance(value, Undefined) else value


def _letters(change: str) -> Any:
    method = getattr(str, change)

    def changed(value: Any) -> Any:
        return value if value is None or isinstance(value, Undefined) else method(str(value))

    return changed


FILTERS: Mapping[str, Any] = {
    "default": _default,
    "upper": _letters("upper"),
    "lower": _letters("lower"),
    "title": _letters("title"),
    "capitalize": _letters("capitalize"),
}
TESTS: Mapping[str, Any] = {"defined": lambda value: value is not None and not isinstance(value, Undefined)}


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 with nothing in it but the words of a template."""

    def __init__(self, *, html: bool) -> None:
        super().__init__(undefined=_Unknown, autoescape=html, keep_trailing_newline=True)
        self.globals.clear()
        self.filters = {**FILTERS, "must": _must}
        self.tests = dict(TESTS)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A field and nothing else: Jinja2 would go on to look for a method of that name."""
        try:
            return obj[argument]
        except (TypeError, LookupError):
            return self.undefined(obj=obj, name=argument)


_HTML = _Sandbox(html=True)
TEXT = _Sandbox(html=False)


class _Strict(NodeTransformer):
    """Makes every printed expression answer for its field, and reads `a.b` as the key `b` of the mapping `a`.

    The latter is quicker than asking for an attribute first, and `event.items` is the event's own.
    """

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802  (Jinja2's name)
        node.nodes = [c if isinstance(c, nodes.TemplateData) else _answering(c) for c in node.nodes]
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Getitem:  # noqa: N802
        return nodes.Getitem(node.node, nodes.Const(node.attr), "load", lineno=node.lineno)


def _answering(expression: nodes.Expr) -> nodes.Expr:
    label = " or ".join(dict.fromkeys(fields_of(expression)))
    strict = _Strict().visit(expression)
    return nodes.Filter(strict, "must", [nodes.Const(label)], [], None, None, lineno=expression.lineno)


def fields_of(tree: nodes.Node) -> Iterator[str]:
    """The fields a template or expression names, as `contact.first_name`, in order, with repetitions.

    >>> list(fields_of(TEXT.parse("{{ contact.first_name or clinic.name }}{% if purpose %}{% endif %}")))
    ['contact.first_name', 'clinic.name', 'purpose']
    """
    if isinstance(tree, nodes.Getattr) and isinstance(tree.node, nodes.Name):
        yield f"{tree.node.name}.{tree.attr}"
    elif isinstance(tree, nodes.Name):
        yield tree.name
    else:
        for child in tree.iter_child_nodes():
            yield from fields_of(child)


class Merge:
    """One text with merge fields, compiled. `file` is what its errors are told about."""

    __slots__ = ("_template", "fields", "file")

    def __init__(self, text: str, *, html: bool, file: str) -> None:
        sandbox = _HTML if html else TEXT
        tree = sandbox.parse(text)
        self.file = file
        self.fields = tuple(dict.fromkeys(fields_of(tree)))
        strict = _Strict().visit(tree)
        strict.set_environment(sandbox)
        self._template = Template.from_code(sandbox, sandbox.compile(strict), {})
        # Jinja2 gives each template a ChainMap and copies it at every rendering: half of a short text's cost.
        self._template.globals = {}

    def __call__(self, context: Mapping[str, Any]) -> str:
        """The text for one person. Raises MissingValue.

        >>> Merge("{{ contact.first_name or 'you' }}", html=True, file="x")({"contact": {"first_name": "&"}})
        '&amp;'
        >>> Merge("{{ contact.first_name }}", html=False, file="x")({"contact": {"first_name": None}})
        Traceback (most recent call last):
        ...
        engine.core.merge.MissingValue: x needs contact.first_name, which is not known for this person. ...
        """
        try:
            return self._template.render(context)
        except _Blank as blank:
            field = str(blank)
        except UndefinedError as error:
            field = self._absent(str(error), context)
        raise MissingValue(self.file, field)

    def _absent(self, name: str, context: Mapping[str, Any]) -> str:
        """The whole name of a field of which only the last part is known, or whose namespace is absent."""
        for field in self.fields:
            space, _, key = field.partition(".")
            if name in (space, key) and key not in context.get(space, ()):
                return field
        return name
