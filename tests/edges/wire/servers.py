"""Servers of raw sockets that misbehave at every stage, and how the wire is asked."""

import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from engine.providers.wire import Answer, Wire
from tests.fakes.server import CERTIFICATE

SHORT = 0.2  # seconds
LONG = 5.0  # seconds: what must come comes at once, and this is only the end of patience
Script = Callable[[socket.socket], None]


class Server:
    """Each connection is dealt with by the script that is next, and all further ones by the last."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()
        self.port: int = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._open)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._open.append(connection)
            script = self._scripts[min(len(self._open), len(self._scripts)) - 1]
            self._threads.append(threading.Thread(target=self._serve, args=(script, connection)))
            self._threads[-1].start()

    def _serve(self, script: Script, connection: socket.socket) -> None:
        try:
            script(connection)
        except OSError:
            return  # the client went away, or the test is over
        finally:
            connection.close()

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._threads[0].join()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


class Clock:
    """Seconds, turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def get(wire: Wire) -> Answer:
    return wire.call("GET", "/", {})


@contextmanager
def soon() -> Iterator[None]:
    """Long before what is LONG would be over."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < LONG / 2


# --- scripts


def answer(body: bytes = b"ok", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body])


def request(connection: socket.socket) -> bytes:
    """The next request, whole; empty when the client has closed."""
    taken = b""
    while b"\r\n\r\n" not in taken:
        if not (part := connection.recv(65536)):
            return b""
        taken += part
    head = taken.partition(b"\r\n\r\n")[0]
    length = re.search(rb"Content-Length: (\d+)", head)
    missing = len(head) + 4 + (int(length[1]) if length else 0) - len(taken)
    return taken + (connection.recv(missing, socket.MSG_WAITALL) if missing else b"")


def saying(*answers: bytes, seen: list[bytes] | None = None) -> Script:
    """Answers one request after the other, the last answer for all further ones."""

    def script(connection: socket.socket) -> None:
        number = 0
        while taken := request(connection):
            if seen is not None:
                seen.append(taken)
            connection.sendall(answers[min(number, len(answers) - 1)])
            number += 1

    return script


def once(said: bytes, *, reset: bool = False) -> Script:
    """Answers one request with these bytes, whole answer or not, and closes."""

    def script(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(said)
        if reset:
            resetting(connection)

    return script


def resetting(connection: socket.socket) -> None:
    """What closes it will do so without a goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(connection: socket.socket) -> None:
    """Reads for ever and says nothing."""
    while connection.recv(65536):
        pass


def dripping(said: bytes, pause: float = SHORT / 10) -> Script:
    def script(connection: socket.socket) -> None:
        for number in range(len(said)):
            threading.Event().wait(pause)
            connection.sendall(said[number : number + 1])

    return script


def secured(script: Script) -> Script:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            script(tls)

    return wrapped


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATE))


def tunnelling(said: bytes, script: Script, seen: list[bytes]) -> Script:
    def proxy(connection: socket.socket) -> None:
        seen.append(request(connection))
        connection.sendall(said)
        secured(script)(connection)

    return proxy


def refused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port: int = gone.getsockname()[1]
        return port
