"""Templates become messages: compiled once, then one quick rendering a person.

An email is Markdown with a head (`front_matter`), laid into the clinic's layout, its styles written into the
elements once; HTML and plain text come from the one file. A text message is a text file. Values are put in
last: escaped in HTML, in one line in headers. Nothing here reads a file: the caller brings the sources.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape
from typing import Any, Literal

from css_inline import CSSInliner, InlineError

from engine.core.findings import Finding
from engine.core.front_matter import Head, read_head
from engine.core.markdown import convert
from engine.core.merge import Merge, MissingValue, joined
from engine.core.merge_check import Allowed, Marks, Place, mistakes
from engine.core.safe_value import visible
from engine.core.segments import Segments, segments

__all__ = [
    "Email", "EmailTemplate", "Layout", "MissingValue", "Sms", "SmsTemplate", "TemplateRefused",
    "compile_email", "compile_sms",
]  # fmt: skip


class TemplateRefused(Exception):
    """A template that cannot be used, with everything that its author must mend."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands around every email's words: an HTML page and a plain text, each with `{{ body }}` in it.

    Both may name what a template may, and `purpose`, `language`, `subject`, `preheader`, `clinic.notice`.
    """

    html: str
    text: str
    html_file: str = "templates/_layout/email.html"
    text_file: str = "templates/_layout/email.text.txt"


@dataclass(slots=True)
class Email:
    """One email as it goes out."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(slots=True)
class Sms:
    """One text message as it goes out, and the parts it will be cut into."""

    text: str
    segments: Segments


@dataclass(frozen=True, slots=True)
class EmailTemplate:
    """An email, ready to be rendered. `fields` is everything it may print, as `contact.first_name`.

    `choices`: the fields by which it chooses its words, with the values that it compares them with. `plain`: the words
    of its body alone, as plain text in which the merge fields stand as they were written.
    """

    file: str
    language: str
    phi: Literal[0, 1, 2]
    attach_calendar: bool
    hash: str  # of the source and the layout: what an approval is of
    fields: frozenset[str]
    head: Head = field(repr=False)
    layout: Layout = field(repr=False)
    plain: str = field(repr=False)
    choices: Mapping[str, frozenset[str]] = field(repr=False)
    _subject: Merge
    _preheader: Merge
    _html: Merge
    _text: Merge

    def render(self, context: Mapping[str, Any]) -> Email:
        """The email for one person; `context` as `wording.message_context` makes it. Raises MissingValue."""
        return Email(
            visible(self._subject(context)),
            visible(self._preheader(context)),
            self._html(context),
            self._text(context).strip() + "\n",
        )


@dataclass(frozen=True, slots=True)
class SmsTemplate:
    """A text message, ready to be rendered. `choices` as for an email; `source`: its words as they were written."""

    file: str
    language: str
    hash: str
    fields: frozenset[str]
    choices: Mapping[str, frozenset[str]] = field(repr=False)
    source: str = field(repr=False)
    _text: Merge

    def render(self, context: Mapping[str, Any]) -> Sms:
        """The text for one person. Raises MissingValue."""
        text = self._text(context).strip()
        if "  " in text or " \n" in text:  # an `if` that chose nothing leaves two spaces
            text = re.sub(r" +(?=\n)", "", re.sub(r"  +", " ", text))
        return Sms(text, segments(text))


def compile_sms(source: str, file: str, language: str) -> SmsTemplate:
    """Read a text message's template. Raises TemplateRefused.

    >>> hello = compile_sms("Hi {{ contact.first_name or 'there' }}!\\n", "x.sms.txt", "en")
    >>> hello.render({"contact": {"first_name": None}}).text
    'Hi there!'
    """
    text = _unified(source)
    findings = [*_unseen(text, Place(file)), *mistakes(text, Place(file), Allowed(event=False, language=language))]
    if not text.strip():
        findings.append(Finding(file, 1, 1, "", "The text message has no words.", "Write them."))
    if findings:
        raise TemplateRefused(tuple(findings))
    merge = Merge(re.sub(r"[ \t]+(?=\n)", "", text.strip()), html=False, file=file)
    return SmsTemplate(file, language, _hash(text), frozenset(merge.fields), merge.choices, text.strip(), merge)


def compile_email(source: str, layout: Layout, file: str, language: str) -> EmailTemplate:
    """Read an email's template and lay it out. Raises TemplateRefused with all that is wrong.

    >>> bare = Layout("<html><body>{{ body }}</body></html>", "{{ body }}")
    >>> source = "---\\nsubject: Hi\\npreheader: A word\\n---\\nDear **{{ contact.first_name or 'you' }}**\\n"
    >>> compile_email(source, bare, "x.email.md", "en").render({"contact": {"first_name": "<b>"}}).html
    '<html><head></head><body><p>Dear <strong>&lt;b&gt;</strong></p>\\n</body></html>'
    """
    text = _unified(source)
    head, findings = read_head(text, file)
    findings += _unseen(text, Place(file))
    if head is not None:
        findings += _merge_mistakes(head, file, language)
    if head is None or findings:
        raise TemplateRefused(tuple(findings))
    return _laid_out(head, layout, file, language, _hash(text, layout.html, layout.text))


_LAYOUT_NAMES = frozenset(("body", "subject", "preheader", "language", "purpose", "clinic.notice"))
_INLINER = CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)


def _merge_mistakes(head: Head, file: str, language: str) -> list[Finding]:
    found = []
    public = Allowed(event=False, language=language)
    for key, entry in (("subject", head.subject), ("preheader", head.preheader)):
        found += mistakes(entry.text, Place(file, entry.line, entry.column, key), public)
    return found + mistakes(head.body, Place(file, head.body_line), Allowed(language=language))


def _laid_out(head: Head, layout: Layout, file: str, language: str, digest: str) -> EmailTemplate:
    marks = Marks()
    words, findings = convert(head.body, Place(file, head.body_line), marks)
    findings += _layout_mistakes(layout)
    if findings:
        raise TemplateRefused(tuple(findings))
    parts = {
        "subject": marks.protect(head.subject.text),
        "preheader": marks.protect(head.preheader.text),
        "language": language,
    }
    page = _filled(layout.html, {**{k: escape(v) for k, v in parts.items()}, "body": words.html}, marks)
    plain = _filled(layout.text, {**parts, "body": words.text}, marks)
    merges = {
        "_subject": Merge(head.subject.text, html=False, file=file),
        "_preheader": Merge(head.preheader.text, html=False, file=file),
        "_html": Merge(marks.restore(_inlined(page, layout.html_file)), html=True, file=file),
        "_text": Merge(marks.restore(plain), html=False, file=file),
    }
    fields = frozenset(name for merge in merges.values() for name in merge.fields)
    choices = joined(merge.choices for merge in merges.values())
    phi, attach, body = head.phi, head.attach_calendar, marks.restore(words.text)
    return EmailTemplate(file, language, phi, attach, digest, fields, head, layout, body, choices, **merges)


@cache
def _layout_mistakes(layout: Layout) -> tuple[Finding, ...]:
    allowed = Allowed(extra=_LAYOUT_NAMES, braces=True)
    findings: list[Finding] = []
    for text, file in ((layout.html, layout.html_file), (layout.text, layout.text_file)):
        findings += mistakes(text, Place(file), allowed)
        if not re.search(r"\{\{\s*body\s*\}\}", text):
            remedy = "Write {{ body }} where they go."
            findings.append(Finding(file, 1, 1, "", "The layout has no place for an email's words.", remedy))
    return tuple(findings)


def _filled(layout: str, parts: Mapping[str, str], marks: Marks) -> str:
    """The layout with the parts in it and stand-ins for the rest."""
    before = len(marks.codes)
    filled = marks.protect(layout)
    for number, code in enumerate(marks.codes[before:], start=before):
        stand_in = f"qz{number:04d}zq"
        if code.startswith("{{"):
            filled = filled.replace(stand_in, parts.get(code.strip("{-} "), stand_in))
        elif "<html" in layout:
            filled = filled.replace(stand_in, marks.as_comments(stand_in))
    return filled


def _inlined(page: str, file: str) -> str:
    try:
        html = _INLINER.inline(page)
    except InlineError:
        problem = "The styles of the layout cannot be read."
        raise TemplateRefused((Finding(file, 1, 1, "", problem, "Mend its <style>."),)) from None
    # The inliner puts the styles first, and readers look for the character set in the first kilobyte only.
    charset = '<meta charset="utf-8">'
    if charset in html:
        html = html.replace(charset, "", 1).replace("<head>", f"<head>{charset}", 1)
    # No value and no field is in it yet, only styles: `{#` and its like would begin one.
    return re.sub(r"\{(?=[{%#])", "{ ", html)


def _unified(source: str) -> str:
    """The source with one kind of line end, without the mark that some editors put before everything."""
    return source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _unseen(text: str, place: Place) -> list[Finding]:
    """Characters that the author cannot see and the reader's phone may show, or obey."""
    findings = []
    for number, line in enumerate(text.split("\n"), start=1):
        for character in line:
            if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs") and character not in "\t\u200d":
                problem = f"There is a character here that cannot be seen (U+{ord(character):04X})."
                findings.append(place.finding(text, number, character, problem, "Delete it and type it again."))
                break
    return findings
