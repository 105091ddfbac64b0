"""What the values of a campaign file may say: names, purposes, repeats, caps, when to give up, when again.

Each function reads one text and raises Wrong with what to write instead. A guess is only ever a remedy.
"""

import re
from collections.abc import Callable, Collection, Iterable

from engine.core.campaign import Again, Cap, Late, Repeat
from engine.core.nearest import nearest
from engine.core.time_words import Wrong, duration, duration_meant, number_said, weekdays, weekdays_meant
from engine.core.timing import Offset

HOLIDAYS = ("US holidays",)

_LONGEST_REPEAT = 104  # weeks
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_REPEAT = re.compile(r"(?P<days>.+?)(?:\s+every\s+(?P<every>\d+)\s+weeks?)?\s+for\s+(?P<weeks>\d+)\s+weeks?")


def one_of(known: Iterable[str], what: str) -> Callable[[str], str]:
    """A reader of one word out of a few; `what` they are is said when it is none of them."""
    words = tuple(known)
    listed = " or ".join(f"`{known}`" for known in words)

    def read(text: str) -> str:
        if text in words:
            return text
        close = nearest(text, words)
        raise Wrong(f"“{text}” is no {what}.", f"Write `{close}`." if close else f"Write {listed}.")

    return read


def name(text: str) -> str:
    """Small letters, digits and underscores, beginning with a letter.

    >>> name("guide_link")
    'guide_link'
    """
    if _NAME.fullmatch(text):
        return text
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    plain = re.sub(r"^(?=\d)", "step_", plain)[:60].rstrip("_")
    problem = f"“{text}” is not how a name is written (small letters, digits, _)."
    raise Wrong(problem, f"Write `{plain if _NAME.fullmatch(plain) else 'guide_link'}`.")


def field(text: str) -> str:
    """The name of a field of the enrolling event, without "event." before it."""
    bare = text.removeprefix("event.")
    if bare != text and _NAME.fullmatch(bare):
        raise Wrong(f"“{text}” names the field with its event.", f"Write `{bare}`.")
    return name(text)


def event(known: Collection[str] | None) -> Callable[[str], str]:
    """A reader of an event's word. `known`: the clinic's words; None: any name may be one."""

    def read(text: str) -> str:
        word = name(text)
        if known is None or word in known:
            return word
        close = nearest(word, known)
        listed = ", ".join(f"`{each}`" for each in sorted(known))
        raise Wrong(f"“{word}” is no event of this clinic.", f"Write `{close}`." if close else f"There are {listed}.")

    return read


def template(text: str) -> str:
    """The name of a template, without folder, language and ending."""
    bare = re.sub(r"^.*/", "", text)
    bare = re.sub(r"(\.[a-z]{2})?\.(email\.md|sms\.txt|email|sms|md|txt)$", "", bare)
    if bare != text and _NAME.fullmatch(bare):
        raise Wrong(f"“{text}” names a file; folder and ending are added for you.", f"Write `{bare}`.")
    return name(text)


def task(text: str) -> str:
    """The words of a staff task: said as they stand, to staff, who see whom it is about."""
    if "{{" in text or "{%" in text:
        raise Wrong("A task's words are shown as they stand; nothing is filled in.", "Take out what is in braces.")
    return " ".join(text.split())


def anchor(text: str) -> str:
    """A field of the enrolling event, such as "event.starts_at"."""
    if re.fullmatch(r"event\.[a-z][a-z0-9_]*", text):
        return text
    bare = text.removeprefix("event.")
    example = f"event.{bare}" if _NAME.fullmatch(bare) else "event.starts_at"
    raise Wrong(f"“{text}” is no field of an event.", f"Write `{example}`.")


def repeat(text: str) -> Repeat:
    """Weekdays and for how long: "mon, thu for 9 weeks", "mon every 2 weeks for 12 weeks".

    >>> repeat("mon every 2 weeks for 12 weeks")
    Repeat(weekdays=(0,), weeks=12, every=2)
    """
    low = text.strip().lower()
    found = _REPEAT.fullmatch(low)
    if found is None:
        days = weekdays_meant(re.split(r"\b(?:for|every \d|until)\b", low)[0]) or "mon, thu"
        if not re.search(r"\bfor\b", low):
            raise Wrong(f"“{text}” does not say for how long.", f"Write `{days} for 9 weeks`.")
        both = f"`{days} for 9 weeks` or `{days} every 2 weeks for 12 weeks`"
        raise Wrong(f"“{text}” is not how a repeat is written.", f"Write it like {both}.")
    try:
        days_ = weekdays(found["days"])
    except Wrong as wrong:
        meant = (weekdays_meant(found["days"]) or "mon, thu") + text.strip()[len(found["days"]) :]
        raise Wrong(wrong.problem, f"Write `{meant}`.") from None
    every, weeks = int(found["every"] or 1), int(found["weeks"])
    if not 1 <= weeks <= _LONGEST_REPEAT:
        raise Wrong(f"“{text}” repeats for {weeks} weeks.", f"Write a number from 1 to {_LONGEST_REPEAT}.")
    if not 1 <= every <= weeks:
        raise Wrong(f"“{text}” would come only once, or never.", "Write a smaller number behind `every`.")
    return Repeat(days_, weeks, every)


def cap(text: str) -> Cap:
    """The most messages in a length of time: "3 per 7 days".

    >>> cap("3 per week")
    Traceback (most recent call last):
    engine.core.time_words.Wrong: “3 per week” is not how a cap is written. Write `3 per 7 days`.
    """
    if "," in text:
        raise Wrong(f"“{text}” holds more than one cap.", f"Keep one, such as `{text.split(',')[-1].strip()}`.")
    found = re.fullmatch(r"(\d+) per (\d.*)", text.strip())
    if found is None:
        raise Wrong(f"“{text}” is not how a cap is written.", f"Write `{_cap_meant(text) or '3 per 7 days'}`.")
    count = int(found.group(1))
    period = _within(f"{count} per", found.group(2))
    if count < 1 or period == Offset():
        raise Wrong(f"“{text}” allows nothing.", "Write it like `3 per 7 days`.")
    return Cap(count, period)


def _cap_meant(text: str) -> str | None:
    """“3 a week”, “once per day”, “2/week”, “1 daily”."""
    found = re.match(r"(\w+)\b.*?\b(\d*)\s*(hour|dai|day|week|month)", text.strip().lower())
    count = number_said(found.group(1)) if found else None
    if found is None or not count:
        return None
    each = {"hour": 1, "dai": 24, "day": 24, "week": 7 * 24, "month": 30 * 24}[found.group(3)]
    span = each * int(found.group(2) or 1)
    return f"{count} per {span // 24} days" if span > 24 and span % 24 == 0 else f"{count} per {span} hours"


def _within(before: str, text: str) -> Offset:
    """A length of time inside a longer phrase; the remedy repeats the whole phrase."""
    try:
        return duration(text)
    except Wrong as wrong:
        guess = duration_meant(text)
        raise Wrong(wrong.problem, f"Write `{before} {guess}`." if guess else wrong.remedy) from None


def late(text: str) -> Late:
    """When to give a late message up: "skip after 1 day", "skip once it has begun" or "send".

    >>> late("skip after 1 day")
    Late(skip_after=Offset(days=1, exact=datetime.timedelta(0)), begun=False)
    """
    if text == "send":
        return Late()
    if text == "skip once it has begun":
        return Late(begun=True)
    if text.startswith("skip after "):
        return Late(skip_after=_within("skip after", text.removeprefix("skip after ")))
    guess = duration_meant(text)
    known = ("send", "skip once it has begun", "skip after 1 day")
    close = f"skip after {guess}" if guess else nearest(text, known)
    remedy = f"Write `{close}`." if close else "Write " + " or ".join(f"`{words}`" for words in known) + "."
    raise Wrong(f"“{text}” does not say what becomes of a late message.", remedy)


def again(text: str) -> Again:
    """Whether a person may be enrolled again: "never", "always" or "after 180 days"."""
    if text in ("never", "always"):
        return Again(always=text == "always")
    if text.startswith("after "):
        return Again(after=_within("after", text.removeprefix("after ")))
    guess = duration_meant(text)
    close = f"after {guess}" if guess else nearest(text, ("never", "always"))
    remedy = f"Write `{close}`." if close else "Write `never` or `always` or `after 180 days`."
    raise Wrong(f"“{text}” does not say when a person may be enrolled again.", remedy)
