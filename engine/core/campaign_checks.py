"""What no single line of a campaign file shows: hours that never come, steps that break their caps."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from math import ceil

from engine.core.campaign import Cap, SendWindow, Step
from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.time_words import WEEKDAYS
from engine.core.timing import MIDNIGHT, ZonedWindow, next_open, week
from engine.core.toml_table import Page

Legal = Callable[[Purpose, Channel], tuple[ZonedWindow, ...]]
Steps = Sequence[Step | None]

_SOME_MONDAY = datetime(2027, 1, 4, tzinfo=UTC)  # any would do: a week is a week
_DAY = timedelta(days=1)
_NOUNS = {Channel.EMAIL: "email", Channel.SMS: "text"}


def check_hours(page: Page, purpose: Purpose, send: SendWindow, steps: Steps, legal: Legal | None) -> None:
    """Clock times and weekdays of the steps lie in the send window, and the law leaves some of it open."""
    for number, step in enumerate(steps):
        if step is None:
            continue
        if step.at is not None and send.hours is not None and not _within(step.at, send.hours):
            problem = f"At {step.at:%H:%M} the campaign does not send: its hours are {_span(send.hours)}."
            page.wrong(("step", number, "at"), problem, "Write a time inside them, or widen `hours` under `[send]`.")
        if step.repeat is not None and send.days is not None:
            shut = [WEEKDAYS[day] for day in step.repeat.weekdays if day not in send.days]
            if shut:
                problem = f"On {', '.join(shut)} the campaign does not send, by `days` under `[send]`."
                page.wrong(("step", number, "repeat"), problem, "Repeat on other days, or add them to `days`.")
    if legal is not None:
        _check_law(page, purpose, send, steps, legal)


def _within(at: time, hours: tuple[time, time]) -> bool:
    return hours[0] <= at and (at < hours[1] or hours[1] == MIDNIGHT)


def _span(hours: tuple[time, time]) -> str:
    closes = "24:00" if hours[1] == MIDNIGHT else f"{hours[1]:%H:%M}"
    return f"{hours[0]:%H:%M}-{closes}"


def _check_law(page: Page, purpose: Purpose, send: SendWindow, steps: Steps, legal: Legal) -> None:
    used = {choice.channel for step in steps if step for choice in step.choices if choice.channel}
    for channel in sorted(used):
        law = legal(purpose, channel)
        own_hours = week(*(send.hours or (MIDNIGHT, MIDNIGHT)), range(7) if send.days is None else send.days)
        zone = law[0].zone if law else "UTC"
        if next_open(_SOME_MONDAY, (*law, ZonedWindow(zone, own_hours, "send"))) is None:
            key = "hours" if send.hours else "days"
            path = ("send", key) if send.hours or send.days is not None else ("purpose",)
            noun = _NOUNS[channel]
            problem = f"No {noun} could ever go: the law allows {purpose} {noun}s {_left_by(law)}."
            page.wrong(path, problem, "Widen `hours` or `days` under `[send]` so that they meet.")


def _left_by(law: Sequence[ZonedWindow]) -> str:
    """The weekdays and hours that every window allows, as people write them."""
    by_hours: dict[str, list[str]] = {}
    for day, name in enumerate(WEEKDAYS):
        spans = [window.hours[day] for window in law]
        open_spans = [span for span in spans if span is not None]
        opens = max((span[0] for span in open_spans), default=MIDNIGHT)
        closes = min((span[1] for span in open_spans if span[1] != MIDNIGHT), default=MIDNIGHT)
        if len(open_spans) == len(spans) and (closes == MIDNIGHT or opens < closes):
            by_hours.setdefault(_span((opens, closes)), []).append(name)
    return " and ".join(_on(hours, days) for hours, days in by_hours.items()) or "at no time"


def _on(hours: str, days: Sequence[str]) -> str:
    return hours if len(days) == len(WEEKDAYS) else f"{hours} on {', '.join(days)}"


@dataclass(frozen=True, slots=True)
class _Planned:
    """One time a step is nominally sent: so many days after the start or the anchor."""

    day: int
    number: int
    step: Step


def check_caps(
    page: Page,
    purpose: Purpose,
    send: SendWindow,
    steps: Steps,
    caps: Mapping[Channel, tuple[Cap, ...]],
    *,
    anchored: bool,
) -> None:
    """The campaign's steps keep its own cap, and for marketing the clinic's (decision 7), by nominal days.

    Hours of the day are not looked at, nor are steps under different conditions added up: what is found here
    is a plan that cannot be kept; what is not found the caps still hold back when it is sent.
    """
    if send.cap is not None and purpose is Purpose.MARKETING:
        _check_looser(page, send.cap, steps, caps)
    if any(step is None for step in steps):
        return
    whole = [step for step in steps if step]
    clinics = [(cap, channel) for channel in sorted(caps) for cap in caps[channel]]
    broken = False
    for cap, channel in clinics if purpose is Purpose.MARKETING else ():
        broken |= _check_cap(page, cap, channel, _timelines(whole, anchored), "leave one out")
    if send.cap is not None and not broken:
        _check_cap(page, send.cap, None, _timelines(whole, anchored), "raise `cap` under `[send]`")


def _check_looser(page: Page, own: Cap, steps: Steps, caps: Mapping[Channel, tuple[Cap, ...]]) -> None:
    """A cap that allows more than the clinic's would never be felt."""
    used = {choice.channel for step in steps if step for choice in step.choices if choice.channel}
    same = [cap for channel in used for cap in caps.get(channel, ()) if _days(cap) == _days(own)]
    if len(same) == len(used) and same and all(cap.count < own.count for cap in same):
        most = max(same, key=lambda cap: cap.count)
        page.wrong(("send", "cap"), f"The clinic's own cap is stricter: {most}.", f'Write `cap = "{most}"` or less.')


def _days(cap: Cap) -> int:
    return max(1, ceil((timedelta(days=cap.period.days) + cap.period.exact) / _DAY))


def _timelines(steps: Sequence[Step], anchored: bool) -> Iterator[list[_Planned]]:
    """The days on which messages fall: from the start, and from the anchor where that is another moment."""
    from_start = list(_chain(steps))
    from_anchor = [planned for number, step in enumerate(steps) for planned in _fixed(number, step)]
    for whole in (from_start, from_anchor) if anchored else ([*from_start, *from_anchor],):
        for condition in dict.fromkeys([None, *(p.step.condition for p in whole)]):
            # Whoever meets this condition gets its steps and those without any.
            yield sorted((p for p in whole if p.step.condition in (None, condition)), key=lambda p: (p.day, p.number))


def _chain(steps: Sequence[Step]) -> Iterator[_Planned]:
    reached = timedelta()
    for number, step in enumerate(steps):
        if step.kind == "after":
            reached += timedelta(days=step.offset.days) + step.offset.exact
            yield _Planned(reached // _DAY, number, step)


def _fixed(number: int, step: Step) -> Iterator[_Planned]:
    """The days of a `day`, `repeat` or `before` step; a repeat is counted from one of its own weekdays."""
    if step.kind == "before":
        yield _Planned(-(timedelta(days=step.offset.days) + step.offset.exact) // _DAY, number, step)
    elif step.kind == "day" and step.repeat is None:
        yield _Planned(step.offset.days, number, step)
    elif step.kind == "day" and step.repeat is not None:
        first = step.repeat.weekdays[0]
        for day in range(step.repeat.weeks * 7):
            if (first + day) % 7 in step.repeat.weekdays and day // 7 % step.repeat.every == 0:
                yield _Planned(step.offset.days + day, number, step)


def _check_cap(
    page: Page, cap: Cap, channel: Channel | None, plans: Iterable[Sequence[_Planned]], otherwise: str
) -> bool:
    """Report the first place where one message too many falls into the period. No channel: of any."""
    for plan in plans:
        sent = [p for p in plan if any(c.channel and channel in (None, c.channel) for c in p.step.choices)]
        for first, last in zip(sent, sent[cap.count :], strict=False):
            if last.day - first.day < _days(cap):
                problem = _too_many(first, last, cap, _NOUNS[channel] if channel else "message")
                path = ("step", last.number, last.step.kind)
                page.wrong(path, problem, f"Put more days between them, or {otherwise}.")
                return True
    return False


def _too_many(first: _Planned, last: _Planned, cap: Cap, noun: str) -> str:
    if first.step.key == last.step.key:
        return f"“{last.step.key}” repeats more often than the cap allows, {cap}."
    both = f"“{first.step.key}” and “{last.step.key}” are {noun}s within a day"
    if cap.count > 1:
        many = f"{cap.count + 1} {noun}s on days {first.day} to {last.day}"
        both = f"“{first.step.key}” to “{last.step.key}” are {many}"
    return f"{both}; the cap is {cap}."
