"""What the documents say is true of the code: statuses, reasons, settings, commands, events."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from engine.cli import app
from engine.config import Settings, load_settings
from engine.core.enrolment import DECLINED_SENTENCES, Declined
from engine.core.messages import Status
from engine.core.reasons import SENTENCES, Reason

ROOT = Path(__file__).parent.parent
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "settings.toml").read_text(encoding="utf-8")
CAMPAIGNS = (ROOT / "docs" / "campaigns.md").read_text(encoding="utf-8")


def test_every_reason_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Reason)
    assert set(DECLINED_SENTENCES) == set(Declined)


@pytest.mark.parametrize("status", Status)
def test_every_status_has_its_row_in_the_architecture(status: Status) -> None:
    assert f"\n| {status} |" in ARCHITECTURE


def keys(model: type[BaseModel], before: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += keys(inner, f"{before}{name}.")
        else:
            found.append(f"{before}{name}")
    return found


@pytest.mark.parametrize("key", keys(Settings))
def test_every_setting_stands_in_settings_toml_with_a_word_on_it(key: str) -> None:
    if key == "secret_key":
        assert "NURTURE_SECRET_KEY" in SETTINGS
        return
    section, _, name = key.rpartition(".")
    if not section:
        assert f"[{name}." in SETTINGS
        return
    part = SETTINGS.partition(f"\n[{section}]")[2].partition("\n[")[0]
    assert re.search(rf"^#? ?{name}\b", part, re.MULTILINE), f"{key} is not in settings.toml"


def test_every_module_of_the_engine_stands_in_the_architecture() -> None:
    for path in sorted((ROOT / "engine").iterdir()):
        if path.suffix == ".py" and path.name != "__init__.py":
            assert path.name in ARCHITECTURE, path.name
        elif path.is_dir() and (path / "__init__.py").exists():
            assert f"{path.name}/" in ARCHITECTURE, path.name


@pytest.mark.parametrize("command", sorted(c.name or "" for c in app.registered_commands))
def test_every_command_stands_in_the_readme(command: str) -> None:
    assert re.search(rf"nurture {command}\b|make {command}\b", README), command


def test_the_documented_events_are_those_of_the_shipped_settings() -> None:
    for word in load_settings(ROOT).events.words:
        assert f"`{word}`" in CAMPAIGNS, word


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
