"""A campaign file's text becomes a Campaign, or is refused with every mistake in it, each with its remedy."""

import hashlib
from collections.abc import Callable, Collection, Mapping

from engine.core import campaign_words as words
from engine.core.campaign import Again, Campaign, Cap, Enrol, Exit, Refused, SendWindow
from engine.core.campaign_checks import Legal, check_caps, check_hours
from engine.core.campaign_keys import KEYS, LATER, elsewhere
from engine.core.campaign_steps import Surroundings, Templates, read_condition, read_steps
from engine.core.consent import PURPOSES, Purpose
from engine.core.contact import Channel
from engine.core.findings import Finding
from engine.core.time_words import Wrong, hours, weekdays
from engine.core.toml_table import Page, Table
from engine.core.toml_text import read_toml
from engine.core.utf8 import decoded

_HIGHEST_PRIORITY = 100


def parse_campaign(
    source: str | bytes,
    *,
    name: str,
    file: str,
    templates: Templates | None = None,
    caps: Mapping[Channel, tuple[Cap, ...]] | None = None,
    legal: Legal | None = None,
    events: Collection[str] | None = None,
) -> Campaign:
    """Read one campaign file. Raises Refused with every finding, in the order of the file.

    `name` is the file's name without its ending; `file` is how findings call it. What is left None is not
    checked: `templates`, the (channel, name) of the campaign's own; `caps`, the clinic's for marketing;
    `legal`, the law's windows at the clinic for a purpose and channel; `events`, the clinic's event words.
    """
    text = _decoded(source, file)
    page = Page(file, read_toml(text))
    _check_name(page, name)
    if page.document.data is None:
        raise Refused(page.findings)
    top = Table(page, (), page.document.data)
    campaign = _campaign(top, name, text, templates, caps or {}, legal, words.event(events))
    if campaign is None:
        raise Refused(sorted(page.findings, key=lambda finding: (finding.line, finding.column)))
    return campaign


def _decoded(source: str | bytes, file: str) -> str:
    """The text with plain line ends and no byte-order mark, so that it is one version on every machine."""
    text = source if isinstance(source, str) else _from_bytes(source, file)
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _from_bytes(source: bytes, file: str) -> str:
    text = decoded(source, file)
    if isinstance(text, Finding):
        raise Refused([text])
    return text


def _check_name(page: Page, name: str) -> None:
    try:
        words.name(name)
    except Wrong as wrong:
        meant = wrong.remedy.split("`")[1]
        problem = "The file's name is the campaign's own: small letters, digits and _."
        page.findings.append(Finding(page.file, 0, 0, "", problem, f"Rename the file, for example to {meant}.toml."))


def _campaign(
    top: Table,
    name: str,
    text: str,
    templates: Templates | None,
    caps: Mapping[Channel, tuple[Cap, ...]],
    legal: Legal | None,
    event: Callable[[str], str],
) -> Campaign | None:
    """The campaign, or None when there are findings."""
    page = top.page
    top.only(KEYS[""], LATER[""], elsewhere(""))
    title = _title(top)
    purpose = _purpose(top)
    owner = top.read("owner", str)
    priority = top.number("priority", 0, _HIGHEST_PRIORITY)
    enrol = _enrol(top, event)
    exit_ = _exit(top, event)
    send = _send(top)
    _check_events(page, enrol, exit_)
    raw = top.values.get("enrol")
    raw = raw if isinstance(raw, dict) else {}
    around = Surroundings(name, "anchor" in raw, "move" in raw, templates, event)
    steps = read_steps(top, around)
    if purpose is not None and send is not None:
        check_hours(page, purpose, send, steps, legal)
        check_caps(page, purpose, send, steps, caps, anchored="anchor" in raw)
    if page.findings or title is None or purpose is None or enrol is None or exit_ is None or send is None:
        return None
    whole = tuple(step for step in steps if step is not None)
    version = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Campaign(name, title, purpose, owner, priority or 0, enrol, exit_, send, whole, version, text)


def _title(top: Table) -> str | None:
    if "title" not in top:
        top.missing("title", "The campaign has no title.", 'Write `title = "Therapy basics"` at the top.')
    return top.read("title", str)


def _purpose(top: Table) -> Purpose | None:
    known = [purpose.value for purpose in PURPOSES]
    if "purpose" not in top:
        listed = " or ".join(f'`purpose = "{word}"`' for word in known)
        top.missing("purpose", "The campaign does not say what it is for.", f"Write {listed} at the top.")
    word = top.read("purpose", words.one_of(known, "purpose"))
    return None if word is None else Purpose(word)


def _enrol(top: Table, event: Callable[[str], str]) -> Enrol | None:
    if "enrol" not in top:
        remedy = 'Write `[enrol]`, and under it `on = "enquiry"`.'
        top.missing("enrol", "There is no `[enrol]`: nobody would be enrolled.", remedy)
    table = top.table("enrol")
    if table is None:
        return None
    table.only(KEYS["enrol"], (), elsewhere("enrol"))
    if "on" not in table:
        table.missing("on", "Nothing enrols anybody.", 'Name the event: `on = "enquiry"`.')
    again = table.read("again", words.again)
    found = Enrol(
        on=table.several("on", event),
        condition=read_condition(table, event),
        again=again or Again(),
        per=table.read("per", words.field),
        anchor=table.read("anchor", words.anchor),
        move=table.several("move", event),
    )
    _check_episodes(table)
    return found


def _check_episodes(table: Table) -> None:
    """`move` needs to know which enrolment it moves, and what of it."""
    if "move" in table and "per" not in table:
        remedy = 'Write `per = "appointment"`, the field that both events carry.'
        table.wrong("move", "`move` does not say which one is moved.", remedy, at_key=True)
    if "move" in table and "anchor" not in table:
        remedy = 'Write `anchor = "event.starts_at"`.'
        table.wrong("move", "`move` has no date to move.", remedy, at_key=True)
    if "again" in table and "per" in table:
        problem = f"`again` says nothing beside `per`: each {table.values['per']} is enrolled once."
        table.wrong("again", problem, "Remove `again`.", at_key=True)


def _exit(top: Table, event: Callable[[str], str]) -> Exit | None:
    if "exit" not in top:
        return Exit()
    table = top.table("exit")
    if table is None:
        return None
    table.only(KEYS["exit"], (), elsewhere("exit"))
    if "on" not in table:
        table.missing("on", "Nothing ends it.", 'Name the events: `on = ["booking", "not_interested"]`.')
    on, goal = table.several("on", event), table.read("goal", event)
    if goal is not None and on and goal not in on:
        listed = ", ".join(f'"{word}"' for word in (*on, goal))
        table.wrong("goal", f"“{goal}” is the goal, but does not end it.", f"Write `on = [{listed}]`.")
    return Exit(on, goal)


def _check_events(page: Page, enrol: Enrol | None, exit_: Exit | None) -> None:
    """No event may do two opposite things."""
    if enrol is None:
        return
    for number, word in enumerate(exit_.on if exit_ else ()):
        if word in enrol.on:
            problem = f"“{word}” both enrols a person and ends it."
            page.wrong(("exit", "on", number), problem, "Remove it here or under `[enrol]`.")
        if word in enrol.move:
            problem = f"“{word}” both moves the date and ends it."
            page.wrong(("exit", "on", number), problem, "Remove it here or from `move` under `[enrol]`.")
    for number, word in enumerate(enrol.move):
        if word in enrol.on:
            problem = f"“{word}” both enrols a person and moves the date."
            page.wrong(("enrol", "move", number), problem, "Remove it from `on` or from `move`.")


def _send(top: Table) -> SendWindow | None:
    if "send" not in top:
        return SendWindow()
    table = top.table("send")
    if table is None:
        return None
    table.only(KEYS["send"], (), elsewhere("send"))
    days = table.read("days", weekdays)
    return SendWindow(
        days=None if days is None else frozenset(days),
        hours=table.read("hours", hours),
        avoid=table.read("avoid", words.one_of(words.HOLIDAYS, "kind of day to avoid")),
        cap=table.read("cap", words.cap),
    )
