"""What must not be, after a kill and everything that came after it."""

from collections import Counter

from engine.store.schema import attempt, enrolment, message, task
from tests.people import Clinic


def wrong(clinic: Clinic, taken: Counter[str]) -> list[str]:
    """Once all came to rest. `taken`: by message, how often the outside accepted it, as the outside tells."""
    found = []
    rows = clinic.rows(message)
    tasks = {t.message_id for t in clinic.rows(task, task.c.closed_at.is_(None))}
    if twice := [ref for ref, times in taken.items() if times > 1]:
        found.append(f"{len(twice)} sent twice")
    if unknown := taken.keys() - {m.ref for m in rows}:
        found.append(f"{len(unknown)} sent, and not in the log")
    if lost := [m.id for m in rows if m.status == "sent" and m.ref not in taken]:
        found.append(f"{len(lost)} said to be sent and not sent")
    if unseen := [m.id for m in rows if m.status != "sent" and m.ref in taken and m.id not in tasks]:
        found.append(f"{len(unseen)} sent, and the log does not say so")
    if pending := [m.id for m in rows if m.status not in ("sent", "failed", "skipped") and m.id not in tasks]:
        found.append(f"{len(pending)} not settled")
    people = clinic.rows(enrolment)
    if len(rows) != len(people):
        found.append(f"{len(people) - len(rows)} never decided")
    if open_ := [e.id for e in people if e.status == "active" and not tasks]:
        found.append(f"{len(open_)} enrolments go on")
    tries = Counter(a.message_id for a in clinic.rows(attempt))
    if many := [m.id for m in rows if tries[m.id] > 2]:
        found.append(f"{len(many)} tried more than twice")
    return found
