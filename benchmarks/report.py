"""The table at the end, and the chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True)
class Row:
    """A figure, beside what it should be."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    at_most: bool = False  # the limit is the most it may be, not the least
    more: str = ""

    @property
    def kept(self) -> bool:
        """Whether it is within its limit."""
        if self.limit is None:
            return True
        return self.value <= self.limit if self.at_most else self.value >= self.limit


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart: messages a second."""

    label: str
    rate: float
    ours: bool = False


def table(rows: Sequence[Row]) -> str:
    """As text, a line a figure."""
    lines = []
    for row in rows:
        value = f"{row.value:,.2f}" if abs(row.value) < 10 else f"{row.value:,.0f}"
        target = ""
        if row.limit is not None:
            word = "at most" if row.at_most else "at least"
            target = f"{word} {row.limit:,.10g}: {'kept' if row.kept else 'MISSED'}"
        lines.append(f"  {row.what:<58} {value:>9} {row.unit:<11} {target:<26} {row.more}".rstrip())
    return "\n".join(lines)


_WIDTH, _LABEL, _STEP, _BAR = 860, 300, 26, 16


def chart(title: str, groups: Sequence[tuple[str, Sequence[Bar]]], foot: str) -> str:
    """An SVG of horizontal bars; each group has a scale of its own."""
    parts = [f'<text x="20" y="34" font-size="18" font-weight="600">{escape(title)}</text>']
    y = 62
    for name, bars in groups:
        parts.append(f'<text x="20" y="{y + 14}" font-size="14" font-weight="600">{escape(name)}</text>')
        y += _STEP
        longest = max(bar.rate for bar in bars)
        for bar in bars:
            width = max(1.0, (_WIDTH - _LABEL - 100) * bar.rate / longest)
            colour = "#1f6f5c" if bar.ours else "#b9c2c9"
            parts += [
                f'<text x="{_LABEL - 10}" y="{y + 13}" font-size="13" text-anchor="end">{escape(bar.label)}</text>',
                f'<rect x="{_LABEL}" y="{y}" width="{width:.0f}" height="{_BAR}" rx="2" fill="{colour}"/>',
                f'<text x="{_LABEL + width + 8:.0f}" y="{y + 13}" font-size="13">{bar.rate:,.0f}</text>',
            ]
            y += _STEP
        y += 14
    parts.append(f'<text x="20" y="{y + 6}" font-size="12" fill="#59636b">{escape(foot)}</text>')
    size = f'width="{_WIDTH}" height="{y + 24}" viewBox="0 0 {_WIDTH} {y + 24}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif" fill="#20282d">'
    back = f'<rect width="{_WIDTH}" height="{y + 24}" fill="#ffffff"/>'
    return "\n".join([head, back, *parts, "</svg>", ""])


def write_chart(path: Path, groups: dict[str, list[Bar]], foot: str) -> None:
    """Into a file."""
    path.write_text(chart("Messages a second, one process", list(groups.items()), foot))
