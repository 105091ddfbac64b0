"""Colors of text and of what is behind it, and how well the one is seen on the other (WCAG 1.4.3)."""

import re
from collections.abc import Mapping
from functools import lru_cache

Color = tuple[int, int, int]

WHITE: Color = (255, 255, 255)
BLACK: Color = (0, 0, 0)
NIGHT: Color = (18, 18, 18)  # behind text on dark screens where nothing is said

_NAMES: dict[str, Color] = {
    "white": WHITE, "black": BLACK, "red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255),
    "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192), "navy": (0, 0, 128),
    "yellow": (255, 255, 0), "orange": (255, 165, 0), "purple": (128, 0, 128), "teal": (0, 128, 128),
}  # fmt: skip
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")


@lru_cache(maxsize=256)
def read(text: str) -> Color | None:
    """A color as styles write it; None for what is none.

    >>> read("#fff"), read("#0b5d78"), read("rgb(1, 2, 3)"), read("inherit")
    ((255, 255, 255), (11, 93, 120), (1, 2, 3), None)
    """
    if re.fullmatch(r"#[0-9a-f]{3}", text):
        text = "#" + "".join(digit * 2 for digit in text[1:])
    if re.fullmatch(r"#[0-9a-f]{6}", text):
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
    if found := _RGB.match(text):
        return int(found[1]), int(found[2]), int(found[3])
    return _NAMES.get(text)


def shown(styles: Mapping[str, str], around: tuple[Color, Color]) -> tuple[Color, Color]:
    """Background and text of an element, given those around it."""
    behind = read(styles.get("background-color", "")) or next(
        (color for word in styles.get("background", "").split() if (color := read(word))), around[0]
    )
    return behind, read(styles.get("color", "")) or around[1]


@lru_cache(maxsize=256)
def contrast(one: Color, other: Color) -> float:
    """From 1 (the same) to 21 (black on white).

    >>> round(contrast(BLACK, WHITE)), round(contrast((119, 119, 119), WHITE), 2)
    (21, 4.48)
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def named(color: Color) -> str:
    """As styles write it.

    >>> named((11, 93, 120))
    '#0b5d78'
    """
    return "#{:02x}{:02x}{:02x}".format(*color)


def _luminance(color: Color) -> float:
    parts = [value / 255 for value in color]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
