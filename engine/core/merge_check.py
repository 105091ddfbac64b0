"""The merge fields of a template, read where they stand: what is wrong with them; and stand-ins for them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jinja2 import TemplateSyntaxError, nodes

from engine.core.enrolment import HEALTH_FIELDS
from engine.core.findings import Finding
from engine.core.merge import FILTERS, KNOWN, TESTS, TEXT
from engine.core.merge_syntax import CHOICE, FALLBACK, Slip, meant_by, syntax_slips
from engine.core.nearest import nearest
from engine.core.placeholders import placeholders

_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
BRACE = ("There is a brace outside a merge field.", 'Write {{ contact.first_name or "there" }}, two braces.')
_EVENT = "event. with a field of the event"

_UNDERSTOOD = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Const, nodes.Or,
    nodes.And, nodes.Not, nodes.Compare, nodes.Operand, nodes.Test, nodes.Filter, nodes.CondExpr, nodes.If,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: its file, and the line and column of its first character (from 1)."""

    file: str
    line: int = 1
    column: int = 1
    key: str = ""

    def finding(self, text: str, line: int, needle: str, problem: str, remedy: str) -> Finding:
        """A finding at `needle` in the given line (from 1) of the text that stands here."""
        lines = text.split("\n")
        there = lines[line - 1] if 0 < line <= len(lines) else ""
        at = max(_within(there, needle), 0) if needle else 0
        column = at + (self.column if line == 1 else 1)
        return Finding(self.file, self.line + line - 1, column, self.key, problem, remedy)

    def slip(self, text: str, slip: Slip) -> Finding:
        """A finding at exactly the words that are meant in the text that stands here."""
        line = text.count("\n", 0, slip.start)
        column = slip.start - (text.rfind("\n", 0, slip.start) + 1) + (1 if line else self.column)
        _, words, problem, remedy = slip
        return Finding(self.file, self.line + line, column, self.key, problem, remedy, phrase=words)


def _within(line: str, needle: str) -> int:
    """Where a needle is in a line: in a merge field, if any has it, for its words may say the same; -1: nowhere."""
    inside = (found.start() + found[0].find(needle) for found in _CODE.finditer(line) if needle in found[0])
    return next(inside, line.find(needle))


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a text in a language may say: fields of the event, `extra` further names and braces of its own (layouts)."""

    event: bool = True
    language: str = "en"
    extra: frozenset[str] = frozenset()
    braces: bool = False

    def names(self) -> list[str]:
        """Every whole name that may stand in it, but those of the event."""
        return [f"{space}.{key}" for space, keys in KNOWN.items() for key in keys] + sorted(self.extra)


def mistakes(text: str, place: Place, allowed: Allowed) -> list[Finding]:
    """Everything about the merge fields of a text that its author must mend; words that should have been one, too."""
    notes = list(placeholders(text, allowed.language))
    try:
        tree = TEXT.parse(text)
    except TemplateSyntaxError as error:
        slips = syntax_slips(text)
        problem = f"The merge fields cannot be read: {(error.message or '').rstrip('.')}."
        other = [] if slips else [place.finding(text, error.lineno, "{", problem, f"{FALLBACK} {CHOICE}")]
        return _in_turn(other + [place.slip(text, slip) for slip in slips + notes])
    braces = [] if allowed.braces else _braces(text)
    found = {*_raw(text), *_mistakes_in(tree, allowed)}
    told = [place.finding(text, *mistake) for mistake in sorted(found)]
    return _in_turn(told + [place.slip(text, slip) for slip in braces + notes])


def _in_turn(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (finding.line, finding.column))


_Mistake = tuple[int, str, str, str]  # line, what to look for in it, problem, remedy


def _raw(text: str) -> Iterator[_Mistake]:
    """`{% raw %}`, which Jinja2 reads without complaint."""
    for line, kind, _ in TEXT.lex(text):
        if kind == "raw_begin":
            yield line, "{%", "“raw” is not for templates.", CHOICE


def _braces(text: str) -> list[Slip]:
    """Braces outside merge fields, such as `{first_name}`: Jinja2 prints them, and nobody meant that."""
    words = _CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), text)
    return [_brace(found.start(), found[0]) for found in re.finditer(r"\{[^{}\n]*\}|[{}]+", words)]


def _brace(start: int, words: str) -> Slip:
    problem, remedy = BRACE
    meant = meant_by(words) if words.strip("{} ") else None
    return Slip(start, words, problem, f"Write {meant}, two braces." if meant else remedy)


def _mistakes_in(node: nodes.Node, allowed: Allowed) -> Iterator[_Mistake]:
    if not isinstance(node, _UNDERSTOOD):
        yield _not_understood(node)
        return
    if isinstance(node, (nodes.Getattr, nodes.Name)):
        yield from _name_mistakes(node, allowed)
        return
    if isinstance(node, nodes.Filter) and (wrong := _filter_mistake(node)):
        yield wrong
        return
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        yield _unknown_word(node.lineno, node.name, "test", TESTS)
    if isinstance(node, nodes.Compare) and any(operand.op not in ("eq", "ne") for operand in node.ops):
        yield node.lineno, "{", "Values are text: they are equal or not.", "Only == and != are understood."
    if isinstance(node, nodes.CondExpr) and node.expr2 is None:
        yield node.lineno, " if ", "This `if` says nothing about the other case.", 'Add: else "words".'
    for child in node.iter_child_nodes():
        yield from _mistakes_in(child, allowed)


def _not_understood(node: nodes.Node) -> _Mistake:
    if isinstance(node, nodes.Expr):
        return node.lineno, "{{", "This is more than a merge field can say.", FALLBACK
    word = {"Assign": "set", "CallBlock": "call"}.get(type(node).__name__, type(node).__name__.lower())
    return node.lineno, "{%", f"“{word}” is not for templates.", CHOICE


def _filter_mistake(node: nodes.Filter) -> _Mistake | None:
    if node.name not in FILTERS:
        return _unknown_word(node.lineno, node.name, "change of letters", FILTERS)
    if len(node.args) != (node.name == "default") or node.kwargs or node.dyn_args or node.dyn_kwargs:
        shown = 'default("words")' if node.name == "default" else node.name
        return node.lineno, node.name, f"“{node.name}” is not used like this.", f"Write: | {shown}"
    return None


def _unknown_word(line: int, word: str, kind: str, known: Iterable[str]) -> _Mistake:
    meant = nearest(word, known)
    remedy = f"Did you mean {meant}?" if meant else f"Known: {', '.join(known)}."
    return line, word, f"“{word}” is no {kind} that templates know.", remedy


def _name_mistakes(node: nodes.Getattr | nodes.Name, allowed: Allowed) -> Iterator[_Mistake]:
    name = _dotted(node)
    if name is None:
        yield node.lineno, "{{", "This is more than a merge field can say.", FALLBACK
    elif name.startswith("event.") and name.count(".") == 1:
        if name.removeprefix("event.") in HEALTH_FIELDS:
            problem = f"{name} is what the person wrote of themselves; it is never printed in a message (HIP-20)."
            yield node.lineno, name, problem, "Leave it out."
        elif not allowed.event:
            problem = f"{name} may name a therapy, and this is read on a lock screen (HIP-3, HIP-4)."
            yield node.lineno, name, problem, "Say it in the body of an email, or leave it out."
    elif name not in (known := allowed.names()):
        yield node.lineno, name, f"“{name}” is not known.", _what_was_meant(name, known)


def _dotted(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        before = _dotted(node.node)
        return None if before is None else f"{before}.{node.attr}"
    return None


def _what_was_meant(name: str, known: list[str]) -> str:
    space, _, key = name.partition(".")
    if space in KNOWN:
        meant = nearest(key, KNOWN[space]) if key else None
        choices = ", ".join(f"{space}.{k}" for k in KNOWN[space]) or _EVENT
        return f"Did you mean {space}.{meant}?" if meant else f"Known: {choices}."
    meant = next((n for n in known if n.endswith(f".{name}")), None) or nearest(name, known)
    return f"Did you mean {meant}?" if meant else f"Known: {', '.join(known)}, {_EVENT}."


# ------------------------------------------------------------------------------ code out, words stay

_MARK = re.compile(r"<!--qz(\d{4})zq-->|qz(\d{4})zq")
_STATEMENTS_ONLY = re.compile(r"(?:\s*qz\d{4}zq)+\s*")


@dataclass(frozen=True, slots=True)
class Marks:
    """Stand-ins for merge fields: letters and digits that Markdown, HTML and CSS tools leave as they are.

    The values come in at sending, after all of those have run: no value is ever read as Markdown or HTML.
    """

    codes: list[str] = field(default_factory=list)

    def put(self, code: str) -> str:
        """A stand-in for one `{{ ... }}` or `{% ... %}`."""
        self.codes.append(code)
        return f"qz{len(self.codes) - 1:04d}zq"

    def restore(self, text: str) -> str:
        """The text with every stand-in replaced by its code."""
        return _MARK.sub(lambda found: self.codes[int(found[1] or found[2])], text)

    def as_comments(self, text: str) -> str:
        """Stand-ins as HTML comments, which may stand between any two elements, in tables too."""
        return re.sub(r"qz\d{4}zq", r"<!--\g<0>-->", text)

    def statement(self, text: str) -> bool:
        """Whether a text is nothing but `{% ... %}`.

        >>> marks = Marks()
        >>> marks.statement(marks.put("{% if anchor.day %}")), marks.statement(marks.put("{{ anchor.day }}"))
        (True, False)
        """
        only = _STATEMENTS_ONLY.fullmatch(text) is not None
        return only and all(code.startswith("{%") for code in self.inside(text))

    def inside(self, text: str) -> list[str]:
        """The codes a text stands for, in order."""
        return [self.codes[int(found[1] or found[2])] for found in _MARK.finditer(text)]

    def protect(self, text: str) -> str:
        """The text with stand-ins for its merge fields, without its `{# notes #}`; lines keep their number.

        Only for a text in which `mistakes` found none.
        """
        out: list[str] = []
        code: list[str] = []
        for _, kind, value in TEXT.lex(text):
            if kind.endswith("_begin"):
                code = [value]
            elif code:
                code.append(value)
                if kind.endswith("_end"):
                    whole, code = "".join(code), []
                    # What stood over several lines leaves its line ends behind it.
                    stand_in = "" if kind == "comment_end" else self.put(whole)
                    out.append(stand_in + "\n" * whole.count("\n"))
            else:
                out.append(value)
        return "".join(out)
