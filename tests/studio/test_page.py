"""The page of `nurture preview --html`: what stands on it, and that it is harmless. No browser is needed."""

import base64
import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from engine.core.findings import Finding, Severity
from engine.core.links import Forged
from engine.studio.page import page
from engine.studio.page.mail import by_day, by_night, row_words
from engine.studio.page.seeing import dollars
from tests.studio.conftest import FRIDAY


class Read(HTMLParser):
    """A page as a browser takes it apart: its elements, and its words without the markup."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.said: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()
        self.words = " ".join("".join(self.said).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.said.append(" ")

    def handle_data(self, data):
        into = {"script": self.scripts, "style": []}.get(self.cdata_elem or "", self.said)
        into.append(data)

    def all(self, tag, name):
        return [attrs[name] for element, attrs in self.elements if element == tag and name in attrs]


def sent(told, kind):
    return [one.words for one in told.shown if one.words is not None and hasattr(one.words, kind)]


def test_an_email_is_shown_by_day_and_by_night_on_a_phone_and_a_desktop(preview):
    made = preview(languages=("en",))
    (email,) = [words for words in sent(made.told[0], "html") if words.html]
    light, dark = by_day(email.html), by_night(email.html)
    assert light != dark
    assert Read(made.html).all("iframe", "srcdoc") == [light, dark, light, dark]
    assert Read(made.html).all("iframe", "title") == [
        f"Tea & talk (English, {device}, {scheme})" for device in ("phone", "desk") for scheme in ("light", "dark")
    ]


def test_the_mailbox_row_and_the_plain_part_of_an_email_are_shown(preview):
    words = Read(preview(languages=("en",)).html).words
    assert "Tea & talk Two short answers Phone, light" in words
    assert "Dear Ann, Choose (https://go.harborclinic.example/" in words


def test_a_text_is_shown_with_its_segments_alphabet_and_cost(preview):
    read = Read(preview(languages=("en", "es")).html)
    assert "1 segment · GSM-7 · 114 characters · $0.0113" in read.words
    assert "2 segments · UCS-2 · 72 characters · $0.0226" in read.words
    assert "These characters make every segment shorter: á (latin small letter a with acute)" in read.words


def test_all_of_it_is_added_up_for_each_language(preview):
    words = Read(preview().html).words
    english, spanish = re.findall(r"Emails \d.*?for texts\.", words)
    assert english == (
        "Emails 1 Texts 1 Segments 1 Cost of texts $0.0113 Held 1 Tasks 1 Left out 1"
        " For 1,000 people like this one: $11.30 for texts."
    )
    assert spanish.startswith("Emails 1 Texts 2 Segments 4 Cost of texts $0.0452 Held 1 Tasks 1 For 1,000")


def test_without_a_price_it_says_where_to_write_one(preview, project):
    settings = project / "settings.toml"
    settings.write_text(settings.read_text().replace("price_per_segment = 0.0113", ""))
    words = Read(preview(languages=("en",)).html).words
    assert "Cost of texts not known" in words
    assert "What a segment costs: price_per_segment under [sms] in settings.toml." in words
    assert "$" not in words


def test_what_waits_is_left_out_or_held_says_why(preview):
    words = Read(preview(languages=("en",)).html).words
    assert "It waited: The law's quiet hours were on in a place where this person may be." in words
    assert "Left out: The step's own condition (`if`) was not met." in words
    assert "It would be held: " in words and "event.form" in words
    assert "A task for staff: Phone <i>them</i> & ask." in words


def test_the_timeline_leads_to_every_message(preview):
    read = Read(preview().html)
    led = [href.removeprefix("#") for href in read.all("a", "href")]
    assert led == read.all("article", "id") != []
    assert "Day 0 Friday, November 20, 10:00 AM email hello Tea & talk" in read.words


def test_both_languages_stand_beside_each_other(preview):
    read = Read(preview().html)
    assert read.words.index("Tea & talk Two short") < read.words.index("Té y charla Dos respuestas")
    assert {"lang": "es", "class": "row"} in [attrs for _, attrs in read.elements]
    assert read.all("input", "id")[:3] == ["language-all", "language-en", "language-es"]
    assert "sábado, 21 de noviembre" in read.words


def test_with_one_language_nothing_asks_for_one(preview):
    assert Read(preview(languages=("es",)).html).all("input", "name") == ["width", "width"]


def test_what_one_language_lacks_is_said(preview):
    made = preview()
    fewer = made.told[0].shown[1:]
    told = [replace(made.told[0], shown=fewer), made.told[1]]
    html = page(made.house, made.house.catalogue.campaigns["tea"], told)
    assert "Not in English." in Read(html).words


def test_findings_stand_with_the_message_whose_words_they_are_of(preview):
    found = Finding(
        "templates/tea/late_word.sms.txt", 1, 20, "", "“<b>cure</b>” promises.", "Say less.",
        rule="CL-01", phrase="cure", why="Nobody can know.",
    )  # fmt: skip
    mind = Finding("templates/tea/hello.es.email.md", 5, 1, "", "Long.", "Cut.", severity=Severity.WARNING)
    other = Finding("templates/other/hello.email.md", 5, 1, "", "Nothing to do with it.", "No.")
    words = Read(preview(findings=(found, mind, other)).html).words
    assert (
        "To be mended: “<b>cure</b>” promises. Nobody can know. Say less."
        " templates/tea/late_word.sms.txt:1 · CL-01 On a locked phone" in words
    )
    assert "Read it once more: Long. Cut. templates/tea/hello.es.email.md:5" in words
    assert "Nothing to do with it" not in words


# ------------------------------------------------------------------------------------------------- it is harmless


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", 'O\'Neil & "Co"']
)
def test_a_name_is_shown_and_never_obeyed(preview, name):
    read = Read(preview(first_name=name).html)
    assert len(read.scripts) == 1
    assert not {name for _, attrs in read.elements for name in attrs if name.startswith("on")}
    assert "img" not in {tag for tag, _ in read.elements}
    for mail in read.all("iframe", "srcdoc"):
        assert Read(mail).scripts == []
        assert "img" not in {tag for tag, _ in Read(mail).elements}


def test_markup_in_the_clinics_own_words_is_only_shown(preview):
    read = Read(preview().html)
    assert "Tea & <b>talk</b>" in read.words
    assert "Harbor Clinic: </p><script>alert(1)</script>" in read.words
    assert "Their clock: <i>Boston</i>." in read.words
    assert not {"b", "i"} & {tag for tag, _ in read.elements}


def test_it_fetches_nothing_and_runs_only_its_own_script(preview):
    read = Read(preview().html)
    (policy,) = [attrs["content"] for _, attrs in read.elements if attrs.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256("".join(read.scripts).encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'", "base-uri 'none'",
        "form-action 'none'",
    ]  # fmt: skip
    assert not [tag for tag, attrs in read.elements if {"src", "action", "data", "poster"} & attrs.keys()]
    assert all(href.startswith("#") for _, attrs in read.elements if (href := attrs.get("href")))
    assert set(read.all("iframe", "sandbox")) == {"allow-same-origin"}


def test_the_links_in_it_open_nothing(preview):
    made = preview()
    tokens = set(re.findall(r"https://go\.harborclinic\.example/l/([\w-]{22})", made.html))
    assert len(tokens) == 3
    assert {type(made.house.links.read(token, FRIDAY + timedelta(days=1))) for token in tokens} == {Forged}


# ----------------------------------------------------------------------------------------------- mail as it is seen

MAIL = (
    '<html style="color-scheme: light dark;"><head><meta name="color-scheme" content="light dark"><title>T</title>'
    "<style>@media (prefers-color-scheme: dark) { p { color: white } }</style></head>"
    "<body><p>Hi, light dark!</p></body>"
)


def test_by_day_the_rules_for_the_dark_are_off():
    assert "@media not all { p" in by_day(MAIL)
    assert 'content="light"' in by_day(MAIL) and 'style="color-scheme: light;"' in by_day(MAIL)


def test_by_night_the_rules_for_the_dark_are_on():
    assert "@media all { p" in by_night(MAIL)
    assert 'content="dark"' in by_night(MAIL) and 'style="color-scheme: dark;"' in by_night(MAIL)


@pytest.mark.parametrize("seen", [by_day, by_night])
def test_the_words_stay_and_links_stay_in_their_frame(seen):
    assert "<p>Hi, light dark!</p>" in seen(MAIL)
    assert '<head><base target="_blank"><meta' in seen(MAIL)


@pytest.mark.parametrize(
    ("html", "row"),
    [
        ("<body><div>Four answers. &#847; &#847;</div><p>Dear Ann</p></body>", "Four answers."),
        (
            "<head><title>T</title><style>p {}</style></head><body><p>Dear <b>Ann</b>,</p><p>hello</p>",
            "Dear Ann, hello",
        ),
        ("<!-- note --><p>a &lt; b</p>", "a < b"),
        ("<p>" + "word " * 40, " ".join(["word"] * 24) + "…"),
    ],
    ids=["the preheader alone", "without one its first words", "no markup", "cut at a word"],
)
def test_a_mailbox_shows_the_first_words(html, row):
    assert row_words(html) == row


@pytest.mark.parametrize(
    ("amount", "said"),
    [("0.0226", "$0.0226"), ("22.6", "$22.60"), ("0", "$0.00"), ("1234.5", "$1,234.50"), ("0.1130", "$0.113")],
)
def test_money_is_dollars_with_as_many_cents_as_there_are(amount, said):
    assert dollars(Decimal(amount)) == said
