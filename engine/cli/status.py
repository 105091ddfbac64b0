"""nurture status: what waits, what is due, what needs somebody; and whether the account balances."""

from typing import TYPE_CHECKING, Any

import typer

from engine.cli.opening import Json, Now, open_all, present
from engine.cli.refusing import FAILED
from engine.cli.showing import count, day_and_time, heading, say, say_json, stamp, table

if TYPE_CHECKING:
    from engine.cli.account import Clinic


def status(ctx: typer.Context, as_json: Json = False, now: Now = None) -> None:
    """What waits, is due, held, in doubt, next; and the account.

    The account: due = sent + delivered + skipped + cancelled + failed + in doubt + held + queued + sending.
    It is checked against what the enrolments themselves counted; exit code 1 when the two differ.
    """
    from engine.cli.account import look

    opened = open_all(ctx)
    moment = present(now, opened.settings)
    with opened.store.read() as conn:
        clinic = look(conn, opened.catalogue, opened.settings, moment)
    if as_json:
        say_json(clinic)
    else:
        _tell(clinic, opened.zone)
    if not clinic.account.balances:
        raise typer.Exit(FAILED)


def _tell(clinic: "Clinic", zone: str) -> None:
    last = stamp(clinic.last_tick, zone) if clinic.last_tick else "never: nurture run, or nurture tick"
    say(f"{day_and_time(clinic.now, zone)}. Last look at what is due: {last}")
    heading("Campaigns")
    names = ("queued", "sending", "held", "in_doubt", "sent", "delivered", "failed", "skipped", "cancelled")
    numbers = ("people", "due now", "behind", *(n.replace("_", " ") for n in names))
    table(("campaign", *numbers, "next"), [
        (c.name, c.people, c.due_now, c.behind, *(c.messages.get(n, 0) for n in names), stamp(c.next, zone))
        for c in clinic.campaigns
    ], right=numbers)  # fmt: skip
    for campaign in clinic.campaigns:
        for note in campaign.notes:
            say(f"{campaign.name}: {note}")
    heading("Providers")
    table(("provider", "channel", *(n.replace("_", " ") for n in names), "state"), [
        (p.provider, p.channel, *(p.messages.get(n, 0) for n in names),
         f"paused until {stamp(p.paused_until, zone)}: {p.problem}" if p.paused_until else "works")
        for p in clinic.providers
    ], right=[n.replace("_", " ") for n in names])  # fmt: skip
    heading("Tasks")
    say(f"{count(sum(clinic.tasks.values()), 'open task')}{_kinds(clinic.tasks)}. They are listed by: nurture tasks")
    heading("Account")
    for line in _account(clinic):
        say(line)


def _kinds(tasks: Any) -> str:
    return f" ({', '.join(f'{number} {kind}' for kind, number in tasks.items())})" if tasks else ""


def _account(clinic: "Clinic") -> list[str]:
    account = clinic.account
    parts = " + ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in account.parts.items() if number)
    lines = [f"{account.due:,} due = {parts or 'nothing yet'}"]
    if account.balances:
        return [*lines, "It balances."]
    for name, missing in account.missing.items():
        what = "missing from the log" if missing > 0 else "in the log more than were decided"
        lines.append(f"{name}: {count(abs(missing), 'message')} {what}.")
    return [*lines, "It does NOT balance. Please tell the engineers, and send nothing by hand before they have looked."]
