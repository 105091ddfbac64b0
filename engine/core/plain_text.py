"""The plain-text part of an email, made from the same Markdown as the HTML, to be read as it is.

Headings are underlined, lists have bullets, emphasis is left out. A link is `words: address`; inside a
sentence it is `words (address)`; alone in its paragraph it takes two lines.
"""

import textwrap
from collections.abc import Iterable

from markdown_it.tree import SyntaxTreeNode

from engine.core.merge_check import Marks

WIDTH = 72


def plain_text(tree: SyntaxTreeNode, marks: Marks) -> str:
    """The text of a Markdown document, wrapped; merge fields stay stand-ins."""
    return _blocks(tree.children, WIDTH, marks).rstrip("\n")


def _blocks(nodes: Iterable[SyntaxTreeNode], width: int, marks: Marks) -> str:
    """Blocks with an empty line between; a statement joins the block after it, so that it leaves no gap."""
    out = ""
    for node in nodes:
        if node.type == "paragraph" and marks.statement(_inline(node.children[0])):
            out += _inline(node.children[0])
        else:
            out += _block(node, width, marks) + "\n\n"
    return out


def _block(node: SyntaxTreeNode, width: int, marks: Marks) -> str:
    if node.type == "heading":
        words = _wrapped(_inline(node), width)
        line = {"h1": "=", "h2": "-"}.get(node.tag, "")
        return f"{words}\n{line * max(map(len, words.splitlines()))}" if line else words
    if node.type in ("bullet_list", "ordered_list"):
        return _list(node, width, marks)
    if node.type == "blockquote":
        return textwrap.indent(_blocks(node.children, width - 2, marks).rstrip("\n"), "> ", lambda _: True)
    if node.type == "hr":
        return "-" * 24
    if node.type in ("fence", "code_block"):
        return textwrap.indent(node.content.rstrip("\n"), "    ")
    return _paragraph(node, width)


def _paragraph(node: SyntaxTreeNode, width: int) -> str:
    inline = node.children[0] if node.children else node
    lone = [c for c in inline.children if c.type == "link"] if len(inline.children) == 1 else []
    if lone and lone[0].markup != "autolink":
        return f"{_inline(lone[0], links=False)}:\n{lone[0].attrs['href']}"
    return "\n".join(_wrapped(line, width) for line in _inline(node).split("\n"))


def _list(node: SyntaxTreeNode, width: int, marks: Marks) -> str:
    number = int(node.attrs.get("start", 1))
    tight = all(p.hidden for item in node.children for p in item.children if p.type == "paragraph")
    items = []
    for position, item in enumerate(node.children):
        bullet = f"{number + position}. " if node.type == "ordered_list" else "- "
        inner = _blocks(item.children, width - len(bullet), marks).rstrip("\n")
        if tight:
            inner = inner.replace("\n\n", "\n")
        items.append(bullet + textwrap.indent(inner, " " * len(bullet))[len(bullet) :])
    return ("\n" if tight else "\n\n").join(items)


def _inline(node: SyntaxTreeNode, *, links: bool = True, last: bool = True) -> str:
    """The words of an inline node; a hard break is a line end. `last`: nothing follows in its paragraph."""
    if node.type in ("text", "code_inline"):
        return node.content
    if node.type in ("softbreak", "hardbreak"):
        return " " if node.type == "softbreak" else "\n"
    ends = [last and child is node.children[-1] for child in node.children]
    words = "".join(_inline(child, links=links, last=end) for child, end in zip(node.children, ends, strict=True))
    if node.type != "link" or not links:
        return words
    href = str(node.attrs["href"])
    if node.markup == "autolink" or words == href:
        return href
    return f"{words}: {href}" if last else f"{words} ({href})"


def _wrapped(words: str, width: int) -> str:
    return "\n".join(textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False) or [""])
