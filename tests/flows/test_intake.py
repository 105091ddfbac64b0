"""An event arrives: contact, event once, consents and revocations, exits before enrolments, anchors moved."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.core.contact import Channel
from engine.core.enrolment import Declined
from engine.intake import IntakeError, Who, identity_of
from engine.store import schema
from tests.core.moments import utc
from tests.people import ANN, BOB, CAT, DAN, DESK, WEB, Clinic, fault

CONSENT, SUPPRESSION, POINT = schema.consent, schema.suppression, schema.contact_point


def everything(clinic: Clinic) -> dict[str, list[sa.Row[tuple[object, ...]]]]:
    with clinic.store.read() as conn:
        return {t.name: list(conn.execute(sa.select(t))) for t in schema.metadata.sorted_tables}


# --- enrolling


def test_an_enquiry_enrols_and_brings_its_consents(clinic: Clinic) -> None:
    taken = clinic.enquires()
    assert (taken.fate, taken.enrolled, taken.declined) == ("new", ("guide",), ())
    assert clinic.enrolments() == ["guide active"]
    rows = clinic.rows(CONSENT)
    assert [(r.channel, r.purpose, r.granted, r.form, r.most, r.most_days) for r in rows] == [
        ("email", "marketing", True, "web", None, None),
        ("sms", "marketing", True, "web", 4, 30),
    ]
    assert rows[1].wording == "Text me, up to 4 msgs a month."
    assert len(rows[1].wording_hash) == 64
    assert (rows[1].given_at, rows[1].user_agent, rows[1].proof) == (clinic.now, None, None)


def test_the_same_event_twice_changes_nothing(clinic: Clinic) -> None:
    first = clinic.enquires(name="e-1")
    before = everything(clinic)
    again = clinic.later(hours=1).enquires(name="e-1")
    assert (again.fate, again.contact, again.enrolled) == ("duplicate", first.contact, ())
    assert everything(clinic) == before


def test_an_event_without_consent_enrols_nobody_and_says_so(clinic: Clinic) -> None:
    taken = clinic.happens("enquiry", ANN)
    assert taken.declined == (("guide", Declined.NO_CONSENT),)
    assert [(d.campaign, d.reason) for d in clinic.rows(schema.decline)] == [("guide", "no_consent")]
    assert clinic.enrolments() == []


@pytest.mark.parametrize(
    ("kind", "payload", "why"),
    [
        ("booking", {"appointment": "a-1"}, Declined.NO_ANCHOR),
        ("booking", {"starts_at": "2027-01-20T19:00:00+00:00"}, Declined.NO_EPISODE),
    ],
    ids=["without its date", "without its episode"],
)
def test_a_booking_that_does_not_say_enough_is_declined(
    clinic: Clinic, kind: str, payload: dict[str, Any], why: Declined
) -> None:
    taken = clinic.happens(kind, ANN, consents=[DESK], **payload)
    assert ("visit", why) in taken.declined


def test_a_patient_is_not_put_into_marketing(clinic: Clinic) -> None:
    clinic.happens("treatment", ANN, consents=[DESK], treatment="t-1")
    assert clinic.enquires().declined == (("guide", Declined.CONDITION),)


def test_again_only_after_a_while(clinic: Clinic) -> None:
    clinic.enquires()
    clinic.turn("Tue 2027-02-02 15:00")
    assert clinic.enrolments() == ["guide completed (completed)"]
    assert clinic.enquires().declined == (("guide", Declined.TOO_SOON),)
    assert clinic.at("Sun 2027-07-04 14:00").enquires().enrolled == ("guide",)


def test_while_it_runs_nobody_enters_twice(clinic: Clinic) -> None:
    clinic.enquires()
    assert clinic.later(hours=1).enquires().declined == (("guide", Declined.ALREADY),)


def test_care_has_a_task_to_fall_back_on_so_everybody_is_reachable(clinic: Clinic) -> None:
    assert clinic.happens("treatment", DAN, treatment="t-1").enrolled == ("care",)


# --- exits and moves


def test_a_booking_ends_the_guide_and_begins_the_visit(clinic: Clinic) -> None:
    clinic.enquires()
    clinic.tick()
    taken = clinic.later(minutes=5).books()
    assert (taken.exited, taken.enrolled) == (("guide",), ("visit",))
    assert clinic.enrolments() == ["guide exited (booking)", "visit active"]
    clinic.turn("Thu 2027-01-14 15:00")
    assert clinic.log(campaign="guide") == ["guide.welcome sms sent (accepted)"]


def test_exits_come_before_enrolments(clinic: Clinic) -> None:
    """The event that ends one run begins the next: no "already enrolled"."""
    path = clinic.folder / "campaigns/letter.toml"
    path.write_text(
        path.read_text().replace('on    = "letter"', 'on    = "letter"\nper   = "room"').replace('again = "always"', "")
        + "\n",
        encoding="utf-8",
    )
    nudge = clinic.folder / "campaigns/nudge.toml"
    nudge.write_text(nudge.read_text().replace('on = "booking"', 'on = ["booking", "letter"]'), encoding="utf-8")
    clinic.happens("interest", ANN, consents=[WEB, DESK])
    taken = clinic.happens("letter", ANN, room="7")
    assert (taken.exited, taken.enrolled) == (("nudge",), ("letter",))


def test_a_reschedule_moves_the_anchor_and_what_waits_for_the_old_date(clinic: Clinic) -> None:
    clinic.books(ANN, "Wed 2027-01-20 19:00")
    clinic.turn("Mon 2027-01-11 15:00")
    taken = clinic.books(ANN, "Fri 2027-01-22 19:00", kind="reschedule")
    assert (taken.moved, taken.enrolled, taken.exited) == (("visit",), (), ())
    (row,) = clinic.rows(schema.enrolment)
    assert (row.anchor_at, row.known_at, row.moves) == (utc("Fri 2027-01-22 19:00"), clinic.now, 1)
    clinic.turn("Sat 2027-01-23 15:00")
    assert clinic.log() == [
        "visit.confirm email sent (accepted)",
        "visit.new_time#1 email sent (accepted)",
        "visit.day_before#1000 sms sent (accepted)",
        "visit.soon#1000 sms sent (accepted)",
    ]
    assert clinic.message("day_before", 1000).sent_at == utc("Thu 2027-01-21 19:00")
    assert "Friday, January 22 at 2:00 PM" in clinic.letters()[-1].words


def test_a_queued_reminder_of_the_old_date_is_cancelled_by_the_move(clinic: Clinic) -> None:
    clinic.books(ANN, "Wed 2027-01-20 19:00")
    clinic.turn("Mon 2027-01-18 15:00")
    clinic.faults.append(fault("try_later", "+1617*"))
    clinic.turn("Tue 2027-01-19 19:00")
    assert clinic.message("day_before").status == "queued"
    clinic.books(ANN, "Fri 2027-01-22 19:00", kind="reschedule")
    clinic.faults.clear()
    clinic.turn("Sat 2027-01-23 15:00")
    assert clinic.log()[1:] == [
        "visit.day_before sms cancelled (moved)",
        "visit.new_time#1 email sent (accepted)",
        "visit.day_before#1000 sms sent (accepted)",
        "visit.soon#1000 sms sent (accepted)",
    ]


def test_a_queued_confirmation_outlives_a_move(clinic: Clinic) -> None:
    """It does not count from the date, and says the date that holds when it goes."""

    clinic.faults.append(fault("try_later", "ann@*", [1]))
    clinic.books(ANN, "Wed 2027-01-20 19:00")
    clinic.tick()
    assert clinic.message("confirm").status == "queued"
    clinic.later(seconds=30).books(ANN, "Fri 2027-01-22 19:00", kind="reschedule")
    clinic.turn("Wed 2027-01-06 15:00")
    assert clinic.log() == ["visit.confirm email sent (accepted)", "visit.new_time#1 email sent (accepted)"]
    assert "Friday, January 22" in clinic.letters()[0].words


def test_a_missed_appointment_that_is_moved_gets_its_reminders_again(clinic: Clinic) -> None:
    clinic.books(ANN, "Wed 2027-01-20 19:00")
    clinic.turn("Wed 2027-01-20 19:00")
    assert clinic.enrolments() == ["visit completed (completed)"]
    taken = clinic.at("Thu 2027-01-21 15:00").books(ANN, "Wed 2027-01-27 19:00", kind="reschedule")
    assert taken.moved == ("visit",)
    clinic.turn("Wed 2027-01-27 19:00")
    assert clinic.log()[-3:] == [
        "visit.new_time#1 email sent (accepted)",
        "visit.day_before#1000 sms sent (accepted)",
        "visit.soon#1000 sms sent (accepted)",
    ]


def test_a_cancelled_appointment_is_left_alone(clinic: Clinic) -> None:
    clinic.books()
    clinic.tick()
    assert clinic.later(days=1).books(kind="cancel").exited == ("visit",)
    clinic.turn("Fri 2027-01-22 15:00")
    assert clinic.log() == ["visit.confirm email sent (accepted)"]


# --- who it is


def test_who_is_known_by_an_id_or_by_email_and_name_and_never_by_a_phone() -> None:
    same = [Who(first_name="ANN", last_name="lee", email="ANN@example.com"), ANN]
    assert len({identity_of(who) for who in same}) == 1
    others = [
        ANN,
        Who(first_name="Al", last_name="Lee", email="ann@example.com", phone=ANN.phone),
        Who(external_id="77", first_name="Ann", last_name="Lee", email="ann@example.com"),
        Who(first_name="Ann", last_name="Lee", phone=ANN.phone),
    ]
    assert len({identity_of(who) for who in others}) == 4


def test_nothing_to_know_a_person_by(clinic: Clinic) -> None:
    with pytest.raises(IntakeError, match="Give an external id, an email address or a phone number"):
        clinic.happens("enquiry", Who(first_name="Ann"))
    assert clinic.rows(schema.contact) == []


def test_a_contact_that_is_not_known(clinic: Clinic) -> None:
    with pytest.raises(IntakeError, match="no contact nobody"):
        clinic.happens("enquiry", Who(ref="nobody"))


def test_staff_name_a_known_contact_by_its_ref(clinic: Clinic) -> None:
    ref = clinic.enquires().contact
    assert clinic.happens("booking", Who(ref=ref), appointment="a", starts_at="soon").exited == ("guide",)


def test_two_contacts_of_one_name_and_number_are_a_question_for_staff(clinic: Clinic) -> None:
    clinic.enquires(Who(first_name="Ann", last_name="Lee", email="other@example.com", phone=ANN.phone))
    taken = clinic.enquires(ANN)
    assert len(taken.notes) == 1
    assert clinic.tasks() == ["same_person"]


# --- consent for the address that the event names


def test_consent_is_for_the_address_the_event_names(clinic: Clinic) -> None:
    """Ann has a newer number; her old form, which comes in late, is about the old one."""
    old = Who(external_id="77", email="ann@example.com", phone="+16175550101")
    new = Who(external_id="77", email="ann@example.com", phone="+16175550109")
    clinic.happens("booking", old, appointment="x", starts_at="soon")
    clinic.happens("booking", new, appointment="y", starts_at="soon")
    clinic.enquires(old)
    (text,) = (r for r in clinic.rows(CONSENT) if r.channel == "sms")
    (first, _) = clinic.rows(POINT, POINT.c.channel == "sms")
    assert text.address_key == first.address_key


def test_consent_given_with_a_landline_is_not_for_the_mobile_number(clinic: Clinic) -> None:
    clinic.happens("booking", ANN, appointment="x", starts_at="soon")
    clinic.enquires(replace(ANN, phone="+16175550188", can_text=False))
    assert [r.channel for r in clinic.rows(CONSENT)] == ["email"]


def test_a_revocation_in_a_comment_closes_every_address_of_that_channel(clinic: Clinic) -> None:
    clinic.enquires(Who(external_id="77", email="ann@example.com", phone="+16175550101"))
    clinic.happens("enquiry", Who(external_id="77", phone="+16175550109"), revoked=[Channel.SMS])
    keys = {p.address_key for p in clinic.rows(POINT, POINT.c.channel == "sms")}
    assert len(keys) == 2
    assert {s.address_key for s in clinic.rows(SUPPRESSION)} == keys
    clinic.turn("Mon 2027-02-01 15:00")
    assert [row for row in clinic.log() if "sms sent" in row] == []


def test_what_a_comment_takes_back_is_not_granted_in_the_same_breath(clinic: Clinic) -> None:
    clinic.enquires(revoked=[Channel.SMS])
    assert [r.channel for r in clinic.rows(CONSENT)] == ["email"]
    clinic.turn("Mon 2027-02-01 15:00")
    assert clinic.log() == [
        "guide.welcome - skipped (suppressed)",
        "guide.first email sent (accepted)",
        "guide.second email sent (accepted)",
    ]


def test_a_form_that_was_not_shown_on_that_day_gives_no_consent(clinic: Clinic) -> None:
    with pytest.raises(Exception, match="was not shown on 2025-12-"):
        clinic.enquires(ago=timedelta(days=400))
    assert clinic.rows(schema.event) == clinic.rows(schema.contact) == []


# --- all or nothing


@pytest.mark.parametrize("table", ["contact_point", "consent", "enrolment", "campaign_version", "message"])
def test_a_failure_in_the_middle_leaves_nothing(clinic: Clinic, table: str) -> None:
    """The database refuses one statement of the many; it is as if the event had never come."""
    clinic.enquires(ANN)
    clinic.faults.append(fault("try_later"))
    clinic.tick()
    before = everything(clinic)
    refused = f"UPDATE {table}" if table == "message" else f"INSERT INTO {table} "

    def refuse(conn, cursor, statement, parameters, context, executemany):
        if statement.startswith(refused):
            raise OSError("the disk is full")

    sa.event.listen(clinic.store.engine, "before_cursor_execute", refuse)
    with pytest.raises(OSError, match="disk"):
        clinic.books(ANN if table == "message" else BOB if table != "contact_point" else CAT)
    sa.event.remove(clinic.store.engine, "before_cursor_execute", refuse)
    if table == "message":  # Ann's guide would have ended
        assert clinic.enrolments() == ["guide active (awaiting_outcome)"]
    assert everything(clinic) == before


def test_an_enquiry_that_comes_to_us_after_the_booking_begins_nothing(clinic: Clinic) -> None:
    clinic.books(starts="Wed 2027-01-20 19:00")
    taken = clinic.enquires(ago=timedelta(days=2))
    assert taken.declined == (("guide", Declined.OVER),)
    assert clinic.later(minutes=5).enquires().enrolled == ("guide",)


def test_people_are_written_to_in_the_language_of_the_form_they_agreed_on(clinic: Clinic) -> None:
    settings = clinic.folder / "settings.toml"
    text = settings.read_text(encoding="utf-8")
    form = text[text.index("[consent_forms.desk]") : text.index("[signoff]")].replace(
        "consent_forms.desk", "consent_forms.escritorio"
    )
    settings.write_text(text + "\n" + form.replace('"en"', '"es"'), encoding="utf-8")
    clinic.happens("letter", DAN, consents=["escritorio"], room="7")
    clinic.happens("letter", ANN, consents=[DESK], room="7")
    assert [row.language for row in clinic.rows(schema.contact)] == ["es", "en"]
