"""The messages of one campaign read one after another: nothing comes twice, and texts say how to stop."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Finding
from engine.core.gate.judging import Judge, judge_for
from engine.core.gate.message import Judged
from engine.core.gate.rules import ContentRules
from engine.core.gate.scene import Scene
from engine.core.gate.units import plain

#: How to stop stands in the first text, in one of any five, and at least every so many days (CTIA-2).
EVERY, EVERY_DAYS = 5, 30
_FEWEST_WORDS = 8  # shorter paragraphs may come again: greetings, buttons, names
_FIELD = re.compile(r"\{\{.*?\}\}")
_SENTENCE = re.compile(r"(?<=[.!?])[\"')]* +")


@dataclass(frozen=True, slots=True)
class Told:
    """One message of a campaign, in its turn: its file, what became of it, and its day, where the campaign says it."""

    file: str
    channel: Channel
    judged: Judged
    day: float | None = None


def judge_sequence(messages: Sequence[Told], scene: Scene, rules: ContentRules) -> tuple[Finding, ...]:
    """What is wrong with the messages of one campaign in one language, in the order in which people get them.

    `scene`: any of theirs; its purpose and language count. A message that comes again is told once.
    """
    judge = judge_for(rules, scene)
    found = [*_twice(judge, messages), *_way_out(judge, [m for m in messages if m.channel is Channel.SMS])]
    return tuple(dict.fromkeys(found))


def _twice(judge: Judge, messages: Sequence[Told]) -> Iterator[Finding]:
    """The same subject, preheader or paragraph in two messages; the reminders (HEDGE-*) must come again."""
    seen: dict[tuple[str, str], tuple[str, int]] = {}
    for message in messages:
        said = message.judged.said
        for key, entry in (("subject", said.subject), ("preheader", said.preheader)):
            if entry is not None and entry.text:
                here = (message.file, entry.line)
                earlier = seen.setdefault((key, plain(entry.text)), here)
                if earlier != here:
                    yield _finding(judge, here, entry.column, key, entry.text, earlier[0])
        for paragraph in said.paragraphs:
            words = _without_hedges(judge, plain(paragraph.text))
            if len(_FIELD.sub("", words).split()) >= _FEWEST_WORDS:
                here = (message.file, paragraph.line)
                earlier = seen.setdefault(("", words), here)
                if earlier != here:
                    yield _finding(judge, here, 1, "", paragraph.text, earlier[0])


def _without_hedges(judge: Judge, words: str) -> str:
    sentences = _SENTENCE.split(words)
    hedges = [pattern.pattern for pattern in judge.language.hedges.values()]
    return " ".join(sentence for sentence in sentences if not any(hedge.search(sentence) for hedge in hedges))


def _finding(judge: Judge, here: tuple[str, int], column: int, key: str, words: str, earlier: str) -> Finding:
    rule = judge.rules.rules["SEQ-1"]
    shown = words if len(words) <= 60 else f"{words[:57].rstrip()}..."
    problem = f"“{shown}” {rule.problem[:-1]}, in {earlier}."
    severity = rule.severity_in(judge.scene)
    assert severity is not None
    return Finding(*here, column, key, problem, rule.remedy, rule.id, severity, words, rule.why)


def _way_out(judge: Judge, texts: Sequence[Told]) -> Iterator[Finding]:
    """Texts that are not marketing say how to stop at first, and then often enough."""
    rule = judge.rules.rules["CTIA-2"]
    severity = rule.severity_in(judge.scene)
    if severity is None or judge.scene.purpose in (Purpose.MARKETING, Purpose.SERVICE):
        return
    without, last_day = EVERY, None
    for text in texts:
        if text.judged.said.has & judge.bit("STOP"):
            without, last_day = 0, text.day
            continue
        without += 1
        long_ago = text.day is not None and last_day is not None and text.day - last_day >= EVERY_DAYS
        if without >= EVERY or long_ago:
            yield Finding(text.file, 1, 1, "", rule.problem, rule.remedy, rule.id, severity, "", rule.why)
            without, last_day = 0, text.day
