"""Pausing one person: by a reply (marketing only), by staff (everything), and how each ends."""

from engine.inbox import finish_task, pause_person, resume_person
from engine.store import schema
from tests.people import ANN, DESK, Clinic, fault


def contact_id(clinic: Clinic) -> int:
    return int(clinic.rows(schema.contact)[0].id)


def treated(clinic: Clinic) -> None:
    clinic.happens("treatment", ANN, consents=[DESK], treatment="t-1")


def test_staff_hold_care_too_and_let_it_go_on(clinic: Clinic) -> None:
    treated(clinic)
    clinic.tick()
    pause_person(clinic.house, contact_id(clinic))
    clinic.turn("Wed 2027-01-06 16:00")
    assert clinic.log() == []
    resume_person(clinic.house, contact_id(clinic), clinic.now)
    clinic.tick()
    assert clinic.log() == ["care.day_1 sms sent (accepted)"]


def test_what_is_queued_when_staff_pause_waits_and_goes_when_they_resume(clinic: Clinic) -> None:
    treated(clinic)
    clinic.turn("Wed 2027-01-06 14:59")
    clinic.faults.append(later := fault("try_later"))
    clinic.turn("Wed 2027-01-06 15:00")
    pause_person(clinic.house, contact_id(clinic))
    clinic.faults.remove(later)
    clinic.turn("Wed 2027-01-06 18:00")
    assert clinic.log() == ["care.day_1 sms queued (person_paused)"]
    resume_person(clinic.house, contact_id(clinic), clinic.now)
    clinic.tick()
    assert clinic.log() == ["care.day_1 sms sent (accepted)"]


def test_a_finished_task_ends_the_pause_of_a_reply_but_not_that_of_staff(clinic: Clinic) -> None:
    treated(clinic)
    clinic.replies("When can I drive again?")
    (task,) = clinic.rows(schema.task)
    assert clinic.rows(schema.contact)[0].paused == "replied"
    pause_person(clinic.house, contact_id(clinic))
    assert finish_task(clinic.house, task.id, "staff", clinic.now)
    assert clinic.rows(schema.contact)[0].paused == "staff"


def test_a_reply_does_not_hold_up_care(clinic: Clinic) -> None:
    treated(clinic)
    clinic.replies("When can I drive again?")
    clinic.turn("Wed 2027-01-06 16:00")
    assert clinic.log() == ["care.day_1 sms sent (accepted)"]
