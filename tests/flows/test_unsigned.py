"""Words that not every role has signed: held, told once a campaign, let go by themselves once they are signed."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.core.signoff import Signature
from engine.intake import Who
from engine.store import open_store, signoffs
from tests.people import ANN, DAN, DESK, Clinic

ROLES = ("marketing", "clinician")


@pytest.fixture
def asking(clinic: Clinic) -> Clinic:
    """The test clinic without its leave to rehearse unsigned words."""
    settings = clinic.folder / "settings.toml"
    settings.write_text(settings.read_text().replace("demo = true", "demo = false"))
    return clinic


def sign(clinic: Clinic, *roles: str, withdrawn: bool = False) -> None:
    """Another process writes that these roles have signed everything as it stands."""
    elsewhere = open_store(clinic.url)
    with elsewhere.begin() as conn:
        signoffs.write(conn, [
            Signature(which, words, role, "Dr. Maria Ortiz", clinic.now.date(), clinic.now, "test", withdrawn)
            for which, words in clinic.house.words().items() for role in roles
        ])  # fmt: skip
    elsewhere.engine.dispose()


def letter(clinic: Clinic, who: Who = DAN) -> None:
    clinic.happens("letter", who, consents=[DESK], room="7")
    clinic.tick()


def test_words_go_when_every_role_has_signed_them_and_not_before(asking: Clinic) -> None:
    letter(asking)
    assert asking.log() == ["letter.letter email held (unsigned)"]
    assert "is not signed by marketing and clinician" in asking.message("letter").facts["problem"]
    sign(asking, "marketing")
    asking.tick()
    assert asking.log() == ["letter.letter email held (unsigned)"]
    sign(asking, "clinician")
    asking.tick()
    assert asking.log() == ["letter.letter email sent (accepted)"]


def test_staff_are_told_once_a_campaign_until_it_is_signed(asking: Clinic) -> None:
    for number in range(3):
        letter(asking, Who(first_name="D", last_name=f"{number}", email=f"d{number}@example.com", state="MA"))
        asking.later(hours=2)
        asking.tick()
    assert asking.tasks() == ["unsigned"]
    sign(asking, *ROLES)
    asking.tick()
    assert asking.tasks() == []
    assert asking.log() == ["letter.letter email sent (accepted)"] * 3


def test_a_withdrawal_by_another_process_counts_from_the_next_look_on(asking: Clinic) -> None:
    sign(asking, *ROLES)
    letter(asking)
    sign(asking, "clinician", withdrawn=True)
    letter(asking, ANN)
    assert asking.log() == ["letter.letter email sent (accepted)", "letter.letter email held (unsigned)"]


def test_words_that_change_while_they_are_signed_wait_for_their_own_signature(asking: Clinic) -> None:
    letter(asking)
    words = Path(asking.folder, "templates", "letter", "letter.email.md")
    sign(asking, *ROLES)
    words.write_text(words.read_text() + "\nOne more line.\n")
    asking.restart()
    asking.turn(asking.now + timedelta(hours=3))
    assert asking.log() == ["letter.letter email held (unsigned)"]
    sign(asking, *ROLES)
    asking.tick()
    assert asking.log() == ["letter.letter email sent (accepted)"]


def test_what_waits_for_a_signature_costs_no_look(asking: Clinic) -> None:
    letter(asking)
    before = asking.message("letter").looked_at
    asking.turn(asking.now + timedelta(days=2))
    assert asking.message("letter").looked_at == before
