"""How well the gate judges single sentences: what it misses and what it wrongly refuses, by file and language.

`python -m tests.core.gate.figures` prints the table, and the sentences of tuned.toml that are judged wrongly. Those of
unseen.toml are never printed: they are measured, and who had read them would mend the patterns by them.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Severity
from engine.core.gate import Concern, judge_whole
from engine.core.render import Email, Sms
from engine.core.segments import segments
from tests.core.gate.shipped import content_rules, scene

FOLDER = Path(__file__).parents[2] / "data" / "sentences"
FILES = ("tuned", "unseen")
SAYING = frozenset(("claim", "health", "promotion", "programme"))  # families that look at what is said
NAMES = ("Dolores", "Hope", "Milagros", "Sam")  # of the people that the sentences speak to


class Verdict(StrEnum):
    """What came of one sentence. Of one to be found: the first four; of an honest one: the last three."""

    FOUND = "found"
    WRONG_LEVEL = "wrong level"  # the rule, but as a warning instead of an error or the other way round
    WRONG_RULE = "wrong rule"  # something else was found
    MISSED = "missed"  # nothing at all
    LET_THROUGH = "let through"
    WARNED = "warned"  # a person has to read it once more, and may let it through
    FALSE_ALARM = "false alarm"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence. `rules`: any of them is expected; none: it is honest. `level`: None when it is left open."""

    language: str
    channel: Channel
    purpose: Purpose
    text: str
    rules: tuple[str, ...]
    level: Severity | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one file and language: how many sentences of each kind, and what came of them."""

    file: str
    language: str
    to_find: int
    honest: int
    verdicts: Counter[Verdict]

    def __str__(self) -> str:
        counts = (self.verdicts[verdict] for verdict in Verdict)
        return _row(self.file, self.language, self.to_find, *_split(counts, self.honest))


def sentences(file: str) -> list[Sentence]:
    """The sentences of a file, in its order."""
    rows = tomllib.loads((FOLDER / f"{file}.toml").read_text(encoding="utf-8"))["sentence"]
    return [
        Sentence(
            row["language"],
            Channel(row["channel"]),
            Purpose(row["purpose"]),
            row["text"],
            tuple(row["rules"]),
            Severity(row["level"]) if "level" in row else None,
            row.get("note", ""),
        )
        for row in rows
    ]


def concerns(sentence: Sentence) -> list[Concern]:
    """What the gate has against what it says; not what a whole message would need besides (an address, hedges)."""
    here = scene(purpose=sentence.purpose, channel=sentence.channel, language=sentence.language)
    words: Email | Sms = Email("", "", f"<p>{sentence.text}</p>", sentence.text)
    if sentence.channel is Channel.SMS:
        words = Sms(sentence.text, segments(sentence.text))
    rules = content_rules()
    found = judge_whole(words, here, rules, NAMES)
    return [concern for concern in found if concern.phrase and rules.rules[concern.rule].family in SAYING]


def verdict(sentence: Sentence) -> Verdict:
    """What came of it."""
    found = concerns(sentence)
    if not sentence.rules:
        if not found:
            return Verdict.LET_THROUGH
        refused = any(concern.severity is Severity.ERROR for concern in found)
        return Verdict.FALSE_ALARM if refused else Verdict.WARNED
    if not found:
        return Verdict.MISSED
    expected = [concern.severity for concern in found if concern.rule in sentence.rules]
    if not expected:
        return Verdict.WRONG_RULE
    return Verdict.FOUND if sentence.level in (None, *expected) else Verdict.WRONG_LEVEL


def measured(file: str) -> list[Figures]:
    """The figures of a file, by language."""
    judged = [(sentence, verdict(sentence)) for sentence in sentences(file)]
    found = []
    for language in sorted({sentence.language for sentence, _ in judged}):
        own = [(sentence, what) for sentence, what in judged if sentence.language == language]
        to_find = sum(bool(sentence.rules) for sentence, _ in own)
        found.append(Figures(file, language, to_find, len(own) - to_find, Counter(what for _, what in own)))
    return found


def table(figures: Sequence[Figures]) -> str:
    """As it stands in tests/golden/sentences.txt."""
    words = _split((verdict.value for verdict in Verdict), "honest")
    return "\n".join([_row("file", "language", "to find", *words), *map(str, figures)]) + "\n"


def amiss(file: str) -> Iterator[str]:
    """Each sentence of a file that is judged wrongly, and what was found in it."""
    for sentence in sentences(file):
        what = verdict(sentence)
        if what not in (Verdict.FOUND, Verdict.LET_THROUGH):
            found = "; ".join(f"{c.rule} {c.severity} “{c.phrase}”" for c in concerns(sentence)) or "nothing"
            yield f"{what}: {sentence.text}\n    expected {', '.join(sentence.rules) or 'nothing'}, found {found}"


def _split(cells: Iterator[object], honest: object) -> list[object]:
    """The cells of a row, with the number of honest sentences before what came of them."""
    every = list(cells)
    return [*every[:4], honest, *every[4:]]


def _row(file: object, language: object, *cells: object) -> str:
    return f"{file:<8}{language:<10}" + "".join(f"{cell:>13}" for cell in cells)


def main() -> None:
    """Print what there is to know."""
    print(table([row for file in FILES for row in measured(file)]))
    print("\n".join(amiss("tuned")))


if __name__ == "__main__":
    main()
