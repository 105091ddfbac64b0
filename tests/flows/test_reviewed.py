"""What a review of the whole found, each with the scenario that showed it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.doubt import settle
from engine.store import schema
from tests.people import ANN, BOB, DESK, WEB, Clinic, fault


def test_a_reminder_moved_to_the_evening_before_goes_by_ticks_off_the_minute(clinic: Clinic) -> None:
    """A visit at 07:00: both texts move to the evening before, and the engine never looks at the exact second."""
    clinic.books(BOB, starts="Thu 2027-01-07 12:00")
    clinic.at("Wed 2027-01-06 00:00").later(seconds=7)
    while clinic.now.hour != 12:
        clinic.later(minutes=5, seconds=1).tick()
    sent = [line for line in clinic.log(campaign="visit") if " sms sent" in line]
    assert sent, clinic.log()
    assert not [line for line in clinic.log() if "no_open_moment" in line]


def test_an_event_with_the_clinics_own_id_finds_the_enquirer(clinic: Clinic) -> None:
    first = clinic.enquires(ANN)
    taken = clinic.happens("treatment", replace(ANN, external_id="P-1"), consents=[DESK], treatment="t-1")
    assert taken.contact == first.contact
    assert "guide" in taken.exited
    again = clinic.happens("not_interested", replace(ANN, external_id="P-1", email=None, first_name="Annie"))
    assert again.contact == first.contact
    assert clinic.happens("interest", replace(ANN, external_id="P-2")).contact != first.contact


def test_an_address_without_a_name_is_its_one_owners(clinic: Clinic) -> None:
    first = clinic.enquires(ANN)
    taken = clinic.happens("not_interested", replace(ANN, first_name=None, last_name=None, phone=None))
    assert (taken.contact, taken.exited) == (first.contact, ("guide",))


def test_of_two_reschedules_the_later_one_counts_in_whatever_order_they_come(clinic: Clinic) -> None:
    clinic.books()
    clinic.later(hours=2).books(starts="Fri 2027-01-22 19:00", kind="reschedule")
    clinic.books(starts="Thu 2027-01-21 19:00", kind="reschedule", ago=timedelta(hours=1))
    (visit,) = clinic.rows(schema.enrolment)
    assert visit.anchor_at.day == 22


def test_a_reschedule_that_comes_after_the_cancel_that_followed_it_moves_nothing(clinic: Clinic) -> None:
    clinic.books()
    clinic.later(hours=2).happens("cancel", ANN, appointment="a-1")
    taken = clinic.books(starts="Thu 2027-01-21 19:00", kind="reschedule", ago=timedelta(hours=1))
    assert taken.moved == ()
    assert clinic.enrolments() == ["visit exited (cancel)"]


def test_a_reschedule_that_comes_before_its_booking_gives_the_date(clinic: Clinic) -> None:
    clinic.later(hours=2).books(starts="Fri 2027-01-22 19:00", kind="reschedule")
    clinic.books(ago=timedelta(hours=1))
    (visit,) = clinic.rows(schema.enrolment)
    assert visit.anchor_at.day == 22


def test_a_reschedule_without_a_date_is_a_task(clinic: Clinic) -> None:
    clinic.books()
    clinic.happens("reschedule", ANN, appointment="a-1")
    assert clinic.tasks() == ["move"]


def test_events_that_come_while_a_file_is_broken_are_not_lost(clinic: Clinic) -> None:
    clinic.happens("treatment", BOB, consents=[DESK], treatment="t-0")  # the text is kept from now on
    file = clinic.folder / "campaigns" / "care.toml"
    sound = file.read_text(encoding="utf-8")
    file.write_text("title = ", encoding="utf-8")
    clinic.restart()
    assert clinic.happens("treatment", ANN, consents=[DESK], treatment="t-1").enrolled == ("care",)
    file.write_text(sound, encoding="utf-8")
    clinic.restart()
    clinic.turn("Wed 2027-01-06 16:00")
    assert clinic.log() == ["care.day_1 sms sent (accepted)"] * 2


@pytest.mark.parametrize("how", ["receipt", "settled", "stop"])
def test_a_check_in_that_does_not_arrive_is_a_phone_call(clinic: Clinic, how: str) -> None:
    clinic.happens("treatment", ANN, consents=[DESK], treatment="t-1")
    if how == "settled":
        clinic.can_be_asked = False
        clinic.faults.append(fault("in_doubt"))
    elif how == "stop":
        clinic.faults.append(fault("try_later"))
    clinic.turn("Wed 2027-01-06 15:00")
    ref = clinic.message("day_1").ref
    if how == "receipt":
        clinic.reports(ref, "undelivered")
    elif how == "settled":
        clinic.later(minutes=30).tick()
        assert settle(clinic.house, ref, "not-sent", "staff", clinic.now)
    else:
        clinic.replies("STOP")
    assert "step" in clinic.tasks()


def test_texts_go_to_the_number_that_consent_was_given_for_last(clinic: Clinic) -> None:
    new = replace(BOB, external_id="P-7", phone="+16175550177")
    clinic.happens("booking", replace(BOB, external_id="P-7"), consents=[DESK])
    clinic.later(days=1).happens("treatment", new, consents=[DESK], treatment="t-1")
    clinic.turn("Thu 2027-01-07 16:00")
    (body,) = clinic.rows(schema.message_body)
    assert body.to_address == new.phone


def test_start_takes_up_the_reminders_that_stop_ended(clinic: Clinic) -> None:
    clinic.books(BOB)
    clinic.tick()
    clinic.replies("STOP", BOB.phone)
    assert clinic.enrolments() == ["visit exited (unreachable)"]
    clinic.later(minutes=2).replies("START", BOB.phone)
    clinic.turn("Wed 2027-01-20 20:00")
    assert [line for line in clinic.log(campaign="visit") if "day_before" in line and "sent" in line]


def test_an_answer_to_help_is_not_sent_hours_later(clinic: Clinic) -> None:
    clinic.enquires(BOB)
    clinic.faults.append(fault("try_later"))
    clinic.replies("HELP", BOB.phone)
    clinic.tick()
    clinic.faults.clear()
    clinic.later(hours=5).tick()
    assert clinic.log(campaign="service") == ["service.help sms skipped (late)"]


def test_what_ended_something_long_ago_ends_nothing_now(clinic: Clinic) -> None:
    clinic.happens("treatment", ANN, consents=[DESK], treatment="t-1")
    assert clinic.happens("care_ended", ANN, ago=timedelta(days=300)).exited == ()


def test_two_that_were_held_up_together_do_not_go_together(clinic: Clinic) -> None:
    """Both paused in the outbox, both for one address: the cap of one email a day holds when they are let go."""
    kim = replace(ANN, first_name="Kim")
    clinic.faults.append(fault("misconfigured"))
    clinic.enquires(ANN)
    clinic.happens("interest", kim, consents=[WEB])
    clinic.turn("Tue 2027-01-05 18:00")
    clinic.faults.clear()
    clinic.turn("Tue 2027-01-05 23:00")
    emails = [letter for letter in clinic.letters() if letter.path.suffix == ".eml"]
    assert len(emails) <= 1


def test_who_moves_to_another_state_has_their_nights_there(clinic: Clinic) -> None:
    dan = replace(ANN, phone=None)
    clinic.enquires(dan)
    clinic.later(days=1).happens("interest", replace(dan, state="CA"), consents=[WEB])
    assert clinic.rows(schema.contact)[0].state == "CA"
    clinic.happens("interest", dan, consents=[WEB], ago=timedelta(days=3))
    assert clinic.rows(schema.contact)[0].state == "CA"
