"""The words of an email: one Markdown text becomes the HTML and the plain-text part, once per template.

Merge fields are stand-ins here (`merge_check.Marks`): the values come in at sending, after Markdown has been
read. A link alone in its paragraph becomes a button. Pictures and HTML are refused: nothing in our mail is
fetched from anywhere, and nothing in it depends on what a mail program makes of hand-written tags.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from engine.core.findings import Finding
from engine.core.merge_check import BRACE, Marks, Place
from engine.core.plain_text import plain_text

#: Where a link may lead beside a plain https:, mailto: or tel: address. No person's value gets into a URL.
LINK_FIELDS = re.compile(r"\{\{-?\s*(?:link\.\w+|clinic\.site)\s*-?\}\}")
_STATIC_LINK = re.compile(r"(?:https://[^\s/]|mailto:|tel:\+?[\d-])\S*")
_MARKDOWN = MarkdownIt("commonmark")
_HTML = RendererHTML()

_BUTTON = (
    '<table role="presentation" class="button" cellpadding="0" cellspacing="0" border="0"><tbody><tr>'
    '<td><a href="{href}">{words}</a></td></tr></tbody></table>\n'
)


@dataclass(frozen=True, slots=True)
class Words:
    """The body of an email, with stand-ins for its merge fields."""

    html: str
    text: str


def convert(body: str, place: Place, marks: Marks) -> tuple[Words, list[Finding]]:
    """Read the Markdown of an email whose merge fields are in order.

    >>> body = "# Hello\\n\\n[Book a *time*](https://clinic.example)\\n"
    >>> words, findings = convert(body, Place("x"), Marks())
    >>> print(words.text)
    Hello
    =====
    <BLANKLINE>
    Book a time:
    https://clinic.example
    """
    text, numbers = _statements_apart(marks.protect(body), marks)
    tokens = _MARKDOWN.parse(text)
    findings = list(dict.fromkeys(_mistakes(tokens, body, numbers, place, marks)))
    tree = SyntaxTreeNode(tokens)
    html = _HTML.render(list(_with_buttons(tokens, marks)), _MARKDOWN.options, {})
    words = Words(html, plain_text(tree, marks))
    # Braces in the file were found before; these are what Markdown made of `&#123;`.
    if not findings and re.search(r"[{}]", words.html + words.text):
        findings.append(place.finding(body, 1, "&", *BRACE))
    return words, findings


def _statements_apart(text: str, marks: Marks) -> tuple[str, list[int]]:
    """Lines that hold only `{% ... %}` get paragraphs of their own; and the original number of each line."""
    lines: list[str] = []
    numbers: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        alone = marks.statement(line)
        for part in ("", line, "") if alone else (line,):
            lines.append(part)
            numbers.append(number)
    return "\n".join(lines), numbers


def _with_buttons(tokens: list[Token], marks: Marks) -> Iterable[Token]:
    """The tokens, with statements out of their paragraphs and lone links as buttons."""
    skip = 0
    for i, token in enumerate(tokens):
        if skip:
            skip -= 1
            continue
        inline = tokens[i + 1] if token.type == "paragraph_open" else None
        if inline is None:
            yield token
        elif marks.statement(inline.content):
            yield Token("html_block", "", 0, content=marks.as_comments(inline.content) + "\n")
            skip = 2
        elif not token.hidden and lone_link(inline.children or []):
            yield Token("html_block", "", 0, content=_button(inline.children or []))
            skip = 2
        else:
            yield token


def lone_link(children: list[Token]) -> bool:
    """Whether a paragraph is one link with words of its own."""
    kinds = [child.type for child in children]
    lone = kinds.count("link_open") == 1 and kinds[0] == "link_open" and kinds[-1] == "link_close"
    return lone and children[0].markup != "autolink"


def _button(children: list[Token]) -> str:
    words = _HTML.renderInline(children[1:-1], _MARKDOWN.options, {})
    href = _HTML.renderAttrs(Token("", "", 0, attrs={"href": children[0].attrs["href"]}))
    return _BUTTON.replace(' href="{href}"', href).replace("{words}", words)


# ------------------------------------------------------------------------------------------- mistakes


def _mistakes(tokens: list[Token], body: str, numbers: list[int], place: Place, marks: Marks) -> Iterable[Finding]:
    depths = [0]  # open ifs, per open element: an element and an if must not overlap
    for token in tokens:
        line = numbers[token.map[0]] if token.map else 1
        told = None
        if token.type == "html_block":
            told = place.finding(body, line, "<", *_NO_HTML)
        elif token.type == "inline":
            yield from _inline_mistakes(token, line, body, place, marks)
            opened = _depth(token.content, marks)
            if not marks.statement(token.content) and opened != (0, 0):
                told = place.finding(body, line, "{%", *_OVERLAP)
            elif marks.statement(token.content):
                # The paragraph is open around its statement: the count belongs to what is around that.
                depths[-2] += opened[1]
                told = place.finding(body, line, "{%", *_OVERLAP) if depths[-2] < 0 else None
        if told:
            yield told
        if token.nesting > 0:
            depths.append(0)
        elif token.nesting < 0 and depths.pop() != 0:
            yield place.finding(body, line, "{%", *_OVERLAP)


_NO_HTML = (
    "HTML is not read here.",
    "Write plain words: **bold**, [words](https://...). For a note to yourself write {# note #}.",
)
_OVERLAP = (
    "This if and its endif are not in the same place.",
    "Put both in one paragraph, or each on a line of its own, outside lists or in the same item.",
)
_NO_PICTURE = (
    "Pictures are not sent: mail programs hide them, and loading one tells others that the email is read.",
    "Take it out.",
)
_BAD_LINK = (
    "This link does not begin with https://.",
    "Write [words](https://...), or one of our own links, as in [words]({{ link.guide }}).",
)
_VALUE_IN_LINK = (
    "No value is put into a link: it would tell others about the reader.",
    "Write one of our own links, as in [words]({{ link.guide }}), or [words](https://...).",
)


def _depth(text: str, marks: Marks) -> tuple[int, int]:
    """Lowest and last count of open ifs after each statement of a text."""
    lowest = count = 0
    for code in marks.inside(text):
        word = code.strip("{%- ").split(" ")[0].rstrip("-%}")
        count += (word == "if") - (word == "endif") if code.startswith("{%") else 0
        lowest = min(lowest, count)
    return lowest, count


def _inline_mistakes(token: Token, line: int, body: str, place: Place, marks: Marks) -> Iterable[Finding]:
    for child in token.children or []:
        if child.type == "html_inline":
            yield place.finding(body, line, "<", *_NO_HTML)
        elif child.type == "image":
            yield place.finding(body, line, "![", *_NO_PICTURE)
        elif _bad_link(child, marks):
            yield _link_mistake(child, line, body, place, marks)
        # Lines of one paragraph are apart by soft and hard breaks.
        line += child.type in ("softbreak", "hardbreak")


def _link_mistake(token: Token, line: int, body: str, place: Place, marks: Marks) -> Finding:
    href = str(token.attrs.get("href", ""))
    whole = f"]({marks.restore(href)}"  # as it was written, unless it has letters that Markdown writes otherwise
    there = body.split("\n")[line - 1]
    needle = whole if href and whole in there else "]("
    return place.finding(body, line, needle, *(_VALUE_IN_LINK if marks.inside(href) else _BAD_LINK))


def _bad_link(token: Token, marks: Marks) -> bool:
    if token.type != "link_open":
        return token.type == "text" and "](" in token.content  # Markdown itself refused it: javascript:
    href = str(token.attrs["href"])
    codes = marks.inside(href)
    if codes:
        return marks.restore(href) != codes[0] or LINK_FIELDS.fullmatch(codes[0]) is None
    return _STATIC_LINK.fullmatch(href) is None
