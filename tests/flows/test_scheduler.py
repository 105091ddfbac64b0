"""A step falls due: batches, positions, the account, trouble with one."""

from datetime import timedelta

import pytest

from engine.core.messages import Status
from engine.intake import Who
from engine.scheduler import Filled, fill, fill_batch
from engine.store import marks, seeing
from engine.store.schema import contact, enrolment, message, task
from engine.tick import ClockTurnedBack
from tests.people import ANN, BOB, DAN, DESK, START, WEB, Clinic, fault


def crowd(clinic: Clinic, count: int) -> None:
    for n in range(count):
        clinic.enquires(Who(first_name="P", phone=f"+1617555{n:04d}", state="MA"), name=f"crowd-{n}")


def balanced(clinic: Clinic) -> None:
    """due = sent + skipped + cancelled + failed + in doubt + held + queued (decision 23)."""
    steps = clinic.rows(message, message.c.enrolment_id.is_not(None))
    with clinic.store.read() as conn:
        assert sum(seeing.decided(conn).values()) == len(steps)
    assert {m.status for m in steps} <= {status.value for status in Status}


def test_a_batch_takes_so_many_and_says_whether_there_is_more(clinic: Clinic) -> None:
    crowd(clinic, 25)
    filled = Filled()
    assert fill_batch(clinic.house, "guide", clinic.now, 10, filled)
    assert fill_batch(clinic.house, "guide", clinic.now, 10, filled)
    assert not fill_batch(clinic.house, "guide", clinic.now, 10, filled)
    assert (filled.looked_at, filled.queued) == (25, 25)
    assert fill(clinic.house, clinic.now).looked_at == 0


def test_what_is_written_rests_until_its_moment(clinic: Clinic) -> None:
    clinic.enquires(DAN)
    clinic.tick()
    (row,) = clinic.rows(enrolment)
    assert (row.due_at, row.waits_for, row.decided) == (START + timedelta(minutes=10), "not_due", 1)
    assert fill(clinic.house, START + timedelta(minutes=10, seconds=-1)).looked_at == 0
    assert fill(clinic.house, START + timedelta(minutes=10)).queued == 1


def test_a_decision_keeps_what_it_rested_on(clinic: Clinic) -> None:
    clinic.enquires(ANN)
    clinic.tick()
    row = clinic.message("welcome")
    assert row.facts["home_zone"] == "America/New_York"
    assert row.facts["states"] == ["MA"]
    assert row.facts["consent"] == 2
    assert (row.due_at, row.first_allowed, row.rule) == (START, START, "decide")


def test_an_ended_enrolment_is_never_looked_at_again(clinic: Clinic) -> None:
    clinic.enquires(ANN)
    clinic.turn(START + timedelta(days=30))
    (row,) = clinic.rows(enrolment)
    assert (row.status, row.due_at, row.ended_at) == ("completed", None, clinic.message("second").settled_at)


def test_a_task_takes_the_place_of_a_message_that_reaches_nobody(clinic: Clinic) -> None:
    clinic.happens("treatment", DAN, consents=[DESK], treatment="t-1")
    clinic.turn("Wed 2027-01-06 15:00")
    assert clinic.log() == ["care.day_1 - skipped (task_instead)"]
    (asked,) = clinic.rows(task)
    assert (asked.kind, asked.words) == ("step", "Phone the patient for the first-day check-in.")
    balanced(clinic)


def test_two_people_at_one_address_share_the_cap_within_one_batch(clinic: Clinic) -> None:
    for name in ("Ann", "Eve"):
        clinic.enquires(Who(first_name=name, last_name="Lee", phone=ANN.phone, state="MA"))
    clinic.tick()
    assert [m.status for m in clinic.rows(message)] == ["sent"]
    assert clinic.enrolments() == ["guide active (not_due)", "guide active (cap)"]
    clinic.turn(START + timedelta(days=1))
    assert [m.step for m in clinic.rows(message, message.c.status == "sent")] == ["welcome", "welcome"]


def test_the_higher_priority_goes_first_and_the_other_yields(clinic: Clinic) -> None:
    clinic.enquires(DAN)
    clinic.happens("interest", DAN, consents=[WEB], ago=timedelta(minutes=50))
    clinic.turn(START + timedelta(days=4))
    sent = clinic.rows(message, message.c.status == "sent")
    assert [m.step for m in sorted(sent, key=lambda m: m.sent_at)] == ["nudge", "first", "second"]
    assert sent[0].sent_at == START + timedelta(minutes=10)
    balanced(clinic)


def test_trouble_with_one_enrolment_stops_no_other(clinic: Clinic, caplog: pytest.LogCaptureFixture) -> None:
    """Ann's zone is no zone any more: hers waits an hour and is reported, everybody else's goes out."""
    clinic.enquires(ANN)
    clinic.enquires(BOB)
    with clinic.store.begin() as conn:
        conn.execute(contact.update().where(contact.c.id == 1).values(zone="Mars/Base"))
    done = clinic.tick()
    assert done.filled.troubled == 1
    assert clinic.log() == ["guide.welcome sms sent (accepted)"]
    assert clinic.enrolments() == ["guide active (error)", "guide active (not_due)"]
    assert clinic.tasks() == ["error"]
    (line,) = [r.getMessage() for r in caplog.records]
    assert "ValueError" in line
    assert "Mars" not in line
    with clinic.store.begin() as conn:
        conn.execute(contact.update().values(zone=None))
    clinic.turn(START + timedelta(hours=1))
    assert "guide.welcome sms sent (accepted)" in clinic.log()[1:]
    balanced(clinic)


def test_a_condition_without_an_answer_is_a_task_and_waits(clinic: Clinic) -> None:
    file = clinic.folder / "campaigns/letter.toml"
    file.write_text(
        file.read_text().replace('email = "letter"', 'email = "letter"\nif = "event.room == \'7\'"'), encoding="utf-8"
    )
    clinic.happens("letter", ANN, consents=[DESK])
    clinic.turn(START + timedelta(hours=5))
    assert clinic.enrolments() == ["letter active (condition_error)"]
    assert clinic.tasks() == ["condition"]
    clinic.turn(START + timedelta(days=3, hours=2))
    assert clinic.log()[0] == "letter.letter - skipped (condition_error)"


def test_a_paused_campaign_is_not_looked_at(clinic: Clinic) -> None:
    clinic.enquires(ANN)
    with clinic.store.begin() as conn:
        marks.pause(conn, "guide", "test", clinic.now)
    assert fill(clinic.house, clinic.now).looked_at == 0
    with clinic.store.read() as conn:
        assert seeing.due_by(conn, "guide", clinic.now) == (1, 0)


def test_a_clock_that_was_turned_back_is_refused(clinic: Clinic) -> None:
    clinic.enquires(ANN)
    clinic.tick()
    clinic.now -= timedelta(seconds=59)
    clinic.tick()
    clinic.now -= timedelta(seconds=2)
    with pytest.raises(ClockTurnedBack, match="has seen 2027-01-05 15:00 UTC"):
        clinic.tick()


def test_turning_the_clock_is_as_good_as_waiting(clinic: Clinic) -> None:
    """One tick long after everything, and the same with a tick at each moment, leave the same account of decisions."""
    clinic.enquires(ANN)
    clinic.books(BOB, appointment="b-1")
    clinic.happens("treatment", DAN, consents=[DESK], treatment="t-1")
    clinic.faults.append(fault("try_later", attempts=[1]))
    clinic.turn("Thu 2027-02-11 15:00")
    balanced(clinic)
    assert {m.status for m in clinic.rows(message)} <= {"sent", "skipped"}
    assert [e.split()[1] for e in clinic.enrolments()] == ["completed"] * 3
    assert clinic.twice() == {}
    times = [m.sent_at for m in clinic.rows(message, message.c.sent_at.is_not(None))]
    assert {at.hour for at in times} <= {*range(12, 24), 0, 1}  # 07:00 to 21:00 in Boston


def test_nothing_is_due_after_a_tick(clinic: Clinic) -> None:
    crowd(clinic, 5)
    clinic.books(ANN)
    clinic.tick()
    with clinic.store.read() as conn:
        assert seeing.behind(conn, clinic.now) == []
    assert clinic.tick().idle
