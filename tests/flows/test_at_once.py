"""Everything at once on one database: ticks, events, replies and receipts of the same few people."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

from engine.core.messages import SETTLED, Status
from engine.intake import Who
from engine.scheduler import Filled, _Batch, _until_rest
from engine.store import enrolments, outbox, seeing
from engine.store.schema import message
from engine.tick import tick
from tests.core.moments import utc
from tests.people import DESK, WEB, Clinic


def folk(count: int) -> list[Who]:
    """Each two of them share a number."""
    return [
        Who(external_id=f"p{n}", email=f"p{n}@example.com", phone=f"+161755501{n // 2:02d}", state="MA")
        for n in range(count)
    ]


def ticking(clinic: Clinic, people: list[Who]) -> None:
    for _ in range(12):
        tick(clinic.house, clinic.providers, lambda: clinic.now)


def booking(clinic: Clinic, people: list[Who], kind: str) -> None:
    for n in range(6):
        for who in people:
            starts = "Wed 2027-01-20 19:00" if n % 2 else "Thu 2027-01-21 19:00"
            clinic.books(who, starts, kind=kind, appointment=f"a-{who.external_id}")
            clinic.happens("letter", who, consents=[DESK, WEB], room="7")


def replying(clinic: Clinic, people: list[Who]) -> None:
    for n in range(10):
        for who in people[::2]:
            clinic.replies("STOP" if n % 2 else "START", who.phone)


def reporting(clinic: Clinic, people: list[Who]) -> None:
    for _ in range(10):
        for row in clinic.rows(message, message.c.provider.is_not(None)):
            clinic.reports(row.ref, "delivered")


def test_nobody_waits_for_each_other_for_ever(clinic: Clinic) -> None:
    """Every flow takes its locks in one order: no deadlock, nothing sent twice, the account balances."""
    people = folk(8)
    for who in people:
        clinic.enquires(who)
        clinic.books(who, appointment=f"a-{who.external_id}")
    acts: list[Callable[[], None]] = [
        partial(ticking, clinic, people),
        partial(ticking, clinic, people),
        partial(booking, clinic, people, "reschedule"),
        partial(booking, clinic, people[::-1], "booking"),
        partial(replying, clinic, people),
        partial(reporting, clinic, people),
    ]
    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(act) for act in acts]:
            done.result()
    clinic.turn("Fri 2027-01-22 15:00")
    assert clinic.twice() == {}
    assert {m.status for m in clinic.rows(message)} <= {s.value for s in SETTLED}
    with clinic.store.read() as conn:
        steps = Counter(m.campaign for m in clinic.rows(message, message.c.enrolment_id.is_not(None)))
        assert Counter(seeing.decided(conn)) == steps


def queued(c: outbox.Claimed, now: datetime) -> outbox.Written:
    """As `fill` writes it."""
    return outbox.Written(c, Status.QUEUED, c.reason, c.rule, send_at=now)


def test_two_processes_that_decide_for_one_person_at_once_send_one_and_then_the_other(clinic: Clinic) -> None:
    """Neither sees the other's message when deciding; when sending, the later one gives way, and not both."""
    who = folk(1)[0]
    clinic.enquires(who)
    clinic.tick()
    clinic.at("Tue 2027-01-05 15:10").happens("interest", who, consents=[WEB], ago=timedelta(hours=1))
    with clinic.store.begin() as conn:
        due = [e for name in ("guide", "nudge") for e in enrolments.claim_due(conn, name, clinic.now, 9)]
        looked = enrolments.situations(conn, due, clinic.now)
    assert [e.campaign for e in due] == ["guide", "nudge"]
    with clinic.store.begin() as conn:
        for e in due:
            work = _Batch(clinic.now)
            _until_rest(clinic.house, e, replace(looked[e.id], rivals=()), work, Filled())
            for id_, item in zip(outbox.new_ids(conn, len(work.decided)), work.decided, strict=True):
                item.c.id = id_
            outbox.launch(conn, [queued(item.c, clinic.now) for item in work.decided], clinic.now, timedelta())
            enrolments.settle_position(conn, work.positions)
    assert [m.step for m in clinic.rows(message, message.c.status == "queued")] == ["first", "nudge"]
    clinic.turn(utc("Tue 2027-01-12 15:00"))
    emails = sorted(
        m.sent_at for m in clinic.rows(message, message.c.channel == "email", message.c.sent_at.is_not(None))
    )
    assert len(emails) == 3
    assert all(b - a >= timedelta(hours=24) for a, b in pairwise(emails))
