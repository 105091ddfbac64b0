"""A message that may have gone and may not: settled by evidence, by policy, or by a person; never resent blindly."""

from datetime import timedelta

import pytest

from engine.core.contact import Channel
from engine.doubt import settle
from engine.providers import Evidence, Outcome, Outgoing, Unknown
from engine.providers.mailbox import MailboxProvider
from engine.store.schema import message
from tests.core.moments import utc
from tests.people import ANN, BOB, DESK, START, Clinic, fault

GRACE = timedelta(minutes=3)


def lost(clinic: Clinic, *, accepted: bool, attempts: tuple[int, ...] = (1,)) -> None:
    """Bob's welcome goes out and its answer is lost."""
    clinic.faults.append(fault("in_doubt", attempts=attempts, accepted=accepted))
    clinic.enquires(BOB)
    clinic.tick()
    assert clinic.log() == ["guide.welcome sms in_doubt (no_answer)"]
    assert clinic.message("welcome").doubt_since == START


def letter_lost(clinic: Clinic, *, accepted: bool) -> None:
    """The step of Ann's letters whose file says `doubt = "hold"`."""
    clinic.happens("letter", ANN, consents=[DESK], room="7")
    clinic.tick()
    clinic.faults.append(fault("in_doubt", accepted=accepted))
    clinic.later(hours=1).tick()
    assert clinic.message("careful").status == "in_doubt"


def test_what_was_taken_is_found_and_counts_as_sent(clinic: Clinic) -> None:
    lost(clinic, accepted=True)
    clinic.turn(START + timedelta(minutes=9))
    assert clinic.log() == ["guide.welcome sms sent (evidence)"]
    row = clinic.message("welcome")
    assert (row.sent_at, row.provider_id) == (START, f"mailbox-{row.ref}-a1")
    assert clinic.twice() == {}
    assert clinic.tasks() == []


def test_the_chain_waits_for_the_evidence_and_then_goes_on(clinic: Clinic) -> None:
    lost(clinic, accepted=True)
    assert clinic.enrolments() == ["guide active (awaiting_outcome)"]
    clinic.turn(START + timedelta(days=4))
    assert clinic.log()[1:] == ["guide.first - skipped (no_address)", "guide.second sms sent (evidence)"]


def test_what_was_not_taken_is_sent_again_once_after_two_empty_looks_after_the_grace(clinic: Clinic) -> None:
    lost(clinic, accepted=False)
    clinic.later(seconds=60).tick()
    assert clinic.message("welcome").looks == 0  # absence is no evidence yet
    clinic.at(START + GRACE)
    clinic.tick()
    clinic.tick()
    assert (clinic.message("welcome").status, clinic.message("welcome").looks) == ("in_doubt", 1)
    clinic.later(seconds=90).tick()
    assert clinic.log()[0] == "guide.welcome sms sent (accepted)"
    row = clinic.message("welcome")
    assert (row.tries, row.resent) == (2, True)
    assert clinic.outcomes("welcome") == ["in_doubt", "accepted"]
    assert [letter.attempt for letter in clinic.letters()] == [2]


def test_two_processes_that_look_at_one_moment_have_looked_once(clinic: Clinic) -> None:
    lost(clinic, accepted=False)
    clinic.at(START + GRACE)
    for _ in range(5):
        clinic.tick()
    assert clinic.message("welcome").looks == 1


def test_what_is_lost_a_second_time_is_not_sent_a_third(clinic: Clinic) -> None:
    lost(clinic, accepted=False, attempts=())
    clinic.turn(START + timedelta(hours=12))
    assert clinic.log() == ["guide.welcome sms in_doubt (no_answer)"]
    assert clinic.outcomes("welcome") == ["in_doubt", "in_doubt"]
    assert clinic.tasks() == ["doubt"]


def test_a_resend_asks_everything_again(clinic: Clinic) -> None:
    lost(clinic, accepted=False)
    clinic.later(minutes=1).replies("STOP", BOB.phone)
    clinic.turn(START + timedelta(hours=1))
    assert clinic.log()[0] == "guide.welcome sms cancelled (exited)"
    assert clinic.letters() == []


def test_a_step_that_says_hold_is_never_sent_again_by_itself(clinic: Clinic) -> None:
    letter_lost(clinic, accepted=False)
    clinic.turn(clinic.now + timedelta(days=3))
    assert clinic.log()[-1] == "letter.careful email in_doubt (no_answer)"
    assert clinic.tasks() == ["doubt"]
    assert clinic.outcomes("careful") == ["in_doubt"]


def test_a_step_that_says_hold_is_still_settled_by_evidence(clinic: Clinic) -> None:
    letter_lost(clinic, accepted=True)
    clinic.turn(clinic.now + timedelta(minutes=5))
    assert clinic.log()[-1] == "letter.careful email sent (evidence)"


def test_a_provider_that_cannot_be_asked_leaves_it_to_staff(clinic: Clinic) -> None:
    clinic.can_be_asked = False
    lost(clinic, accepted=True)
    clinic.turn(START + timedelta(days=1))
    assert clinic.log() == ["guide.welcome sms in_doubt (no_answer)"]
    assert clinic.tasks() == ["doubt"]
    assert clinic.twice() == {}


def test_a_provider_that_does_not_answer_is_asked_for_an_hour_and_then_staff(clinic: Clinic) -> None:
    class Silent(MailboxProvider):
        def send(self, out: Outgoing, now: object) -> Outcome:
            raise TimeoutError

        def find(self, message: str, contact: str) -> Evidence:
            return Unknown("no answer")

    clinic.carriers = dict.fromkeys(Channel, Silent(clinic.folder / "mailbox"))
    clinic.enquires(BOB)
    clinic.turn(START + timedelta(minutes=59))
    assert clinic.tasks() == []
    clinic.turn(START + timedelta(hours=2))
    assert clinic.tasks() == ["doubt"]
    assert clinic.log() == ["guide.welcome sms in_doubt (no_answer)"]


def test_a_provider_that_raises_when_asked_stops_nothing(clinic: Clinic) -> None:
    class Broken(MailboxProvider):
        def find(self, message: str, contact: str) -> Evidence:
            raise RuntimeError("down")

    lost(clinic, accepted=False)
    clinic.carriers = dict.fromkeys(Channel, Broken(clinic.folder / "mailbox"))
    clinic.later(minutes=5).enquires(ANN)
    clinic.tick()
    assert clinic.log()[1] == "guide.welcome sms sent (accepted)"
    assert clinic.log()[0] == "guide.welcome sms in_doubt (no_answer)"


@pytest.mark.parametrize(
    ("verdict", "line", "letters"),
    [
        ("sent", "guide.welcome sms sent (settled_by_staff)", 0),
        ("not-sent", "guide.welcome sms failed (settled_by_staff)", 0),
        ("resend", "guide.welcome sms sent (accepted)", 1),
    ],
)
def test_staff_settle_it(clinic: Clinic, verdict: str, line: str, letters: int) -> None:
    clinic.can_be_asked = False
    lost(clinic, accepted=False)
    clinic.later(minutes=10).tick()
    ref = clinic.message("welcome").ref
    assert settle(clinic.house, ref, verdict, "ann", clinic.now)  # type: ignore[arg-type]
    assert not settle(clinic.house, ref, verdict, "ann", clinic.now)  # type: ignore[arg-type]
    assert clinic.tasks() == []
    clinic.tick()
    assert clinic.log()[0] == line
    assert len(clinic.letters()) == letters
    assert clinic.enrolments() != ["guide active (awaiting_outcome)"]


def test_what_is_lost_again_after_staff_resent_it_is_asked_again(clinic: Clinic) -> None:
    clinic.can_be_asked = False
    lost(clinic, accepted=False, attempts=())
    clinic.later(minutes=10).tick()
    assert settle(clinic.house, clinic.message("welcome").ref, "resend", "ann", clinic.now)
    clinic.tick()
    clinic.later(minutes=10).tick()
    assert clinic.log() == ["guide.welcome sms in_doubt (no_answer)"]
    assert clinic.tasks() == ["doubt"]


def test_staff_can_settle_only_what_is_open(clinic: Clinic) -> None:
    clinic.enquires(BOB)
    clinic.tick()
    assert not settle(clinic.house, clinic.message("welcome").ref, "resend", "ann", clinic.now)
    assert not settle(clinic.house, "no-such-message", "sent", "ann", clinic.now)


def test_staff_cannot_say_that_a_held_message_was_sent(clinic: Clinic) -> None:
    clinic.happens("letter", ANN, consents=[DESK])
    clinic.tick()
    ref = clinic.message("letter").ref
    assert not settle(clinic.house, ref, "sent", "ann", clinic.now)
    assert settle(clinic.house, ref, "not-sent", "ann", clinic.now)
    assert clinic.log() == ["letter.letter email failed (settled_by_staff)"]
    assert clinic.tasks() == []


def test_a_held_message_that_staff_release_in_vain_is_held_again_with_a_task(clinic: Clinic) -> None:
    clinic.happens("letter", ANN, consents=[DESK])
    clinic.tick()
    assert settle(clinic.house, clinic.message("letter").ref, "resend", "ann", clinic.now)
    assert clinic.tasks() == []
    clinic.later(minutes=1).tick()
    assert clinic.log() == ["letter.letter email held (missing_value)"]
    assert clinic.tasks() == ["held"]


def test_a_receipt_is_evidence_too(clinic: Clinic) -> None:
    clinic.can_be_asked = False
    lost(clinic, accepted=True)
    assert clinic.later(minutes=1).reports(clinic.message("welcome").ref, "delivered") == "applied"
    assert clinic.log() == ["guide.welcome sms delivered (reported)"]
    assert clinic.message("welcome").sent_at == START


def test_a_receipt_for_what_waits_to_be_sent_again_stops_the_second_try(clinic: Clinic) -> None:
    """Lost in the evening, looked for in vain, queued again for the morning; in the night the report comes."""
    clinic.at("Wed 2027-01-06 00:42")
    clinic.faults.append(fault("in_doubt", accepted=False))
    clinic.enquires(BOB)
    clinic.tick()
    clinic.turn("Wed 2027-01-06 04:00")
    row = clinic.message("welcome")
    assert (row.status, row.resent, row.send_at) == ("queued", True, utc("Wed 2027-01-06 13:00"))
    assert clinic.reports(row.ref, "delivered") == "applied"
    clinic.turn("Wed 2027-01-06 14:00")
    assert clinic.log()[0] == "guide.welcome sms delivered (reported)"
    assert clinic.message("welcome").tries == 1


def test_a_message_whose_process_died_is_found_after_its_lease(clinic: Clinic) -> None:
    from engine import sender
    from engine.scheduler import fill

    clinic.enquires(BOB)
    fill(clinic.house, clinic.now)
    with clinic.store.begin() as conn:
        ids = [m.id for m in clinic.rows(message)]
        sender._prepare(conn, clinic.house, clinic.providers, ids, clinic.now, sender.Sent())
    clinic.later(minutes=9, seconds=59).tick()
    assert clinic.log() == ["guide.welcome sms sending (due)"]
    clinic.later(seconds=1).tick()
    assert clinic.log() == ["guide.welcome sms in_doubt (process_died)"]
    assert clinic.outcomes("welcome") == ["no_answer"]
    clinic.turn(START + timedelta(minutes=20))
    assert clinic.log()[0] == "guide.welcome sms sent (accepted)"
    assert [letter.attempt for letter in clinic.letters()] == [2]


def test_turning_the_clock_over_an_open_question_takes_few_ticks(clinic: Clinic) -> None:
    """What waits for staff, or for a repair, is no reason to look every minute for a year."""
    clinic.can_be_asked = False
    lost(clinic, accepted=False)
    clinic.happens("letter", ANN, consents=[DESK])
    assert len(clinic.turn(START + timedelta(days=3))) < 3 * 24 + 60
