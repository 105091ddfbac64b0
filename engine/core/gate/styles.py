"""The little of CSS that emails use: styles in elements, and the rules for dark screens in the head."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DARK = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}", re.IGNORECASE)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COMPOUND = re.compile(r"(?P<tag>[a-z][a-z0-9]*|\*)?(?P<classes>(?:\.[\w-]+)*)", re.IGNORECASE)
_SIZE = re.compile(r"(?P<number>\d*\.?\d+)(?P<unit>px|pt|em|rem|%)")
# As browsers set them where nothing is said, in times the size around.
_USUAL = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67, "small": 0.83, "big": 1.2}

Path = tuple[tuple[str, frozenset[str]], ...]  # elements from the outermost on: name and classes


@lru_cache(maxsize=1024)
def declarations(style: str) -> Mapping[str, str]:
    """The properties of a style attribute, in small letters; the last of a name counts.

    >>> declarations("Color: #FFF !important; margin:0")
    {'color': '#fff', 'margin': '0'}
    """
    pairs = (part.partition(":") for part in style.split(";") if ":" in part)
    return {name.strip().lower(): value.lower().replace("!important", "").strip() for name, _, value in pairs}


def font_size(tag: str, styles: Mapping[str, str], around: float) -> float:
    """How high the letters of an element are, in pixels."""
    said = styles.get("font-size") or next((w for w in styles.get("font", "").split() if _SIZE.match(w)), "")
    found = _SIZE.match(said)
    if found is None:
        return around * _USUAL.get(tag, 1.0)
    number, unit = float(found["number"]), found["unit"]
    return {"px": number, "pt": number * 4 / 3, "em": number * around, "rem": number * 16, "%": number * around / 100}[
        unit
    ]


@dataclass(frozen=True, slots=True, eq=False)
class DarkRules:
    """The rules for dark screens, in the order of the file."""

    rules: tuple[tuple[Path, Mapping[str, str]], ...]

    @classmethod
    @lru_cache(maxsize=8)
    def read(cls, style: str) -> "DarkRules":
        """From the text of a style element. Selectors of tags, classes and descendants are understood."""
        found = []
        for block in _DARK.findall(_COMMENT.sub("", style)):
            for selectors, body in _RULE.findall(block):
                for selector in selectors.split(","):
                    compounds = tuple(_compound(part) for part in selector.split())
                    if compounds and None not in compounds:
                        found.append((tuple(c for c in compounds if c is not None), declarations(body)))
        return cls(tuple(found))

    @lru_cache(maxsize=1024)  # noqa: B019  (a handful of pages, which live as long as their templates)
    def of(self, path: Path) -> Mapping[str, str]:
        """What holds for the last element of a path; the later and more exact rule counts."""
        fitting = [(_weight(compounds), styles) for compounds, styles in self.rules if _fits(compounds, path)]
        merged: dict[str, str] = {}
        for _, styles in sorted(fitting, key=lambda pair: pair[0]):
            merged.update(styles)
        return merged


def _compound(part: str) -> tuple[str, frozenset[str]] | None:
    found = _COMPOUND.fullmatch(part)
    if found is None:
        return None
    return (found["tag"] or "*").lower(), frozenset(filter(None, found["classes"].split(".")))


def _weight(compounds: Path) -> tuple[int, int]:
    return sum(len(classes) for _, classes in compounds), sum(tag != "*" for tag, _ in compounds)


def _fits(compounds: Path, path: Path) -> bool:
    if not _is(compounds[-1], path[-1]):
        return False
    left = list(compounds[:-1])
    for element in reversed(path[:-1]):
        if left and _is(left[-1], element):
            left.pop()
    return not left


def _is(compound: tuple[str, frozenset[str]], element: tuple[str, frozenset[str]]) -> bool:
    return compound[0] in ("*", element[0]) and compound[1] <= element[1]
