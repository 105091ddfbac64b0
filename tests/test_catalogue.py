"""The catalogue: what is sound is read and compiled, what is broken is set aside and says why."""

import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from engine.catalogue import Catalogue, catalogue, read_version
from engine.config import load_settings
from engine.core.contact import Channel
from engine.core.render import EmailTemplate, SmsTemplate
from tests.conftest import ROOT

HELLO = """
title   = "Hello"
purpose = "marketing"
[enrol]
on = "enquiry"
[[step]]
key   = "hello"
after = "10 minutes"
email = "hello"
"""
HELLO_EMAIL = "---\nsubject: Hello\npreheader: From us\n---\nDear {{ contact.first_name or 'you' }},\n"


class Project:
    """A project folder with the shipped settings and layout, and one small campaign."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "settings.toml", folder)
        shutil.copytree(ROOT / "templates/_layout", folder / "templates/_layout")
        self.write("campaigns/hello.toml", HELLO)
        self.write("templates/hello/hello.email.md", HELLO_EMAIL)

    def write(self, name: str, text: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self) -> Catalogue:
        return catalogue(self.folder, load_settings(self.folder))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return catalogue(ROOT, load_settings(ROOT))


def test_everything_shipped_is_sound(shipped: Catalogue) -> None:
    assert shipped.findings == ()
    assert set(shipped.campaigns) == {path.stem for path in (ROOT / "campaigns").glob("*.toml")}
    assert len(shipped.campaigns) >= 5


def test_every_shipped_step_has_its_words(shipped: Catalogue) -> None:
    for campaign in shipped.campaigns.values():
        for step in campaign.steps:
            for choice in step.choices:
                if choice.channel is not None:
                    assert shipped.template(campaign.name, choice.template, choice.channel, "en"), step.key


def test_every_shipped_template_is_used(shipped: Catalogue) -> None:
    used = {
        (campaign.name, choice.template, choice.channel)
        for campaign in shipped.campaigns.values()
        for step in campaign.steps
        for choice in step.choices
    }
    unused = {key[:3] for key in shipped.templates if key[0] != "service"} - used
    assert unused == set()


def test_the_answers_to_stop_start_and_help_are_there(shipped: Catalogue) -> None:
    for word in ("stop", "start", "help"):
        assert isinstance(shipped.template("service", word, Channel.SMS, "en"), SmsTemplate)


def test_a_campaign_and_its_words_are_read(project: Project) -> None:
    read = project.read()
    assert list(read.campaigns) == ["hello"]
    email = read.template("hello", "hello", Channel.EMAIL, "en")
    assert isinstance(email, EmailTemplate)
    assert email.file == "templates/hello/hello.email.md"
    assert read.findings == ()


def test_no_other_language_stands_in_for_a_missing_one(project: Project) -> None:
    project.write("templates/hello/hello.es.email.md", HELLO_EMAIL.replace("Hello", "Hola"))
    read = project.read()
    spanish = read.template("hello", "hello", Channel.EMAIL, "es")
    assert spanish is not None
    assert spanish.language == "es"
    assert read.template("hello", "hello", Channel.EMAIL, "fr") is None


def test_a_broken_campaign_leaves_the_others_working(project: Project) -> None:
    project.write("campaigns/worse.toml", HELLO.replace("10 minutes", "soon").replace("enquiry", "enquirry"))
    read = project.read()
    assert list(read.campaigns) == ["hello"]
    assert [(f.file, f.line) for f in read.broken["worse"]][:2] == [
        ("campaigns/worse.toml", 5),
        ("campaigns/worse.toml", 8),
    ]
    assert '"enquiry"' in read.broken["worse"][0].remedy


def test_a_broken_template_leaves_its_campaign_working(project: Project) -> None:
    project.write("templates/hello/hello.email.md", HELLO_EMAIL.replace("first_name", "frist_name"))
    read = project.read()
    assert list(read.campaigns) == ["hello"]
    assert read.template("hello", "hello", Channel.EMAIL, "en") is None
    (finding,) = read.findings
    assert finding.file == "templates/hello/hello.email.md"
    assert finding.line == 5


def test_a_step_without_words_is_the_campaigns_mistake(project: Project) -> None:
    (project.folder / "templates/hello/hello.email.md").unlink()
    (finding,) = project.read().broken["hello"]
    assert "hello.email.md" in str(finding)


def test_a_broken_layout_is_told_once(project: Project) -> None:
    project.write("templates/hello/another.email.md", HELLO_EMAIL)
    project.write("templates/_layout/email.html", "<html><body>{{ bodi }}</body></html>")
    read = project.read()
    assert {finding.file for finding in read.findings} == {"templates/_layout/email.html"}
    assert len(read.findings) == len(set(read.findings))
    assert read.templates == {}


def test_the_layout_speaks_the_language_of_the_email(project: Project) -> None:
    project.write("templates/hello/hello.es.email.md", HELLO_EMAIL)
    said = {"en": "You get this email because", "es": "Recibe este correo porque"}
    for language, words in said.items():
        email = project.read().template("hello", "hello", Channel.EMAIL, language)
        assert isinstance(email, EmailTemplate)
        context = defaultdict(dict, purpose="service", contact={"first_name": "Ann"}, clinic=defaultdict(str))
        both = email.render(context)
        assert words in both.html
        assert words in both.text


def test_a_language_without_words_for_the_layout_has_no_emails(project: Project) -> None:
    project.write("templates/hello/hello.fr.email.md", HELLO_EMAIL)
    read = project.read()
    assert read.template("hello", "hello", Channel.EMAIL, "fr") is None
    assert [f.file for f in read.findings] == [
        "templates/_layout/footer.fr.html",
        "templates/_layout/footer.fr.text.txt",
    ]


def test_a_missing_layout_is_told(project: Project) -> None:
    shutil.rmtree(project.folder / "templates/_layout")
    assert [f.file for f in project.read().findings] == [
        "templates/_layout/email.html",
        "templates/_layout/email.text.txt",
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("templates/hello/Hello there.email.md", HELLO_EMAIL, "not how a template's file is named"),
        ("templates/hello/hello.email.txt", HELLO_EMAIL, "not how a template's file is named"),
        ("templates/hello/hello.en.email.md", HELLO_EMAIL, "two files"),
        ("templates/hello/more.sms.txt", "h\xe9llo".encode("latin-1"), "UTF-8"),
        ("campaigns/latin.toml", 'title = "h\xe9llo"'.encode("latin-1"), "UTF-8"),
        ("campaigns/service.toml", HELLO, "another name"),
        ("campaigns/Big Plan.toml", HELLO, "big_plan.toml"),
    ],
    ids=[
        "spaces",
        "wrong ending",
        "twice",
        "a text in latin-1",
        "a campaign in latin-1",
        "reserved",
        "capitals",
    ],
)
def test_a_file_that_cannot_be_used_is_named(project: Project, name: str, content: str | bytes, words: str) -> None:
    project.write(name, content)
    read = project.read()
    assert any(finding.file == name and words in str(finding) for finding in read.findings)
    assert list(read.campaigns) == ["hello"]


@pytest.mark.parametrize("name", ["hello.email.md~", ".DS_Store", ".hello.email.md.swp", "hello.email.md.bak"])
def test_what_editors_leave_behind_is_passed_over(project: Project, name: str) -> None:
    project.write(f"templates/hello/{name}", b"\x00\xff")
    assert project.read().findings == ()


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("Hello again.email.md", "Rename it, for example to hello_again.email.md:"),
        ("hello-again.sms.txt", "Rename it, for example to hello_again.sms.txt:"),
        ("hello.email.txt", "Rename it, for example to hello.email.md:"),
        ("Señora.ES.email.md", "Rename it, for example to senora.es.email.md:"),
        ("2 days.email.md", "Rename it, for example to message_2_days.email.md:"),
        ("day_2.sms", "Rename it, for example to day_2.sms.txt:"),
        ("day_2.text.txt", "Rename it, for example to day_2.sms.txt:"),
        ("day_2", "Rename it, for example to day_2.email.md (day_2.sms.txt if it is the other kind):"),
        ("day_2.md", "Rename it, for example to day_2.email.md (day_2.sms.txt if it is the other kind):"),
        ("day_2.txt", "Rename it, for example to day_2.sms.txt (day_2.email.md if it is the other kind):"),
        ("Day 2.docx", "Save its words as plain text, for example as day_2.email.md, or day_2.sms.txt"),
        ("日.email.md", "Rename it, for example to message.email.md:"),
    ],
)
def test_for_a_wrong_name_a_right_one_is_proposed(project: Project, name: str, proposed: str) -> None:
    project.write(f"templates/hello/{name}", HELLO_EMAIL)
    (finding,) = project.read().findings
    assert finding.file == f"templates/hello/{name}"
    assert finding.remedy.startswith(proposed)


def test_of_two_files_of_the_same_words_both_are_named(project: Project) -> None:
    project.write("templates/hello/hello.en.email.md", HELLO_EMAIL)
    (finding,) = project.read().findings
    assert (finding.file, "this and hello.email.md" in finding.problem) == ("templates/hello/hello.en.email.md", True)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["bare", "with a mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=ascii)
def test_the_first_letter_that_is_no_utf_8_is_placed(project: Project, mark: bytes, end: str) -> None:
    words = mark + f"Añade{end}Di a la ".encode() + "señora: ¿qué?".encode("latin-1")
    project.write("templates/hello/more.sms.txt", words)
    (finding,) = project.read().findings
    assert (finding.line, finding.column, finding.problem) == (2, 11, "This letter is not saved as UTF-8.")


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_called_by_its_name(project: Project, mark: str) -> None:
    project.write("templates/hello/more.sms.txt", f"\ufeff{HELLO_EMAIL}".encode(mark))
    (finding,) = project.read().findings
    assert (finding.line, finding.problem) == (0, "The file is saved as UTF-16 (“Unicode”).")
    assert finding.remedy.startswith("Save it as UTF-8")


def test_a_project_without_campaigns_is_empty(project: Project) -> None:
    shutil.rmtree(project.folder / "campaigns")
    assert project.read().campaigns == {}


def test_an_older_version_is_read_without_asking_for_todays_files() -> None:
    campaign = read_version("hello", HELLO)
    assert campaign is not None
    assert campaign.steps[0].key == "hello"
    assert read_version("hello", "title = ") is None


VISIT = """
title   = "Visit"
purpose = "appointment"
[enrol]
on   = "booking"
per  = "appointment"
anchor = "event.starts_at"
move = "reschedule"
[[step]]
key   = "hello"
after = "10 minutes"
email = "hello"
"""


def test_a_typing_error_makes_no_patient_an_enquirer(project: Project) -> None:
    project.write("templates/visit/hello.email.md", HELLO_EMAIL)
    project.write("campaigns/visit.toml", VISIT)
    assert project.read().patient_kinds == {"booking", "reschedule"}
    project.write("campaigns/visit.toml", VISIT.replace('on   = "booking"', 'on = ["booking", "enquiry"]\nof = 1'))
    broken = project.read()
    assert "visit" in broken.broken
    assert broken.patient_kinds == {"booking", "reschedule"}  # an enquiry begins marketing


def test_a_broken_marketing_campaign_makes_no_enquirer_a_patient(project: Project) -> None:
    project.write("campaigns/hello.toml", HELLO.replace("title", "titel"))
    assert "hello" in project.read().broken
    assert project.read().patient_kinds == frozenset()


@pytest.mark.parametrize(
    ("ending", "kinds"),
    [
        ('on = ["cancel", "arrived"]\ngoal = "arrived"', {"booking", "reschedule", "cancel", "arrived"}),
        ('on = ["cancel", "not_interested"]', {"booking", "reschedule", "cancel"}),  # marketing leaves by it
        ('on = ["cancel", "enquiry"]\ngoal = "enquiry"', {"booking", "reschedule", "cancel"}),  # marketing begins by it
    ],
    ids=["its own", "marketing leaves by it", "marketing begins by it"],
)
def test_what_ends_a_campaign_of_patients_tells_of_them_though_its_file_is_broken(
    project: Project, ending: str, kinds: set[str]
) -> None:
    project.write("campaigns/hello.toml", HELLO + '[exit]\non = "not_interested"\n')
    project.write("templates/visit/hello.email.md", HELLO_EMAIL)
    visit = VISIT.replace("[[step]]", f"[exit]\n{ending}\n[[step]]")
    project.write("campaigns/visit.toml", visit)
    sound = project.read()
    assert not sound.broken
    project.write("campaigns/visit.toml", visit.replace("title", "titel"))
    broken = project.read()
    assert "visit" in broken.broken
    assert sound.patient_kinds == broken.patient_kinds == kinds
