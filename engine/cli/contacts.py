"""nurture contact list, contact show: the people we may write to. Addresses are masked unless --full."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.opening import Json, Now, open_all, present, settings_of, store_of
from engine.cli.refusing import not_found
from engine.cli.showing import heading, initials, masked, plain, say, say_json, stamp, table

if TYPE_CHECKING:
    import sqlalchemy as sa

Who = Annotated[
    str, typer.Argument(metavar="CONTACT", help="The contact's name in the log, an address, or a part of the name.")
]
Full = Annotated[bool, typer.Option("--full", help="Whole names and addresses.")]


def find_one(conn: "sa.Connection", words: str) -> int:
    """The one contact whom these words fit. Raises not_found, which repeats nothing of what was typed."""
    from engine.core.contact import Phone, normal_phone
    from engine.store import people, seeing

    known = people.contact_by_ref(conn, words)
    if known is not None:
        return known
    found = seeing.contacts(conn, words.strip(), limit=11)
    if not found and re.search(r"\d{3}", words) and isinstance(phone := normal_phone(words), Phone):
        found = seeing.contacts(conn, phone.e164, limit=11)
    if not found:
        raise not_found(
            "Nobody fits. `nurture contact list` shows everybody; an address or a part of a name finds one."
        )
    if len(found) > 1:
        few = [f"  {row.ref}  {initials(row.first_name, row.last_name)}" for row in found[:10]]
        number = "More than ten" if len(found) > 10 else str(len(found))
        raise not_found(f"{number} people fit. Say which one, by the first word of a line:", *few)
    return int(found[0].id)


def listed(
    ctx: typer.Context,
    words: Annotated[str | None, typer.Argument(help="An address, or a part of a name or address.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    full: Full = False,
    as_json: Json = False,
) -> None:
    """The people we may write to."""
    from engine.store import people, seeing

    settings = settings_of(ctx)
    with store_of(settings, ctx).read() as conn:
        rows = seeing.contacts(conn, words, limit)
        points = people.load_points(conn, [row.id for row in rows])
    shown = [
        {
            "contact": row.ref,
            "name": _named(row, full),
            "addresses": [p.address if full else masked(p.channel, p.address) for p in points.get(row.id, ())],
            "state": row.state,
            "language": row.language,
            "paused": row.paused,
        }
        for row in rows
    ]
    if as_json:
        for entry in shown:
            say_json(entry)
    elif not shown:
        raise not_found(
            "Nobody fits." if words else "There is nobody yet. `nurture import FILE.csv` takes enquiries in."
        )
    else:
        heads = ("contact", "name", "addresses", "state", "language", "")
        table(heads, [
            (e["contact"], e["name"], ", ".join(e["addresses"]), e["state"] or "-", e["language"], e["paused"] or "")
            for e in shown
        ])  # fmt: skip


def shown(ctx: typer.Context, contact: Who, full: Full = False, as_json: Json = False) -> None:
    """One person: what we know, what they agreed to and took back, what happened. --full for all of it."""
    settings = settings_of(ctx)
    with store_of(settings, ctx).read() as conn:
        known = _known(conn, find_one(conn, contact), full)
    if as_json:
        say_json(known)
        return
    for name, value in known.items():
        if isinstance(value, str):
            say(f"{name}: {value}")
    for name, value in known.items():
        if isinstance(value, list) and value:
            heading(name.capitalize())
            _part(value, settings.clinic.zone)


def _known(conn: "sa.Connection", who: int, full: bool) -> dict[str, Any]:
    """Everything about one person. Without `full` no name, no whole address, nothing that they wrote."""
    from engine.store import people, seeing

    person = people.load_contacts(conn, [who])[who]
    points = people.load_points(conn, [who]).get(who, ())
    keys = [point.key for point in points]
    masks = {p.key: p.address if full else masked(p.channel, p.address) for p in points}
    known: dict[str, Any] = {
        "contact": person.ref,
        "name": _named(person, full),
        "language": person.language,
        "zip": person.zip if full else None,
        "state": person.state,
        "country": person.country,
        "zone": person.zone,
        "paused": person.paused,
        "addresses": [{"channel": p.channel.value, "address": masks[p.key]} for p in points],
        "consents": [_consent(row, masks, full) for row in seeing.consent_rows(conn, who)],
        "suppressions": [_closing(row, masks) for row in seeing.suppression_rows(conn, keys)],
        "events": [
            {"at": e.occurred_at, "kind": e.kind, "source": e.source, "payload": e.payload if full else None}
            for e in seeing.events_of(conn, who)
        ],
        "replies": [
            {"at": r.received_at, "meaning": r.meaning, "words": r.words if full else None}
            for r in seeing.replies_from(conn, keys)
        ],
    }
    return known


def _named(person: Any, full: bool) -> str:
    names = (person.first_name, person.last_name)
    return " ".join(filter(None, names)) or "no name" if full else initials(*names)


def _consent(row: Any, masks: Mapping[str, str], full: bool) -> dict[str, Any]:
    return {
        "at": row.given_at,
        "address": masks.get(row.address_key, "an earlier address"),
        "purpose": row.purpose,
        "granted": row.granted,
        "form": row.form,
        "from": row.origin,
        "wording": row.wording if full else None,
    }


def _closing(row: Any, masks: Mapping[str, str]) -> dict[str, Any]:
    return {
        "at": row.at,
        "address": masks[row.address_key],
        "purpose": row.purpose,
        "reason": row.reason,
        "lifted": row.lifted,
        "from": row.origin,
    }


def _part(rows: list[dict[str, Any]], zone: str) -> None:
    heads = [head for head in rows[0] if any(row[head] is not None for row in rows)]
    table(heads, [[stamp(row[h], zone) if h == "at" else _cell(row[h]) for h in heads] for row in rows])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else plain(str(value))


# -------------------------------------------------------------------------------------------- pause, resume


def pause(ctx: typer.Context, contact: Who) -> None:
    """Hold everything automatic for one person, reminders and check-ins included, until somebody resumes it."""
    from engine.inbox import pause_person

    opened = open_all(ctx)
    with opened.store.read() as conn:
        who = find_one(conn, contact)
    pause_person(opened.house, who)
    say("Paused: this person gets nothing more. What falls due meanwhile goes by its `late` rule.")
    say("To let it go on: nurture contact resume CONTACT")


def resume(ctx: typer.Context, contact: Who, now: Now = None) -> None:
    """Let a person's messages go on."""
    from engine.inbox import resume_person

    opened = open_all(ctx)
    with opened.store.read() as conn:
        who = find_one(conn, contact)
    resume_person(opened.house, who, present(now, opened.settings))
    say("It goes on at the next look.")
