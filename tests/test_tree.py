"""What the tree as a whole must keep: no foreign names in it, no barns, one place where the clock is read."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Hosts of package registries, paths of one machine, tools that are not the project's; written so that this
# file does not hold them itself.
FOREIGN = re.compile(
    r"/w[o]rk/|/f[a]rm/|f[a]rm-(studio|bench)|before-st[o]p|sub[a]gent"
    r"|p[y]pi[.]org|pythonh[o]sted|np[m]js[.](org|com)|deb[.]deb[i]an[.]org"
)
CLOCK = re.compile(
    r"\.(now|utcnow|today)\(|\btime\.(time|monotonic|perf_counter|sleep)\(|^from time import", re.MULTILINE
)
READS_THE_CLOCK = ("engine/cli", "engine/cli.py", "engine/web")
MOST_LINES = 500


def tree() -> list[Path]:
    """Every file of the project: what git has or would take; without git, all that is not made by a tool."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        names = listed.stdout.split("\0")
    else:
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*")]
    ours = [
        ROOT / name for name in names if name and not re.match(r"(\.venv|var)/|(.*/)?(\.\w+_cache|__pycache__)/", name)
    ]
    return sorted(path for path in ours if path.is_file())


TREE = tree()


def foreign(text: str) -> list[str]:
    return [match[0] for match in FOREIGN.finditer(text)]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_tree_is_seen() -> None:
    assert {"pyproject.toml", "engine/core/timing.py", "settings.toml"} <= {named(path) for path in TREE}


def test_nothing_names_a_registry_or_a_machine() -> None:
    found = {}
    for path in TREE:
        if not path.name.endswith(".min.js"):
            found[named(path)] = foreign(path.read_text(encoding="utf-8", errors="replace"))
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize("word", ["p y p i . o r g", "/ w o r k /", "p y t h o n h o s t e d", "n p m j s . c o m"])
def test_a_foreign_name_is_caught(word: str) -> None:
    assert foreign(f"see https://{word.replace(' ', '')}x") != []


def test_the_lock_records_no_address() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not {"uv.lock", "poetry.lock", "package-lock.json"} & {path.name for path in TREE}


def test_the_clock_is_read_at_the_edges_only() -> None:
    found = {}
    for path in TREE:
        name = named(path)
        if name.startswith("engine/") and name.endswith(".py") and not name.startswith(READS_THE_CLOCK):
            found[name] = CLOCK.findall(path.read_text(encoding="utf-8"))
    assert {name: calls for name, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "line",
    ["datetime.now(UTC)", "date.today()", "time.time()", "from time import monotonic", "sa.func.now()"],
)
def test_a_look_at_the_clock_is_caught(line: str) -> None:
    assert CLOCK.search(f"x = 1\n{line}\n")


def test_no_file_grows_into_a_barn() -> None:
    code = [path for path in TREE if named(path).startswith("engine/") and path.suffix == ".py"]
    lines = {named(path): path.read_text(encoding="utf-8").count("\n") for path in code}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_there_is_no_room_for_odds_and_ends() -> None:
    names = {"models.py", "utils.py", "common.py", "constants.py", "base.py", "helpers.py", "misc.py"}
    assert [named(path) for path in TREE if path.name in names] == []
