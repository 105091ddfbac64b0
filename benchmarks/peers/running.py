"""Environments for the peers, and their runs: each measured from outside, by what the stand-in accepted."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.sending import PROJECT, Result
from benchmarks.stage import StandIn
from engine.core.contact import Channel
from engine.providers import Outgoing
from tests import postgres

REQUIREMENTS = Path(__file__).parent.parent / "requirements-peers.txt"
PATIENCE = 20.0  # seconds without a further message after which what is left counts as lost
BEGINNING = 180.0  # seconds until the first one


@dataclass(frozen=True, slots=True)
class Peer:
    """Something else that sends messages when they are due."""

    name: str  # by_<name>.py
    title: str
    channel: Channel


PEERS = (
    Peer("apscheduler", "APScheduler, a job a message", Channel.SMS),
    Peer("celery", "Celery, an ETA task a message", Channel.SMS),
    Peer("procrastinate", "procrastinate, a job a message", Channel.SMS),
    Peer("drip", "django-drip-campaigns", Channel.EMAIL),
    Peer("post_office", "django-post-office", Channel.EMAIL),
)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a peer did; `lost` is what never came."""

    result: Result
    lost: int


class Missing(Exception):
    """A peer cannot be run here; the sentence says why."""


# ------------------------------------------------------------------------------------------------ environments


def environment(peer: Peer, folder: Path) -> Path:
    """A virtual environment with what the peer needs; its Python. Raises Missing."""
    home = folder / peer.name
    python = home / "bin/python"
    needed = [
        line.split("#")[0].strip()
        for line in REQUIREMENTS.read_text().splitlines()
        if re.search(rf"#.*\b{peer.name}\b", line) and not line.startswith("#")
    ]
    wanted = home / "wanted.txt"
    if wanted.exists() and wanted.read_text() == "\n".join(needed):
        return python
    shutil.rmtree(home, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(home)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *needed],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise Missing(f"it cannot be installed: {said[-1]}")
    wanted.write_text("\n".join(needed))
    return python


@contextmanager
def services(peer: Peer, folder: Path) -> Iterator[dict[str, str]]:
    """What else the peer wants to run: a PostgreSQL of our own, a Redis if the machine has one."""
    with ExitStack() as stack:
        if peer.name == "procrastinate":
            socket = stack.enter_context(postgres.server())
            yield {"postgres": f"postgresql://postgres@/postgres?host={socket}"}
        elif peer.name == "celery" and shutil.which("redis-server"):
            stack.enter_context(_redis(folder))
            yield {"redis": f"redis+socket://{folder}/redis.sock"}
        else:
            yield {}


def note(peer: Peer) -> str:
    """What it runs on, where that is not plain from its name."""
    broker = "Redis" if shutil.which("redis-server") else "a folder, as there is no redis-server"
    notes = {"celery": f"broker: {broker}", "procrastinate": "PostgreSQL, its fsync off"}
    return notes.get(peer.name, "")


@contextmanager
def _redis(folder: Path) -> Iterator[None]:
    options = ["--port", "0", "--unixsocket", str(folder / "redis.sock"), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL) as process:
        while not (folder / "redis.sock").exists() and process.poll() is None:
            time.sleep(0.05)
        try:
            yield
        finally:
            process.terminate()


# --------------------------------------------------------------------------------------------------- the runs


def run_peer(peer: Peer, python: Path, stand_in: StandIn, count: int, like: Outgoing, folder: Path) -> Ran:
    """Let it send so many messages with the words of `like`. Raises Missing."""
    folder.mkdir()
    told: dict[str, Any] = {"folder": str(folder), "url": stand_in.url, "count": count, "subject": like.subject}
    told |= {"text": _with_name(like.text), "html": _with_name(like.html or "")}
    _write_people(folder / "people.db", count)
    stand_in.forget()
    with services(peer, folder) as more, (folder / "said.txt").open("w") as said:
        env = {**os.environ, "PEER": json.dumps(told | more)}
        command = [str(python), "-m", f"benchmarks.peers.by_{peer.name}"]
        process = subprocess.Popen(
            command, env=env, cwd=PROJECT, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            ran = _watched(process, stand_in, count)
        finally:
            _end(process)
    if ran is None:
        words = (folder / "said.txt").read_text().strip().splitlines() or ["it sent nothing"]
        raise Missing(words[-1])
    return ran


def _with_name(words: str) -> str:
    return words.replace("Ann", "{{ first_name }}")


def _write_people(path: Path, count: int) -> None:
    people = sqlite3.connect(path)
    people.execute("PRAGMA journal_mode=WAL")
    people.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, first_name TEXT, phone TEXT)")
    people.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, person INTEGER, sid TEXT, status TEXT)")
    rows = [(who, "Ann", f"+1212{2000000 + who}") for who in range(1, count + 1)]
    people.executemany("INSERT INTO person VALUES (?, ?, ?)", rows)
    people.commit()
    people.close()


def _watched(process: subprocess.Popen[bytes], stand_in: StandIn, count: int) -> Ran | None:
    """From the first message that arrives to the last one, or until no more come."""
    began = moved = time.monotonic()
    first = seen = 0
    used = 0.0
    while seen < count and time.monotonic() - moved < (PATIENCE if seen else BEGINNING):
        accepted = stand_in.counts()["accepted"]
        if accepted > seen:
            moved = time.monotonic()
            if not seen:
                first, began, used = accepted, moved, _cpu(process.pid)
            seen = accepted
        elif process.poll() is not None:
            break
        time.sleep(0.02)
    if seen <= first:
        return None
    result = Result(seen - first, moved - began, _cpu(process.pid) - used, _memory(process.pid))
    return Ran(result, count - seen)


def _end(process: subprocess.Popen[bytes]) -> None:
    """It and the processes it began: they are a session of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _processes(session: int) -> Iterator[Path]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[3]) == session:
            yield folder


def _cpu(session: int) -> float:
    """Seconds of CPU that all processes of a session have used; 0 where there is no /proc."""
    ticks = 0
    for folder in _processes(session):
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def _memory(session: int) -> float:
    """The most memory that they ever held, in MB, summed up."""
    total = 0
    for folder in _processes(session):
        found = re.search(r"VmHWM:\s+(\d+) kB", (folder / "status").read_text())
        total += int(found[1]) if found else 0
    return total / 1024
