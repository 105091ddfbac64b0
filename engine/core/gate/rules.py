"""The rules of content, read from the texts of engine/rules/content: each with its severity, source and words."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as row

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Severity
from engine.core.gate.literals import alternatives, compiled, needed
from engine.core.gate.scene import Part, Scene

_STRICT = ConfigDict(extra="forbid")
Family = Literal[
    "claim", "health", "promotion", "hedge", "notice", "programme", "link", "merge", "email", "reading", "sequence",
    "fact",
]  # fmt: skip
Grade = Literal["error", "warning", "none"]


@row(frozen=True, slots=True, config=_STRICT)
class Graded:
    """A severity for some messages: those of these channels, purposes and states of the clinic (empty: of any)."""

    severity: Grade
    channels: tuple[Channel, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    states: tuple[str, ...] = ()

    def fits(self, scene: Scene) -> bool:
        """Whether it is about this kind of message."""
        return (
            (not self.channels or scene.channel in self.channels)
            and (not self.purposes or scene.purpose in self.purposes)
            and (not self.states or scene.state in self.states)
        )


@row(frozen=True, slots=True, config=_STRICT)
class Rule:
    """One rule of content, as rules.toml has it. `problem`, `why` and `remedy` are words for a person."""

    id: str
    family: Family
    severity: Grade
    problem: str
    why: str
    remedy: str
    source: str = Field(min_length=1)
    negated: bool = False
    words: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    facts: tuple[str, ...] = ()
    confirm: bool = False  # of facts: let through once the clinic has confirmed them
    graded: tuple[Graded, ...] = ()

    def severity_in(self, scene: Scene) -> Severity | None:
        """How bad it is in this kind of message; None: not at all."""
        grade = next((graded.severity for graded in self.graded if graded.fits(scene)), self.severity)
        return None if grade == "none" else Severity(grade)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the alternatives of a pattern. `needs`: every match holds one of these; empty: not known."""

    pattern: re.Pattern[str]
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """By which words something is recognised."""

    pattern: re.Pattern[str]
    spared: tuple[re.Pattern[str], ...] = ()  # a match lying inside a match of these is let through
    instead: str = ""
    alternatives: tuple[Alternative, ...] = field(init=False)

    def __post_init__(self) -> None:
        each = (Alternative(compiled(one), needed(one)) for one in alternatives(self.pattern.pattern))
        object.__setattr__(self, "alternatives", tuple(each))

    def matches(self, text: str, among: Iterable[Alternative] | None = None) -> Iterator[re.Match[str]]:
        """Every match that is not spared, in text that `units.plain` has made.

        `among`: the alternatives that may match, in their order; the others need not be tried.
        """
        every: list[re.Match[str]] = []
        for one in self.alternatives if among is None else among:
            if one.pattern.search(text):
                every += one.pattern.finditer(text)
        if not every:
            return
        spared = [inside.span() for one in self.spared for inside in one.finditer(text)]
        last = 0
        for found in sorted(every, key=re.Match.start):
            if found.start() < last:
                continue
            last = found.end()
            if not any(first <= found.start() and found.end() <= end for first, end in spared):
                yield found


@row(frozen=True, slots=True, config=_STRICT)
class Limits:
    """Numbers of one language. `reading`: the Flesch-Kincaid grade at most, or Fernandez-Huerta at least."""

    segments: int
    opt_in_segments: int
    reading: float


@dataclass(frozen=True, slots=True)
class Language:
    """The words of the rules in one language."""

    negator: re.Pattern[str]
    patterns: Mapping[str, Pattern]
    wording: Mapping[str, Pattern]
    therapy: Pattern
    hedges: Mapping[str, Pattern]
    facts: Mapping[str, Pattern]
    names: frozenset[str]
    limits: Limits


@dataclass(frozen=True, slots=True, eq=False)
class ContentRules:
    """Every rule of content, and the words of each language. Equal only to itself: answers can be kept by it."""

    version: str  # changes with any of the texts
    as_of: date
    rules: Mapping[str, Rule]
    languages: Mapping[str, Language]

    @classmethod
    def parse(cls, rules: str, **languages: str) -> Self:
        """Read rules.toml and one text a language (`en=...`). ValueError names the file, the rule and the mistake."""
        read = _read("rules.toml", rules, _RulesFile)
        by_id = {rule.id: rule for rule in read.rule}
        if len(by_id) < len(read.rule):
            twice = sorted({rule.id for rule in read.rule if sum(other.id == rule.id for other in read.rule) > 1})
            raise ValueError(f"rules.toml: {', '.join(twice)} is in two rules. Leave it in one.")
        files = {code: _read(f"{code}.toml", text, _LanguageFile) for code, text in languages.items()}
        _same_keys(files)
        spoken = {code: _language(f"{code}.toml", said, by_id) for code, said in files.items()}
        for code, language in spoken.items():
            _complete(f"{code}.toml", by_id, language)
        texts = "\0".join((rules, *(languages[code] for code in sorted(languages))))
        version = hashlib.sha256(texts.encode()).hexdigest()[:16]
        return cls(version, read.as_of, MappingProxyType(by_id), MappingProxyType(spoken))


@row(frozen=True, slots=True, config=_STRICT)
class _RulesFile:
    as_of: date
    rule: tuple[Rule, ...]


@row(frozen=True, slots=True, config=_STRICT)
class _Pattern:
    pattern: str
    spared: str | None = Field(default=None, alias="except")
    instead: str = ""


@row(frozen=True, slots=True, config=_STRICT)
class _Hedge:
    pattern: str
    sentence: str


@row(frozen=True, slots=True, config=_STRICT)
class _LanguageFile:
    negator: str
    wary: str
    unsaid: str
    names: tuple[str, ...]
    limits: Limits
    patterns: dict[str, _Pattern]
    wording: dict[str, _Pattern]
    therapy: _Pattern
    hedges: dict[str, _Hedge]
    facts: dict[str, _Pattern]


_File = TypeVar("_File")


def _read(file: str, text: str, kind: type[_File]) -> _File:
    try:
        return TypeAdapter(kind).validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file}: {error}") from None
    except ValidationError as error:
        problems = (f"{_where(text, error['loc'])}: {error['msg']}" for error in error.errors())
        raise ValueError(f"{file}: " + "; ".join(problems)) from None


def _where(text: str, path: tuple[Any, ...]) -> str:
    """A path in words; a rule by its id, where it has one, and not by its number."""
    if len(path) > 1 and path[0] == "rule" and isinstance(path[1], int):
        name = tomllib.loads(text)["rule"][path[1]].get("id")
        if name:
            path = (name, *path[2:])
    return ".".join(map(str, path))


def _same_keys(files: Mapping[str, _LanguageFile]) -> None:
    for table in ("patterns", "wording", "hedges", "facts"):
        keys = {code: set(getattr(said, table)) for code, said in files.items()}
        every = set().union(*keys.values())
        for code, known in keys.items():
            if missing := sorted(every - known):
                raise ValueError(f"{code}.toml: [{table}] has no {', '.join(missing)}, which another language has.")


def _spared(key: str, said: _LanguageFile, rules: Mapping[str, Rule]) -> list[str]:
    """What is let through of a rule's words: its own `except`, and for claims the honest turns of the language."""
    rule, own = rules.get(key), said.patterns[key].spared
    honest = [] if rule is None or rule.family != "claim" else [said.wary] if rule.negated else [said.wary, said.unsaid]
    return [pattern for pattern in (own, *honest) if pattern]


def _language(file: str, said: _LanguageFile, rules: Mapping[str, Rule]) -> Language:
    def one(key: str, pattern: str, spared: Iterable[str] = (), instead: str = "") -> Pattern:
        try:
            made = Pattern(compiled(pattern), tuple(compiled(one) for one in spared), instead)
        except ValueError as error:
            raise ValueError(f"{file}: {key}: {error}.") from None
        if made.pattern.match(""):
            raise ValueError(f"{file}: {key}: the pattern finds nothing at all in every text.")
        return made

    def several(table: str, patterns: Mapping[str, _Pattern]) -> Mapping[str, Pattern]:
        def of(key: str, p: _Pattern) -> Pattern:
            return one(f"[{table}.{key}]", p.pattern, filter(None, [p.spared]), p.instead)

        return MappingProxyType({key: of(key, p) for key, p in patterns.items()})

    hedges = {key: one(f"[hedges.{key}]", hedge.pattern, (), hedge.sentence) for key, hedge in said.hedges.items()}
    for key, hedge in hedges.items():
        if not hedge.pattern.search(hedge.instead.lower()):
            raise ValueError(f"{file}: [hedges.{key}]: its own sentence does not match its pattern.")
    try:
        negator = compiled(said.negator)
    except ValueError as error:
        raise ValueError(f"{file}: negator: {error}.") from None
    return Language(
        negator=negator,
        patterns=MappingProxyType(
            {
                key: one(f"[patterns.{key}]", p.pattern, _spared(key, said, rules), p.instead)
                for key, p in said.patterns.items()
            }
        ),
        wording=several("wording", said.wording),
        therapy=one("[therapy]", said.therapy.pattern),
        hedges=MappingProxyType(hedges),
        facts=several("facts", said.facts),
        names=frozenset(said.names),
        limits=said.limits,
    )


#: Rules that the gate asks for by their id, whatever the files say.
ASKED = (
    "CTIA-1", "CTIA-2", "OPT-1", "OPT-2", "OPT-3", "TPL-SEG-1", "TPL-SEG-2", "TPL-CAPS", "TPL-MARKS", "CTIA-3",
    "CTIA-4", "LINK-1", "LINK-2", "RFC-2", "RFC-4", "CSP-1", "CSP-2", "MAIL-ALT", "MAIL-SIZE", "MAIL-HTML",
    "MAIL-CONTRAST", "SSN-1", "SSN-3", "SSN-6", "HEDGE-ID", "FACT-ID", "READING-1", "SEQ-1",
)  # fmt: skip
HEALTH = "HEALTH-1"  # therapies, body parts and conditions, which no path of a page of ours names (LINK-2)
WORDINGS = ("STOP", "frequency", "rates", "help", "unsubscribed", "no_more", "rejoin")


def _complete(file: str, rules: Mapping[str, Rule], language: Language) -> None:
    """Whether every rule has its words, and all words their rule."""
    needed = {key: rule.id for rule in rules.values() for key in rule.words}
    lacking = [f"{key}]; {rule} needs it" for key, rule in needed.items() if key not in language.patterns]
    facts = {fact: rule.id for rule in rules.values() for fact in rule.facts}
    lacking += [f"{fact}]; {rule} needs it" for fact, rule in facts.items() if fact not in language.facts]
    lacking += [f"patterns.{HEALTH}]; the gate needs it"] if HEALTH not in language.patterns else []
    lacking += [f"{key}]; the gate needs it" for key in WORDINGS if key not in language.wording]
    if lacking:
        raise ValueError(f"{file}: there is no [...{lacking[0]}.")
    claims = {rule.id for rule in rules.values() if rule.family == "claim"}
    if missing := sorted(claims - set(language.patterns)):
        raise ValueError(f"{file}: [patterns] has no {', '.join(missing)}.")
    if strays := sorted(set(language.patterns) - set(needed) - set(rules)):
        raise ValueError(f"{file}: [patterns.{strays[0]}] belongs to no rule of rules.toml.")
    asked = (*ASKED, *(f"HEDGE-{hedge}" for hedge in language.hedges))
    if missing := [key for key in asked if key not in rules]:
        raise ValueError(f"rules.toml: there is no rule {', '.join(missing)}, which the gate needs.")
