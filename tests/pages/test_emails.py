"""Every email that we ship in a real browser at the widths of phones: it fits, and can be read by day and by night."""

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.mail.rendered import Rendered, every_email

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def emails(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Rendered, Path]]:
    folder = tmp_path_factory.mktemp("emails")
    written = []
    for number, email in enumerate(every_email(ROOT)):
        written.append((email, folder / f"{number:03}.html"))
        written[-1][1].write_text(email.words.html or "", encoding="utf-8")
    return written


# A mail program shows the email inside a page of its own, which has these.
OF_THE_MAIL_PROGRAM = ("landmark-one-main", "page-has-heading-one", "region")


def test_every_email_can_be_read_by_everybody_by_day_and_by_night(window, emails):
    found = {}
    for email, file in emails:
        window.open(file, width=375)
        for scheme in ("light", "dark"):
            window.page.emulate_media(color_scheme=scheme)
            found[email.file, scheme] = window.barriers(*OF_THE_MAIL_PROGRAM)
    assert {email: barriers for email, barriers in found.items() if barriers} == {}
    assert window.complaints == []


def test_every_email_fits_into_the_window_and_fetches_nothing(window, emails):
    found = {}
    for email, file in emails:
        window.open(file)
        for width in (320, 375, 720):
            window.widen(width)
            found[email.file, width] = window.too_wide()
    assert {email: wider for email, wider in found.items() if wider} == {}
    assert window.asked == [file.as_uri() for _, file in emails]
