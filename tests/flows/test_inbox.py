"""Word comes back: STOP, START, HELP, other words, receipts. Each is kept once and means what it means once."""

from datetime import timedelta

import pytest

from engine.core.contact import Channel
from engine.inbox import finish_task
from engine.intake import Who
from engine.store.schema import contact, message, receipt, reply, suppression, task
from tests.people import ANN, BOB, CAT, DAN, DESK, WEB, Clinic, fault

STOP_ANSWER = "You're unsubscribed and will get no more texts"


def words_to(clinic: Clinic, phone: str | None) -> list[str]:
    """The texts that this number got, oldest first."""
    found = [letter.words for letter in sorted(clinic.letters(), key=lambda each: each.path.stat().st_mtime_ns)]
    return [words for words in found if f"To:        {phone}\n" in words]


def open_task(clinic: Clinic, kind: str) -> int:
    (found,) = clinic.rows(task, task.c.kind == kind, task.c.closed_at.is_(None))
    number: int = found.id
    return number


# --- STOP


def test_stop_closes_the_number_and_is_confirmed_once(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    clinic.tick()
    heard = clinic.later(minutes=1).replies("STOP", CAT.phone)
    assert (heard.fate, heard.meaning, heard.answered) == ("new", "stop", True)
    assert {s.purpose for s in clinic.rows(suppression)} == {"marketing", "appointment", "care"}
    clinic.tick()
    again = clinic.later(minutes=1).replies("Stop.", CAT.phone)
    assert again.answered is False
    clinic.turn(clinic.now + timedelta(days=4))
    texts = words_to(clinic, CAT.phone)
    assert len(texts) == 2
    assert STOP_ANSWER in texts[1]
    assert clinic.log()[1:] == [
        "service.stop sms sent (accepted)",
        "guide.first email sent (accepted)",
        "guide.second email sent (accepted)",
    ]


def test_the_same_reply_twice_is_heard_once(clinic: Clinic) -> None:
    clinic.enquires()
    first = clinic.replies("STOP", name="r-1")
    second = clinic.replies("STOP", name="r-1")
    assert (first.fate, second.fate) == ("new", "duplicate")
    assert len(clinic.rows(reply)) == 1
    assert len(clinic.rows(suppression)) == 3


def test_the_confirmation_comes_within_five_minutes_or_not_at_all(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    clinic.replies("STOP", CAT.phone)
    clinic.later(minutes=5, seconds=1).tick()
    assert clinic.log() == ["service.stop sms skipped (late)", "guide.welcome - skipped (stopped)"]
    assert clinic.message("stop").rule == "TCPA-R-5"


def test_the_confirmation_still_goes_after_five_minutes_to_the_second(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    clinic.replies("STOP", CAT.phone)
    clinic.later(minutes=5).tick()
    assert STOP_ANSWER in words_to(clinic, CAT.phone)[0]


def test_the_confirmation_goes_at_night_too(clinic: Clinic) -> None:
    """It answers somebody who has just written (TCPA-QH-4)."""
    clinic.enquires(CAT)
    clinic.at("Wed 2027-01-06 08:00").replies("STOP", CAT.phone)
    clinic.tick()
    assert clinic.message("stop").status == "sent"


def test_who_can_only_be_texted_leaves(clinic: Clinic) -> None:
    clinic.enquires(BOB)
    clinic.replies("STOP", BOB.phone)
    assert clinic.enrolments() == ["guide exited (unreachable)"]


def test_what_stop_refused_goes_round_by_no_other_channel(clinic: Clinic) -> None:
    clinic.books(CAT)
    clinic.tick()
    clinic.replies("STOP", CAT.phone)
    clinic.turn("Wed 2027-01-20 20:00")
    assert clinic.log(campaign="visit") == [
        "visit.confirm email sent (accepted)",
        "visit.day_before - skipped (stopped)",
        "visit.soon - skipped (stopped)",
    ]


def test_a_patient_who_stops_is_a_task(clinic: Clinic) -> None:
    clinic.books(CAT)
    clinic.replies("STOP", CAT.phone)
    assert clinic.tasks() == ["stopped"]


def test_an_enquirer_who_stops_is_no_task(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    clinic.replies("STOP", CAT.phone)
    assert clinic.tasks() == []


def test_a_family_phone_is_closed_for_all_who_share_it(clinic: Clinic) -> None:
    eve = Who(first_name="Eve", last_name="Lee", email="eve@example.com", phone=ANN.phone, state="MA")
    clinic.enquires(ANN)
    clinic.books(eve)
    heard = clinic.replies("STOP", ANN.phone)
    assert (heard.contacts, heard.answered) == (2, True)
    assert clinic.tasks() == ["stopped"]
    clinic.turn("Thu 2027-01-21 15:00")
    texts = words_to(clinic, ANN.phone)
    assert len(texts) == 1
    assert STOP_ANSWER in texts[0]
    assert clinic.later(minutes=1).enquires(
        Who(first_name="Joe", last_name="Lee", phone=ANN.phone, state="MA")
    ).declined == (("guide", "no_consent"),)


def test_stop_lets_nothing_go_that_was_to_be_said_before_it(clinic: Clinic) -> None:
    """STOP, START, STOP before the engine wakes: of the answers only the last STOP's may go, once."""
    clinic.books(CAT)
    clinic.replies("STOP", CAT.phone)
    clinic.tick()
    clinic.replies("START", CAT.phone)
    clinic.replies("HELP", CAT.phone)
    clinic.replies("STOP", CAT.phone)
    clinic.tick()
    assert [row for row in clinic.log() if row.startswith("service")] == [
        "service.stop sms sent (accepted)",
        "service.start sms cancelled (revoked)",
        "service.help sms cancelled (revoked)",
        "service.stop sms sent (accepted)",
    ]


def test_a_stop_from_a_number_we_do_not_know_is_kept_and_binds(clinic: Clinic) -> None:
    heard = clinic.replies("STOP", CAT.phone)
    assert (heard.contacts, heard.answered) == (0, False)
    taken = clinic.enquires(CAT)
    clinic.turn("Thu 2027-01-07 15:00")
    assert taken.enrolled == ("guide",)
    assert [row for row in clinic.log() if "sms" in row] == []


def test_no_import_and_no_form_lifts_a_stop(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    clinic.replies("STOP", CAT.phone)
    clinic.later(days=1)
    clinic.happens("interest", CAT, consents=[WEB, DESK])
    clinic.happens("treatment", CAT, consents=[DESK], treatment="t-1")
    clinic.turn("Wed 2027-01-20 15:00")
    assert [row for row in clinic.log() if " sms sent" in row] == []


# --- START and HELP


def test_start_reopens_appointment_and_care_and_not_marketing(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    clinic.replies("STOP", CAT.phone)
    clinic.tick()
    heard = clinic.later(hours=1).replies("START", CAT.phone)
    assert (heard.meaning, heard.answered) == ("start", True)
    clinic.happens("treatment", CAT, consents=[DESK], treatment="t-1")
    clinic.happens("interest", CAT)
    clinic.turn("Fri 2027-01-08 16:00")
    assert [row for row in clinic.log() if " sms " in row] == [
        "service.stop sms sent (accepted)",
        "service.start sms sent (accepted)",
        "care.day_1 sms sent (accepted)",
    ]


def test_start_after_nothing_says_nothing(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    assert clinic.replies("START", CAT.phone).answered is False
    assert clinic.rows(suppression) == []


def test_start_does_not_lift_what_was_said_in_other_words(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    clinic.replies("please stop texting me, I mean it", CAT.phone)
    clinic.replies("START", CAT.phone)
    assert {(s.reason, s.lifted) for s in clinic.rows(suppression)} == {("revoked", False)}


@pytest.mark.parametrize("word", ["yes", "Yes!", "Y"])
def test_yes_lifts_nothing(clinic: Clinic, word: str) -> None:
    clinic.enquires(CAT)
    clinic.replies("STOP", CAT.phone)
    clinic.replies(word, CAT.phone)
    assert not any(s.lifted for s in clinic.rows(suppression))


def test_help_says_who_we_are_also_to_whom_was_stopped(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    clinic.replies("STOP", CAT.phone)
    clinic.tick()
    assert clinic.replies("help", CAT.phone).answered
    clinic.tick()
    assert "Help at 617-555-0142" in words_to(clinic, CAT.phone)[-1]


def test_the_provider_answers_where_settings_say_so(clinic: Clinic) -> None:
    path = clinic.folder / "settings.toml"
    path.write_text(path.read_text() + '\n[sms]\nstop_reply_by = "provider"\n', encoding="utf-8")
    clinic.restart()
    clinic.enquires(CAT)
    assert clinic.replies("STOP", CAT.phone).answered is False
    assert clinic.replies("HELP", CAT.phone).answered is False
    assert len(clinic.rows(suppression)) == 3


# --- other words


def test_other_words_that_take_consent_back_close_every_channel(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    clinic.books(DAN)
    heard = clinic.replies("Please stop contacting me.", CAT.phone)
    assert heard.meaning == "revoked"
    assert clinic.enrolments() == ["guide exited (unreachable)", "visit active"]
    assert clinic.tasks() == ["revoked"]
    assert len(clinic.rows(suppression)) == 6


def test_a_channel_that_is_named_is_the_one_that_is_closed(clinic: Clinic) -> None:
    clinic.enquires(CAT)
    clinic.replies("do not text me, email only", CAT.phone)
    assert {s.channel for s in clinic.rows(suppression)} == {"sms"}
    clinic.turn("Fri 2027-01-08 15:00")
    assert clinic.log()[-1] == "guide.second email sent (accepted)"


def test_a_person_who_talks_pauses_marketing_until_somebody_has_answered(clinic: Clinic) -> None:
    clinic.enquires(ANN)
    clinic.books(BOB)
    clinic.tick()
    heard = clinic.later(minutes=1).replies("How much is it?")
    assert heard.meaning == "other"
    assert clinic.tasks() == ["reply"]
    clinic.turn("Wed 2027-01-06 15:00")
    assert clinic.log(campaign="guide") == ["guide.welcome sms sent (accepted)"]
    assert clinic.enrolments()[0] == "guide active (person_paused)"
    assert finish_task(clinic.house, open_task(clinic, "reply"), "ann", clinic.now)
    clinic.tick()
    assert clinic.log(campaign="guide")[1:] == ["guide.first email sent (accepted)"]


def test_what_was_queued_waits_too_and_goes_on_afterwards(clinic: Clinic) -> None:
    from engine.scheduler import fill

    clinic.enquires(ANN)
    fill(clinic.house, clinic.now)
    clinic.replies("How much is it?")
    clinic.tick()
    assert clinic.log() == ["guide.welcome sms queued (person_paused)"]
    clinic.later(hours=1)
    assert finish_task(clinic.house, open_task(clinic, "reply"), "ann", clinic.now)
    clinic.tick()
    assert clinic.log()[0] == "guide.welcome sms sent (accepted)"


def test_two_replies_need_two_answers(clinic: Clinic) -> None:
    clinic.enquires(ANN)
    clinic.replies("How much is it?")
    clinic.replies("Hello?")
    first, second = clinic.rows(task)
    finish_task(clinic.house, first.id, "ann", clinic.now)
    assert [c.paused for c in clinic.rows(contact)] != [None]
    finish_task(clinic.house, second.id, "ann", clinic.now)
    assert [c.paused for c in clinic.rows(contact)] == [None]


def test_care_goes_on_while_somebody_waits_for_an_answer(clinic: Clinic) -> None:
    clinic.happens("treatment", ANN, consents=[DESK], treatment="t-1")
    clinic.replies("I have a question")
    clinic.at("Wed 2027-01-06 15:00").tick()
    assert clinic.log() == ["care.day_1 sms sent (accepted)"]


def test_everybody_who_shares_the_phone_waits(clinic: Clinic) -> None:
    """Nobody knows who of them has written."""
    eve = Who(first_name="Eve", last_name="Lee", email="eve@example.com", phone=ANN.phone, state="MA")
    clinic.enquires(ANN)
    clinic.enquires(eve)
    clinic.replies("Who is this?")
    assert [c.paused is not None for c in clinic.rows(contact)] == [True, True]
    assert finish_task(clinic.house, open_task(clinic, "reply"), "ann", clinic.now)
    assert [c.paused for c in clinic.rows(contact)] == [None, None]


def test_a_task_is_closed_once(clinic: Clinic) -> None:
    clinic.enquires(ANN)
    clinic.replies("Hello?")
    number = open_task(clinic, "reply")
    assert finish_task(clinic.house, number, "ann", clinic.now)
    assert not finish_task(clinic.house, number, "bob", clinic.now)
    assert not finish_task(clinic.house, 999, "bob", clinic.now)


def test_words_from_nobody_we_know_are_a_task(clinic: Clinic) -> None:
    clinic.replies("Is this the clinic?", "+16175550177")
    assert clinic.tasks() == ["reply"]


# --- receipts


def sent(clinic: Clinic) -> str:
    clinic.enquires(DAN)
    clinic.turn("Tue 2027-01-05 15:10")
    ref: str = clinic.message("first").ref
    return ref


@pytest.mark.parametrize(
    ("words", "fates", "status"),
    [
        (["delivered"], ["applied"], "delivered"),
        (["delivered", "sent"], ["applied", "kept"], "delivered"),
        (["delivered", "bounced"], ["applied", "applied"], "failed"),
        (["failed", "delivered"], ["applied", "kept"], "failed"),
        (["sent"], ["kept"], "sent"),
        (["opened_by_cat"], ["unknown word"], "sent"),
    ],
    ids=lambda value: " then ".join(value) if isinstance(value, list) else value,
)
def test_receipts_move_forward_only(clinic: Clinic, words: list[str], fates: list[str], status: str) -> None:
    ref = sent(clinic)
    assert [clinic.reports(ref, word) for word in words] == fates
    assert clinic.message("first").status == status
    assert [r.word for r in clinic.rows(receipt)] == words


def test_a_receipt_is_applied_once(clinic: Clinic) -> None:
    ref = sent(clinic)
    assert clinic.reports(ref, "delivered", name="x") == "applied"
    assert clinic.reports(ref, "bounced", name="x") == "duplicate"
    assert clinic.message("first").status == "delivered"
    assert clinic.rows(suppression) == []


def test_a_receipt_for_a_message_we_do_not_know_is_kept(clinic: Clinic) -> None:
    assert clinic.reports("nobodysmessage", "delivered") == "unknown message"
    assert [r.message_id for r in clinic.rows(receipt)] == [None]


def test_a_receipt_does_not_move_the_moment_the_chain_counts_from(clinic: Clinic) -> None:
    ref = sent(clinic)
    before = clinic.message("first").settled_at
    clinic.later(days=1).reports(ref, "delivered")
    assert clinic.message("first").settled_at == before


def test_a_bounce_closes_the_address_and_asks_for_another(clinic: Clinic) -> None:
    ref = sent(clinic)
    clinic.later(minutes=1).reports(ref, "bounced")
    assert {s.reason for s in clinic.rows(suppression)} == {"bounced"}
    assert clinic.tasks() == ["address"]
    assert clinic.enrolments() == ["guide exited (unreachable)"]


def test_a_complaint_closes_the_address_and_start_does_not_open_it(clinic: Clinic) -> None:
    ref = sent(clinic)
    clinic.reports(ref, "complained")
    assert clinic.message("first").status == "delivered"
    assert {s.reason for s in clinic.rows(suppression)} == {"complaint"}
    clinic.books(DAN)
    clinic.tick()
    assert clinic.enrolments() == ["guide exited (unreachable)"]


def test_a_receipt_for_what_never_went_is_kept_and_changes_nothing(clinic: Clinic) -> None:
    clinic.faults.append(fault("refused"))
    clinic.enquires(DAN)
    clinic.turn("Tue 2027-01-05 15:10")
    assert clinic.reports(clinic.message("first").ref, "delivered") == "kept"
    assert clinic.message("first").status == "failed"


def test_a_bounce_cancels_what_waits_for_that_address(clinic: Clinic) -> None:
    ref = sent(clinic)
    clinic.faults.append(fault("try_later"))
    clinic.happens("letter", DAN, consents=[DESK], room="7")
    clinic.tick()
    clinic.reports(ref, "bounced")
    assert clinic.message("letter").status == "cancelled"
    assert [m.status for m in clinic.rows(message, message.c.channel == Channel.EMAIL)] == ["failed", "cancelled"]
