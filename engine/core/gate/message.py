"""The sending path: the words of one message, with their values in them, in a few microseconds.

What the template's own words are was judged with the template: here only what differs from them is looked at.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.core.findings import Finding
from engine.core.front_matter import Entry
from engine.core.gate import whole
from engine.core.gate.judging import Judge, Verdict, judge_for
from engine.core.gate.names import Spared, spared_of, without
from engine.core.gate.rules import ContentRules
from engine.core.gate.scene import Concern, Part, Scene
from engine.core.render import Email, Sms


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph or list item of an email, with the line of the file on which it begins."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Said:
    """What one template says, for the checks of a whole sequence (`sequence.judge_sequence`)."""

    subject: Entry | None = None
    preheader: Entry | None = None
    paragraphs: tuple[Paragraph, ...] = ()
    has: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A template that was judged: what is wrong with it, and what of its words need not be looked at again.

    `known`: the verdict on each of its blocks, by part and words, links of our own as one stand-in. `books`: it leads
    to a booking. `facts`: those of the compliance table that it uses. `reading`: the grade or score of its language.
    """

    findings: tuple[Finding, ...] = ()
    known: Mapping[tuple[Part, str], Verdict] = field(default_factory=dict)
    books: bool = False
    facts: tuple[str, ...] = ()
    reading: float | None = None
    said: Said = Said()


NOT_JUDGED = Judged()


def judge_message(
    words: Email | Sms, judged: Judged, scene: Scene, rules: ContentRules, names: Iterable[str | None] = ()
) -> tuple[Concern, ...]:
    """Everything that is wrong with the words of one message; the sending path (decision 29).

    The same as `judge_whole`, but what the template said already is not worked out again. `names`: the person's own,
    as they were given: one that is a word of a rule too (Dolores) is let through. Of the concerns only errors hold a
    message; nobody sees its warnings.
    """
    judge = judge_for(rules, scene)
    spared = spared_of(names, judge)
    known = judged.known
    has = 0
    concerns: tuple[Concern, ...] = ()
    for part, blocks in parts_of(words, judge, spared):
        for block in blocks:
            verdict = known.get((part, block)) or judge.block(part, block)
            has |= verdict.has
            if verdict.concerns:
                concerns += verdict.concerns
    return concerns + lacking(words, judge, has, judged.books)


def judge_whole(
    words: Email | Sms, scene: Scene, rules: ContentRules, names: Iterable[str | None] = (), *, books: bool = False
) -> tuple[Concern, ...]:
    """The same from nothing but the words, remembering nothing: what `judge_message` has to agree with."""
    judge = Judge(rules, scene)
    spared = spared_of(names, judge)
    verdicts = [judge.fresh(part, block) for part, blocks in parts_of(words, judge, spared) for block in blocks]
    concerns = tuple(concern for verdict in verdicts for concern in verdict.concerns)
    has = 0
    for verdict in verdicts:
        has |= verdict.has
    return concerns + lacking(words, judge, has, books)


def parts_of(words: Email | Sms, judge: Judge, spared: Iterable[Spared]) -> tuple[tuple[Part, list[str]], ...]:
    """The blocks of a message, by the part that they stand in, without the links of our own and these names."""
    text = judge.links_out(words.text)
    subject, preheader = ("", "") if isinstance(words, Sms) else (words.subject, words.preheader)
    if spared:
        subject, preheader, text = (without(part, spared) for part in (subject, preheader, text))
    if isinstance(words, Sms):
        return (("sms", text.split("\n")),)
    return ("subject", [subject]), ("preheader", [preheader]), ("body", text.split("\n\n"))


def lacking(words: Email | Sms, judge: Judge, has: int, books: bool) -> tuple[Concern, ...]:
    """What the message as a whole lacks, given what its blocks have."""
    if isinstance(words, Sms):
        return whole.of_sms(judge, words.text, has)
    return whole.headers(judge, words.subject, words.preheader) + whole.of_email(judge, has, books)
