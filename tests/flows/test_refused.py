"""Words that the content gate refuses: held, told once a campaign, let go once they are mended."""

from datetime import timedelta
from pathlib import Path

from engine.intake import Who
from engine.store import schema
from tests.people import ANN, BOB, DAN, DESK, WEB, Clinic

CLAIM = "\nOur treatment cures arthritis.\n"


def words(clinic: Clinic, name: str) -> Path:
    return clinic.folder / "templates" / name


def letter(clinic: Clinic, who: Who = DAN, room: str = "7") -> None:
    clinic.happens("letter", who, consents=[DESK], room=room)
    clinic.tick()


def test_a_template_that_breaks_a_rule_sends_nothing_until_it_is_mended(clinic: Clinic) -> None:
    file = words(clinic, "letter/letter.email.md")
    sound = file.read_text(encoding="utf-8")
    file.write_text(sound + CLAIM, encoding="utf-8")
    for number in range(3):
        letter(clinic, Who(first_name="D", last_name=f"{number}", email=f"d{number}@example.com", state="MA"))
    assert clinic.log() == ["letter.letter email held (content)"] * 3
    assert clinic.tasks() == ["content"]
    assert all("templates/letter/letter.email.md" in m.facts["problem"] for m in clinic.rows(schema.message))
    # It is not tried again every hour while nothing has changed.
    clinic.turn(clinic.now + timedelta(hours=5))
    assert clinic.tick().swept.released == 0

    file.write_text(sound, encoding="utf-8")
    clinic.restart()
    clinic.turn(clinic.now + timedelta(hours=2))
    letters = [line for line in clinic.log() if line.startswith("letter.letter")]
    assert letters == ["letter.letter email sent (accepted)"] * 3
    assert clinic.tasks() == []


def test_what_a_person_typed_holds_their_message_only_and_is_never_repeated(clinic: Clinic) -> None:
    letter(clinic, room="the knee pain and arthritis room, guaranteed cure")
    letter(clinic, ANN)
    assert clinic.log() == ["letter.letter email held (content)", "letter.letter email sent (accepted)"]
    (task,) = (row for row in clinic.rows(schema.task) if row.closed_at is None)
    assert "letter" in task.words
    assert not {"knee", "arthritis", "cure"} & set(task.words.lower().split())


def test_a_name_that_is_a_word_of_a_rule_does_not_hold_a_message(clinic: Clinic) -> None:
    clinic.happens("enquiry", Who(first_name="Dolores", phone=BOB.phone, state="MA"), consents=[WEB])
    clinic.tick()
    assert clinic.log() == ["guide.welcome sms sent (accepted)"]


def test_the_task_of_a_held_message_that_nobody_needs_any_more_is_closed(clinic: Clinic) -> None:
    clinic.happens("letter", DAN, consents=[DESK])  # without its room
    clinic.tick()
    assert clinic.tasks() == ["held"]
    clinic.turn(clinic.now + timedelta(days=40))
    assert "held" not in "".join(clinic.log())
    assert clinic.tasks() == []


def test_people_on_an_older_version_are_written_to_by_the_rules_of_its_purpose(clinic: Clinic) -> None:
    """A care campaign that is made a marketing one does not let its patients be sent offers as care."""
    letter(clinic)
    campaign = clinic.folder / "campaigns/letter.toml"
    offer = words(clinic, "letter/careful.email.md")
    offer.write_text(offer.read_text(encoding="utf-8") + "\nCome now and get 50% off.\n", encoding="utf-8")
    text = campaign.read_text(encoding="utf-8").replace('"care"', '"marketing"', 1).replace("1 hour", "2 days")
    campaign.write_text(text, encoding="utf-8")
    clinic.restart()
    clinic.turn(clinic.now + timedelta(days=3))
    assert "letter.careful email held (content)" in clinic.log()
