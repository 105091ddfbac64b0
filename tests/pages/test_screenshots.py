"""Pictures of the page and of an email, as docs/previewing.md shows them.

`NURTURE_WRITE_IMAGES=1 pytest -m browser tests/pages` writes them into docs/images; otherwise they are only looked at:
each must show something.
"""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.mail.rendered import every_email

pytestmark = pytest.mark.browser

WRITE = os.environ.get("NURTURE_WRITE_IMAGES") == "1"
IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 200_000
FEWEST_COLOURS = 24  # of letters and grounds; a blank page has one or two
COUNT_COLOURS = """async source => {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), {width: picture.width, height: picture.height});
  const drawing = canvas.getContext("2d");
  drawing.drawImage(picture, 0, 0);
  return new Set(new Uint32Array(drawing.getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size;
}"""


def taken(window, tmp_path, name, **clip):
    """Take a picture, see that something is on it, and put it where it belongs."""
    window.page.mouse.move(0, 0)
    picture = window.page.screenshot(**clip)
    looking = window.page.context.new_page()
    source = "data:image/png;base64," + base64.b64encode(picture).decode()
    assert looking.evaluate(COUNT_COLOURS, source) >= FEWEST_COLOURS
    looking.close()
    file = (IMAGES if WRITE else tmp_path) / f"{name}.png"
    file.write_bytes(picture)
    if WRITE:
        quantised(file)
    return file


def quantised(file: Path) -> None:
    """With 64 colours a picture of words is a third as large, and looks the same."""
    command = shutil.which("pngquant")
    assert command, "pngquant is needed to write the pictures: apt-get install pngquant"
    subprocess.run([command, "--force", "--strip", "--ext", ".png", "64", str(file)], check=True)
    assert file.stat().st_size < MOST_BYTES


def test_the_page_on_a_wide_screen(window, shipped, tmp_path):
    window.open(shipped, width=1440)
    taken(window, tmp_path, "preview-page", clip={"x": 0, "y": 0, "width": 1440, "height": 1080}, full_page=True)


def test_an_email_on_the_page(window, shipped, tmp_path):
    page = window.open(shipped, width=1440)
    box = page.locator("article:has(.row)").first.bounding_box()
    clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": 980}
    taken(window, tmp_path, "preview-email", clip=clip, full_page=True)


def test_the_page_on_a_phone(window, shipped, tmp_path):
    page = window.open(shipped, width=375)
    page.get_by_label("English", exact=True).check(force=True)
    window.settled()
    taken(window, tmp_path, "preview-phone", clip={"x": 0, "y": 0, "width": 375, "height": 1200}, full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_an_email_on_a_phone(window, tmp_path, scheme, language):
    wanted = f"templates/therapy_basics/what_they_are{'' if language == 'en' else '.es'}.email.md"
    (email,) = [email for email in every_email(ROOT) if email.file == wanted]
    file = tmp_path / "email.html"
    file.write_text(email.words.html or "", encoding="utf-8")
    window.page.emulate_media(color_scheme=scheme)
    window.open(file, width=375)
    taken(window, tmp_path, f"email-phone-{language}-{scheme}", full_page=True)
