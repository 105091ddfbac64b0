"""A template is judged: everything that it may say, whichever way it chooses, with the place of each finding."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape, unescape
from typing import Any

from engine.core.consent import Purpose
from engine.core.findings import Finding, Severity
from engine.core.front_matter import Entry
from engine.core.gate import whole
from engine.core.gate.judging import THERAPY, Judge, Verdict, judge_for
from engine.core.gate.message import Judged, Paragraph, Said, lacking, parts_of
from engine.core.gate.page import Page, of_page, only_here
from engine.core.gate.place import Source, source_of
from engine.core.gate.reading import reading_level, too_hard
from engine.core.gate.rules import ContentRules
from engine.core.gate.scene import Concern, Part, Scene
from engine.core.gate.shapes import LONG_NAME, LONGEST_NAME, NAME, sample_link, shapes
from engine.core.gate.units import units_of
from engine.core.render import Email, EmailTemplate, MissingValue, SmsTemplate
from engine.core.segments import outside_gsm, segments

_FIELD = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_PERSONAL = re.compile(r"\b(?:contact|event|anchor)\.\w+")
_STATEMENT = re.compile(r"\{[%#].*?[%#]\}", re.DOTALL)
_KEYWORD = re.compile(r"\b(?:STOP|START|HELP)\b")  # they are written like this
_SHOUTING = 0.3
_FEWEST_LETTERS = 12


def judge_template(template: EmailTemplate | SmsTemplate, source: str, scene: Scene, rules: ContentRules) -> Judged:
    """Judge a template once: its findings in the order of the file, and its words, for `judge_message`.

    `source`: the text of its file, in which the findings are placed. ValueError: the rules do not know its language.
    """
    judge = judge_for(rules, scene)
    judged = _Judging(judge, template)
    for context in shapes(template, scene):
        judged.look_at(context)
    place = source_of(template, source)
    findings = [place.finding(concern) for concern in dict.fromkeys(judged.concerns)]
    level = None
    if isinstance(template, EmailTemplate):
        level = reading_level(_body(template), scene.language)
        findings += _of_head(judge, template, judged.has, judged.books)
    findings += [place.finding(concern) for concern in _of_template(judge, template, level)]
    findings = sorted(dict.fromkeys(findings), key=lambda finding: (finding.file, finding.line, finding.column))
    facts = judge.named(judged.has, judge.language.facts)
    said = _said(template, place, judged.has)
    return Judged(tuple(findings), judged.known, judged.books, facts, level, said)


class _Judging:
    """What comes to light while a template is looked at in one shape after another."""

    def __init__(self, judge: Judge, template: EmailTemplate | SmsTemplate) -> None:
        self.judge, self.template = judge, template
        self.books = "link.booking" in template.fields
        self.known: dict[tuple[Part, str], Verdict] = {}
        self.concerns: list[Concern] = []
        self.has = 0
        self.seen = False

    def look_at(self, context: dict[str, Any]) -> None:
        """Judge what the template says in one shape; one that cannot be rendered says nothing."""
        try:
            words = self.template.render(context)
        except MissingValue:
            return
        has = 0
        for part, blocks in parts_of(words, self.judge, ()):
            for block in blocks:
                verdict = self.judge.block(part, block)
                self.known[part, block] = verdict
                self.concerns += verdict.concerns
                has |= verdict.has
        self.has |= has
        self.concerns += lacking(words, self.judge, has, self.books)
        if isinstance(words, Email):
            self.concerns += _of_email(self.judge, words)
            page = Page(words.html)
            self.concerns += only_here(self.judge, page, words)
            if not self.seen:  # the page looks the same in every shape, but for its words
                self.concerns += of_page(self.judge, page)
        self.seen = True


def _of_email(judge: Judge, words: Email) -> Iterator[Concern]:
    """What an email must show, and how (CSP, RFC-4, SSN)."""
    scene = judge.scene
    told = []
    if scene.purpose is Purpose.MARKETING:
        if not scene.address.strip() or scene.address not in words.text or not _shows(words.html, scene.address):
            told.append(judge.concern("CSP-1"))
        if any(sample_link(scene, "unsubscribe") not in part for part in (words.text, words.html)):
            told.append(judge.concern("CSP-2"))
    if not words.text.strip():
        told.append(judge.concern("RFC-4"))
    for rule in ("SSN-1", "SSN-3"):
        if not scene.notice:
            told.append(judge.concern(rule))
        elif scene.notice not in words.text:
            told.append(judge.concern(rule, said="The state's notice is not in the plain text, word for word."))
        elif words.text.index(scene.notice) > len(words.text) / 2 and judge.concern(rule):
            told.append(judge.concern("SSN-6", said="The state's notice is not in the top half of the plain text."))
    yield from (concern for concern in told if concern is not None)


def _shows(html: str, words: str) -> bool:
    """Whether a page shows these words, whatever of them is escaped."""
    return words in html or escape(words) in html or words in unescape(html)


def _of_template(judge: Judge, template: EmailTemplate | SmsTemplate, level: float | None) -> Iterator[Concern]:
    """What concerns the template and no message of its own: length, letters, reading level."""
    told: list[Concern | None] = []
    if isinstance(template, SmsTemplate):
        told += _length(judge, template)
    else:
        told += _only_in_html(judge, template)
    if isinstance(template, EmailTemplate) and too_hard(level, judge.scene.language, judge.language.limits.reading):
        limit = judge.language.limits.reading
        name, side = ("Fernandez-Huerta", "at least") if judge.scene.language == "es" else ("Flesch-Kincaid", "at most")
        told.append(
            judge.concern("READING-1", said=f"The words are hard to read: {name} {level:.1f}, {side} {limit:g}.")
        )
    for part, words in _own_words(template):
        letters = [letter for letter in _KEYWORD.sub("", words) if letter.isalpha()]
        if len(letters) >= _FEWEST_LETTERS and sum(map(str.isupper, letters)) > _SHOUTING * len(letters):
            told.append(judge.concern("TPL-CAPS", part=part))
    yield from (concern for concern in told if concern is not None)


def _only_in_html(judge: Judge, template: EmailTemplate) -> Iterator[Concern | None]:
    """What the layout's HTML prints of a person and its plain text does not: at sending nobody would look at it."""
    pages = (template.layout.html, template.layout.text)
    page, text = (set(_PERSONAL.findall(" ".join(_FIELD.findall(words)))) for words in pages)
    for name in sorted(page - text):
        said = f"The HTML of the layout prints {name}, and its plain text does not."
        yield judge.concern("RFC-4", said=said)


def _length(judge: Judge, template: SmsTemplate) -> Iterator[Concern | None]:
    """How many parts a text may need with a long name, long days and real links (TPL-SEG-1)."""
    texts = _texts(judge, template, LONG_NAME)
    counted = [segments(text) for text in texts]
    limits = judge.language.limits
    most = limits.opt_in_segments if judge.scene.role == "opt_in" else limits.segments
    parts, units = max(((one.count, one.units) for one in counted), default=(1, 0))
    if parts > most:
        said = f"With long names it has {units} characters: {parts} parts, where {most} should do."
        yield _warning(judge.concern("TPL-SEG-1", said=said, part="sms"))
    strange = dict.fromkeys(sign for text in texts for sign in outside_gsm(text))
    if strange:
        said = f"It costs more because of {', '.join(strange)}: 70 characters a part instead of 160."
        yield judge.concern("TPL-SEG-2", said=said, part="sms")
    long_texts = _texts(judge, template, LONGEST_NAME)
    short, long = (
        all(whole.shows_brand(judge, text) for text in of) for of in (_texts(judge, template, NAME), long_texts)
    )
    if short and not long:
        said = f"With long names the brand stands after the first {whole.BRAND_WITHIN} characters."
        yield judge.concern("CTIA-1", said=said, part="sms")
    longest = max((segments(text).units for text in long_texts), default=0)
    if longest > whole.LONGEST and units <= whole.LONGEST:
        said = (
            f"With the longest names it has {longest} characters where {whole.LONGEST} are the most that may be sent."
        )
        yield judge.concern("TPL-SEG-1", said=said, part="sms")


def _texts(judge: Judge, template: SmsTemplate, name: str) -> list[str]:
    """What a text message says in each of its shapes, to people of this name."""
    found = []
    for context in shapes(template, judge.scene, name):
        try:
            found.append(template.render(context).text)
        except MissingValue:
            continue
    return found


def _warning(concern: Concern | None) -> Concern | None:
    return None if concern is None else replace(concern, severity=Severity.WARNING)


def _own_words(template: EmailTemplate | SmsTemplate) -> Iterator[tuple[Part, str]]:
    """What the template itself says, by part, without its fields."""
    if isinstance(template, SmsTemplate):
        yield "sms", _without_fields(template.source, "")
    else:
        yield "subject", _without_fields(template.head.subject.text, "")
        yield "preheader", _without_fields(template.head.preheader.text, "")
        yield "body", _without_fields(template.plain, "")


def _body(template: EmailTemplate) -> list[str]:
    """The paragraphs and list items of an email's own words, with a name for each field."""
    words = _without_fields(template.plain, NAME)
    return [unit for block in words.split("\n\n") for unit in units_of(block)]


def _without_fields(text: str, instead: str) -> str:
    return _FIELD.sub(instead, _STATEMENT.sub("", text))


# ------------------------------------------------------------------------------------------------- the head


def _of_head(judge: Judge, template: EmailTemplate, has: int, books: bool) -> Iterator[Finding]:
    """Whether the head names the reminders and facts that the words have, and no others."""
    head, language = template.head, judge.language
    needed = set(language.hedges) if has & judge.bit(THERAPY) else set()
    if books and judge.scene.purpose is Purpose.MARKETING:
        needed.add(whole.CANDIDACY)
    carried = judge.named(has, language.hedges)
    yield from _listed(judge, template, "hedges", head.hedges, carried, needed)
    yield from _listed(judge, template, "facts", head.facts, judge.named(has, language.facts), set(language.facts))


def _listed(
    judge: Judge,
    template: EmailTemplate,
    key: str,
    entries: Sequence[Entry],
    carried: Iterable[str],
    needed: set[str],
) -> Iterator[Finding]:
    rule = judge.rules.rules["HEDGE-ID" if key == "hedges" else "FACT-ID"]
    severity = rule.severity_in(judge.scene)
    if severity is None:
        return
    there = set(carried)
    named = {entry.text: entry for entry in entries}

    def finding(line: int, column: int, problem: str, remedy: str) -> Finding:
        return Finding(template.file, line, column, key, problem, remedy, rule.id, severity, "", rule.why)

    for name, entry in named.items():
        if name not in there:
            problem = f"The head names {name}, and the words do not have it as the rules know it."
            remedy = f"Say it in the words, or take {name} out of the line."
            pattern = judge.language.hedges.get(name)
            if pattern is not None:
                remedy = f"{remedy} For example: “{pattern.instead}”"
            yield finding(entry.line, entry.column, problem, remedy)
    missing = sorted((there & needed) - set(named), key=lambda name: (len(name), name))
    if missing:
        line = entries[0].line if entries else 1
        every = ", ".join([*named, *missing])
        yield finding(line, 1, f"The head does not name {', '.join(missing)}.", f"Write in the head: {key}: {every}")


# ------------------------------------------------------------------------------------------------- for sequences


def _said(template: EmailTemplate | SmsTemplate, place: Source, has: int) -> Said:
    """What the template says, for the checks of a whole sequence."""
    if isinstance(template, SmsTemplate):
        return Said(has=has)
    head = template.head
    units = [unit for block in template.plain.split("\n\n") for unit in units_of(block)]
    paragraphs = tuple(Paragraph(unit, place.line_of(unit)) for unit in units)
    return Said(head.subject, head.preheader, paragraphs, has)
