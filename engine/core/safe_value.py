"""What somebody typed into a form, made fit to stand in a message to them: one rule, in one place.

A name or a field of a clinic event is a stranger's text. In HTML it is escaped as well, but a phone makes a
link of whatever looks like one, so in plain text escaping is not enough: `Ann http://evil.example` as a first
name would be our message with their link in it. Such a value is not repaired, it is not used.
"""

import re
import unicodedata

# What a mail program, a phone or a template engine would make something of: addresses and schemes, tags,
# template and Markdown syntax, bare domains (`evil.example`), numbers that are addresses of machines.
_LIVE = re.compile(
    r"://|\bwww\.|[<>]|\{[{%#]|[}%#]\}|\]\(|\w@\w"
    r"|\b(?:https?|ftp|file|data|javascript|vbscript|mailto|tel|sms):"
    r"|\w[.\u3002][^\W\d_]{2,}|\b\d{1,3}(?:\.\d{1,3}){3}\b",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d[\d ().-]*\d[\d ().-]*\d")


def visible(text: str) -> str:
    """The text in one line, without what cannot be seen: control, zero-width and direction marks.

    Safe as the value of a mail header: no line end is left in it (RFC-2, TPL "HEADER").

    >>> visible("Hi\\r\\nBcc: all@example.com")
    'Hi Bcc: all@example.com'
    >>> visible("A\\u200bn\\u202en")
    'Ann'
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    return " ".join(text.split())


def safe_value(value: object, *, longest: int = 200, digits: bool = True) -> str | None:
    """The value as it may be printed in any part of a message, or None when it may not.

    None means "not known": `{{ contact.first_name or "there" }}` greets such a person without a name, and a
    field without a fallback holds the message. Set `digits=False` for names: one with three digits is a phone
    number or a code. Numbers and dates become text.

    >>> safe_value("  Mary-Jane  O'Neil "), safe_value(3), safe_value(" ")
    ("Mary-Jane O'Neil", '3', None)
    >>> [safe_value(v) for v in ("<b>Ann</b>", "[Ann](x)", "{{ 7*7 }}", "Ann evil.example")]
    [None, None, None, None]
    >>> safe_value("Call 900 555 0100", digits=False) is None
    True
    """
    if value is None:
        return None
    if isinstance(value, str) and value.isalpha() and value.isascii() and len(value) <= longest:
        return value  # plain letters, as most names are
    text = visible(str(value))
    if not text or len(text) > longest:
        return None
    # Full-width letters and dots read the same to a linking phone.
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if _LIVE.search(plain) or (not digits and _DIGITS.search(plain)):
        return None
    return text
