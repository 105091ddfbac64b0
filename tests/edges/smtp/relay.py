"""A mail, a relay that says what it is told to say, and a clock that is turned by hand."""

import dataclasses
import re
import select
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from engine.core.contact import Channel
from engine.providers import Attachment, Outgoing
from tests.fakes.smtp import SmtpFault

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
MAIL = Outgoing(
    message="m1",
    attempt=1,
    contact="ann",
    channel=Channel.EMAIL,
    to="ann@example.com",
    subject="Su cita — mañana",
    text="Dear Ann,\n.here it is. Grüße.\n.\n",
    html="<p>Dear Ann,<br>here it is.</p>\n",
    headers=(
        ("From", '"Harbor Clinic" <hello@harborclinic.example>'),
        ("Reply-To", "frontdesk@harborclinic.example"),
        ("List-Unsubscribe", "<https://go.harborclinic.example/u/abc>"),
    ),
)
BIG = dataclasses.replace(MAIL, attachments=(Attachment("big.bin", "application/octet-stream", bytes(12_000_000)),))


class Turned:
    """A clock in seconds that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_mail(number: int) -> Outgoing:
    return dataclasses.replace(MAIL, message=f"m{number}", to=f"p{number}@example.com")


def name(case: Any) -> str:
    """Of a parameter, for the test's name."""
    if isinstance(case, SmtpFault):
        return re.sub(r"\W+", "_", f"{case.at} {case.reply or ''} {case.end} {'taken' if case.accepted else ''}")
    return case.__name__ if isinstance(case, type) else repr(case)


TO_DATA = [b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"354 go on"]


class Relay:
    """One that answers one connection as it was told, whatever it hears, and then does something odd, or listens."""

    def __init__(self, replies: Sequence[bytes], then: Callable[[socket.socket], object] | None = None) -> None:
        self._replies, self._then = replies, then
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self.heard = b""

    def __enter__(self) -> "Relay":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        self._listening.settimeout(10)
        connection, _ = self._listening.accept()
        connection.settimeout(10)
        with connection:
            for number, reply in enumerate(self._replies):
                if number:
                    self.heard += connection.recv(4096)
                connection.sendall(reply + b"\r\n")
            if self._then is not None:
                self._then(connection)
                return
            while more := connection.recv(4096):
                self.heard += more


def reset(connection: socket.socket) -> None:
    """Take a little, and let the connection die."""
    connection.recv(4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(connection: socket.socket) -> None:
    """A reply that never ends, a little at a time."""
    gone = select.poll()
    gone.register(connection, select.POLLRDHUP)
    with suppress(OSError):
        while not gone.poll(20):
            connection.sendall(b"250-and\r\n")
