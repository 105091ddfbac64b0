"""Every email we ship is valid HTML by the Nu validator, and no spam to SpamAssassin with its local rules.

Needs Java with vnu.jar (npm's vnu-jar below .venv/browser) and Debian's spamassassin; .ci/run installs both.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.mail.rendered import ARRIVAL, Rendered, every_email

pytestmark = pytest.mark.mail

VNU = ROOT / ".venv" / "browser" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
HIGHEST = 1.0  # five is what most servers take for spam

# What the validator of web pages rightly says, and mail programs need all the same.
MAIL_NEEDS = {
    "CSS: “mso-hide”: Property “mso-hide” doesn't exist.": "Outlook shows a hidden preheader without it",
    "CSS: “mso-padding-alt”: Property “mso-padding-alt” doesn't exist.": "Outlook gives a button no padding without it",
    "CSS: “supported-color-schemes”: Property “supported-color-schemes” doesn't exist.":
        "the name by which older Apple Mail knows color-scheme",
    **{
        f"The “{name}” attribute on the “{element}” element is obsolete. {instead}":
            "Outlook lays tables out by attributes, not by CSS"
        for name, element, instead in (
            ("align", "td", "Use CSS instead."),
            ("align", "table", "Use CSS instead."),
            ("width", "table", "Use CSS instead."),
            ("cellpadding", "table", "Use CSS instead."),
            ("cellspacing", "table", "Use CSS instead."),
            ("border", "table", "Consider specifying “img { border: 0; }” in CSS instead."),
        )
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def emails() -> list[Rendered]:
    return list(every_email(ROOT))


def test_every_email_that_is_written_is_looked_at(emails):
    written = {path.relative_to(ROOT).as_posix() for path in (ROOT / "templates").glob("*/*.email.md")}
    assert {email.file for email in emails} == written


# ------------------------------------------------------------------------------------------------------------- HTML


def validated(folder: Path, pages: dict[str, str]) -> dict[str, set[str]]:
    """What the validator says of each page, without what mail needs. The pages are written below `folder`."""
    java = shutil.which("java")
    if java is None or not VNU.is_file():
        pytest.skip("no Java, or no vnu.jar: npm install --prefix .venv/browser vnu-jar")
    names = {}
    for number, (name, html) in enumerate(pages.items()):
        file = folder / f"{number}.html"
        file.write_text(html, encoding="utf-8")
        names[file.as_uri().replace("file:///", "file:/")] = name
    command = [java, "-jar", str(VNU), "--format", "json", "--exit-zero-always", *map(str, folder.glob("*.html"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    said: list[dict[str, Any]] = json.loads(done.stderr)["messages"]
    found: dict[str, set[str]] = {}
    for one in said:
        if one["message"] not in MAIL_NEEDS:
            found.setdefault(names[one["url"]], set()).add(one["message"])
    return found


def test_every_email_is_valid_html(emails, tmp_path):
    assert validated(tmp_path, {email.file: email.words.html or "" for email in emails}) == {}


def test_the_validator_sees_a_mistake(emails, tmp_path):
    html = emails[0].words.html or ""
    broken = html.replace("</body>", "<p><b>unclosed</p><img src='x.png'></body>")
    (found,) = validated(tmp_path, {"sound": html, "broken": broken}).items()
    assert found[0] == "broken"
    assert any("alt" in message for message in found[1])


# ------------------------------------------------------------------------------------------------------------- spam


def scores(folder: Path, mails: Iterable[bytes]) -> list[tuple[float, str]]:
    """SpamAssassin's score of each mail and the rules that made it: rules only, nothing asked, nothing learned."""
    command = shutil.which("spamassassin")
    if command is None:
        pytest.skip("no spamassassin: Debian, Ubuntu: apt-get install spamassassin")
    files = []
    for number, mail in enumerate(mails):
        files.append(folder / f"{number:03}.eml")
        files[-1].write_bytes(mail)
    asked = [command, "-L", "-t", "-x", "--cf=use_bayes 0", *map(str, files)]
    home = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    done = subprocess.run(asked, capture_output=True, check=True, timeout=600, env=home)
    said = done.stdout.decode("utf-8", errors="replace")
    status = re.compile(r"^X-Spam-Status: \w+, score=(-?[\d.]+) .*?tests=(.*?)\s+autolearn", re.MULTILINE | re.DOTALL)
    statuses = status.findall(said)
    assert len(statuses) == len(files)
    return [(float(score), "".join(rules.split())) for score, rules in statuses]


def test_no_email_looks_like_spam(emails, tmp_path):
    found = dict(zip((email.file for email in emails), scores(tmp_path, [email.mail for email in emails]), strict=True))
    print(*(f"{score:5} {file} {rules}" for file, (score, rules) in found.items()), sep="\n")
    assert {file: told for file, told in found.items() if told[0] >= HIGHEST} == {}


def test_the_filter_sees_spam(emails, tmp_path):
    # GTUBE: the words that every spam filter must take for spam.
    gtube = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    ((score, rules),) = scores(tmp_path, [ARRIVAL + b"Subject: hello\r\n\r\n" + gtube + b"\r\n"])
    assert score > 100 and "GTUBE" in rules
