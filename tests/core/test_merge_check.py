"""Merge fields that cannot be read, and words that should have been one: where it is, and what to write."""

from collections.abc import Callable

import pytest

from engine.core.render import EmailTemplate, Layout, TemplateRefused, compile_email, compile_sms

BARE = Layout("<html><body>{{ body }}</body></html>", "{{ body }}")
FILE = "templates/x/hello.email.md"


def email(body: str, subject: str = "Hello") -> EmailTemplate:
    return compile_email(f"---\nsubject: {subject}\npreheader: A word\n---\n{body}\n", BARE, FILE, "en")


def refused(compile_it: Callable[[], object]) -> list[str]:
    with pytest.raises(TemplateRefused) as caught:
        compile_it()
    return [f"{f.line}:{f.column} {f.problem} {f.remedy}" for f in caught.value.findings]


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ("{% if anchor.day %}\na {% if event.x %}b{% endif %}\n\nc", "5:1", "This if is not closed."),
        ("a {# {% if %} #}\n{% if anchor.day %} b", "6:1", "This if is not closed."),
        ("a\nb {% endif %}", "6:3", "There is no open if for this endif."),
        ("a {% else %} b", "5:3", "There is no open if for this else."),
        ("a {% elif anchor.day %} b", "5:3", "There is no open if for this elif."),
        ("{% if anchor.day = 'x' %}b{% endif %}", "5:1", "This if cannot be read."),
        ("{% if event.x == “x” %}b{% endif %}", "5:1", 'Write {% if event.x == "x" %}'),
        ("{% if anchor.day }}b{% endif %}", "5:1", "This {% ... %} is not closed. Write %} behind it."),
        ("{% if anchor.day %}{% else %}{% else %}{% endif %}", "5:1", "The merge fields cannot be read"),
        ("{{ clinic.name }}\n{% endfor %}", "6:1", "“endfor” is not for templates"),
        ("Hi {# a note\n\nyou", "5:4", "This {# note #} is not closed. Write #} behind it."),
        ("Hi {{ contact.first_name", "5:4", "Write }} behind it: {{ contact.first_name }}"),
        ("Hi {{ clinic.name, {{ clinic.brand }}", "5:4", "Write }} behind it: {{ clinic.name }}"),
        ("Hi {{ clinic.name }}, {{ clinic.brand }", "5:23", "This merge field is not closed."),
        (
            'Hi\n\n{{ clinic.name }} {{ contact.first_name or "there",\n\n{{ clinic.phone }}',
            "7:19",
            'Write }} behind it: {{ contact.first_name or "there" }}',
        ),
        (
            "Hi {{ contact.first_name | default('x') {{ clinic.brand }}",
            "5:4",
            "{{ contact.first_name | default('x') }}",
        ),
        ("Hi {{ first name or 'you' }}", "5:4", 'Did you mean {{ contact.first_name or "there" }}?'),
        ("{{ clinic.name }}: {{ clinic phone }}", "5:20", "Did you mean {{ clinic.phone }}?"),
        ("Hi {{ shoe size }}", "5:4", "This merge field cannot be read. Write a field"),
        ("Hi {{ }}", "5:4", "This merge field is empty."),
        ("Hi {{ contact.first_name or “there” }}", "5:4", 'Write {{ contact.first_name or "there" }}'),
        ("phone: {{ phone }}", "5:11", "Did you mean clinic.phone?"),
        ("{{ clinic.name }} {first_name}", "5:19", "a brace outside a merge field"),
        ("Hi {first_name}, call {phone}", "5:23", "Write {{ clinic.phone }}, two braces."),
    ],
)
def test_what_cannot_be_read_is_said_where_it_begins(body: str, place: str, words: str) -> None:
    told = refused(lambda: email(body))
    assert any(line.startswith(f"{place} ") and words in line for line in told), told


def test_every_field_that_is_not_closed_is_said_at_once() -> None:
    told = refused(lambda: email("Hi {{ clinic.name\n\n{{ clinic.phone {% if anchor.day %} [DATE]"))
    assert [line.split(" ")[0] for line in told] == ["5:4", "7:1", "7:17", "7:37"]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("[NAME]", 'Write {{ contact.first_name or "there" }}'),
        ("[First Name]", 'Write {{ contact.first_name or "there" }}'),
        ("[patient's name]", 'Write {{ contact.first_name or "there" }}'),
        ("[LAST_NAME]", 'Write {{ contact.last_name or "" }}'),
        ("[DATE]", "Write {{ anchor.day }}"),
        ("[appointment time]", "Write {{ anchor.time }}"),
        ("[clinic phone number]", "Write {{ clinic.phone }}"),
        ("[Your Clinic]", "Write {{ clinic.name }}"),
        ("[insert the link here]", "Write {{ link.guide }}"),
        ("[nombre]", 'Write {{ contact.first_name or "there" }}'),
        ("[THERAPY]", "Write the words that belong here, or round brackets if it is no note."),
        ("[insert a story]", "Write the words that belong here"),
        ("*|FNAME|*", 'Write {{ contact.first_name or "there" }}'),
        ("%FIRSTNAME%", 'Write {{ contact.first_name or "there" }}'),
        ("<NAME>", 'Write {{ contact.first_name or "there" }}'),
        ("XXX-XXX-XXXX", "Write {{ clinic.phone }}"),
        ("XXX", "Write the words that belong here"),
        ("TODO", "Write the words that belong here. For a note to yourself write {# note #}."),
        ("TBD", "Write the words that belong here"),
        ("Lorem ipsum", "Write the words that belong here"),
    ],
)
def test_a_note_to_be_filled_in_is_found_wherever_it_stands(words: str, meant: str) -> None:
    said = f"“{words}” looks like a note to be filled in. {meant}"
    (in_body,) = refused(lambda: email(f"Hi\nyou {words}, we."))
    (in_subject,) = refused(lambda: email("Hi", subject=f"For {words}"))
    (in_text,) = refused(lambda: compile_sms(f"For {words}, we.", FILE, "en"))
    assert in_body.startswith(f"6:5 {said}")
    assert in_subject.startswith(f"2:14 {said}")
    assert in_text.startswith(f"1:5 {said}")


@pytest.mark.parametrize(
    "body",
    [
        "[Name](https://clinic.example)",
        "[FIRST STEPS]({{ link.guide }})",
        "[PHONE][us]\n\n[us]: tel:+16175550100",
        "[the guide [PDF]]({{ link.guide }})",
        "Reply [STOP] to opt out.",
        "[1] and [x] and [see below]",
        "{# TODO: a better word; XXX #}Hi",
        "a 20%, then 30% more; 5 * 3 | 4 * 2",
    ],
)
def test_words_in_brackets_that_are_meant_are_let_through(body: str) -> None:
    assert email(body).plain


def test_todo_is_a_word_in_spanish() -> None:
    assert compile_sms("Recuerde TODO lo que necesita.", FILE, "es").source
    (told,) = refused(lambda: compile_sms("Recuerde [FECHA].", FILE, "es"))
    assert "{{ anchor.day }}" in told
