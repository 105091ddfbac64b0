"""Merge fields: the small language between `{{ }}` and `{% %}`, checked in the file and compiled once.

A template may print a known field, with a fallback (`or`, `default`), change its letters (`upper`, `lower`,
`title`, `capitalize`), and choose words by `if` / `elif` / `else`. Nothing else of Jinja2 is let in: no call,
no loop, no `safe`. So a template cannot print markup from a value, and cannot fail at sending in any way but
one: a value that is not there, which is MissingValue.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
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


def choices_of(tree: nodes.Node) -> dict[str, frozenset[str]]:
    """The fields by which a template chooses its words, each with the values that it is compared with.

    >>> choices_of(TEXT.parse("{{ contact.first_name or 'you' }}{% if event.kind == 'new' %}Hi{% endif %}"))
    {'contact.first_name': frozenset(), 'event.kind': frozenset({'new'})}
    """
    found: dict[str, set[str]] = {}
    for node in tree.find_all((nodes.Or, nodes.Filter, nodes.If, nodes.CondExpr)):
        chooses = node.test if isinstance(node, (nodes.If, nodes.CondExpr)) else node
        for name in fields_of(chooses):
            found.setdefault(name, set())
        for compared in (chooses, *chooses.find_all(nodes.Compare)):
            if isinstance(compared, nodes.Compare) and (names := list(fields_of(compared.expr))):
                constants = (operand.expr for operand in compared.ops)
                found[names[0]] |= {str(c.value) for c in constants if isinstance(c, nodes.Const)}
    return {name: frozenset(values) for name, values in found.items()}


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a text that is whole in itself, compiled."""

    template: Template
    fields: tuple[str, ...]
    choices: Mapping[str, frozenset[str]]


@lru_cache(maxsize=2048)
def _compiled(text: str, html: bool) -> _Piece:
    sandbox = _HTML if html else TEXT
    tree = sandbox.parse(text)
    fields, choices = tuple(fields_of(tree)), choices_of(tree)
    strict = _Strict().visit(tree)
    strict.set_environment(sandbox)
    template = Template.from_code(sandbox, sandbox.compile(strict), {})
    # Jinja2 gives each template a ChainMap and copies it at every rendering: half of a short text's cost.
    template.globals = {}
    return _Piece(template, fields, choices)


_WORTH_CUTTING = 500  # letters
_TRIMS = re.compile(r"\{#|\{[{%]-|-[%}]\}")
_CHOICE = re.compile(r"\{%\s*(if|endif)\b.*?%\}", re.DOTALL)


def _pieces(text: str, html: bool) -> tuple[_Piece, ...]:
    """A long text cut around each choice that stands in no other: the layout's are the same in every email, and to
    compile them is most of the work of reading a project.
    """
    if len(text) < _WORTH_CUTTING or _TRIMS.search(text):
        return (_compiled(text, html),)
    cuts, depth = [0], 0
    for found in _CHOICE.finditer(text):
        opens = found[1] == "if"
        if depth == (0 if opens else 1):
            cuts.append(found.start() if opens else found.end())
        depth += 1 if opens else -1
    return tuple(_compiled(text[start:end], html) for start, end in pairwise([*cuts, len(text)]) if start < end)


def joined(several: Iterable[Mapping[str, frozenset[str]]]) -> Mapping[str, frozenset[str]]:
    """The choices of several texts as those of one."""
    found: dict[str, frozenset[str]] = {}
    for choices in several:
        for name, values in choices.items():
            found[name] = found.get(name, frozenset()) | values
    return found


class Merge:
    """One text with merge fields, compiled. `file` is what its errors are told about.

    `choices`: the fields by which it chooses its words (`choices_of`).
    """

    __slots__ = ("_first", "_renders", "choices", "fields", "file")

    def __init__(self, text: str, *, html: bool, file: str) -> None:
        pieces = _pieces(text, html)
        self.file = file
        self.fields = tuple(dict.fromkeys(field for piece in pieces for field in piece.fields))
        self.choices = joined(piece.choices for piece in pieces)
        self._first = pieces[0].template
        self._renders = tuple(piece.template.root_render_func for piece in pieces)

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
            whole = self._first.new_context(context)  # type: ignore[arg-type]  # it only reads it
            return "".join([words for render in self._renders for words in render(whole)])
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
