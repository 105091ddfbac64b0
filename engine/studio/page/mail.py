"""A rendered email as a mailbox shows it: by day, by night, and as one line among others.

Works on the email as it is sent. Nothing of it is lost but what a browser would fetch, run or follow, and that is
the page's own doing (its policy and sandbox), not this module's.
"""

import re
from html.parser import HTMLParser

_ASKS_FOR_DARK = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_EITHER_SCHEME = re.compile(r"(content=[\"']|color-scheme\s*:\s*)light dark\b", re.IGNORECASE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
# A link without a target would lead the little window away from its email; a new window the sandbox forbids.
_LEADS_NOWHERE = '<base target="_blank">'

# Mail programs show so much after the subject, more or less.
_ROW = 120
# Stands after a preheader, so that nothing of the email's beginning follows it (combining grapheme joiner).
_FILLER = "\u034f"
_UNREAD = frozenset({"style", "script", "title", "head"})


def by_day(html: str) -> str:
    """The email where the reader's device is light: rules for the dark are never in force."""
    return _fixed(html, "not all", "light")


def by_night(html: str) -> str:
    """The email where the reader's device is dark, and the mail program heeds rules for it."""
    return _fixed(html, "all", "dark")


def _fixed(html: str, media: str, scheme: str) -> str:
    html = _ASKS_FOR_DARK.sub(f"@media {media}", html)
    html = _EITHER_SCHEME.sub(rf"\g<1>{scheme}", html)
    return _HEAD.sub(lambda head: head[0] + _LEADS_NOWHERE, html, count=1)


def row_words(html: str) -> str:
    """What a mailbox shows after the subject: the first words of the email, hidden or not, up to the filler."""
    reader = _FirstWords()
    reader.feed(html)
    reader.close()
    words = " ".join("".join(reader.found).partition(_FILLER)[0].split())
    if len(words) <= _ROW:
        return words
    return words[:_ROW].rpartition(" ")[0] + "…"


class _FirstWords(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - its own signature
        if tag in _UNREAD:
            self._inside.append(tag)
        self.found.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found.append(data)
