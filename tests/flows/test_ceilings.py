"""What no provider may carry: held, told once to ops, let go when somebody may."""

from datetime import timedelta

from engine.core.contact import Channel
from engine.core.phi import PhiLevel
from engine.intake import Who
from engine.providers import Outcome, Outgoing
from engine.providers.mailbox import MailboxProvider
from tests.flows.told import Told, only
from tests.people import DAN, DESK, Clinic

EMAIL = frozenset({Channel.EMAIL})
LOW = Told("low", EMAIL, ceiling=PhiLevel.GENERIC)


def letter(clinic: Clinic, who: Who) -> None:
    """An email about an appointment: PATIENT, whoever gets it."""
    clinic.happens("letter", who, consents=[DESK], room="7")
    clinic.tick()


def test_ops_are_told_once_of_a_missing_provider_however_long_it_is_missing(clinic: Clinic) -> None:
    clinic.carriers = only(LOW)
    for day in range(5):
        letter(clinic, Who(first_name="D", last_name=f"{day}", email=f"d{day}@example.com", state="MA"))
        clinic.later(days=1)
    assert clinic.log() == ["letter.letter email held (phi_provider)"] * 5
    assert clinic.tasks() == ["provider"]


def test_what_was_held_goes_and_the_task_is_closed_when_a_provider_may_carry_it(clinic: Clinic) -> None:
    clinic.carriers = only(LOW)
    letter(clinic, DAN)
    clinic.carriers = only(LOW, Told("high", EMAIL))
    clinic.turn(clinic.now + timedelta(hours=2))
    assert clinic.log()[0] == "letter.letter email sent (accepted)"
    assert clinic.message("letter").provider == "high"
    assert clinic.tasks() == []


def test_a_message_that_only_this_address_keeps_back_is_a_task_about_that_person(clinic: Clinic) -> None:
    """As a patient's text to a number abroad (INT-2): the clinic can call, and no provider is missing."""

    class Picky(MailboxProvider):
        def carries(self, level: PhiLevel, to: str) -> bool:
            return level is PhiLevel.GENERIC or not to.startswith("dan")

        def send(self, out: Outgoing, now: object) -> Outcome:
            raise AssertionError("it may not carry this")

    clinic.carriers = only(Picky(clinic.folder / "mailbox"))  # type: ignore[arg-type]
    letter(clinic, DAN)
    assert clinic.log() == ["letter.letter email held (phi_provider)"]
    assert clinic.tasks() == ["held"]
    assert clinic.message("letter").rule == "INT-2"
