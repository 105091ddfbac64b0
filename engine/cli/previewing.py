"""nurture preview: one person, one campaign: the timeline and every message. Nothing is sent or written."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.opening import Json, Opened, a_moment, clock, open_all, settings_of, without_database
from engine.cli.previewing_page import checked_file, write_page
from engine.cli.refusing import No, misused, not_found
from engine.cli.showing import CHANNELS, aside, day_and_time, heading, plain, say, say_json, table

if TYPE_CHECKING:
    from engine.core.campaign import Campaign
    from engine.core.enrolment import Event
    from engine.core.situation import Situation
    from engine.studio.preview import Move, Person, Shown

_LINE = "─" * 72


def preview(
    ctx: typer.Context,
    campaign: Annotated[str, typer.Argument(help="The campaign.")],
    start: Annotated[
        datetime | None, typer.Option(parser=a_moment, metavar="MOMENT", help="When it begins. Without it: now.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="Where the person lives, two letters. Without it: the clinic's.")
    ] = None,
    zip_code: Annotated[str | None, typer.Option("--zip", help="Their ZIP.")] = None,
    zone: Annotated[str | None, typer.Option(help="Their time zone, as America/Chicago.")] = None,
    consent: Annotated[
        str, typer.Option(help="To what they agreed: sms, email, both with a comma, or none.")
    ] = "sms,email",
    first_name: Annotated[str, typer.Option(help="Their name; empty: unknown.")] = "Ann",
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="KEY=VALUE", help="What the event carries: starts_at=2026-12-01T15:30Z"),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="REF", help="A real person instead, with their consents and suppressions.")
    ] = None,
    move_on: Annotated[
        datetime | None, typer.Option(parser=a_moment, metavar="MOMENT", help="When the date is moved, ...")
    ] = None,
    move_to: Annotated[
        datetime | None, typer.Option(parser=a_moment, metavar="MOMENT", help="... and to when.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Their language. Without it: the first that is served; on a page: each.")
    ] = None,
    words: Annotated[bool, typer.Option("--words/--no-words", help="The messages too, or the timeline only.")] = True,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page instead: every message as people see it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What somebody would get from a campaign, when, in which words.

    Decided by the rules that send, with a clock that is turned. Nothing is sent or written, no database needed.
    """
    from engine.studio.preview import play

    if html is not None and (as_json or not words):
        raise misused("--html shows everything, on a page of its own: leave out --json and --no-words.")
    file = None if html is None else checked_file(html)
    opened = open_all(ctx) if contact is not None else without_database(settings_of(ctx))
    plan = _plan(opened, campaign)
    event = _event(opened, plan, start or clock(), data or [])
    if contact is not None:
        situations = [_real(opened, plan, event, contact, language)]
    else:
        person = _person(opened, state, zip_code, zone, consent, first_name)
        situations = _imagined(opened, plan, event, person, _languages(opened, language, every=file is not None))
    taken, moves = _taken(opened, plan, event, situations), _moves(move_on, move_to)
    if file is not None:
        write_page(file, opened, plan, taken, moves, partial(_about, opened))
        return
    answer = taken[0]
    shown = list(play(opened.house, plan, answer, moves))
    if as_json:
        for one in shown:
            say_json(_entry(one, answer.enrolment.started_at, _zone(opened, answer), words))
    else:
        _tell(opened, plan, answer, shown, words)


def _languages(opened: Opened, asked: str | None, *, every: bool) -> tuple[str, ...]:
    served = opened.settings.languages.served
    if asked is not None and asked not in served:
        raise misused(f"--language is one that the clinic writes in ([languages] served): {', '.join(served)}.")
    return (asked,) if asked is not None else served if every else served[:1]


def _taken(opened: Opened, plan: "Campaign", event: "Event", situations: "Sequence[Situation]") -> "list[Situation]":
    """The same people, once enrolled. Whom the campaign does not take in one language is told of and left out."""
    from engine.core.enrolment import DECLINED_SENTENCES, Declined
    from engine.studio.preview import begun

    taken, declined = [], []
    for situation in situations:
        answer = begun(plan, event, situation, opened.house.terms)
        if isinstance(answer, Declined):
            declined.append(f"The campaign would not take this person. {DECLINED_SENTENCES[answer]}")
        else:
            taken.append(answer)
    if not taken:
        raise No(declined[0])
    for sentence in declined:
        aside(f"In one of the languages: {sentence}")
    return taken


def _plan(opened: Opened, name: str) -> "Campaign":
    read = opened.catalogue
    if name in read.broken:
        raise No(*map(str, read.broken[name]), "A preview needs a campaign in order.")
    if name not in read.campaigns:
        raise not_found(f"There is no such campaign. There are: {', '.join(sorted(read.campaigns)) or 'none yet'}.")
    return read.campaigns[name]


def _event(opened: Opened, plan: "Campaign", at: datetime, data: list[str]) -> "Event":
    from engine.cli.taking import payload
    from engine.studio.preview import example_event

    return example_event(plan, at, payload(data), opened.zone)


def _person(
    opened: Opened, state: str | None, zip_code: str | None, zone: str | None, consent: str, first_name: str
) -> "Person":
    from engine.core.contact import Channel, Refusal
    from engine.core.jurisdiction import zip_place
    from engine.core.postal import normal_state
    from engine.core.timing import known_zone
    from engine.studio.preview import Person

    asked = {word.strip() for word in consent.split(",") if word.strip() not in ("", "none")}
    if asked - set(Channel):
        raise misused("--consent is sms, email, both with a comma, or none.")
    if zone is not None and not known_zone(zone):
        raise misused("--zone is no time zone. Write one like America/Chicago.")
    lives = normal_state(state) if state else None
    if isinstance(lives, Refusal):
        raise misused(f"--state: {lives}")
    if zip_code is not None and zip_place(zip_code, opened.house.terms.rules) is None:
        raise misused("--zip is no ZIP code of the United States. Write five digits, such as 02110.")
    if not (state or zip_code or zone):
        lives = opened.settings.clinic.state
    return Person(
        first_name=first_name or None,
        state=lives,
        zip=zip_code,
        zone=zone,
        consents=frozenset(Channel(word) for word in asked),
    )


def _imagined(
    opened: Opened, plan: "Campaign", event: "Event", person: "Person", languages: "Sequence[str]"
) -> "list[Situation]":
    from engine.studio.preview import imagined

    return [imagined(opened.house, plan, replace(person, language=language), event) for language in languages]


def _real(opened: Opened, plan: "Campaign", event: "Event", contact: str, language: str | None) -> "Situation":
    """A contact's own addresses, consents and history, at the start of an enrolment that does not exist."""
    from engine.cli.contacts import find_one
    from engine.store import enrolments
    from engine.studio.preview import draft

    if language is not None:
        raise misused("--contact names a person, who has a language: leave out --language.")
    with opened.store.read() as conn:
        e = draft(plan, event, find_one(conn, contact))
        return enrolments.situations(conn, [e], event.occurred_at)[e.id]


def _moves(move_on: datetime | None, move_to: datetime | None) -> "list[Move]":
    from engine.studio.preview import Move

    if (move_on is None) != (move_to is None):
        raise misused("--move-on and --move-to go together: when the date is moved, and to when.")
    return [Move(move_on, move_to)] if move_on and move_to else []


def _zone(opened: Opened, situation: "Situation") -> str:
    from engine.core.decisions import where

    return where(situation, opened.house.terms).home_zone


def _day(shown: "Shown", start: datetime, zone: str) -> int:
    from engine.core.timing import local

    return (local(shown.at, zone).date() - local(start, zone).date()).days


def _about(opened: Opened, situation: "Situation") -> list[str]:
    """From when it counts where that is not its beginning, and by whose clock."""
    from engine.cli.sentences import whereabouts_in_words
    from engine.core.decisions import where

    zone, e = _zone(opened, situation), situation.enrolment
    counted = [] if e.anchor_at == e.started_at else [f"Counted from {day_and_time(e.anchor_at, zone)}"]
    whose = whereabouts_in_words(where(situation, opened.house.terms))
    return [*counted, whose]


def _tell(opened: Opened, plan: "Campaign", situation: "Situation", shown: "list[Shown]", words: bool) -> None:
    zone, start = _zone(opened, situation), situation.enrolment.started_at
    say(f"{plan.title} ({plan.name}), begun {day_and_time(start, zone)}")
    for sentence in _about(opened, situation):
        say(sentence)
    say()
    table(("day", "when", "step", "how", "what"), [
        (_day(one, start, zone), day_and_time(one.at, zone), one.decision.occurrence.step.key, _how(one), _what(one))
        for one in shown
    ], right=("day",))  # fmt: skip
    if not shown:
        say("Nothing at all.")
    for one in shown if words else ():
        if one.words is not None:
            _message(one, zone)


def _how(shown: "Shown") -> str:
    from engine.core.decisions import Ask, Send

    if isinstance(shown.decision, Send):
        return CHANNELS[shown.decision.point.channel]
    return "staff" if isinstance(shown.decision, Ask) else "-"


def _what(shown: "Shown") -> str:
    from engine.core.decisions import Ask, Skip
    from engine.core.reasons import SENTENCES
    from engine.words import Held

    waited = "".join(f" Waited before: {SENTENCES[reason]}" for reason in shown.waited)
    if isinstance(shown.decision, Skip):
        return f"left out. {SENTENCES[shown.decision.reason]}{waited}"
    if isinstance(shown.decision, Ask):
        return f"task: {shown.decision.words}{waited}"
    if isinstance(shown.words, Held):
        return f"HELD. {shown.words.problem}{waited}"
    return f"{_size(shown)}{waited}"


def _size(shown: "Shown") -> str:
    words: Any = shown.words
    if words.segments is not None:
        return f"{words.segments} part{'s' if words.segments > 1 else ''}"
    return f"“{plain(words.subject)}”"


def _message(shown: "Shown", zone: str) -> None:
    from engine.words import Held

    heading(f"{shown.decision.occurrence.step.key}, by {_how(shown)}, {day_and_time(shown.at, zone)}")
    say(_LINE)
    if isinstance(shown.words, Held):
        say(f"It would be held. {shown.words.problem}")
        return
    assert shown.words is not None
    if shown.words.subject:
        say(f"Subject: {plain(shown.words.subject)}\n")
    say(plain(shown.words.text).rstrip())
    for attachment in shown.words.attachments:
        say(f"\n[attached: {attachment.filename}]")


def _entry(shown: "Shown", start: datetime, zone: str, with_words: bool) -> dict[str, Any]:
    from engine.core.decisions import Ask, Send
    from engine.words import Held, Words

    decision, words = shown.decision, shown.words
    entry: dict[str, Any] = {
        "at": shown.at,
        "day": _day(shown, start, zone),
        "step": decision.occurrence.step.key,
        "occurrence": decision.occurrence.number,
        "decision": type(decision).__name__.lower(),
        "channel": decision.point.channel.value if isinstance(decision, Send) else None,
        "reason": decision.reason.value,
        "rule": decision.rule,
        "facts": decision.facts,
        "waited_for": [reason.value for reason in shown.waited],
    }
    if isinstance(decision, Ask):
        entry["task"] = decision.words
    if isinstance(words, Held):
        entry["held"] = words.problem
    elif isinstance(words, Words) and with_words:
        entry |= {"subject": words.subject, "text": words.text, "segments": words.segments}
    return entry
