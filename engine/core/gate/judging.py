"""One unit of a message is judged: its phrases, its links, its numbers; and what it has that messages must have."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache

from engine.core.findings import Severity
from engine.core.gate.addresses import Addresses
from engine.core.gate.rules import HEALTH, Alternative, ContentRules, Language, Pattern, Rule
from engine.core.gate.scene import Concern, Part, Scene
from engine.core.gate.units import OWN_LINK, folded, own_links, own_pages, plain, units_of

_LETTERS = 3
_REMEMBERED = 20_000  # units with values, a kind of message
_MARKS = re.compile(r"!\s?!")

#: What a message may have to have, by its bit in `Verdict.has`: the therapy's name, hedges, wordings, facts.
THERAPY = "therapy"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one unit, or of several: the concerns, and the bits of what it has (`Judge.bit`)."""

    concerns: tuple[Concern, ...] = ()
    has: int = 0


NOTHING = Verdict()


@dataclass(frozen=True, slots=True, eq=False)
class _Seeker:
    """One pattern to look for: it breaks a rule, or is something to have (`bit`), or both (a fact)."""

    pattern: Pattern
    rule: Rule | None
    severity: Severity | None
    bit: int = 0


class Judge:
    """Judges units of one kind of message. What it has judged it remembers by its words."""

    def __init__(self, rules: ContentRules, scene: Scene) -> None:
        language = rules.languages.get(scene.language)
        if language is None:
            known = ", ".join(rules.languages)
            raise ValueError(
                f"There are no content rules in {scene.language!r}, so nothing can be said. Known: {known}."
            )
        self.rules, self.scene, self.language = rules, scene, language
        self.addresses = Addresses(rules, scene, language.patterns[HEALTH])
        self._bits = _bits(language)
        self._tables: dict[Part, _Table] = {}
        self._links, self._pages = own_links(scene.hosts), own_pages(scene.hosts)
        self._known: dict[tuple[Part, str], Verdict] = {}
        self.names = frozenset(folded(name) for one in rules.languages.values() for name in one.names)

    def bit(self, name: str) -> int:
        """The bit in `Verdict.has` of the therapy, a hedge (H1), a wording (STOP) or a fact (F-3)."""
        return self._bits[name]

    def named(self, has: int, among: object) -> tuple[str, ...]:
        """Which of some names a verdict has."""
        return tuple(name for name in among if has & self._bits[name])  # type: ignore[attr-defined]

    def broken_by(self, said: str) -> set[str]:
        """The phrases of a few words that any rule at all is about, be it only in some kinds of messages."""
        patterns = self.language.patterns.values()
        return {found[0].strip() for pattern in patterns for found in pattern.pattern.finditer(said)}

    def links_out(self, text: str) -> str:
        """The text with one stand-in for every personal link of our own."""
        return self._links.sub(OWN_LINK, text) if "://" in text else text

    def block(self, part: Part, text: str) -> Verdict:
        """The verdict on one block of words without links of our own: remembered."""
        verdict = self._known.get((part, text))
        if verdict is None:
            verdict = self.fresh(part, text)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[part, text] = verdict
        return verdict

    def fresh(self, part: Part, text: str) -> Verdict:
        """The verdict on one block of words, worked out from nothing but its words."""
        has = 0
        concerns: list[Concern] = []
        for unit in units_of(text) if part == "body" else [text]:
            verdict = self._unit(part, unit)
            has |= verdict.has
            concerns += verdict.concerns
        return Verdict(tuple(concerns), has) if has or concerns else NOTHING

    def concern(self, rule: str, *, phrase: str = "", said: str = "", part: Part = "body") -> Concern | None:
        """A concern by the rule of this id, as grave as it is in this kind of message; None: not at all.

        `said`: what is wrong exactly, in place of the rule's general words.
        """
        found = self.rules.rules[rule]
        severity = found.severity_in(self.scene)
        if severity is None:
            return None
        return Concern(rule, severity, phrase, said or found.problem, found.why, found.remedy, part=part)

    def _table(self, part: Part) -> "_Table":
        if part not in self._tables:
            seekers = _seekers(self.rules, self.language, self.scene, part, self._bits)
            self._tables[part] = _Table(seekers)
        return self._tables[part]

    def _unit(self, part: Part, unit: str) -> Verdict:
        whole = plain(unit)
        # The addresses of our pages are no sentences: `Addresses` looks at their words.
        said = self._pages.sub(OWN_LINK, whole) if "://" in whole else whole
        has = 0
        concerns: list[Concern] = []
        for seeker, among in self._table(part).worth_trying(said):
            for found in seeker.pattern.matches(said, among):
                has |= seeker.bit
                if seeker.rule is None or seeker.severity is None:
                    break
                concerns.append(self._phrase(seeker, found, said, part))
        concerns += self.addresses.concerns(whole, part)
        if "!" in said and (marks := _MARKS.search(said)):
            told = self.concern("TPL-MARKS", phrase=_around(said, marks), part=part)
            concerns += [replace(told, unit=said)] if told else []
        return Verdict(tuple(concerns), has)

    def _phrase(self, seeker: _Seeker, found: re.Match[str], said: str, part: Part) -> Concern:
        rule, severity = seeker.rule, seeker.severity
        assert rule is not None and severity is not None
        problem, remedy, instead = rule.problem, rule.remedy, seeker.pattern.instead
        if rule.negated and self.language.negator.search(said, 0, found.start()):
            severity, remedy, instead = Severity.WARNING, _READ_AGAIN, ""
        phrase = said[max(found.start(), 0) : found.end()].strip()
        return Concern(rule.id, severity, phrase, problem, rule.why, remedy, instead, said, part)


_READ_AGAIN = "It seems to be said of what is not so. Read it once more: if anybody could take it otherwise, reword it."


@lru_cache(maxsize=1024)
def judge_for(rules: ContentRules, scene: Scene) -> Judge:
    """The judge of one kind of message, made once. ValueError: there are no rules in its language."""
    alike = (rules, *(getattr(scene, one.name) for one in fields(scene)))
    if alike not in _judges:
        if len(_judges) >= _MOST_JUDGES:
            _judges.clear()
        _judges[alike] = Judge(rules, scene)
    return _judges[alike]


# By all that a scene says: scenes of many templates are alike, and a judge takes milliseconds to make.
_judges: dict[tuple[object, ...], Judge] = {}
_MOST_JUDGES = 256


class _Table:
    """The patterns of one part, with the pieces of text that each alternative needs, so that few have to be tried.

    Hundreds of pieces would take longer to look for than the patterns themselves: each stands under three letters of
    its own, and only those are looked for whose three letters the words have.
    """

    __slots__ = ("_always", "_by_letters", "_letters", "_short", "_tries")

    def __init__(self, seekers: list[_Seeker]) -> None:
        self._tries = [(seeker, one) for seeker in seekers for one in seeker.pattern.alternatives]
        self._always = {number for number, (_, one) in enumerate(self._tries) if not one.needs}
        by_need: dict[str, set[int]] = {}
        for number, (_, one) in enumerate(self._tries):
            for need in one.needs:
                by_need.setdefault(need, set()).add(number)
        self._short = [(need, numbers) for need, numbers in by_need.items() if len(need) < _LETTERS]
        self._by_letters: dict[str, list[tuple[str, set[int]]]] = {}
        for need, numbers in by_need.items():
            if len(need) >= _LETTERS:
                self._by_letters.setdefault(need[:_LETTERS], []).append((need, numbers))
        self._letters = self._by_letters.keys()

    def worth_trying(self, said: str) -> Iterable[tuple[_Seeker, list[Alternative]]]:
        """The patterns that may match, in the order of the rules, each with those of its alternatives that may."""
        worth = set(self._always)
        for need, numbers in self._short:
            if need in said:
                worth |= numbers
        for letters in self._letters & set(map("".join, zip(said, said[1:], said[2:], strict=False))):
            for need, numbers in self._by_letters[letters]:
                if need in said:
                    worth |= numbers
        among: dict[_Seeker, list[Alternative]] = {}
        for number in sorted(worth):
            seeker, one = self._tries[number]
            among.setdefault(seeker, []).append(one)
        return among.items()


def _bits(language: Language) -> dict[str, int]:
    names = [THERAPY, *language.hedges, *language.wording, *language.facts]
    return {name: 1 << number for number, name in enumerate(names)}


def _seekers(rules: ContentRules, language: Language, scene: Scene, part: Part, bits: dict[str, int]) -> list[_Seeker]:
    found = []
    for rule in rules.rules.values():
        severity = rule.severity_in(scene)
        if severity is not None and (not rule.parts or part in rule.parts):
            keys = rule.words or ((rule.id,) if rule.id in language.patterns else ())
            found += [_Seeker(language.patterns[key], rule, severity) for key in keys]
            held = [fact for fact in rule.facts if not (rule.confirm and fact in scene.confirmed)]
            found += [_Seeker(language.facts[fact], _of_fact(rule, fact), severity) for fact in held]
    to_have = {THERAPY: language.therapy, **language.hedges, **language.wording, **language.facts}
    return found + [_Seeker(pattern, None, None, bits[name]) for name, pattern in to_have.items()]


def _of_fact(rule: Rule, fact: str) -> Rule:
    """The rule with the id of the fact in its remedy: that is what has to be written into settings.toml."""
    return replace(rule, remedy=rule.remedy.replace("{fact}", fact))


def _around(said: str, found: re.Match[str]) -> str:
    """What was found with the word before it."""
    start = said.rfind(" ", 0, max(found.start() - 1, 0)) + 1
    return said[start : found.end()]
