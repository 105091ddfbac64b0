"""Campaign files: what they become, and how a mistake in one is told."""

from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.campaign import Again, Campaign, Cap, Choice, Late, Refused, Repeat, SendWindow
from engine.core.campaign_file import parse_campaign
from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Finding
from engine.core.timing import MIDNIGHT, Offset, ZonedWindow, week

BROKEN = Path(__file__).parent.parent / "golden" / "check"

TEMPLATES = frozenset(
    {(Channel.EMAIL, name) for name in ("welcome", "guide_link", "questions", "reminder")}
    | {(Channel.SMS, name) for name in ("guide_link", "reminder")}
)
CAPS = {
    Channel.EMAIL: (Cap(1, Offset(exact=timedelta(hours=24))), Cap(3, Offset(days=7))),
    Channel.SMS: (Cap(1, Offset(exact=timedelta(hours=24))), Cap(2, Offset(days=7))),
}
EVENTS = frozenset({"enquiry", "interest", "booking", "reschedule", "cancel", "arrived", "no_show", "treatment"})
EVENTS |= {"care_ended", "adverse_event", "not_interested"}

SMALL = """\
title   = "Therapy basics"
purpose = "marketing"
[enrol]
on = "enquiry"
[[step]]
key   = "welcome"
after = "0 minutes"
email = "welcome"
"""


def daytime(purpose: Purpose, channel: Channel) -> tuple[ZonedWindow, ...]:
    """The federal hours for texts and the like; email knows none."""
    if channel is Channel.EMAIL:
        return ()
    return (ZonedWindow("America/New_York", week(time(8), time(21)), "TCPA-QH-1"),)


def read(source: str | bytes, name: str = "therapy_basics") -> Campaign:
    return parse_campaign(
        source, name=name, file=f"campaigns/{name}.toml", templates=TEMPLATES, caps=CAPS, legal=daytime
    )


def findings(source: str | bytes, name: str = "therapy_basics", **known: object) -> list[str]:
    given = {"templates": TEMPLATES, "caps": CAPS, "legal": daytime, "events": EVENTS} | known
    with pytest.raises(Refused) as refused:
        parse_campaign(source, name=name, file=f"campaigns/{name}.toml", **given)  # type: ignore[arg-type]
    return [str(finding) for finding in refused.value.findings]


# --- what a sound file becomes ---


def test_a_whole_campaign_is_read() -> None:
    campaign = read(
        """
        title    = "Appointment"
        purpose  = "appointment"
        owner    = "front-desk@example.com"
        priority = 80
        [enrol]
        on     = "booking"
        if     = "not happened('treatment')"
        per    = "appointment"
        anchor = "event.starts_at"
        move   = ["reschedule"]
        [exit]
        on   = ["cancel", "arrived"]
        goal = "arrived"
        [send]
        days  = "mon-fri, sun"
        hours = "9:00-24:00"
        avoid = "US holidays"
        cap   = "5 per 7 days"
        [[step]]
        key    = "reminder"
        before = "1 day 2 hours"
        sms    = "reminder"
        else   = { email = "reminder", task = "Phone   them." }
        if     = "contact.state == 'MA'"
        doubt  = "hold"
        """
    )
    assert (campaign.name, campaign.title, campaign.purpose) == (
        "therapy_basics",
        "Appointment",
        Purpose.APPOINTMENT,
    )
    assert (campaign.owner, campaign.priority) == ("front-desk@example.com", 80)
    assert campaign.enrol.on == ("booking",)
    assert campaign.enrol.move == ("reschedule",)
    assert (campaign.enrol.per, campaign.enrol.anchor) == ("appointment", "event.starts_at")
    assert campaign.enrol.condition is not None
    assert campaign.enrol.condition.events == {"treatment"}
    assert campaign.exit.on == ("cancel", "arrived")
    assert campaign.exit.goal == "arrived"
    assert campaign.send.days == frozenset({0, 1, 2, 3, 4, 6})
    assert campaign.send.hours == (time(9), MIDNIGHT)
    assert (campaign.send.avoid, campaign.send.cap) == ("US holidays", Cap(5, Offset(days=7)))
    step = campaign.step("reminder")
    assert step is not None
    assert (step.kind, step.offset) == ("before", Offset(1, timedelta(hours=2)))
    assert step.choices == (
        Choice(Channel.SMS, "reminder"),
        Choice(Channel.EMAIL, "reminder"),
        Choice(None, "Phone them."),
    )
    assert step.condition is not None
    assert (step.condition.text, step.doubt, step.line) == ("contact.state == 'MA'", "hold", 20)
    assert campaign.step("unheard_of") is None


def test_what_is_not_said_has_its_default() -> None:
    campaign = read(SMALL)
    assert (campaign.owner, campaign.priority) == (None, 0)
    assert campaign.enrol.again == Again()
    assert (campaign.enrol.per, campaign.enrol.anchor, campaign.enrol.move) == (None, None, ())
    assert campaign.exit.on == ()
    assert campaign.send == SendWindow()


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        ('after = "2 days"', "skip after 3 days"),
        ("day = 3", "skip after 1 day"),
        ('day = 3\nrepeat = "mon for 2 weeks"', "skip after 1 day"),
        ('before = "1 day"', "skip once it has begun"),
        ('after_move = "5 minutes"', "skip once it has begun"),
        ('after = "2 days"\nlate = "send"', "send"),
        ('day = 3\nlate = "skip after 2 weeks"', "skip after 14 days"),
        ('after = "2 days"\nlate = "skip once it has begun"', "skip once it has begun"),
    ],
)
def test_every_kind_of_step_has_a_late_rule(timing: str, expected: str) -> None:
    text = SMALL.replace('after = "0 minutes"', timing).replace(
        'on = "enquiry"',
        'on = "booking"\nper = "appointment"\nanchor = "event.starts_at"\nmove = "reschedule"',
    )
    assert str(read(text).steps[0].late) == expected


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        ("never", Again()),
        ("always", Again(always=True)),
        ("after 180 days", Again(after=Offset(days=180))),
    ],
)
def test_again(again: str, expected: Again) -> None:
    assert read(SMALL.replace('"enquiry"', f'"enquiry"\nagain = "{again}"')).enrol.again == expected


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        ("mon, thu for 9 weeks", Repeat((0, 3), 9)),
        ("Mon every 2 weeks for 12 weeks", Repeat((0,), 12, 2)),
        ("sat-sun for 1 week", Repeat((5, 6), 1)),
    ],
)
def test_repeat(repeat: str, expected: Repeat) -> None:
    text = SMALL.replace('after = "0 minutes"', f'day = 21\nrepeat = "{repeat}"').replace("marketing", "care")
    assert read(text).steps[0].repeat == expected


def test_a_task_may_be_the_step_itself() -> None:
    task = read(SMALL.replace('email = "welcome"', 'task = "Phone and ask how they are."')).steps[0]
    assert task.choices == (Choice(None, "Phone and ask how they are."),)


def test_a_campaign_of_one_second_and_one_of_years_are_both_read() -> None:
    assert read(SMALL.replace("0 minutes", "3650 days")).steps[0].offset == Offset(days=3650)


# --- the text and its version ---


@pytest.mark.parametrize(
    "source",
    [
        SMALL.encode(),
        b"\xef\xbb\xbf" + SMALL.encode(),
        SMALL.replace("\n", "\r\n").encode(),
        "\ufeff" + SMALL,
    ],
    ids=["plain bytes", "byte-order mark", "Windows line ends", "mark in text"],
)
def test_the_same_words_are_the_same_version_however_they_are_saved(source: str | bytes) -> None:
    assert read(source) == read(SMALL)
    assert read(source).version == read(SMALL).version


def test_another_word_is_another_version() -> None:
    version = read(SMALL).version
    assert len(version) == 16
    assert read(SMALL.replace("Therapy", "therapy")).version != version


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            SMALL.replace("Therapy", "Th\u00e9rapie").encode("cp1252"),
            ":1:14  This letter is not saved as UTF-8.",
        ),
        (SMALL.encode("utf-16"), "  The file is saved as UTF-16 (“Unicode”)."),
        (b"", ":1:1  title: The campaign has no title."),
        (b"\x00\x01", ":1:1  This line is neither"),
    ],
    ids=["Windows-1252", "UTF-16", "empty", "no text at all"],
)
def test_a_file_saved_otherwise_is_refused(source: bytes, told: str) -> None:
    assert findings(source)[0].startswith(f"campaigns/therapy_basics.toml{told}")


def test_the_name_of_the_file_is_the_campaigns_own() -> None:
    told = "The file's name is the campaign's own: small letters, digits and _."
    remedy = "Rename the file, for example to therapy_basics.toml."
    assert findings(SMALL, "Therapy Basics") == [f"campaigns/Therapy Basics.toml  {told} {remedy}"]


# --- mistakes ---


@pytest.mark.parametrize("file", sorted(BROKEN.glob("*.toml")), ids=lambda file: file.stem)
def test_a_mistake_is_told_with_place_key_and_remedy(file: Path, golden: Callable[[str, str], None]) -> None:
    told = findings(file.read_bytes(), name=file.stem)
    if file.stem != "everything_at_once":
        assert len(told) == 1, told
    golden(f"check/{file.stem}.txt", "\n".join(told) + "\n")


def test_every_golden_message_has_its_file() -> None:
    assert {path.stem for path in BROKEN.glob("*.txt")} == {path.stem for path in BROKEN.glob("*.toml")}


def test_a_place_counts_letters_not_bytes() -> None:
    wrong = SMALL.replace('"Therapy basics"', '"Thérapie — ünïcode"  ').replace('"marketing"', '"mörketing"')
    assert findings(wrong)[0].startswith("campaigns/therapy_basics.toml:2:11  purpose: “mörketing” is no purpose.")
    in_condition = SMALL.replace('"enquiry"', "\"enquiry\"\nif = \"contact.state == 'é' and clicked('x')\"")
    assert findings(in_condition)[0].startswith("campaigns/therapy_basics.toml:5:32  enrol.if: `clicked(...)`")


def test_a_condition_over_several_lines_is_told_in_its_own_line() -> None:
    text = SMALL.replace('"enquiry"', '"enquiry"\nif = """\nhappened(\'booking\')\n  and contact.booked"""')
    assert findings(text)[0].startswith("campaigns/therapy_basics.toml:7:7  enrol.if: A contact has no “booked”.")


def test_templates_caps_law_and_words_are_checked_only_where_they_are_given() -> None:
    text = SMALL.replace('email = "welcome"', 'sms = "anything"').replace("enquiry", "anything_at_all")
    assert parse_campaign(text, name="x", file="x.toml").enrol.on == ("anything_at_all",)


def test_what_stands_in_an_unreadable_line_is_not_called_missing() -> None:
    told = findings(SMALL.replace('title   = "Therapy basics"', "title   = Therapy basics"))
    assert len(told) == 1
    assert "quotes" in told[0]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("title   =", "titel   ="),
        ("title   =", "name    ="),
        ("purpose =", "porpoise ="),
        ("[enrol]", "[enroll]"),
        ("on = ", "onn = "),
        ("[[step]]", "[[steps]]"),
        ("key   =", "kee   ="),
        ('after = "0 minutes"', 'befor = "0 minutes"'),
        ('after = "0 minutes"', 'delay = "0 minutes"'),
        ("email =", "e_mail ="),
        ("email =", "smss ="),
    ],
)
def test_what_is_only_misspelt_is_not_called_missing_too(right: str, wrong: str) -> None:
    assert right in SMALL
    (told,) = findings(SMALL.replace(right, wrong, 1))
    assert "is not known here." in told


def test_what_is_missing_beside_a_misspelt_key_is_still_said() -> None:
    told = findings(SMALL.replace("title   =", "owwner   ="))
    assert [line.split("  ")[1].split(":")[0] for line in told] == ["owwner", "title"]


def test_findings_come_in_the_order_of_the_file() -> None:
    text = SMALL.replace('"marketing"', '"x"').replace('"0 minutes"', '"x"').replace('"welcome"\n', '"X"\n', 1)
    lines = [int(told.split(":")[1]) for told in findings(text)]
    assert lines == sorted(lines)
    assert len(lines) == 3


CHANGES = [
    *(
        "5",
        "-1",
        "true",
        '"x"',
        '""',
        "[]",
        '["a", 1]',
        "{}",
        "{ email = 5 }",
        "10:00:00",
        "2026-01-01",
        "1.5",
    ),
    *('"""', "'''", "[", "{", "“x”", "[{ a = 1 }]", "[[1]]", "inf", "99999999999999999999", '"\\u00e9"'),
]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_is_done_to_a_file_it_is_read_or_refused_with_a_place_in_it(data: st.DataObject) -> None:
    lines = (BROKEN / "everything_at_once.toml").read_text(encoding="utf-8").split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        key = lines[number].split("=")[0]
        change = st.sampled_from([f"{key}= {value}" for value in CHANGES])
        lines[number : number + 1] = data.draw(st.sampled_from(lines) | change | st.text()).split("\n")
    told: tuple[Finding, ...] | None = None
    try:
        parse_campaign("\n".join(lines), name="x", file="x.toml", templates=TEMPLATES, caps=CAPS, legal=daytime)
    except Refused as refused:
        told = refused.findings
    assert told is None or told
    for finding in told or ():
        assert finding.problem
        assert finding.remedy
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1


# --- caps, by nominal days ---


def steps(*lines: str) -> str:
    """A marketing campaign of these steps, each "after = ... | email", and so on."""
    text = SMALL.split("[[step]]")[0]
    for number, line in enumerate(lines):
        text += f'[[step]]\nkey = "step_{number}"\n' + line.replace(" | ", "\n") + "\n"
    return text


EMAIL, SMS = 'email = "welcome"', 'sms = "reminder"'


@pytest.mark.parametrize(
    "lines",
    [
        (f'after = "10 minutes" | {EMAIL}', f'after = "1 day" | {EMAIL}'),
        (f'after = "0 days" | {EMAIL}', f'after = "0 days" | {SMS}'),
        (f"day = 0 | {EMAIL}", f"day = 2 | {EMAIL}", f"day = 5 | {EMAIL}", f"day = 7 | {EMAIL}"),
        (
            f"day = 3 | {EMAIL} | if = \"contact.state == 'MA'\"",
            f"day = 3 | {EMAIL} | if = \"contact.state != 'MA'\"",
        ),
        ('day = 3 | task = "Phone."', 'day = 3 | task = "Write."', f"day = 3 | {EMAIL}"),
        (f'day = 0 | repeat = "mon for 20 weeks" | {SMS}',),
    ],
    ids=[
        "a day apart",
        "two channels",
        "four in eight days",
        "either of two conditions",
        "tasks",
        "once a week",
    ],
)
def test_a_plan_within_the_caps_passes(lines: tuple[str, ...]) -> None:
    assert len(read(steps(*lines)).steps) == len(lines)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            (f'after = "1 day" | {EMAIL}', f'after = "5 hours" | {EMAIL}'),
            "“step_0” and “step_1” are emails within a day; the cap is 1 per 24 hours.",
        ),
        (
            (f'day = 3 | at = "09:00" | {EMAIL}', f'after = "3 days" | {EMAIL}'),
            "“step_0” and “step_1” are emails within a day; the cap is 1 per 24 hours.",
        ),
        (
            (f"day = 0 | {EMAIL}", f"day = 2 | {EMAIL}", f"day = 4 | {EMAIL}", f"day = 6 | {EMAIL}"),
            "“step_0” to “step_3” are 4 emails on days 0 to 6; the cap is 3 per 7 days.",
        ),
        (
            (f'day = 3 | sms = "reminder" | else = {{ {EMAIL} }}', f"day = 3 | {EMAIL}"),
            "“step_0” and “step_1” are emails within a day; the cap is 1 per 24 hours.",
        ),
        (
            (f"day = 3 | {EMAIL} | if = \"contact.state == 'MA'\"", f"day = 3 | {EMAIL}"),
            "“step_0” and “step_1” are emails within a day; the cap is 1 per 24 hours.",
        ),
        (
            (f'day = 0 | repeat = "mon, wed, fri for 2 weeks" | {SMS}',),
            "“step_0” repeats more often than the cap allows, 2 per 7 days.",
        ),
    ],
    ids=[
        "hours apart",
        "chain meets anchor",
        "four in a week",
        "by the fallback",
        "with a condition",
        "a repeat",
    ],
)
def test_a_plan_that_breaks_a_cap_is_refused(lines: tuple[str, ...], told: str) -> None:
    found = findings(steps(*lines))
    assert len(found) == 1
    assert told in found[0]


def test_only_marketing_has_the_clinics_caps() -> None:
    text = steps(f"day = 3 | {EMAIL}", f"day = 3 | {EMAIL}").replace("marketing", "care")
    assert read(text).purpose is Purpose.CARE


def test_days_from_the_start_and_to_an_appointment_are_not_added_up() -> None:
    text = steps(f'after = "0 minutes" | {EMAIL}', f'before = "24 hours" | {EMAIL}', f"day = 0 | {EMAIL}").replace(
        'on = "enquiry"', 'on = "booking"\nper = "appointment"\nanchor = "event.starts_at"'
    )
    assert len(read(text).steps) == 3


# --- hours ---


@pytest.mark.parametrize(
    ("send", "told"),
    [
        ('hours = "21:00-23:00"', "No text could ever go: the law allows marketing texts 08:00-21:00."),
        ('hours = "06:00-08:00"', "No text could ever go"),
        ('hours = "06:00-08:01"', None),
        ('hours = "20:59-24:00"', None),
    ],
)
def test_a_window_that_never_opens_is_refused(send: str, told: str | None) -> None:
    text = steps(f'after = "1 day" | {SMS}').replace("[[step]]", f"[send]\n{send}\n[[step]]")
    if told is None:
        assert read(text).send.hours is not None
    else:
        assert told in findings(text)[0]


def test_a_law_that_leaves_no_day_is_told_at_the_days() -> None:
    def no_sundays(purpose: Purpose, channel: Channel) -> tuple[ZonedWindow, ...]:
        return (ZonedWindow("America/New_York", week(time(8), time(20), range(6)), "FL-1"),)

    text = SMALL.replace("[[step]]", '[send]\ndays = "sun"\n[[step]]')
    told = "No email could ever go: the law allows marketing emails 08:00-20:00 on mon, tue, wed, thu, fri, sat."
    found = findings(text, legal=no_sundays)
    assert len(found) == 1
    assert found[0].startswith(f"campaigns/therapy_basics.toml:6:8  send.days: {told}")


def test_late_says_itself() -> None:
    assert [str(late) for late in (Late(), Late(Offset(days=1)), Late(begun=True))] == [
        "send",
        "skip after 1 day",
        "skip once it has begun",
    ]
