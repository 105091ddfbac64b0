"""What the runs stand on: a filled database, stand-ins for the providers, certificates, and processes of their own."""

import json
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.filling import START, anybody, count_up, fill_store, let_fall_due, only, put_off
from benchmarks.sending import PROJECT, THEN, WARM, Job, Result
from engine.catalogue import catalogue
from engine.config import load_settings
from engine.core.contact import Channel
from engine.store import Store, open_store

# One round after the other, each so much later that nothing of one falls into the next.
BETWEEN = timedelta(minutes=2)


class Wrong(Exception):
    """A run did something else than was asked of it: its figure would mean nothing."""


@dataclass
class Bench:
    """A database in which as many wait as asked, and the clock of the runs over it."""

    folder: Path
    size: int
    now: datetime = START + timedelta(minutes=30)
    _people: dict[Channel, Iterator[int]] = field(default_factory=dict)

    @cached_property
    def database(self) -> Path:
        """Its file, filled."""
        path = self.folder / "bench.db"
        store = open_store(f"sqlite:///{path}")
        store.migrate()
        settings = load_settings(PROJECT)
        campaign = catalogue(PROJECT, settings).campaigns["therapy_basics"]
        fill_store(store, {channel: only(campaign, channel) for channel in (Channel.EMAIL, Channel.SMS)}, self.size)
        count_up(store)
        store.engine.dispose()
        return path

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Opened for a moment."""
        store = open_store(f"sqlite:///{self.database}")
        try:
            yield store
        finally:
            store.engine.dispose()

    def let_fall_due(self, channel: Channel, *counts: int) -> datetime:
        """Let so many fall due, THEN apart, a round after all that was; the moment of the first."""
        self.now += BETWEEN
        who = self._people.setdefault(channel, anybody(self.size, channel, texts=True))
        with self.store() as store:
            put_off(store, self.now + BETWEEN)
            for number, count in enumerate(counts):
                let_fall_due(store, who, count, self.now + number * THEN)
        return self.now

    def engine(self, channel: Channel, count: int, *, kind: str = "engine", env: Any = None, **more: Any) -> Result:
        """The engine in a fresh process, over people who fall due for it."""
        at = self.let_fall_due(channel, WARM, count)
        job = Job(kind, channel, count, database=str(self.database), at=at.isoformat(), **more)
        return run(job, env)


def run(job: Job, env: dict[str, str] | None = None) -> Result:
    """A job in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sending", json.dumps(asdict(job))]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})}, cwd=PROJECT)
    if done.returncode:
        raise Wrong(f"{job.kind}, {job.channel}: {done.stderr[-2000:]}")
    result = Result(**json.loads(done.stdout.splitlines()[-1]))
    if result.messages != job.count:
        raise Wrong(f"{job.kind}, {job.channel}: {result.messages} went instead of {job.count}\n{done.stderr[-2000:]}")
    return result


@dataclass(frozen=True, slots=True)
class Certificate:
    """A throw-away certificate for 127.0.0.1, and the system's own certificates with it added."""

    cert: Path
    key: Path
    bundle: Path
    roots: int  # how many certificates the bundle has

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process trust it: as the system's own bundle would be found, by each library in its way."""
        return {"SSL_CERT_FILE": str(self.bundle), "REQUESTS_CA_BUNDLE": str(self.bundle)}


def make_certificate(folder: Path) -> Certificate:
    """By openssl, good for two days."""
    made = Certificate(folder / "cert.pem", folder / "key.pem", folder / "bundle.pem", 0)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", made.key)
    name = ("-subj", "/CN=stand-in", "-addext", "subjectAltName=IP:127.0.0.1")
    command = ("openssl", "req", "-x509", *key, *name, "-days", "2", "-out", made.cert)
    subprocess.run(command, check=True, capture_output=True)
    system = ssl.get_default_verify_paths().cafile
    roots = Path(system).read_text() if system else ""
    made.bundle.write_text(roots + "\n" + made.cert.read_text())
    return Certificate(made.cert, made.key, made.bundle, made.bundle.read_text().count("BEGIN CERTIFICATE"))


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running stand-in."""

    url: str
    context: ssl.SSLContext | None

    def counts(self, path: str = "/counts") -> dict[str, int]:
        """How many messages it accepted, and how many of them again."""
        with urllib.request.urlopen(self.url + path, context=self.context) as answer:
            told: dict[str, int] = json.load(answer)
        return told

    def forget(self) -> None:
        """Count from 0."""
        self.counts("/forget")


@contextmanager
def stand_in(latency: float = 0.0, tls: Certificate | None = None, began: datetime | None = None) -> Iterator[StandIn]:
    """Run one for as long as the block lasts."""
    command = [sys.executable, "-m", "benchmarks.server", "--latency", str(latency)]
    command += ["--cert", str(tls.cert), "--key", str(tls.key)] if tls else []
    command += ["--began", began.isoformat()] if began else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        context = ssl.create_default_context(cafile=tls.cert) if tls else None
        yield StandIn(f"{'https' if tls else 'http'}://127.0.0.1:{port}", context)
        # Leaving closes its standard input, and with that it ends.
