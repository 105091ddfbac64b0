"""A message that may have gone and may not: settled by evidence, by policy, or by a person; never resent blindly."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from engine.doubt import MOST, settle, sweep
from engine.providers import Absent, Found, InDoubt, Outcome, Outgoing, Sought, Unknown
from engine.scheduler import Filled, decide_batch
from engine.sender import LEASE, Sent, launch
from engine.store import senders
from engine.store.schema import message, task
from tests.core.moments import utc
from tests.flows.told import Told, crowd, only
from tests.people import ANN, BOB, DESK, START, Clinic, fault

GRACE = timedelta(minutes=3)


def lost(clinic: Clinic, *, accepted: bool, attempts: tuple[int, ...] = (1,)) -> None:
    """Bob's welcome goes out and its answer is lost."""
    clinic.faults.append(fault("in_doubt", attempts=attempts, accepted=accepted))
    clinic.enquires(BOB)
    clinic.tick()
    assert clinic.log() == ["guide.welcome sms in_doubt (no_answer)"]
    assert clinic.message("welcome").doubt_since == START


def no_answer(_: Outgoing) -> Outcome:
    return InDoubt("no answer")


def all_well(_: Outgoing) -> None:
    """As it should."""


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
    clinic.carriers = only(Told(say=no_answer, answer=lambda _: Unknown("no answer")))
    clinic.enquires(BOB)
    clinic.turn(START + timedelta(minutes=59))
    assert clinic.tasks() == []
    clinic.turn(START + timedelta(hours=2))
    assert clinic.tasks() == ["doubt"]
    assert clinic.log() == ["guide.welcome sms in_doubt (no_answer)"]


def test_a_provider_that_raises_when_asked_stops_nothing(clinic: Clinic) -> None:
    def down(_: Sought) -> None:
        raise RuntimeError("down")

    told = Told(say=no_answer, answer=down)
    clinic.carriers = only(told)
    clinic.enquires(BOB)
    clinic.tick()
    told.say = all_well
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
    clinic.enquires(BOB)
    with clinic.store.begin() as conn:
        _, decided = decide_batch(conn, clinic.house, "guide", clinic.now, 10, Filled())
        assert len(launch(conn, clinic.house, clinic.providers, decided, clinic.now, Sent())) == 1
    clinic.at(START + LEASE - timedelta(seconds=1)).tick()
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


# --- a provider that cannot tell identical messages apart


def known(clinic: Clinic, told: Told) -> None:
    """Bob is a person we know, and this provider carries what he gets."""
    clinic.carriers = only(told)
    clinic.happens("greeting", BOB)


def two_lost(clinic: Clinic, *, taken: set[int]) -> Told:
    """Bob asks for help twice, and both answers, word for word the same, are lost; the provider took these."""
    told = Told(say=no_answer, taking=lambda _: told.calls in taken)
    known(clinic, told)
    for _ in range(2):
        clinic.replies("HELP", BOB.phone)
    clinic.tick()
    assert clinic.log() == ["service.help sms in_doubt (no_answer)"] * 2
    told.say = all_well
    return told


def looked_for(clinic: Clinic) -> None:
    """Three looks, the last of them soon enough for an answer to HELP."""
    for _ in range(3):
        clinic.later(seconds=90).tick()


def owners(clinic: Clinic) -> list[str | None]:
    """The provider's id of each message."""
    return [row.provider_id for row in clinic.rows(message)]


@pytest.mark.parametrize("taken", [{1}, {2}])
def test_one_find_is_evidence_for_one_message(clinic: Clinic, taken: set[int]) -> None:
    told = two_lost(clinic, taken=taken)
    looked_for(clinic)
    assert sorted(clinic.log()) == ["service.help sms sent (accepted)", "service.help sms sent (evidence)"]
    assert set(owners(clinic)) == {"told-1", "told-2"}
    assert len(told.took) == 2


def test_two_finds_are_evidence_for_two_messages(clinic: Clinic) -> None:
    told = two_lost(clinic, taken={1, 2})
    looked_for(clinic)
    assert clinic.log() == ["service.help sms sent (evidence)"] * 2
    assert set(owners(clinic)) == {"told-1", "told-2"}
    assert len(told.took) == 2


def test_what_another_message_owns_is_no_evidence(clinic: Clinic) -> None:
    told = Told()
    known(clinic, told)
    clinic.replies("HELP", BOB.phone)
    clinic.tick()
    told.say = no_answer
    clinic.replies("HELP", BOB.phone)
    clinic.tick()
    told.say = all_well
    looked_for(clinic)
    assert clinic.log() == ["service.help sms sent (accepted)"] * 2
    assert owners(clinic) == ["told-1", "told-2"]


def test_two_sweeps_at_once_do_not_give_one_find_to_two_messages(clinic: Clinic) -> None:
    both = Barrier(2)

    def together(_: Sought) -> None:
        both.wait(timeout=60)

    told = two_lost(clinic, taken={1})
    told.answer = together
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: sweep(clinic.house, clinic.providers, clinic.now, 1).found, range(2)))
    assert sorted(found) == [0, 1]
    assert sorted(clinic.log()) == ["service.help sms in_doubt (no_answer)", "service.help sms sent (evidence)"]


def test_a_find_waits_while_a_twin_is_on_its_way(clinic: Clinic) -> None:
    """What the provider has is the second one; its own call has not come back to say so."""
    told = Told(say=no_answer)
    known(clinic, told)
    clinic.replies("HELP", BOB.phone)
    clinic.tick()
    found = []

    def meanwhile(_: Outgoing) -> None:
        told.answer = lambda _: Found(("told-1",))
        found.append(sweep(clinic.house, clinic.providers, clinic.later(minutes=2).now).found)

    told.say = meanwhile
    clinic.replies("HELP", BOB.phone)
    clinic.tick()
    assert found == [0]
    assert clinic.log() == ["service.help sms in_doubt (no_answer)", "service.help sms sent (accepted)"]
    assert owners(clinic) == [None, "told-1"]


# --- who is asked, and how often


def many_lost(clinic: Clinic, number: int, told: Told) -> None:
    """So many welcomes go out, and each answer is lost; the provider is not paused for it."""
    clinic.carriers = only(told)
    told.say = no_answer
    for who in crowd(number):
        clinic.enquires(who)
    while len(clinic.rows(message, message.c.status == "in_doubt")) < number:
        clinic.tick()
        with clinic.store.begin() as conn:
            senders.forget(conn, told.name, clinic.now)
    told.say = all_well
    told.asked.clear()


def test_a_silent_provider_is_asked_once_in_a_sweep(clinic: Clinic) -> None:
    told = Told(answer=lambda _: Unknown("no answer"))
    many_lost(clinic, 4, told)
    clinic.later(minutes=3)
    sweep(clinic.house, clinic.providers, clinic.now)
    assert len(told.asked) == 1


def test_one_message_that_a_provider_never_answers_about_does_not_keep_it_from_the_others(clinic: Clinic) -> None:
    told = Told(taking=lambda _: True)
    many_lost(clinic, 4, told)
    first = clinic.rows(message)[0].ref
    told.answer = lambda sought: Unknown("no answer") if sought.message == first else None
    for _ in range(20):
        sweep(clinic.house, clinic.providers, clinic.later(seconds=90).now)
    assert [row.status for row in clinic.rows(message)] == ["in_doubt", "sent", "sent", "sent"]


def test_a_paused_provider_is_not_asked(clinic: Clinic) -> None:
    told = Told()
    many_lost(clinic, 2, told)
    clinic.later(minutes=3)
    with clinic.store.begin() as conn:
        senders.pause(conn, told.name, "wrong password", clinic.now)
    sweep(clinic.house, clinic.providers, clinic.now)
    assert told.asked == []


def test_a_sweep_asks_only_so_often_and_the_next_one_goes_on(clinic: Clinic) -> None:
    told = Told(taking=lambda _: True)
    many_lost(clinic, MOST + 3, told)
    clinic.later(minutes=3)
    assert [sweep(clinic.house, clinic.providers, clinic.now).found for _ in range(3)] == [MOST, 3, 0]


def test_the_provider_that_had_it_is_asked_not_the_one_preferred_today(clinic: Clinic) -> None:
    told, other = Told(taking=lambda _: True), Told("other")
    many_lost(clinic, 1, told)
    clinic.carriers = only(other, told)
    clinic.later(minutes=3).tick()
    assert (len(told.asked), other.asked) == (1, [])
    assert clinic.log() == ["guide.welcome sms sent (evidence)"]


def test_a_provider_that_the_settings_have_no_more_leaves_it_to_staff(clinic: Clinic) -> None:
    many_lost(clinic, 1, Told())
    clinic.carriers = only(Told("other"))
    clinic.turn(START + timedelta(hours=1))
    assert clinic.log() == ["guide.welcome sms in_doubt (no_answer)"]
    (asked,) = clinic.rows(task)
    assert "the provider told cannot be asked" in asked.words


def test_evidence_that_comes_after_staff_were_asked_answers_for_them(clinic: Clinic) -> None:
    told = Told()
    clinic.carriers = only(told)
    clinic.happens("letter", ANN, consents=[DESK], room="7")
    clinic.tick()
    told.say, told.taking, told.answer = no_answer, lambda _: True, lambda _: Absent()
    clinic.later(hours=1).tick()
    clinic.later(minutes=2).tick()
    assert clinic.tasks() == ["doubt"]
    told.answer = lambda _: None
    clinic.later(minutes=2).tick()
    assert clinic.log()[-1] == "letter.careful email sent (evidence)"
    assert clinic.tasks() == []
