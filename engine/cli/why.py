"""nurture why: one person's story, in sentences."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.contacts import Full, Who, find_one
from engine.cli.opening import Json, Now, open_all, present
from engine.cli.refusing import not_found
from engine.cli.showing import CHANNELS, day_and_time, heading, say, say_json, stamp

if TYPE_CHECKING:
    from engine.cli.story import Story, Told

_PAUSED = {
    "replied": "Marketing is paused for this person: they wrote to us, and the task about it is still open.",
    "staff": "Staff paused everything for this person. To let it go on: nurture contact resume CONTACT",
}


def why(
    ctx: typer.Context,
    contact: Who,
    step: Annotated[str | None, typer.Argument(help="Only this step, with everything its decision rested on.")] = None,
    full: Full = False,
    as_json: Json = False,
    now: Now = None,
) -> None:
    """Why somebody got what they got, or did not; what is next."""
    from engine.cli.story import story

    opened = open_all(ctx)
    with opened.store.read() as conn:
        who = find_one(conn, contact)
        told = story(conn, opened.house, who, present(now, opened.settings), full=full, step=step)
    if step is not None:
        _only(told, step, opened.zone, opened.house, as_json)
    elif as_json:
        say_json(told)
    else:
        _tell(told, opened.zone)


def _tell(told: "Story", zone: str) -> None:
    say(f"{told.contact}  {told.name}")
    say(told.place)
    if told.paused:
        say(_PAUSED.get(told.paused, _PAUSED["staff"]))
    for way in told.ways:
        heading(f"{CHANNELS[way.channel].capitalize()} to {way.address}")
        for purpose, answer in way.purposes.items():
            say(f"  {purpose}: {answer}")
    _lines("What happened at the clinic", told.happened)
    for journey in told.journeys:
        heading(f"{journey.title} ({journey.campaign}): {journey.status}")
        say(f"  Began with “{journey.began_with}” of {day_and_time(journey.since, zone)}.")
        for message in journey.messages:
            say(f"  {_when(message, zone)}  {message.words}")
        say(f"  Next: {journey.next}")
    _lines("Answers to their own words", [f"{_when(m, zone)}  {m.words}" for m in told.answers])
    _lines("Campaigns that did not take them", told.declined)
    _lines("Open tasks", told.tasks)


def _when(message: "Told", zone: str) -> str:
    return stamp(message.at, zone)


def _lines(title: str, lines: Any) -> None:
    if lines:
        heading(title)
        for line in lines:
            say(f"  {line}")


def _only(told: "Story", step: str, zone: str, house: Any, as_json: bool) -> None:
    """One step: each message of it, and what its decision rested on."""
    journeys = [
        j for j in told.journeys
        if any(m.step == step for m in j.messages)
        or ((plan := house.catalogue.campaigns.get(j.campaign)) is not None and plan.step(step) is not None)
    ]  # fmt: skip
    if not journeys:
        raise not_found("This person is in no campaign with such a step. `nurture why CONTACT` shows the steps so far.")
    found = [(j, m) for j in journeys for m in j.messages if m.step == step]
    if as_json:
        say_json(
            {
                "contact": told.contact,
                "step": step,
                "messages": [m for _, m in found],
                "next": [j.next for j in journeys],
            }
        )
        return
    for journey, message in found:
        say(f"{_when(message, zone)}  {journey.campaign}  {message.words}")
        say("It rested on:")
        for name, value in message.facts.items():
            say(f"  {name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
        say(f"More: nurture message {message.message}")
    if not found:
        for journey in journeys:
            say(f"{journey.campaign}: “{step}” has not been decided yet. Next: {journey.next}")
