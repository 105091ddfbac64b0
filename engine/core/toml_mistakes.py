"""What is wrong with a line that is not TOML, told from the line, for a person who does not program."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_PAIR = re.compile(r"\s*(?P<key>[A-Za-z0-9_.\"'-]+)\s*=\s*(?P<value>.*)")
_HEADER = re.compile(r"\s*\[+\s*([A-Za-z0-9_.]*)\s*\]*")
_LISTS = ("step", "test", "step.reply")  # written with two brackets, once for each
Repair = Mapping[int, str]  # what to put in the place of which lines, so that the rest can be read

_CURLY = "“”„‟«»‘’‚"
_INVISIBLE = {
    "\u00a0": "non-breaking space",
    "\u200b": "zero-width space",
    "\ufeff": "byte-order mark",
    "\t": "tab",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A line that cannot be read. Line and column count from 1."""

    line: int
    column: int
    problem: str
    remedy: str


def mend_headers(lines: list[str]) -> list[Trouble]:
    """Turn `[step]` into `[[step]]`, in place, so that the rest can be read; say each."""
    troubles = []
    for number, line in enumerate(lines, start=1):
        found = re.fullmatch(r"(\s*)\[\s*(step|test|step\.reply)\s*\](\s*(#.*)?)", line)
        if found:
            name = found.group(2)
            problem = f"`[{name}]` has single brackets, but there may be several."
            troubles.append(Trouble(number, found.end(1) + 1, problem, f"Write `[[{name}]]`."))
            lines[number - 1] = f"{found.group(1)}[[{name}]]{found.group(3)}"
    return troubles


def place_of(error: tomllib.TOMLDecodeError, lines: list[str]) -> tuple[int, int, str]:
    """Line, column and the parser's own words. "At end of document" is the last line that says anything."""
    told = str(error)
    found = _PLACE.search(told)
    if found:
        return int(found.group(1)), int(found.group(2)), told
    last = next((n for n in range(len(lines), 0, -1) if lines[n - 1].strip()), 1)
    return last, len(lines[last - 1]) + 1, told


def diagnose(lines: list[str], line: int, column: int, told: str) -> tuple[Trouble, Repair]:
    """The trouble, and how to get round it so that reading can go on (an empty repair: it cannot)."""
    text = lines[line - 1]
    if "Unterminated string" in told and (opened := _opened(lines, line, '"""', "'''")):
        problem = "The text that begins here with three quotes never ends."
        return Trouble(opened, 1, problem, "Close it with three quotes."), {}
    if "Unclosed array" in told or ("Invalid value" in told and _PAIR.match(text) and not text[: column - 1].strip()):
        opened = _opened(lines, line, "[")
        if opened:
            return _array(lines, opened, line, column)
    if text.lstrip().startswith("["):
        return _heading(lines, line, told)
    problem, remedy, at = _line_trouble(text, told, any(each.strip() == "[[step]]" for each in lines[: line - 1]))
    return Trouble(line, at, problem, remedy), {line: ""}


def _opened(lines: list[str], line: int, *signs: str) -> int:
    """The nearest line at or above that opens what is not closed in it; 0 when there is none."""
    for number in range(line, 0, -1):
        value = _PAIR.match(lines[number - 1])
        if value and any(value["value"].startswith(sign) for sign in signs):
            return number
    return 0


def _array(lines: list[str], opened: int, line: int, column: int) -> tuple[Trouble, Repair]:
    here = lines[line - 1][column - 1 :].lstrip()
    if here[:1] in ('"', "'"):
        last = next((n for n in range(line, len(lines) + 1) if "]" in lines[n - 1]), line)
        trouble = Trouble(line, column, "A comma is missing between two entries.", 'Write `["one", "two"]`.')
        return trouble, dict.fromkeys(range(opened, last + 1), "")
    end = len(lines[opened - 1].rstrip()) + 1
    trouble = Trouble(opened, end, "The list that begins here has no closing bracket.", "End it with `]`.")
    return trouble, dict.fromkeys(range(opened, max(line, opened + 1)), "")


def _line_trouble(text: str, told: str, in_step: bool) -> tuple[str, str, int]:
    """Problem, remedy and column for one line."""
    start = len(text) - len(text.lstrip()) + 1
    for place, sign in enumerate(text, start=1):
        if sign in _INVISIBLE and sign != "\t" and not _inside_quotes(text, place):
            return (
                f"There is an invisible character here (a {_INVISIBLE[sign]}).",
                "Type the space again.",
                place,
            )
        if sign in _CURLY and not _inside_quotes(text, place):
            straight = re.sub(f"[{_CURLY}]", '"', text.strip())
            return (
                "The quotes are curly, as a word processor makes them.",
                f"Write straight ones: `{straight}`.",
                place,
            )
    if "Cannot overwrite" in told or "Duplicate inline" in told or "Cannot mutate" in told:
        inner = re.search(r"table key '(.*?)'", told)
        key = inner.group(1) if inner else text.split("=")[0].strip()
        another = " If another step begins here, write `[[step]]` above it." if in_step and not inner else ""
        return f"`{key}` is written twice.", f"Keep one of the two.{another}", start
    pair = _PAIR.match(text)
    if pair is None:
        return _no_pair(text, start)
    return _value_trouble(pair["key"], pair["value"], pair.start("value") + 1, told)


def _inside_quotes(text: str, place: int) -> bool:
    before = text[: place - 1]
    return before.count('"') % 2 == 1 or (before.count('"') == 0 and before.count("'") % 2 == 1)


def _heading(lines: list[str], line: int, told: str) -> tuple[Trouble, Repair]:
    text = lines[line - 1]
    start = len(text) - len(text.lstrip()) + 1
    found = _HEADER.match(text)
    name = (found.group(1) if found else "") or "step"
    right = f"[[{name}]]" if name in _LISTS else f"[{name}]"
    if "twice" in told or "Cannot" in told:
        trouble = Trouble(line, start, f"`{right}` is written twice.", f"Put its lines together under one `{right}`.")
        later = (n for n in range(line + 1, len(lines) + 1) if lines[n - 1].lstrip().startswith("["))
        return trouble, dict.fromkeys(range(line, next(later, len(lines) + 1)), "")
    remedy = f"Write `{right}` on a line of its own."
    return Trouble(line, start, "The heading's brackets do not match.", remedy), {line: right}


def _no_pair(text: str, start: int) -> tuple[str, str, int]:
    """A line that is no `key = value`."""
    spaced = re.match(r"\s*([A-Za-z]\w*(?:[ -]\w+)+)\s*=\s*(.*)", text)
    if spaced:
        key = re.sub(r"\W+", "_", spaced.group(1).strip())
        return "A key is one word.", f"Write `{key} = {spaced.group(2).strip()}`.", start
    colon = re.match(r"\s*(\w+)\s*:\s*(.*)", text)
    if colon:
        value = colon.group(2).strip()
        return "A colon stands where `=` belongs.", f"Write `{colon.group(1)} = {_quoted(value)}`.", start
    return (
        "This line is neither a `[heading]` nor `key = value`.",
        'Write it like `title = "Therapy basics"`.',
        start,
    )


def _quoted(value: str) -> str:
    """The value as TOML wants it."""
    if value[:1] in ('"', "'", "[", "{") or re.fullmatch(r"[1-9]?\d", value):
        return value
    return f'"{value.strip(_CURLY)}"'


def _value_trouble(key: str, value: str, at: int, told: str) -> tuple[str, str, int]:
    value = value.strip()
    if not value or value.startswith("#"):
        return f"`{key}` has no value.", "Write one behind the `=`, or remove the line.", at
    if value.startswith("="):
        return "Two `=` stand in a row.", f"Write `{key} = {_quoted(value.lstrip('= '))}`.", at - 1
    if value.startswith("{"):
        return (
            "What stands in { } must be on one line and end there.",
            f'Write `{key} = {{ email = "..." }}`.',
            at,
        )
    if value.startswith("["):
        return "The list cannot be read.", f'Write `{key} = ["one", "two"]`.', at
    if value[0] in "\"'":
        return _quote_trouble(key, value, at, told)
    if value.endswith(('"', "'")):
        return "The opening quote is missing.", f'Write `{key} = "{value.strip(value[-1])}"`.', at
    plain = value.split("#")[0].strip()
    if key == "day" and (days := re.match(r"\d+", plain)):
        return "`day` is a number alone.", f"Write `day = {int(days.group())}`.", at
    return "Words stand in quotes.", f"Write `{key} = {_quoted(plain)}`.", at


def _quote_trouble(key: str, value: str, at: int, told: str) -> tuple[str, str, int]:
    quote = value[0]
    if "\\" in value and ("Unescaped" in told or "hex" in told):
        return (
            "A backslash means something else in TOML.",
            r"Write `/`, or two of them: `\\`.",
            at + value.find("\\"),
        )
    if value.count(quote) == 1:
        body = value.split("#")[0].rstrip() if "#" in value else value
        return "The closing quote is missing.", f"Write `{key} = {body}{quote}`.", at
    if value.count(quote) > 2:
        inner = value[1:].removesuffix(quote).replace(quote, "'")
        remedy = f'Inside the text use single ones: `{key} = "{inner}"`.'
        return "There are quotes inside the quotes.", remedy, at
    end = value.index(quote, 1) + 1
    return "Something stands behind the closing quote.", "Remove it, or put a `#` before it.", at + end
