"""`nurture preview --html` in a real browser: it asks nobody for anything, fits, and keeps nobody out."""

import pytest

pytestmark = pytest.mark.browser


def test_it_asks_nobody_for_anything_and_complains_of_nothing(window, preview):
    page = window.open(preview)
    page.check("#width-desk", force=True)
    window.settled()
    assert window.asked == [preview.as_uri()]
    assert window.complaints == []


@pytest.mark.parametrize("device", ["phone", "desk"])
def test_it_fits_into_any_window(window, preview, device):
    window.open(preview).check(f"#width-{device}", force=True)
    too_wide = {}
    for width in (320, 375, 768, 1024, 1440, 1920):
        window.widen(width)
        too_wide[width] = window.too_wide()
    assert {width: pixels for width, pixels in too_wide.items() if pixels} == {}


def test_it_keeps_nobody_out(window, preview):
    page = window.open(preview)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for width in (1440, 375):
        window.widen(width)
        assert window.barriers() == []


def test_emails_are_shown_at_full_length_without_scrolling(window, preview):
    page = window.open(preview)
    for frame in page.locator("iframe:visible").all():
        inside = frame.content_frame.locator("html")
        assert inside.evaluate("html => html.scrollHeight - html.clientHeight") == 0


def test_light_and_dark_stand_side_by_side_whatever_the_reader_has(window, small):
    for scheme in ("light", "dark"):
        window.page.emulate_media(color_scheme=scheme)
        page = window.open(small)
        shown = {
            theme: page.frame_locator(f".phone.{theme} iframe >> nth=0")
            .locator("body")
            .evaluate("body => getComputedStyle(body).backgroundColor")
            for theme in ("light", "dark")
        }
        assert shown == {"light": "rgb(238, 242, 244)", "dark": "rgb(17, 24, 29)"}


def test_a_phone_or_a_desktop_is_chosen(window, small):
    page = window.open(small)
    phone, desk = page.locator(".phone.light iframe"), page.locator(".desk.light iframe")
    assert (phone.first.is_visible(), desk.first.is_visible()) == (True, False)
    assert phone.first.evaluate("frame => frame.contentWindow.innerWidth") == 375
    page.get_by_label("Desktop", exact=True).check()
    window.settled()
    assert (phone.first.is_visible(), desk.first.is_visible()) == (False, True)
    assert desk.first.evaluate("frame => frame.contentWindow.innerWidth") == 720


def test_one_language_is_chosen_by_the_keyboard(window, small):
    page = window.open(small)
    page.get_by_label("Both", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.get_by_label("Español", exact=True).is_checked()
    assert page.locator('[data-language="en"]:visible').count() == 0
    assert page.locator('[data-language="es"]:visible').count() > 0


def test_a_link_in_an_email_leads_nowhere(window, small):
    page = window.open(small)
    page.frame_locator(".phone.light iframe >> nth=0").get_by_role("link").first.click()
    page.wait_for_timeout(100)
    assert page.frame_locator(".phone.light iframe >> nth=0").get_by_text("Dear Ann").is_visible()
    assert len(page.context.pages) == 1
    assert window.asked == [small.as_uri()]


def test_markup_in_words_runs_nothing(window, small):
    page = window.open(small)
    assert window.complaints == []
    assert page.get_by_text("</p><script>alert(1)</script>").first.is_visible()


def test_it_is_there_without_scripts(chromium, small):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(small.as_uri())
    frame = page.locator(".phone.light iframe").first
    assert frame.bounding_box()["height"] > 400
    assert page.frame_locator(".phone.light iframe >> nth=0").get_by_text("Dear Ann").is_visible()
    context.close()


def test_on_paper_there_are_the_plain_parts_and_nothing_to_choose(window, small):
    page = window.open(small, width=800)
    page.emulate_media(media="print")
    assert not page.locator(".choices").is_visible()
    assert page.locator("details pre").first.is_visible()
    assert window.too_wide() == 0
