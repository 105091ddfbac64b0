"""TOML text, read with the place of every key and value; what cannot be read is said in plain words."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from engine.core.toml_mistakes import Trouble, diagnose, mend_headers, place_of

Path = tuple[str | int, ...]  # ("step", 1, "after"): the second [[step]], its `after`

_MOST_TROUBLES = 20
_GRAMMAR = Language(tree_sitter_toml.language())


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a key and its value stand, counted from 1; `index` is the value's place in the whole text."""

    key_line: int
    key_column: int
    line: int
    column: int
    index: int


@dataclass(frozen=True, slots=True)
class Document:
    """What a TOML text holds. `data` is None when too little of it could be read."""

    text: str
    data: dict[str, Any] | None
    spots: Mapping[Path, Spot] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()


def read_toml(text: str) -> Document:
    """Read what can be read. A line that cannot be is reported, left out, and the rest read all the same.

    >>> read_toml('title = "Hello"').spots[("title",)].column
    9
    """
    lines = text.split("\n")
    troubles = mend_headers(lines)
    for _ in range(_MOST_TROUBLES):
        mended = "\n".join(lines)
        try:
            data = tomllib.loads(mended)
        except tomllib.TOMLDecodeError as error:
            trouble, repair = diagnose(lines, *place_of(error, lines))
            troubles.append(trouble)
            if all(lines[number - 1] == instead for number, instead in repair.items()):
                break
            for number, instead in repair.items():
                lines[number - 1] = instead
        else:
            return Document(mended, data, _spots(mended), tuple(troubles))
    return Document(text, None, {}, tuple(troubles))


def _spots(text: str) -> dict[Path, Spot]:
    """The place of each key and value, told by tree-sitter from text that tomllib has accepted."""
    source = text.encode()
    tables_so_far: dict[Path, int] = {}
    found: dict[Path, Spot] = {}
    for node in Parser(_GRAMMAR).parse(source).root_node.named_children:
        if node.type == "pair":
            found.update(_pair(node, (), source))
        elif node.type in ("table", "table_array_element"):
            path = _header(_key_parts(node.named_children[0]), tables_so_far)
            if node.type == "table_array_element":
                number = tables_so_far.get(path, -1) + 1
                tables_so_far[path] = number
                path = (*path, number)
            found[path] = _spot(node, node, source)
            for child in node.named_children[1:]:
                if child.type == "pair":
                    found.update(_pair(child, path, source))
    return found


def _header(parts: list[str], tables_so_far: Mapping[Path, int]) -> Path:
    """A header's path; a part that is an array of tables means its latest element."""
    path: Path = ()
    for part in parts[:-1]:
        path = (*path, part)
        if path in tables_so_far:
            path = (*path, tables_so_far[path])
    return (*path, parts[-1])


def _pair(node: Node, under: Path, source: bytes) -> Iterator[tuple[Path, Spot]]:
    key, value = node.named_children[0], node.named_children[1]
    path = (*under, *_key_parts(key))
    yield path, _spot(key, value, source)
    if value.type == "inline_table":
        for child in value.named_children:
            if child.type == "pair":
                yield from _pair(child, path, source)
    elif value.type == "array":
        items = [child for child in value.named_children if child.type != "comment"]
        for number, item in enumerate(items):
            yield (*path, number), _spot(item, item, source)


def _key_parts(node: Node) -> list[str]:
    if node.type == "dotted_key":
        return [part for child in node.named_children for part in _key_parts(child)]
    return [(node.text or b"").decode().strip("\"'")]


def _spot(key: Node, value: Node, source: bytes) -> Spot:
    return Spot(
        *_line_and_column(key, source),
        *_line_and_column(value, source),
        _characters(source, value.start_byte),
    )


def _line_and_column(node: Node, source: bytes) -> tuple[int, int]:
    """Tree-sitter counts bytes; people count letters."""
    row, bytes_before = node.start_point
    line_start = node.start_byte - bytes_before
    return row + 1, len(source[line_start : node.start_byte].decode()) + 1


def _characters(source: bytes, upto: int) -> int:
    return len(source[:upto].decode())
