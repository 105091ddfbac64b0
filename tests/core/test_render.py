"""Templates become messages: values stay values, and what is missing is never printed as a blank."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.render import (
    Email,
    EmailTemplate,
    Layout,
    MissingValue,
    TemplateRefused,
    compile_email,
    compile_sms,
)

TEMPLATES = Path(__file__).parent.parent.parent / "templates"


def _page(end: str) -> str:
    """A page of the layout with its English footer."""
    page, footer = ((TEMPLATES / f"_layout/{name}{end}").read_text("utf-8") for name in ("email", "footer"))
    return page.replace("{{ footer }}", footer)


LAYOUT = Layout(_page(".html"), _page(".text.txt"))
BARE = Layout("<html><body>{{ body }}</body></html>", "{{ body }}")
FILE = "templates/x/hello.email.md"


def source(body: str, subject: str = "Hello", preheader: str = "A word") -> str:
    return f"---\nsubject: {subject}\npreheader: {preheader}\n---\n{body}\n"


def email(body: str, subject: str = "Hello", preheader: str = "A word", layout: Layout = BARE) -> EmailTemplate:
    return compile_email(source(body, subject, preheader), layout, FILE, "en")


def context(first_name: str | None = "Ann", **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "contact": {"first_name": first_name, "last_name": None},
        "clinic": {
            "name": "Harbor Joint Clinic",
            "brand": "Harbor",
            "phone": "(617) 555-0100",
            "address": "12 Main Street\nBoston, MA 02110",
            "site": "https://clinic.example",
            "notice": None,
        },
        "link": {
            kind: f"https://clinic.example/l/{kind}"
            for kind in ("booking", "guide", "unsubscribe", "preferences", "check_in")
        },
        "anchor": {"day": "Tuesday, December 1", "date": "December 1, 2026", "time": "10:30 AM"},
        "event": {"kind": "enquiry"},
        "purpose": "marketing",
    }
    return {**made, **changes}


class Page(HTMLParser):
    """The tags and the text of an HTML page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def names(self) -> list[str]:
        return [tag for tag, _ in self.tags]


# --- words ---

RICH = """\
# Hi {{ contact.first_name or "there" }}

You asked for a **short guide**. The [longer one]({{ link.guide }}) is *here*
as well. It goes on, so that the line must be wrapped somewhere.

{% if anchor.day %}
See you on {{ anchor.day }}, {% if event.kind == "enquiry" %}as you asked{% else %}as agreed{% endif %}.
{% else %}
You have no appointment.
{% endif %}

## To bring

- your medicines
- scans
  1. old
  2. new

[Choose a **time**]({{ link.booking }})

> Not approved
> by the FDA.

Read more: [the guide]({{ link.guide }})
"""

RICH_TEXT = """\
Hi Ann
===========

You asked for a short guide. The longer one (https://clinic.example/l/guide) is here as well.
It goes on, so that the line must be wrapped somewhere.

See you on Tuesday, December 1, as you asked.

To bring
--------

- your medicines
- scans
  1. old
  2. new

Choose a time:
https://clinic.example/l/booking

> Not approved by the FDA.

Read more: the guide: https://clinic.example/l/guide
"""


def test_plain_text_reads_well() -> None:
    assert email(RICH).render(context()).text == RICH_TEXT


def test_words_not_chosen_leave_no_gap() -> None:
    made = email(RICH).render(context(anchor={"day": ""}))
    assert "somewhere.\n\nYou have no appointment.\n\nTo bring\n" in made.text
    assert "Tuesday" not in made.html and "You have no appointment." in Page(made.html).text


def test_a_lone_link_is_a_button_and_other_links_are_not() -> None:
    page = Page(email(RICH).render(context()).html)
    assert page.names.count("table") == 1
    assert page.names.count("a") == 3
    assert ("a", (("href", "https://clinic.example/l/booking"),)) in page.tags


@pytest.mark.parametrize("purpose", ["marketing", "appointment", "care", "service"])
def test_the_layout_stands_around_every_message(purpose: str) -> None:
    made = email(RICH, layout=LAYOUT).render(context(purpose=purpose))
    page = Page(made.html)
    for text in (page.text, made.text):
        assert "Harbor Joint Clinic\n12 Main Street\nBoston, MA 02110\n(617) 555-0100" in text
        assert text.count("You get this email because") == 1
    assert ("/l/unsubscribe" in made.html) is ("/l/unsubscribe" in made.text) is (purpose == "marketing")
    assert ("/l/preferences" in made.html) is ("/l/preferences" in made.text) is (purpose != "service")


def test_the_layout_fetches_nothing_and_is_kind_to_readers() -> None:
    html = email(RICH, layout=LAYOUT).render(context()).html
    page = Page(html)
    assert not {"img", "link", "script", "iframe", "form", "svg"} & set(page.names)
    assert "url(" not in html and "@import" not in html and "src=" not in html
    assert page.tags[0] == ("html", (("lang", "en"), ("dir", "ltr"), page.tags[0][1][2]))
    assert all(dict(attrs).get("role") == "presentation" for tag, attrs in page.tags if tag == "table")
    assert "prefers-color-scheme: dark" in html
    assert html.index("charset") < 1024
    # Styles are in the elements, and no class is left without one.
    assert all("style" in dict(attrs) for tag, attrs in page.tags if tag in ("p", "a", "h1", "h2", "li", "td"))


def test_the_states_notice_stands_first_and_largest() -> None:
    clinic = {**context()["clinic"], "notice": "This is the <notice>."}
    made = email(RICH, layout=LAYOUT).render(context(clinic=clinic))
    assert Page(made.html).text.index("This is the <notice>.") < Page(made.html).text.index("Hi Ann")
    assert made.text.startswith("This is the <notice>.\n")
    care = email(RICH, layout=LAYOUT).render(context(clinic=clinic, purpose="care"))
    assert "notice" not in care.text


def test_the_head_is_read() -> None:
    head = '# a note\nsubject: "Your: appointment"\npreheader = One word\nphi: 1\nattach: calendar\n'
    text = f"\ufeff---\n{head}---\nHi\n".replace("\n", "\r\n")
    made = compile_email(text, BARE, FILE, "en")
    assert (made.phi, made.attach_calendar, made.language, made.file) == (1, True, "en", FILE)
    assert made.render(context()) == Email("Your: appointment", "One word", made.render(context()).html, "Hi\n")


def test_a_template_says_what_it_prints() -> None:
    made = email("{{ event.kind }} {% if anchor.day %}x{% endif %}", subject="{{ clinic.name }}", layout=LAYOUT)
    assert {"event.kind", "anchor.day", "clinic.name", "link.unsubscribe"} <= made.fields
    assert email("Hi", subject="{{ clinic.brand }}").fields == {"clinic.brand"}


def test_the_hash_follows_the_words_and_the_layout() -> None:
    first = email("Hi")
    assert first.hash == email("Hi").hash and len(first.hash) == 16
    assert first.hash != email("Ho").hash != email("Hi", layout=LAYOUT).hash != first.hash


# --- values ---

HOSTILE = [
    "<b>bold</b> & <script>alert(1)</script>",
    "{{ 7*7 }} {% raw %}",
    "[click](http://evil.example)",
    '=HYPERLINK("http://evil.example","click")',
    "**Ann** _x_ `code`",
    "# Ann\n\n- list",
    '" onclick="alert(1)',
    "qz0000zq <!--qz0001zq-->",
    "😊 Zoë",
    "&lt;b&gt; &amp;",
]
GREETING = "# Hi {{ contact.first_name }}\n\n**{{ contact.first_name }}**, *a* `{{ contact.first_name }}` word.\n"


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_a_value_is_text_in_html(value: str) -> None:
    check_html(value)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1))
def test_any_value_is_text_in_html(value: str) -> None:
    check_html(value)


HELLO = email(GREETING, subject="Hi {{ contact.first_name }}", layout=LAYOUT)


def check_html(value: str) -> None:
    page, usual = Page(HELLO.render(context(value)).html), Page(HELLO.render(context("Ann")).html)
    assert page.names == usual.names
    assert page.text == usual.text.replace("Ann", value)
    labels = [dict(attrs).get("aria-label") for tag, attrs in page.tags if tag == "div"]
    assert f"Hi {value}" in labels


@pytest.mark.parametrize("part", ["subject", "preheader"])
@pytest.mark.parametrize(
    "value", ["Ann\r\nBcc: all@example.com", "A\x00n\x1bn", "\u202eAnn\u2066", "A\nn\u2028n"], ids=ascii
)
def test_headers_are_one_visible_line(part: str, value: str) -> None:
    words = {"subject": "Hello", "preheader": "A word", part: "Hi {{ contact.first_name }}"}
    line = getattr(email("Hi", words["subject"], words["preheader"]).render(context(value)), part)
    assert line.isprintable() and line.startswith("Hi ")


def test_values_of_an_event_do_not_shadow_or_call_anything() -> None:
    made = email("{{ event.items }} {{ event.keys | default('none') }}")
    assert made.render(context(event={"items": "two"})).text == "two none\n"


# --- what is missing ---


@pytest.mark.parametrize(
    ("body", "changes", "field"),
    [
        ("{{ contact.first_name }}", {"first_name": None}, "contact.first_name"),
        ("{{ contact.first_name | title }}", {"first_name": None}, "contact.first_name"),
        ("{{ contact.last_name or event.x }}", {"event": {"x": None}}, "contact.last_name or event.x"),
        ("{{ anchor.day }}", {"anchor": {}}, "anchor.day"),
        ("{{ event.room }}", {}, "event.room"),
        ("{{ event.room | upper }}", {}, "event.room"),
        ("{% if event.room %}x{% endif %}", {}, "event.room"),
        ("{% if event.room == 'x' %}x{% endif %}", {}, "event.room"),
        ("[go]({{ link.booking }})", {"link": {}}, "link.booking"),
        ("{{ anchor.day }}", {"anchor": None}, "anchor.day"),
    ],
)  # fmt: skip
def test_a_missing_value_is_said_and_never_a_blank(body: str, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(MissingValue) as caught:
        email(body).render(context(**changes))
    assert (caught.value.template, caught.value.field) == (FILE, field)
    assert field in str(caught.value) and FILE in str(caught.value)
    assert "Harbor" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "printed"),
    [
        ('{{ contact.first_name or "there" }}', "there"),
        ('{{ contact.first_name | default("there") | upper }}', "THERE"),
        ('{{ event.room | default("the front desk") }}', "the front desk"),
        ("{% if event.room is defined %}{{ event.room }}{% else %}anywhere{% endif %}", "anywhere"),
        ("{{ contact.first_name if contact.first_name else 'you' }}", "you"),
    ],
)
def test_a_fallback_stands_in(body: str, printed: str) -> None:
    assert email(body).render(context(None)).text == f"{printed}\n"
    assert compile_sms(body.replace("event.room", "contact.last_name"), FILE, "en").render(context(None)).text


# --- what is refused ---


def refused(compile_it: Callable[[], object]) -> list[str]:
    with pytest.raises(TemplateRefused) as caught:
        compile_it()
    assert str(caught.value) == "\n".join(map(str, caught.value.findings))
    return [f"{f.line}:{f.column} {f.problem} {f.remedy}" for f in caught.value.findings]


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ("Hi\n{{ contact.fist_name }}", "6:4", "Did you mean contact.first_name?"),
        ("Hi {{ first_name }}", "5:7", "Did you mean contact.first_name?"),
        ("Hi {{ patient.name }}", "5:7", "Did you mean"),
        ("Hi {{ clinic }}", "5:7", "Known: clinic.name, clinic.brand"),
        ("Hi {{ contact.first_name | safe }}", "5:28", "Known: default"),
        ("Hi {{ contact.first_name.upper() }}", "5:4", "more than a merge field can say"),
        ("Hi {{ ''.__class__ }}", "5:4", "more than a merge field can say"),
        ("Hi {{ 7*7 }}", "5:4", "more than a merge field can say"),
        ("{% for x in event.items %}{% endfor %}", "5:1", "“for” is not for templates"),
        ("{% set x = 1 %}", "5:1", "“set” is not for templates"),
        ("{% include 'x' %}", "5:1", "“include” is not for templates"),
        ("{% raw %}{{ x }}{% endraw %}", "5:1", "“raw” is not for templates"),
        ("a\n\n{% if anchor.day %}", "7:1", "This if is not closed."),
        ("Hi {{ 'you' if anchor.day }}", "5:12", 'Add: else "words".'),
        ("Hi {first_name}", "5:4", "a brace outside a merge field"),
        ("Hi\n\nthere }}", "7:7", "a brace outside a merge field"),
        ("Hi &#123;&#123; x &#125;&#125;", "5:4", "a brace outside a merge field"),
        ("Hi\nyou <b>there</b>", "6:5", "HTML is not read here."),
        ("<div>\nHi\n</div>", "5:1", "HTML is not read here."),
        ("Hi ![us](https://clinic.example/x.png)", "5:4", "Pictures are not sent"),
        ("[a](http://clinic.example)", "5:3", "does not begin with https://"),
        ("[a](https://clinic.example) and [b](http://clinic.example)", "5:35", "does not begin with https://"),
        ("[a](javascript:alert(1))", "5:3", "does not begin with https://"),
        ("[a](https://clinic.example/{{ event.kind }})", "5:3", "No value is put into a link"),
        ("[a]({{ link.guide }}) or [b]({{ contact.first_name }})", "5:28", "No value is put into a link"),
        ("[a]({{ link.bookng }})", "5:8", "Did you mean link.booking?"),
        ("a {% if anchor.day %} b\n\nc {% endif %}", "5:3", "not in the same place"),
        ("- a\n{% if anchor.day %}\n- b {% endif %}", "7:5", "not in the same place"),
        ("Hi\u200b you", "5:3", "cannot be seen (U+200B)"),
        (" ", "4:1", "The email has no words."),
    ],
)
def test_a_mistake_in_the_body_is_said_with_its_place(body: str, place: str, words: str) -> None:
    told = refused(lambda: email(body))
    assert any(line.startswith(f"{place} ") and words in line for line in told), told


@pytest.mark.parametrize(
    ("head", "place", "words"),
    [
        ("Hi\n", "1:1", "does not begin with its subject"),
        ("—\nsubject: Hi\npreheader: x\n—\nHi\n", "1:1", "three hyphens (---)"),
        ("---\nsubject: Hi\n", "1:1", "The head has no end."),
        ("---\nsubject: Hi\n---\nHi\n", "1:1", "The preheader is missing."),
        ("---\nsubject:\npreheader: x\n---\nHi\n", "2:1", "The subject is empty."),
        ("---\nsubject: x\nprehaeder: x\n---\nHi\n", "3:1", "Did you mean preheader?"),
        ("---\nsubject: x\nsubject: y\npreheader: x\n---\nHi\n", "3:1", "given twice"),
        ("---\nsubject: x\npreheader: x\nphi: high\n---\nHi\n", "4:6", "0, 1 or 2"),
        ("---\nsubject: x\npreheader: x\nattach: price.pdf\n---\nHi\n", "4:9", "Only a calendar entry"),
        ("---\nsubject: x\nhello\npreheader: x\n---\nHi\n", "3:1", "no `key: value`"),
        (
            "---\nsubject: Hi {{ contact.nmae }}\npreheader: x\n---\nHi\n",
            "2:16",
            "“contact.nmae” is not known",
        ),
        ("---\nsubject: x\npreheader: {{ event.therapy }}\n---\nHi\n", "3:15", "lock screen (HIP-3, HIP-4)"),
    ],
)
def test_a_mistake_in_the_head_is_said_with_its_place(head: str, place: str, words: str) -> None:
    told = refused(lambda: compile_email(head, BARE, FILE, "en"))
    assert any(line.startswith(f"{place} ") and words in line for line in told), told


@pytest.mark.parametrize(
    "head",
    ["subject: x\nprehaeder: x", "Subject: x\npreheader: x", "subjet: x\npreheader: x"],
)
def test_a_line_of_the_head_that_is_misspelt_is_not_called_missing_too(head: str) -> None:
    (told,) = refused(lambda: compile_email(f"---\n{head}\n---\nHi\n", BARE, FILE, "en"))
    assert "Did you mean" in told


def test_all_mistakes_are_said_at_once() -> None:
    told = refused(lambda: email("{{ a.b }}\n\n{first}\n\n{{ contact.x }}", subject="{{ event.y }}"))
    assert [line.split(" ")[0] for line in told] == ["2:13", "5:4", "7:1", "9:4"]


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout("<html><body></body></html>", "{{ body }}"), "no place for an email's words"),
        (Layout("<html><body>{{ body }}{{ logo }}</body></html>", "{{ body }}"), "“logo” is not known"),
    ],
)
def test_a_mistake_in_the_layout_is_said(layout: Layout, words: str) -> None:
    (told,) = refused(lambda: email("Hi", layout=layout))
    assert words in told


# --- text messages ---


def test_a_text_is_tidy_and_counted() -> None:
    made = compile_sms(
        "\n{{ clinic.brand }}: Hi {% if anchor.day %}{% endif %} {{ contact.first_name }},  \nsee you.\n\n",
        FILE,
        "en",
    )
    text = made.render(context())
    assert text.text == "Harbor: Hi Ann,\nsee you."
    assert (text.segments.count, text.segments.encoding, text.segments.units) == (1, "GSM-7", 24)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no words"),
        ("Hi {{ contact.frist_name }}", "Did you mean contact.first_name?"),
        ("Hi {{ event.therapy }}", "lock screen"),
        ("Hi {first}", "a brace outside"),
        ("Hi\u00ad you", "cannot be seen"),
    ],
)
def test_a_mistake_in_a_text_is_said(text: str, words: str) -> None:
    (told,) = refused(lambda: compile_sms(text, FILE, "en"))
    assert words in told


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("[a-z]*/*.*")), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_the_templates_that_ship_compile(path: Path) -> None:
    text = path.read_text("utf-8")
    file = f"templates/{path.parent.name}/{path.name}"
    if path.name.endswith(".email.md"):
        compile_email(text, LAYOUT, file, "en")
    else:
        compile_sms(text, file, "en")
