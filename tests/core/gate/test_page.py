"""The page around an email's words: what the law wants on it, what mail programs drop, what can be read."""

from typing import Any

import pytest

from engine.core.consent import Purpose
from engine.core.findings import Severity
from engine.core.gate import Judged
from engine.core.gate.page import Page
from tests.core.gate.making import HTML, TEXT, email, finding, rules_of

NOTICE = 'THIS NOTICE IS OURS. It\'s "word for word" & not approved.'


def page(more: str, **changes: Any) -> Judged:
    """A layout with something more in it."""
    return email("Hi.", html=HTML.replace("{{ body }}", f"{{{{ body }}}}{more}"), **changes)


def test_tv_52_marketing_shows_the_postal_address_in_both_parts() -> None:
    assert rules_of(email("Hi.")) == []
    for part in (
        {"html": HTML.replace("{{ clinic.address }}", "")},
        {"text": TEXT.replace("{{ clinic.address }}", "")},
    ):
        judged = email("Hi.", **part)
        assert finding(judged, "CSP-1").severity is Severity.ERROR
        assert rules_of(email("Hi.", purpose=Purpose.CARE, **part)) == []
    assert rules_of(email("Hi.", address=" ")) == ["CSP-1"]


def test_marketing_has_a_link_to_unsubscribe_in_both_parts() -> None:
    gone = "{{ link.unsubscribe }}", "{{ link.preferences }}"
    assert rules_of(email("Hi.", html=HTML.replace(*gone))) == ["CSP-2"]
    assert rules_of(email("Hi.", text=TEXT.replace(*gone))) == ["CSP-2"]


def test_an_address_that_only_some_readers_would_see_is_missing() -> None:
    sometimes = TEXT.replace("{{ clinic.address }}", "{% if contact.first_name %}{{ clinic.address }}{% endif %}")
    assert rules_of(email("Hi.", text=sometimes)) == ["CSP-1"]


# ------------------------------------------------------------------------------------------------------------ notices


@pytest.mark.parametrize(("state", "rule"), [("FL", "SSN-1"), ("WA", "SSN-3")])
def test_tv_65_marketing_from_such_a_state_is_refused_until_the_notice_is_in_the_settings(
    state: str, rule: str
) -> None:
    judged = email("Hi.", state=state)
    assert rules_of(judged) == [rule]
    assert "settings.toml" in judged.findings[0].remedy
    assert rules_of(email("Hi.", state=state, notice=NOTICE)) == []
    assert rules_of(email("Hi.", state=state, purpose=Purpose.CARE)) == []
    assert rules_of(email("Hi.", state="MA")) == []


@pytest.mark.parametrize("part", ["html", "text"])
def test_the_notice_has_to_be_there_word_for_word(part: str) -> None:
    changed = (HTML if part == "html" else TEXT).replace("{{ clinic.notice }}", "{{ clinic.notice | upper }}")
    judged = email("Hi.", state="FL", notice=NOTICE, **{part: changed})
    assert rules_of(judged) == ["SSN-1"] and "word for word" in judged.findings[0].problem


def test_the_notice_is_as_large_as_the_largest_letters() -> None:
    small = HTML.replace("font-size:32px", "font-size:31px")
    judged = email("# Large\n\nHi.", html=small, state="FL", notice=NOTICE)
    assert "31 px" in finding(judged, "SSN-6").problem and "32 px" in finding(judged, "SSN-6").problem
    assert rules_of(email("# Large\n\nHi.", state="FL", notice=NOTICE)) == []
    assert rules_of(email("Hi.", html=small, state="FL", notice=NOTICE)) == []


@pytest.mark.parametrize("part", ["html", "text"])
def test_the_notice_stands_in_the_top_half(part: str) -> None:
    whole = HTML if part == "html" else TEXT
    start, end = whole.index("{% if"), whole.index("{% endif %}") + len("{% endif %}")
    block = whole[start:end]
    below = whole[:start] + whole[end:].replace("{{ clinic.address }}", "{{ clinic.address }} " + block)
    judged = email("Many words. " * 40, state="FL", notice=NOTICE, **{part: below})
    assert "SSN-6" in rules_of(judged)


# --------------------------------------------------------------------------------------------------------------- HTML


@pytest.mark.parametrize(
    ("html", "rules"),
    [
        ("<script>x()</script>", ["MAIL-HTML"]),
        ("<form></form>", ["MAIL-HTML"]),
        ('<div style="position: absolute">x</div>', ["MAIL-HTML"]),
        ('<div style="display: flex">x</div>', ["MAIL-HTML"]),
        ('<div style="display:grid">x</div>', ["MAIL-HTML"]),
        ('<p style="background-image: url(x.png)">x</p>', ["MAIL-HTML"]),
        ('<table background="x.png"></table>', ["MAIL-HTML"]),
        ('<img src="https://harborclinic.example/x.png">', ["MAIL-ALT"]),
        ('<img src="https://harborclinic.example/x.png" alt="">', []),
        ('<div style="display: block; color: #333">x</div>', []),
    ],
)
def test_what_mail_programs_drop_is_found(html: str, rules: list[str]) -> None:
    assert rules_of(page(html)) == rules


@pytest.mark.parametrize(
    "style",
    ["@import url(https://fonts.example/x.css);", "@font-face { font-family: x; src: url('https://fonts.example/x') }"],
)
def test_a_font_from_elsewhere_is_found(style: str) -> None:
    found = Page(f"<html><head><style>{style}</style></head><body>x</body></html>")
    assert found.dropped != []
    assert Page('<link rel="stylesheet" href="x.css">').dropped != []


def test_an_email_that_gmail_would_cut_off_is_an_error() -> None:
    judged = email("Many words here. " * 6200)
    assert "MAIL-SIZE" in rules_of(judged)


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ('<p style="color: #777">x</p>', "#777777 on #ffffff (light mode) has a contrast of only 4.5"),
        ('<p style="color: #999">x</p>', "(light mode) has a contrast of only 2.8"),
        ('<p style="background-color: #0b5d78"><a style="color: #000">x</a></p>', "#000000 on #0b5d78"),
        ('<div class="dim">x</div>', "#444444 on #121212 (dark mode)"),
        ('<table class="box"><tr><td><b>x</b></td></tr></table>', "on #eeeeee (dark mode)"),
    ],
)
def test_text_that_is_hard_to_see_is_found_in_light_and_dark(html: str, told: str) -> None:
    style = (
        "@media (prefers-color-scheme: dark) { .dim, .x { color: #444 } .box td { background-color: #eee !important } }"
    )
    layout = HTML.replace("<head>", f"<head><style>{style}</style>").replace("{{ body }}", f"{{{{ body }}}}{html}")
    judged = email("Hi.", html=layout)
    assert any(told in found.problem for found in judged.findings), [found.problem for found in judged.findings]


def test_a_rule_for_dark_screens_holds_only_where_it_says() -> None:
    style = (
        "@media (prefers-color-scheme: dark) { body { color: #fff; background-color: #000 } .box b { color: #000 } }"
    )
    layout = HTML.replace("<head>", f"<head><style>{style}</style>")
    layout = layout.replace("<body>", '<body style="color: #000">')
    for inside, rules in (('<p class="box"><b>x</b></p>', ["MAIL-CONTRAST"]), ("<p><b>x</b></p>", [])):
        assert rules_of(email("Hi.", html=layout.replace("{{ body }}", f"{{{{ body }}}}{inside}"))) == rules


def test_text_that_is_not_shown_needs_no_contrast() -> None:
    assert rules_of(page('<div style="display: none; color: #fff">x</div>')) == []
    assert rules_of(page('<p style="color: #767676">x</p>')) == []


def test_words_that_stand_only_in_the_page_are_judged_as_well() -> None:
    assert rules_of(page("<p>It is proven.</p>")) == ["CL-03"]


@pytest.mark.parametrize(
    ("more", "rules"),
    [
        ("<a href=https://bit.ly/x>More</a>", ["CTIA-3"]),
        ('<img src="https://evil.com/pixel.gif" alt="">', ["CTIA-4"]),
        ('<img src="//evil.com/pixel.gif" alt="">', ["CTIA-4"]),
        ('<a href="https://harborclinic.example/knee-arthritis">More</a>', ["LINK-2", "LINK-2"]),
        ('<a href="https://harborclinic.example/more">More</a>', []),
        ('<a href="tel:9005550100">Call</a>', ["CTIA-4"]),
        ('<a href="tel:+16175550142">Call</a>', []),
        ('<a href="mailto:ann@harborclinic.example">Write</a>', []),
        ('<img src="https://harborclinic.example/x.png" alt="It is proven">', ["CL-03"]),
        ('<p title="It is proven">x</p>', ["CL-03"]),
        ('<p aria-label="It is proven">x</p>', ["CL-03"]),
        ('<div style="display: none">It is proven.</div>', ["CL-03"]),
        ('<div style="display: none">Your knee</div>', ["HIP-4"]),
        ('<div style="display: none">A word</div>', []),
        ("<style>.proven { color: #333 }</style>", []),
    ],
)
def test_what_stands_in_attributes_and_what_is_hidden_is_judged_as_well(more: str, rules: list[str]) -> None:
    assert rules_of(page(more)) == rules


def test_words_of_the_page_are_judged_in_every_shape() -> None:
    (found,) = page("{% if contact.first_name %}<p>Hi</p>{% else %}<p>It is proven.</p>{% endif %}").findings
    assert (found.rule, found.file) == ("CL-03", "templates/_layout/email.html")


def test_a_value_that_only_the_page_prints_is_refused() -> None:
    judged = page('<p>{{ contact.first_name or "you" }}</p>')
    assert "contact.first_name" in finding(judged, "RFC-4").problem
    named = "{{ contact.first_name or 'you' }}"
    assert rules_of(page(f"<p>{named}</p>", text=TEXT + named)) == []


def test_a_page_of_ours_with_a_condition_in_its_address_is_found_in_the_words_of_an_email() -> None:
    found = finding(email("Hi.\n\n[More](https://harborclinic.example/about/stem-cells)"), "LINK-2")
    assert (found.phrase, found.line, found.severity) == ("stem-cells", 7, Severity.ERROR)
    assert rules_of(email("[More](https://harborclinic.example/about)")) == []
