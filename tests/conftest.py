"""What every test may ask for: databases of both kinds, golden files, the shared documents."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from tests import postgres

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
TEST_VARIABLES = {"NURTURE_KILLS", "NURTURE_SHARED", "NURTURE_TEST_PG", "NURTURE_WRITE_IMAGES"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the golden files")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in os.environ.keys() - TEST_VARIABLES:
        if name.startswith("NURTURE_"):
            monkeypatch.delenv(name)


# --- databases ---


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A server for this test process, or the one that NURTURE_TEST_PG names."""
    if given := os.environ.get("NURTURE_TEST_PG"):
        yield make_url(given)
        return
    with postgres.server() as socket_folder:
        yield make_url(postgres.url(socket_folder, "postgres"))


class Databases:
    """Makes databases that last as long as one test; the migrations run once per test process and kind."""

    def __init__(self, server: Callable[[], URL], template_folder: Path) -> None:
        self._server = server
        self._folder = template_folder
        self._templates: dict[str, str] = {}
        self._made: list[str] = []
        self._count = 0

    def new(self, kind: str, folder: Path, *, migrated: bool) -> str:
        """The URL of a new database, empty or with the schema in it."""
        template = self._template(kind) if migrated else None
        return self._sqlite(folder, template) if kind == "sqlite" else self._postgresql(template)

    def _template(self, kind: str) -> str:
        if kind not in self._templates:
            from engine.store import open_store  # late: most tests need no database

            url = self._sqlite(self._folder, None) if kind == "sqlite" else self._postgresql(None, keep=True)
            store = open_store(url)
            store.migrate()
            store.engine.dispose()
            self._templates[kind] = url
        return self._templates[kind]

    def _sqlite(self, folder: Path, template: str | None) -> str:
        self._count += 1
        path = folder / f"nurture-{self._count}.db"
        if template is not None:
            shutil.copyfile(make_url(template).database or "", path)
        return f"sqlite:///{path}"

    def _postgresql(self, template: str | None, *, keep: bool = False) -> str:
        self._count += 1
        name = f"nurture_{os.getpid()}_{self._count}"
        source = make_url(template).database if template else "template0"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")
        if not keep:
            self._made.append(name)
        return self._server().set(database=name).render_as_string(hide_password=False)

    def drop(self) -> None:
        """Away with what this test made, also from under connections that it left open."""
        while self._made:
            self._execute(f"DROP DATABASE IF EXISTS {self._made.pop()} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        engine = create_engine(self._server(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@pytest.fixture(scope="session")
def _databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    # The server starts with the first test that wants it.
    return Databases(lambda: request.getfixturevalue("postgres_server"), tmp_path_factory.mktemp("templates"))


@pytest.fixture
def databases(_databases: Databases) -> Iterator[Databases]:
    """For tests that need several databases: `databases.new("postgresql", tmp_path, migrated=True)`."""
    yield _databases
    _databases.drop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> str:
    """An empty database of each kind: every test of the store runs on both."""
    return databases.new(request.param, tmp_path, migrated=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> str:
    """A database of each kind with the schema in it: a copy, far quicker than running the migrations."""
    return databases.new(request.param, tmp_path, migrated=True)


# --- files ---


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden("appointment/timeline.txt", text)`: the text equals the file below tests/golden."""

    def check(name: str, produced: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(produced, encoding="utf-8", newline="\n")
            return
        assert path.is_file(), f"tests/golden/{name} is missing: run pytest --update, and read what it wrote"
        expected = path.read_text(encoding="utf-8")
        assert produced == expected, f"tests/golden/{name} differs: pytest --update rewrites it"

    return check


@pytest.fixture(scope="session")
def shared() -> Path:
    """The documents beside the project. Absent: the test is skipped, unless NURTURE_SHARED asks for them."""
    asked = os.environ.get("NURTURE_SHARED")
    folder = (ROOT / (asked or "../shared")).resolve()
    if not folder.is_dir():
        message = f"the shared documents are not at {folder}"
        pytest.fail(message) if asked else pytest.skip(message)
    return folder
