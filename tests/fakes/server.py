"""What the three fakes share: a loop on a thread of its own, what they took, and when a fault fits."""

import argparse
import asyncio
import json
import os
import signal
import ssl
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Generic, Self, TypeVar

CERTIFICATE = Path(__file__).with_name("localhost.pem")
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as it arrived, decoded."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was accepted for one address. What a kind of message does not have is None or empty."""

    sid: str  # the provider's name for it
    to: str
    at: datetime
    message: str | None  # our own id, as the provider was told it
    attempt: int | None
    sender: str | None  # From, as it was given
    text: str = ""
    html: str | None = None
    subject: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    attachments: tuple[File, ...] = ()
    messaging_service_sid: str | None = None
    status_callback: str | None = None
    validity_period: int | None = None  # seconds
    raw: Any = None  # the form, the JSON or the email.message.Message itself

    @property
    def body(self) -> str:
        """The words of an SMS, by the name that Twilio has for them."""
        return self.text

    def as_line(self) -> bytes:
        """A line of the state file: all but attachments and the raw message."""
        values = {name: getattr(self, name) for name in self.__slots__ if name not in {"attachments", "raw", "at"}}
        return json.dumps({**values, "at": self.at.isoformat()}).encode() + b"\n"


def written(at: datetime) -> str:
    """As in RFC 2822; millions of messages share their seconds."""
    return _written(at.astimezone(UTC).replace(microsecond=0))


@lru_cache
def _written(at: datetime) -> str:
    return format_datetime(at)


def read_state(path: Path) -> list[Taken]:
    """What a fake in a process of its own has accepted so far."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [Taken(**{**values, "at": datetime.fromisoformat(values["at"])}) for values in map(json.loads, lines)]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Which requests a fault is meant for. `nth` counts, from 1, those that fit otherwise."""

    to: str = "*"  # the recipient as in file names: +1617*, *@example.org; "*" fits those without one too
    nth: int | None = None
    times: int | None = None  # so often, then never again
    delay: float = 0.0  # seconds more before the answer
    accepted: bool = False  # the message is taken all the same


R = TypeVar("R", bound=Rule)
T = TypeVar("T")


@dataclass
class Counted(Generic[R]):
    """A rule, and how often it fitted and was used."""

    rule: R
    seen: int = 0
    used: int = 0

    def turn(self) -> bool:
        """Whether this request, which fits, is one that the fault is for."""
        self.seen += 1
        meant = self.rule.nth in (None, self.seen) and (self.rule.times is None or self.used < self.rule.times)
        self.used += meant
        return meant


class Server(Generic[R]):
    """A loopback server on a thread of its own. One thread may start it, and any may set faults and look."""

    def __init__(
        self, *, tls: bool = False, clock: Clock | None = None, state: Path | None = None, latency: float = 0.0
    ) -> None:
        self.tls, self.latency = tls, latency
        self.clock: Clock = clock or (lambda: datetime.now(UTC))
        self.accepted: list[Taken] = []
        self.requests = self.connections = self.most_at_once = 0
        self.host, self.port = "127.0.0.1", 0
        self._state = state
        self._account: BinaryIO | None = None
        self._rules: list[Counted[R]] = []
        self._lock = threading.Lock()  # over the rules
        self._open: set[asyncio.BaseTransport] = set()
        self._running = False

    # --- life

    def start(self, port: int = 0) -> Self:
        """Begin to listen; after a stop, on the port of before."""
        assert not self._running
        self._running = True
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=type(self).__name__, daemon=True)
        self._thread.start()
        if self._state is not None:
            self._account = self._state.open("ab")
        self._server = self._run(self._listen(port or self.port))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        """End: nothing listens, every connection is cut. What was accepted stays to be looked at."""
        if not self._running:
            return
        self._running = False
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._account is not None:
            self._account.close()

    def __enter__(self) -> Self:
        return self if self._running else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def drop(self) -> None:
        """Close every open connection, as a server does with those that are idle."""
        self._run(self._drop())

    @property
    def context(self) -> ssl.SSLContext:
        """A client's: it trusts the certificate of this server, and no other."""
        return ssl.create_default_context(cafile=str(CERTIFICATE))

    # --- faults

    def fail(self, rule: R) -> None:
        """From now on; rules set earlier come first."""
        with self._lock:
            self._rules.append(Counted(rule))

    def mend(self) -> None:
        """No faults any more."""
        with self._lock:
            self._rules.clear()

    def forget(self) -> None:
        """As new: nothing accepted or counted, no faults. For fakes that serve several tests."""
        self.mend()
        self.accepted.clear()
        self.requests = self.connections = self.most_at_once = 0

    def fault(self, recipients: Sequence[str], fits: Callable[[R], bool]) -> R | None:
        """The fault that this request meets, if any."""
        with self._lock:
            for counted in self._rules:
                rule = counted.rule
                meant = rule.to == "*" or any(fnmatchcase(to.lower(), rule.to.lower()) for to in recipients)
                if meant and fits(rule) and counted.turn():
                    return rule
        return None

    # --- for the kinds of server

    async def _listen(self, port: int) -> asyncio.Server:
        raise NotImplementedError

    def take(self, taken: Sequence[Taken]) -> None:
        """Accept for good: on the disk first, when there is a state file."""
        if self._account is not None:
            self._account.write(b"".join(one.as_line() for one in taken))
            self._account.flush()
            os.fsync(self._account.fileno())
        self.accepted.extend(taken)

    def opened(self, transport: asyncio.BaseTransport) -> None:
        """A connection came about."""
        self._open.add(transport)
        self.connections += 1
        self.most_at_once = max(self.most_at_once, len(self._open))

    def closed(self, transport: asyncio.BaseTransport) -> None:
        """It is gone."""
        self._open.discard(transport)

    def server_context(self) -> ssl.SSLContext:
        """With the throw-away certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        return context

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _drop(self) -> None:
        for transport in tuple(self._open):
            transport.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        for transport in tuple(self._open):
            transport.abort()  # type: ignore[attr-defined]
        await asyncio.gather(*others, return_exceptions=True)
        for _ in range(10):  # the next turns of the loop close the sockets: TLS stands above TCP
            await asyncio.sleep(0)


def serve(make: Callable[[argparse.Namespace], Server[Any]], *options: str) -> None:
    """Run a fake as this process until it is told to end: the port is the first line of the output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--tls", action="store_true")
    for option in options:
        parser.add_argument(option)
    arguments = parser.parse_args()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before there is a second thread: it inherits this
    with make(arguments).start(arguments.port) as server:
        print(server.port, flush=True)
        signal.sigwait(ends)
