"""What may stand in a condition, and what to write instead of what may not."""

import re
from collections.abc import Iterator
from typing import TypeVar

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from engine.core.contact import Channel
from engine.core.nearest import nearest

CONTACT_FIELDS = ("first_name", "last_name", "language", "state", "zip")
NAMES = ("contact", "event", "happened", "consented")
FILTERS = ("lower", "upper", "trim", "length", "default", "int")
TESTS = ("defined", "undefined", "none")
LATER = ("clicked", "opened", "replied", "answered")

_CONTACT_REMEDIES = {"booked": "Write `happened('booking')`.", "name": "Write `contact.first_name`."}
_OTHER_LANGUAGES = {
    "&&": "and",
    "||": "or",
    "!": "not",
    "===": "==",
    "<>": "!=",
    "AND": "and",
    "OR": "or",
    "NOT": "not",
    "IN": "in",
}
_EXAMPLE = "contact.state == 'MA'"
_WORD = re.compile(r"[a-z][a-z0-9_]*")
# Jinja2's own reader gives no columns, so the words are told apart once more here: quoted text, names, signs.
_PIECES = re.compile(r"'[^']*'|\"[^\"]*\"|\d+\.\d+|\w+|===|==|!=|<>|<=|>=|//|\*\*|&&|\|\||\S")
# Python's own refusals reach us through Jinja2: digits of other scripts, brackets in brackets in brackets.
_UNREADABLE = (TemplateSyntaxError, SyntaxError, ValueError, RecursionError, MemoryError)
_LONGEST = 500
_SIGN = re.compile(r"'.*'|\".*\"|[A-Za-z0-9_.]+|[-+*/%~|.,:<>=!()\[\]{}]{1,3}", re.DOTALL)
_PLAIN = (
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Neg,
)
_N = TypeVar("_N", bound=nodes.Node)
_READER = Environment()  # noqa: S701 - it reads expressions only; nothing is ever rendered with it


class NotACondition(ValueError):
    """The text is no condition. `at` is where in it, counted from 0."""

    def __init__(self, problem: str, remedy: str, at: int = 0) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem, self.remedy, self.at = problem, remedy, at


def mistakes(text: str) -> list[NotACondition]:
    """Everything that is wrong with the text as a condition; empty when it is one.

    >>> [str(m) for m in mistakes("not contact.booked")]
    ["A contact has no “booked”. Write `happened('booking')`."]
    """
    try:
        tree = _parse(text)
    except NotACondition as wrong:
        return [wrong]
    found = list(_wrong_in(tree, text))
    if not found and not any(True for _ in every(tree, nodes.Name)):
        found.append(NotACondition("The condition asks nothing: its answer is always the same.", _ask()))
    return found or _too_deep(text)


def _too_deep(text: str) -> list[NotACondition]:
    """What can be read but not compiled, because too much of it stands inside itself."""
    try:
        _READER.compile_expression(text)
    except _UNREADABLE:
        return [NotACondition("The condition is too deep.", "Ask less, or ask it in two steps.")]
    return []


def happenings(text: str) -> frozenset[str]:
    """The events a condition without mistakes asks about: the words inside `happened(...)`."""
    calls = every(_parse(text), nodes.Call)
    return frozenset(
        c.args[0].as_const() for c in calls if isinstance(c.node, nodes.Name) and c.node.name == "happened"
    )


def every(tree: nodes.Node, kind: type[_N]) -> Iterator[_N]:
    """The nodes of one kind, the root included."""
    if isinstance(tree, kind):
        yield tree
    yield from tree.find_all(kind)


def _ask() -> str:
    return f"Ask something, for example `{_EXAMPLE}`."


def _parse(text: str) -> nodes.Expr:
    """The expression's tree, or NotACondition at the word where reading stopped."""
    if not text.strip():
        raise NotACondition("The condition is empty.", f"Remove `if`, or write one: `{_EXAMPLE}`.")
    if len(text) > _LONGEST:
        raise NotACondition(f"The condition is longer than {_LONGEST} letters.", "Ask less, or in two steps.")
    if (brace := re.search(r"{[{%]", text)) is not None:
        raise NotACondition("A condition is written without braces.", "Take out the braces.", brace.start())
    pieces = [(found.start(), found.group()) for found in _PIECES.finditer(text)]
    _refuse_foreign(pieces)
    try:
        parser = Parser(_READER, text, state="variable")
    except _UNREADABLE:
        raise _unreadable(text, pieces, None) from None
    try:
        tree = parser.parse_expression()
    except _UNREADABLE:
        raise _unreadable(text, pieces, parser) from None
    if not parser.stream.eos:
        raise _unreadable(text, pieces, parser)
    return tree


def _refuse_foreign(pieces: list[tuple[int, str]]) -> None:
    """Signs that other languages, and word processors, write instead of ours."""
    for at, word in pieces:
        if word == "=":
            raise NotACondition("One `=` gives a value; it does not compare.", "Write `==`.", at)
        if word in "“”‘’":
            raise NotACondition("The quotes are curly.", f"Write straight ones: `{_EXAMPLE}`.", at)
        if word in _OTHER_LANGUAGES:
            instead = f"Write `{_OTHER_LANGUAGES[word]}`."
            raise NotACondition(f"“{word}” does not belong in a condition.", instead, at)


def _unreadable(text: str, pieces: list[tuple[int, str]], parser: Parser | None) -> NotACondition:
    """Where reading stopped, told from how many words were left, and what is probably missing there."""
    end = len(text.rstrip())
    lone = next((place for place, word in pieces if word in ("'", '"')), None)
    if lone is not None:
        return NotACondition("A quote is missing.", f"Every quote needs its partner: `{_EXAMPLE}`.", lone)
    odd = next(((place, word) for place, word in pieces if not _SIGN.fullmatch(word)), None)
    if odd is not None or parser is None:
        place, word = odd or (0, text)
        return NotACondition(f"“{word}” does not belong in a condition.", f"Write it like `{_EXAMPLE}`.", place)
    try:
        left = sum(1 for _ in parser.stream)
    except _UNREADABLE:  # a bracket that closes nothing
        left = 0
    at = pieces[-left][0] if 0 < left <= len(pieces) else end
    for opening, closing in ("()", "[]", "{}"):
        if text.count(opening) != text.count(closing):
            remedy = f"Every `{opening}` needs its `{closing}`."
            return NotACondition("A bracket is missing, or one too many.", remedy, at)
    if at >= end:
        return NotACondition("The condition breaks off.", f"Finish it, for example `{_EXAMPLE}`.", at)
    before = [word for place, word in pieces if place < at]
    if before[-1:] == ["is"]:
        return NotACondition("`is` does not compare with a word.", f"Write `==`: `{_EXAMPLE}`.", at)
    if text[at : at + 1] == ",":
        return NotACondition("A list needs square brackets.", "Write it like `contact.state in ['MA', 'NH']`.", at)
    joined = f"Join two questions with `and` or `or`: `{_EXAMPLE} and not happened('booking')`."
    return NotACondition("The condition cannot be read from here on.", joined, at)


def _wrong_in(node: nodes.Node, text: str) -> Iterator[NotACondition]:
    """Whatever a condition may not name, call or do."""
    if isinstance(node, nodes.Name):
        yield _wrong_name(node.name, text)
    elif isinstance(node, nodes.Call):
        yield from _wrong_call(node, text)
    elif isinstance(node, nodes.Getattr | nodes.Getitem):
        yield from _wrong_field(node, text)
    elif isinstance(node, nodes.Filter | nodes.Test):
        yield from _wrong_tool(node, text)
        for child in node.iter_child_nodes():
            yield from _wrong_in(child, text)
    elif isinstance(node, _PLAIN):
        for child in node.iter_child_nodes():
            yield from _wrong_in(child, text)
    else:
        only = "A condition only asks: it compares, and joins questions with `and`, `or` and `not`."
        yield NotACondition(only, f"Write it like `{_EXAMPLE}`.")


def _at(word: str, text: str) -> int:
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)
    return found.start() if found else 0


def _wrong_tool(node: nodes.Filter | nodes.Test, text: str) -> Iterator[NotACondition]:
    known, sign = (FILTERS, "|") if isinstance(node, nodes.Filter) else (TESTS, "is")
    if node.name not in known:
        close = nearest(node.name, known)
        remedy = f"Write `{sign} {close}`." if close else f"There are: {', '.join(known)}."
        yield NotACondition(f"There is no `{sign} {node.name}`.", remedy, _at(node.name, text))


def _wrong_name(name: str, text: str) -> NotACondition:
    """A name that stands alone: nothing may, but what was meant differs."""
    at = _at(name, text)
    if name in LATER:
        return NotACondition(f"`{name}` is not yet built.", "Remove it for now.", at)
    if name in ("contact", "event"):
        field = "contact.state" if name == "contact" else "event.kind"
        return NotACondition(f"`{name}` alone asks nothing.", f"Say which field: `{field} == '...'`.", at)
    if name in NAMES:
        word = "booking" if name == "happened" else "sms"
        return NotACondition(f"`{name}` needs a word in brackets.", f"Write `{name}('{word}')`.", at)
    if (close := nearest(name, CONTACT_FIELDS)) is not None:
        remedy = f"Write `contact.{close}`."
    elif (close := nearest(name, NAMES)) is not None:
        remedy = f"Did you mean `{close}`?"
    else:
        remedy = f"Of an event write `happened('{name}')`; a word to compare with goes in quotes: `'{name}'`."
    return NotACondition(f"“{name}” is not known here.", remedy, at)


def _wrong_call(node: nodes.Call, text: str) -> Iterator[NotACondition]:
    """Only happened('word') and consented('channel') may be asked."""
    called = node.node
    name = called.name if isinstance(called, nodes.Name) else str(getattr(called, "attr", "this"))
    at = _at(name, text)
    example = {"happened": "happened('booking')", "consented": "consented('sms')"}
    if name in LATER:
        yield NotACondition(f"`{name}(...)` is not yet built.", "Remove it for now.", at)
        return
    if not isinstance(called, nodes.Name) or name not in example:
        close = nearest(name, example)
        known = f"`{example[close]}`" if close else "`happened('booking')` or `consented('sms')`"
        yield NotACondition(f"“{name}(...)” cannot be asked.", f"Write {known}.", at)
        return
    given = node.args[0] if len(node.args) == 1 and not node.kwargs else None
    word = given.value if isinstance(given, nodes.Const) else None
    channels = [channel.value for channel in Channel]
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        yield NotACondition(f"`{name}(...)` asks about one word in quotes.", f"Write `{example[name]}`.", at)
    elif name == "consented" and word not in channels:
        close = nearest(word, channels) or "sms"
        yield NotACondition(f"“{word}” is no channel.", f"Write `consented('{close}')`.", _at(word, text))


def _wrong_field(node: nodes.Getattr | nodes.Getitem, text: str) -> Iterator[NotACondition]:
    """Only contact.<a known field> and event.<any field> may be read."""
    field: object = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
    owner = node.node.name if isinstance(node.node, nodes.Name) else None
    if owner is None or not isinstance(field, str) or not _WORD.fullmatch(field):
        shape = "A field is one word after `contact.` or `event.`."
        yield NotACondition(shape, "Write it like `contact.state` or `event.kind`.", _at(str(field), text))
    elif owner not in ("contact", "event"):
        close = nearest(owner, ("contact", "event"))
        if close is None:
            yield _wrong_name(owner, text)
        else:
            yield NotACondition(f"“{owner}” is not known here.", f"Write `{close}.{field}`.", _at(owner, text))
    elif owner == "contact" and field not in CONTACT_FIELDS:
        close = nearest(field, CONTACT_FIELDS)
        all_of_them = f"A contact has: {', '.join(CONTACT_FIELDS)}."
        remedy = _CONTACT_REMEDIES.get(field) or (f"Write `contact.{close}`." if close else all_of_them)
        yield NotACondition(f"A contact has no “{field}”.", remedy, _at(f"contact.{field}", text))
