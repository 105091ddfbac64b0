"""Settings about words: notices, facts, sign-off, sites, prices."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from engine.config import Settings, load_settings
from engine.core.campaign import Refused

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "settings.toml").read_text(encoding="utf-8")


def read(folder: Path, text: str) -> Settings:
    (folder / "settings.toml").write_text(text, encoding="utf-8")
    return load_settings(folder)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(Refused) as caught:
        read(folder, text)
    return "\n".join(map(str, caught.value.findings))


def with_line(section: str, line: str) -> str:
    """The shipped settings with this line in place of one of the same key, in a section."""
    key = line.split("=")[0].strip()
    head, name, rest = SHIPPED.partition(f"[{section}]")
    own, following, others = rest.partition("\n[")
    own = re.sub(rf"(?m)^{key}\b.*$", "", own)
    first, _, last = own.partition("\n")
    return f"{head}{name}{first}\n{line}\n{last}{following}{others}"


def test_unsigned_words_pass_only_where_it_is_said(tmp_path: Path) -> None:
    assert read(tmp_path, SHIPPED).signoff.demo
    assert not read(tmp_path, re.sub(r"(?m)^demo = true.*$", "", SHIPPED)).signoff.demo


def test_unsigned_words_never_leave_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NURTURE_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("NURTURE_SENDGRID__API_KEY", "SG.x")
    text = with_line("sending", 'email = "sendgrid"\nrehearsal = true')
    assert "signoff.demo: Words that nobody signed would leave by sendgrid." in refused(tmp_path, text)
    assert not read(tmp_path, re.sub(r"(?m)^demo = true.*$", "", text)).only_mailbox


@pytest.mark.parametrize(
    ("section", "line", "told"),
    [
        ("signoff", "roles = []", "signoff.roles"),
        ("signoff", 'roles = ["demo"]', "signoff.roles"),
        ("signoff", 'roles = ["Chief Doctor"]', "signoff.roles"),
        ("facts", 'confirmed = ["10"]', "facts.confirmed"),
        ("links", 'sites = ["https://doi.org/"]', "links.sites"),
        ("sms", "price_per_segment = 79", "sms.price_per_segment"),
        ("clinic", 'notice = "  "', "clinic.notice"),
    ],
)
def test_what_cannot_be_right_is_named(tmp_path: Path, section: str, line: str, told: str) -> None:
    assert told in refused(tmp_path, with_line(section, line))


def test_a_notice_may_have_several_lines_and_a_price_is_exact(tmp_path: Path) -> None:
    text = with_line("clinic", 'notice = """THIS IS\nTHE NOTICE."""')
    settings = read(tmp_path, text.replace("# price_per_segment", "price_per_segment"))
    assert settings.clinic.notice == "THIS IS\nTHE NOTICE."
    assert settings.sms.price_per_segment == Decimal("0.0113")
