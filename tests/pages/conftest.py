"""A real Chromium, what it may be asked, and the pages it is shown."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from engine.cli import app
from tests.conftest import ROOT
from tests.studio.conftest import written

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

AXE = ROOT / ".venv" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
FRIDAY = "2026-11-20T15:00Z"


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """Debian's own browser: none is fetched."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: it is in the group `browser`")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium: Debian, Ubuntu: apt-get install chromium")
    # Chromium has no sandbox for root, as in the containers that tests run in.
    args = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        browser.close()


class Window:
    """One browser window; everything it complained of, and everything it asked the network for."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self.asked.append(request.url))

    def _dismiss(self, dialog: "Dialog") -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def open(self, file: Path, *, width: int = 1440) -> "Page":
        """The page in a window of this width, once every email in it has its height."""
        self.widen(width)
        self.page.goto(file.as_uri())
        self.settled()
        return self.page

    def widen(self, width: int) -> None:
        """Make the window as wide as this, in CSS pixels."""
        self.page.set_viewport_size({"width": width, "height": 900})

    def settled(self) -> None:
        """Wait until the frames that can be seen are as high as their emails."""
        self.page.wait_for_function(
            """() => [...document.querySelectorAll("iframe")].filter(frame => frame.offsetParent).every(frame =>
                 frame.contentDocument?.readyState === "complete"
                 && frame.offsetHeight === frame.contentDocument.body?.offsetHeight)"""
        )

    def too_wide(self) -> int:
        """By how many pixels the page is wider than its window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wider

    def barriers(self, *without: str) -> list[str]:
        """What axe finds that would keep somebody out, without some rules. Emails in frames are looked at alone."""
        if not AXE.is_file():
            pytest.skip("no axe-core: npm install --prefix .venv/browser axe-core")
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        asked = {
            "iframes": False,
            "resultTypes": ["violations"],
            "rules": {rule: {"enabled": False} for rule in without},
        }
        found: dict[str, Any] = self.page.evaluate("asked => axe.run(document, asked)", asked)
        return [
            f"{one['impact']} {one['id']}: {json.dumps([node['html'][:120] for node in one['nodes'][:3]])}"
            for one in found["violations"]
        ]


@pytest.fixture
def window(chromium: "Browser") -> Iterator[Window]:
    """A window of its own for each test."""
    context = chromium.new_context()
    yield Window(context.new_page())
    context.close()


def _preview(project: Path, campaign: str, file: Path) -> Path:
    asked = ["--project", str(project), "preview", campaign, "--start", FRIDAY, "--html", str(file)]
    both = {"NURTURE_LANGUAGES__SERVED": "en, es", "NURTURE_SMS__PRICE_PER_SEGMENT": "0.0113"}
    done = CliRunner().invoke(app, asked, env=both, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return file


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The preview of a campaign that the project ships."""
    return _preview(ROOT, "therapy_basics", tmp_path_factory.mktemp("shipped") / "preview.html")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The preview of a small campaign in two languages, with one thing of each kind that a page can show."""
    folder = tmp_path_factory.mktemp("small")
    return _preview(written(folder / "project"), "tea", folder / "preview.html")


@pytest.fixture(params=["shipped", "small"])
def preview(request: pytest.FixtureRequest) -> Path:
    """Each of the two."""
    page: Path = request.getfixturevalue(request.param)
    return page
