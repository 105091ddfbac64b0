"""Reads the `[[step]]` tables of a campaign file."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import time

from engine.core import campaign_words as words
from engine.core.campaign import LATE, Choice, Doubt, Kind, Late, Repeat, Step
from engine.core.campaign_keys import KEYS, LATER, elsewhere
from engine.core.condition_check import mistakes
from engine.core.conditions import Condition
from engine.core.contact import Channel
from engine.core.nearest import nearest
from engine.core.time_words import Wrong, clock, duration
from engine.core.timing import Offset
from engine.core.toml_table import Table

Templates = Collection[tuple[Channel, str]]

TIMINGS: tuple[Kind, ...] = ("after", "day", "before", "after_move")
CHANNELS = ("email", "sms", "task")
ENDINGS = {Channel.EMAIL: ".email.md", Channel.SMS: ".sms.txt"}

_LAST_DAY = 3650
_EXAMPLES = {"after": '"2 days"', "day": "14", "before": '"24 hours"', "after_move": '"5 minutes"'}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a step must know of the rest of the file, and of the clinic."""

    campaign: str
    has_anchor: bool
    has_move: bool
    templates: Templates | None  # None: they are not looked at
    event: Callable[[str], str]  # reads an event's word


def read_steps(top: Table, around: Surroundings) -> tuple[Step | None, ...]:
    """The steps in the order of the file; None stands for one with a mistake in it."""
    rows = top.values.get("step")
    if "step" not in top:
        top.missing("step", "There is no step: nothing would be sent.", "Write `[[step]]` and its lines under it.")
        return ()
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not rows:
        remedy = "Write `[[step]]` on a line of its own above the lines of each step."
        top.wrong("step", "`step` is a heading with two brackets.", remedy, at_key=True)
        return ()
    tables = [Table(top.page, ("step", number), row) for number, row in enumerate(rows)]
    _check_keys(tables)
    return tuple(_step(table, around) for table in tables)


def _check_keys(tables: list[Table]) -> None:
    """A key is a step's identity, so no two may be the same."""
    lines: dict[str, int] = {}
    for table in tables:
        key = table.values.get("key")
        if not isinstance(key, str):
            continue
        if key in lines:
            problem = f"The step at line {lines[key]} has the key “{key}” as well."
            table.wrong("key", problem, f'Give the newer one another, such as `key = "{key}_2"`.')
        lines.setdefault(key, table.page.spot((*table.path, "key")).line)


def _step(table: Table, around: Surroundings) -> Step | None:
    """One step, or None when anything in it is wrong."""
    before = len(table.page.findings)
    table.only(KEYS["step"], LATER["step"], elsewhere("step"))
    key = _key(table)
    kind, offset = _moment(table, around)
    at = _at(table, kind, offset)
    repeat = _repeat(table, kind)
    choices = _choices(table, around)
    condition = read_condition(table, around.event)
    late = _late(table, kind, around)
    doubt = _doubt(table)
    if len(table.page.findings) > before or key is None or kind is None or offset is None or late is None:
        return None
    line = table.page.spot(table.path).key_line
    return Step(key, kind, offset, at, repeat, choices, condition, late, doubt, line)


def _key(table: Table) -> str | None:
    if "key" not in table:
        own = next((v for k in ("email", "sms") if isinstance(v := table.values.get(k), str)), "guide_link")
        table.missing("key", "The step has no key, by which the send log knows it.", f'Write `key = "{own}"`.')
    return table.read("key", words.name)


def _moment(table: Table, around: Surroundings) -> tuple[Kind | None, Offset | None]:
    """When the step falls due: exactly one of the four ways to say it."""
    said = [kind for kind in TIMINGS if kind in table]
    if not said:
        remedy = 'Write `after = "2 days"` (after the step before it) or `day = 14` (after what enrolled them).'
        if table.path == ("step", 0):
            remedy = 'Write `after = "0 minutes"` for at once, or `after = "2 days"`, or `day = 14`.'
        table.missing("after", "The step does not say when.", remedy, instead=TIMINGS)
        return None, None
    if len(said) > 1:
        both = " and ".join(f"`{kind}`" for kind in said)
        table.wrong(said[-1], f"The step says when in {len(said)} ways: {both}.", "Keep one of them.", at_key=True)
    kind = said[0]
    _check_grounds(table, kind, around)
    if kind == "day":
        days = table.number("day", 0, _LAST_DAY)
        return kind, None if days is None else Offset(days=days)
    offset = _length(table, kind)
    if kind == "before" and offset == Offset():
        table.wrong("before", "This is no time before it.", 'Write it like `before = "24 hours"`.')
    return kind, offset


def _length(table: Table, kind: Kind) -> Offset | None:
    value = table.values[kind]
    if isinstance(value, int) and not isinstance(value, bool):
        table.wrong(kind, f"{value} of what?", f'Write `{kind} = "{value} days"` or `{kind} = "{value} hours"`.')
        return None
    return table.read(kind, duration)


def _check_grounds(table: Table, kind: Kind, around: Surroundings) -> None:
    """`before` counts down to something to come, `after_move` waits for a move: [enrol] must say of what."""
    if kind == "before" and not around.has_anchor:
        remedy = 'Write `anchor = "event.starts_at"` under `[enrol]`.'
        table.wrong(kind, "Before what? The campaign names no date to come.", remedy, at_key=True)
    if kind == "after_move" and not around.has_move:
        remedy = 'Write `move = "reschedule"` under `[enrol]`.'
        table.wrong(kind, "The campaign does not say which event moves the date.", remedy, at_key=True)


def _at(table: Table, kind: Kind | None, offset: Offset | None) -> time | None:
    if "at" not in table:
        return None
    at = table.read("at", clock)
    if kind in ("before", "after_move"):
        example = f"`{kind} = {_EXAMPLES[kind]}`"
        table.wrong("at", f"`at` does not go with `{kind}`.", f"Remove it; {example} is exact.", at_key=True)
    elif kind == "after" and offset is not None and offset.exact:
        remedy = 'Write whole days, such as `after = "1 day"`, or remove `at`.'
        table.wrong("at", "`at` picks a time of day, but `after` counts hours or minutes.", remedy, at_key=True)
    return at


def _repeat(table: Table, kind: Kind | None) -> Repeat | None:
    if "repeat" in table and kind is not None and kind != "day":
        problem = f"`repeat` goes with `day`, and the step has `{kind}`."
        table.wrong("repeat", problem, f"Write `day = 21` in place of `{kind}`, or remove `repeat`.", at_key=True)
    return table.read("repeat", words.repeat)


def _choices(table: Table, around: Surroundings) -> tuple[Choice, ...]:
    """The step's own channel, then those of `else`, in the order they are written."""
    own = [channel for channel in CHANNELS if channel in table]
    if not own:
        key = table.values.get("key", "guide_link")
        table.missing(
            "email", "The step sends nothing.", f'Write `email = "{key}"`, or `sms`, or `task`.', instead=CHANNELS
        )
    for channel in own[1:]:
        example = f'`else = {{ {channel} = "..." }}`'
        problem = f"The step has `{own[0]}` and `{channel}`; it may have one."
        table.wrong(channel, problem, f"Keep one, and make the other its fallback: {example}.", at_key=True)
    first = [choice for channel in own[:1] if (choice := _choice(table, channel, around))]
    return (*first, *_else(table, own, around))


def _else(table: Table, own: list[str], around: Surroundings) -> tuple[Choice, ...]:
    value = table.values.get("else")
    if isinstance(value, str):
        channel = "sms" if own[:1] == ["email"] else "email"
        table.wrong("else", "`else` names a channel as well.", f'Write `else = {{ {channel} = "{value}" }}`.')
        return ()
    if "else" in table and not isinstance(value, dict):
        table.wrong("else", "`else` names channels in braces.", 'Write it like `else = { email = "guide_link" }`.')
    inner = table.table("else") if isinstance(value, dict) else None
    if inner is None:
        return ()
    inner.only(KEYS["step.else"], (), elsewhere("step.else"))
    named = [channel for channel in inner.values if channel in CHANNELS]
    if not inner.values:
        table.wrong("else", "`else` is empty.", 'Write it like `else = { email = "guide_link" }`, or remove it.')
    for channel in named:
        if channel in own:
            other = "sms" if channel == "email" else "email"
            problem = f"`else` has the same channel as the step, {channel}."
            inner.wrong(channel, problem, f"Write `{other}` or `task` in it, or remove `else`.", at_key=True)
    _check_task_is_last(table, inner, own, named)
    choices = [_choice(inner, channel, around) for channel in named]
    return tuple(choice for choice in choices if choice is not None)


def _check_task_is_last(table: Table, inner: Table, own: list[str], named: list[str]) -> None:
    """A task always works, so that nothing behind it would ever be tried."""
    if own == ["task"]:
        table.wrong("else", "A task always works, so `else` would never be used.", "Remove `else`.", at_key=True)
    elif "task" in named[:-1]:
        inner.wrong("task", "A task always works, so nothing behind it would be used.", "Put it last.", at_key=True)


def _choice(table: Table, channel: str, around: Surroundings) -> Choice | None:
    value = table.values[channel]
    if isinstance(value, dict | list) and channel != "task":
        some = next((v for v in value if isinstance(v, str)), "guide_link")
        remedy = f'Choose one for now: `{channel} = "{some.replace(" ", "_")}"`.'
        table.wrong(channel, "A split between templates is not yet built.", remedy)
        return None
    if channel == "task":
        said = table.read("task", words.task)
        return None if said is None else Choice(None, said)
    name = table.read(channel, words.template)
    if name is None:
        return None
    _check_template(table, Channel(channel), name, around)
    return Choice(Channel(channel), name)


def _check_template(table: Table, channel: Channel, name: str, around: Surroundings) -> None:
    if around.templates is None or (channel, name) in around.templates:
        return
    folder = f"templates/{around.campaign}"
    same = sorted(n for c, n in around.templates if c is channel)
    close = nearest(name, same)
    other = next((c for c, n in around.templates if n == name and c is not channel), None)
    if close is not None:
        remedy = f'Write `{channel} = "{close}"`, or write that file.'
    elif other is not None:
        there = f"{folder}/{name}{ENDINGS[other]}"
        remedy = f'There is {there}: write `{other} = "{name}"`, or write the missing file.'
    else:
        listed = ", ".join(f"`{n}`" for n in same[:12])
        remedy = f"Write that file, or name one of {listed}." if listed else "Write that file."
    table.wrong(channel, f"There is no {folder}/{name}{ENDINGS[channel]}.", remedy)


def read_condition(table: Table, event: Callable[[str], str]) -> Condition | None:
    """The table's `if`, with every mistake in it at its own place."""
    text = table.text("if") if "if" in table else None
    if text is None:
        return None
    wrong = mistakes(text)
    for mistake in wrong:
        table.page.wrong((*table.path, "if"), mistake.problem, mistake.remedy, into=mistake.at)
    if wrong:
        return None
    condition = Condition(text)
    for asked in sorted(condition.events):
        try:
            event(asked)
        except Wrong as unknown:
            table.page.wrong((*table.path, "if"), unknown.problem, unknown.remedy, into=text.find(asked))
            return None
    return condition


def _late(table: Table, kind: Kind | None, around: Surroundings) -> Late | None:
    if "late" not in table:
        return LATE[kind] if kind else None
    late = table.read("late", words.late)
    if late is not None and late.begun and kind == "day":
        remedy = 'Write `late = "skip after 1 day"`.'
        table.wrong("late", "A `day` step comes when it has begun already, so it would always be skipped.", remedy)
    elif late is not None and late.begun and not around.has_anchor:
        remedy = 'Write `late = "skip after 1 day"`, or `anchor = "event.starts_at"` under `[enrol]`.'
        table.wrong("late", "Once what has begun? The campaign names no date to come.", remedy)
    return late


def _doubt(table: Table) -> Doubt | None:
    said = table.read("doubt", words.one_of(("resend", "hold"), "way to settle a doubtful message"))
    return "resend" if said == "resend" else "hold" if said == "hold" else None
