"""Where the words that a concern is about stand in the file, so that its author finds them."""

import re
from dataclasses import dataclass

from engine.core.findings import Finding
from engine.core.front_matter import Entry
from engine.core.gate.scene import Concern
from engine.core.render import EmailTemplate, SmsTemplate

_MARKUP = r"[*_`\\]*"
_SPACE = r"[\s*_`\\>]*\s[\s*_`\\>]*"
_ALIKE = {"'": "['\u2018\u2019\u02bc]", '"': '["\u201c\u201d]', "-": "[-\u2010-\u2015\u2212]"}
_FEWEST = 2
_ENOUGH = 5  # words, to know a paragraph by


@dataclass(slots=True)
class Source:
    """The text of one template's file, searched for the phrases of concerns; each place is given once."""

    template: EmailTemplate | SmsTemplate
    text: str
    _last: dict[tuple[str, str], int]

    def finding(self, concern: Concern) -> Finding:
        """The concern as a finding, placed."""
        file, line, column, key = self._place(concern)
        problem = f"“{concern.phrase}” {concern.problem}" if concern.phrase else concern.problem
        remedy = f"{concern.remedy} For example: “{concern.instead}”" if concern.instead else concern.remedy
        return Finding(
            file, line, column, key, problem, remedy, concern.rule, concern.severity, concern.phrase, concern.why
        )

    def line_of(self, words: str) -> int:
        """The line on which a paragraph of the body begins, by its first words."""
        start = _offset(self.text, self.template.head.body_line, 1) if isinstance(self.template, EmailTemplate) else 0
        first = " ".join(words.split(" ")[:_ENOUGH])
        # Mostly they stand there letter by letter, and once: then no pattern has to be made.
        once = self.text.count(first, start) == 1
        at = self.text.find(first, start) if once else self._search(first, start, len(self.text))
        return _line_and_column(self.text, _first_word(self.text, start) if at is None else at)[0]

    def _place(self, concern: Concern) -> tuple[str, int, int, str]:
        file = self.template.file
        start, end, key = 0, len(self.text), ""
        if isinstance(self.template, EmailTemplate):
            head = self.template.head
            if concern.part in ("subject", "preheader"):
                entry: Entry = getattr(head, concern.part)
                start = _offset(self.text, entry.line, entry.column)
                end, key = start + len(entry.text), concern.part
            else:
                start = _offset(self.text, head.body_line, 1)
        if not concern.phrase:
            return (file, *_line_and_column(self.text, _first_word(self.text, start)), key)
        at = self._search(concern.phrase, start, end)
        if at is None and isinstance(self.template, EmailTemplate) and concern.part == "body":
            layout = self.template.layout
            for said, layout_file in ((layout.text, layout.text_file), (layout.html, layout.html_file)):
                if _pattern(concern.phrase).search(said):
                    return layout_file, 0, 0, key
        if at is None:
            at = self._search_less(concern.phrase, start, end)
        return (file, *_line_and_column(self.text, _first_word(self.text, start) if at is None else at), key)

    def _search(self, phrase: str, start: int, end: int) -> int | None:
        """The next place of a phrase; the first again when there is no further one."""
        pattern, told = _pattern(phrase), (phrase, str(start))
        found = pattern.search(self.text, self._last.get(told, start), end) or pattern.search(self.text, start, end)
        if found is None:
            return None
        self._last[told] = found.end()
        return found.start()

    def _search_less(self, phrase: str, start: int, end: int) -> int | None:
        """The place of the first words of a phrase whose others are values."""
        words = phrase.split(" ")
        for count in range(len(words) - 1, min(_FEWEST, len(words)) - 1, -1):
            at = self._search(" ".join(words[:count]), start, end)
            if at is not None:
                return at
        return None


def source_of(template: EmailTemplate | SmsTemplate, text: str) -> Source:
    """A source to look in. Line ends and the mark before everything are as `render` reads them."""
    return Source(template, text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), {})


def _pattern(phrase: str) -> re.Pattern[str]:
    words = ("".join(_ALIKE.get(c, re.escape(c)) for c in word) for word in phrase.split(" "))
    return re.compile(_MARKUP + _SPACE.join(words), re.IGNORECASE)


def _offset(text: str, line: int, column: int) -> int:
    before = text.split("\n")[: line - 1]
    return sum(len(one) + 1 for one in before) + column - 1


def _first_word(text: str, start: int) -> int:
    found = re.compile(r"\S").search(text, start)
    return found.start() if found else start


def _line_and_column(text: str, at: int) -> tuple[int, int]:
    """Line and column, from 1, of the first letter at or after a place that may begin with marks of emphasis."""
    at += len(text[at:]) - len(text[at:].lstrip("*_`\\"))
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
