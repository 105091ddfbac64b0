"""The wire, against servers of raw sockets that misbehave at every stage."""

import os
import re
import socket
import ssl
import struct
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.providers.route import Route
from engine.providers.wire import IDLE, LARGEST, Answer, NoAnswer, NotSent, Wire
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


@pytest.fixture(autouse=True)
def _no_proxies_and_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.lower().endswith("_proxy") or name in {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}:
            monkeypatch.delenv(name)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*scripts: Script) -> Server:
        servers.append(Server(*scripts))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def wired(serve: Callable[..., Server]) -> Iterator[Callable[..., Wire]]:
    wires: list[Wire] = []

    def make(url: str, *, connect: float = LONG, total: float = LONG, **more: Any) -> Wire:
        wires.append(Wire(url, connect=connect, total=total, **more))
        return wires[-1]

    yield make
    for wire in wires:
        wire.close()


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


# --- a call that works


def test_an_answer_comes_whole(serve: Callable[..., Server], wired: Callable[..., Wire]) -> None:
    said = wired(serve(saying(answer(b"words", b"Retry-After: 7"))).url).call("POST", "/x", {}, b"")
    assert (said.status, said.body, said.headers["retry-AFTER"]) == (200, b"words", "7")


def test_a_request_leaves_in_one_piece_with_what_it_needs(
    serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    pieces = []

    def script(connection: socket.socket) -> None:
        pieces.append(connection.recv(65536))
        connection.sendall(answer())

    server = serve(script)
    wired(server.url + "/base/").call("POST", "/there?a=1", {"Accept": "application/json"}, b"k=v")
    head, _, body = pieces[0].partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    assert first == b"POST /base/there?a=1 HTTP/1.1"
    assert sorted(fields) == [
        b"Accept-Encoding: identity",
        b"Accept: application/json",
        b"Content-Length: 3",
        b"Host: 127.0.0.1:%d" % server.port,
    ]
    assert body == b"k=v"


@pytest.mark.parametrize("status", [b"302 Found", b"404 Not Found", b"429 Too Many", b"500 Oh"])
def test_any_whole_answer_is_an_answer_and_nothing_is_followed_or_repeated(
    status: bytes, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    seen: list[bytes] = []
    server = serve(saying(answer(b"", b"Location: /elsewhere", status=status), seen=seen))
    assert get(wired(server.url)).status == int(status[:3])
    assert len(seen) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwor\r\n2\r\nds\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"words"),
        b"HTTP/1.1 200 OK\r\n\r\nwords",
        b"HTTP/1.0 200 OK\r\n\r\nwords",
    ],
)
def test_an_answer_may_be_written_in_any_form(
    said: bytes, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    assert get(wired(serve(once(said)).url)).body == b"words"


@pytest.mark.parametrize(
    ("date", "clock"),
    [
        (b"Date: Fri, 20 Nov 2026 15:00:00 GMT", datetime(2026, 11, 20, 15, tzinfo=UTC)),
        (b"Date: Fri, 20 Nov 2026 10:00:00 -0500", datetime(2026, 11, 20, 15, tzinfo=UTC)),
        (b"Date: Fri, 20 Nov 2026 15:00:00 -0000", None),  # says that its zone is not known
        (b"Date: today", None),
        (b"X: y", None),
    ],
)
def test_an_answer_tells_the_server_s_clock(
    date: bytes, clock: datetime | None, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    assert get(wired(serve(saying(answer(b"", date))).url)).clock == clock


# --- connections


def test_a_connection_is_used_again(serve: Callable[..., Server], wired: Callable[..., Wire]) -> None:
    server = serve(saying(answer(b"1"), answer(b"2"), answer(b"3")))
    wire = wired(server.url)
    assert [get(wire).body for _ in range(3)] == [b"1", b"2", b"3"]
    assert server.connections == 1


def test_a_connection_that_the_server_will_close_is_not_kept(
    serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    server = serve(saying(answer(b"1", b"Connection: close")))
    wire = wired(server.url)
    get(wire)
    get(wire)
    assert server.connections == 2


@pytest.mark.parametrize("left", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
def test_an_idle_connection_that_was_closed_or_spoke_unasked_is_not_used(
    left: bytes, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    answered, closed = threading.Event(), threading.Event()

    def script(connection: socket.socket) -> None:
        once(answer(b"1"))(connection)
        answered.wait(LONG)
        if left:
            connection.sendall(left)
        else:
            connection.shutdown(socket.SHUT_WR)
        closed.set()
        silent(connection)

    server = serve(script, saying(answer(b"2")))
    wire = wired(server.url)
    assert get(wire).body == b"1"
    answered.set()
    assert closed.wait(LONG)
    assert get(wire).body == b"2"


def test_a_connection_idle_for_too_long_is_not_used(serve: Callable[..., Server], wired: Callable[..., Wire]) -> None:
    server, clock = serve(saying(answer())), Clock()
    wire = wired(server.url, clock=clock)
    get(wire)
    clock.now += IDLE - 1
    get(wire)
    assert server.connections == 1
    clock.now += IDLE
    get(wire)
    assert server.connections == 2


def test_idle_connections_are_closed_although_nobody_calls(
    serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    ended, clock = threading.Event(), Clock()

    def script(connection: socket.socket) -> None:
        saying(answer())(connection)  # until the client has closed
        ended.set()

    get(wired(serve(script).url, total=SHORT, clock=clock))
    clock.now += IDLE
    assert ended.wait(LONG)


def test_no_more_connections_are_kept_than_wanted(serve: Callable[..., Server], wired: Callable[..., Wire]) -> None:
    both, ended = threading.Barrier(2), threading.Semaphore(0)

    def script(connection: socket.socket) -> None:
        request(connection)
        both.wait(LONG)
        connection.sendall(answer())
        saying(answer())(connection)
        ended.release()

    server = serve(script)
    wire = wired(server.url, most=1)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(get, [wire, wire]))
    assert ended.acquire(timeout=LONG)  # the one too many
    get(wire)
    assert server.connections == 2


def test_each_of_many_threads_gets_its_own_answer(serve: Callable[..., Server], wired: Callable[..., Wire]) -> None:
    def echo(connection: socket.socket) -> None:
        while taken := request(connection):
            connection.sendall(answer(taken.partition(b"\r\n\r\n")[2]))

    server = serve(echo)
    wire = wired(server.url)

    def ask(number: int) -> bool:
        return wire.call("POST", "/", {}, b"%d" % number).body == b"%d" % number

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(800)))
    assert server.connections <= 16


def test_a_closed_wire_lets_its_connections_go_and_takes_no_call(
    serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    ended = threading.Event()

    def script(connection: socket.socket) -> None:
        saying(answer())(connection)
        ended.set()

    wire = wired(serve(script).url)
    get(wire)
    wire.close()
    assert ended.wait(LONG)
    with pytest.raises(NotSent):
        get(wire)


def test_a_call_under_way_ends_well_although_the_wire_is_closed(
    serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    asked, closed, ended = threading.Event(), threading.Event(), threading.Event()

    def script(connection: socket.socket) -> None:
        request(connection)
        asked.set()
        closed.wait(LONG)
        connection.sendall(answer())
        silent(connection)
        ended.set()

    wire = wired(serve(script).url)
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(get, wire)
        assert asked.wait(LONG)
        wire.close()
        closed.set()
        assert said.result(LONG).status == 200
    assert ended.wait(LONG)  # its connection was not kept


def test_a_call_under_way_ends_in_time_although_the_wire_is_closed(
    serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    asked = threading.Event()

    def script(connection: socket.socket) -> None:
        request(connection)
        asked.set()
        silent(connection)

    wire = wired(serve(script).url, total=SHORT)
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(get, wire)
        assert asked.wait(LONG)
        wire.close()
        assert isinstance(said.exception(LONG), NoAnswer)


# --- nothing was sent


def refused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port: int = gone.getsockname()[1]
        return port


@pytest.mark.parametrize("host", ["nobody.invalid", "a" * 70 + ".invalid"])
def test_a_host_without_an_address_is_not_sent_to(host: str, wired: Callable[..., Wire]) -> None:
    with pytest.raises(NotSent, match="its name has no address"):
        get(wired(f"http://{host}"))


def test_a_refused_connection_is_not_sent_to(wired: Callable[..., Wire]) -> None:
    with pytest.raises(NotSent, match=r"127\.0\.0\.1: Connection refused"):
        get(wired(f"http://127.0.0.1:{refused_port()}"))


@pytest.mark.parametrize(("connect", "total"), [(SHORT, LONG), (LONG, SHORT)])
def test_a_server_that_takes_no_connection_is_not_sent_to(
    connect: float, total: float, wired: Callable[..., Wire]
) -> None:
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # more than may wait: the next one's greeting is dropped
            filler = waiting.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        wire = wired(f"http://127.0.0.1:{full.getsockname()[1]}", connect=connect, total=total)
        with soon(), pytest.raises(NotSent, match="it took too long"):
            get(wire)


def test_an_untrusted_certificate_is_not_sent_to(serve: Callable[..., Server], wired: Callable[..., Wire]) -> None:
    server = serve(secured(silent))
    with pytest.raises(NotSent, match="certificate is not to be trusted"):
        get(wired(f"https://127.0.0.1:{server.port}"))


def test_a_certificate_for_another_name_is_not_sent_to(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    proxy = serve(tunnelling(b"HTTP/1.1 200 Go\r\n\r\n", silent, []))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    with pytest.raises(NotSent, match=r"certificate is not to be trusted .*provider\.invalid"):
        get(wired("https://provider.invalid", context=trusting()))


@pytest.mark.parametrize("said", [b"", answer()])
@pytest.mark.parametrize("reset", [False, True])
def test_a_server_that_breaks_the_handshake_is_not_sent_to(
    said: bytes, reset: bool, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(said)
        if reset:
            resetting(connection)

    with pytest.raises(NotSent):
        get(wired(f"https://127.0.0.1:{serve(script).port}", context=trusting()))


@pytest.mark.parametrize(("connect", "total"), [(SHORT, LONG), (LONG, SHORT)])
@pytest.mark.parametrize("script", [silent, dripping(b"\x16\x03\x03\x40\x00" + b"\x02" * 5000)])
def test_a_handshake_without_an_end_is_not_sent_to(
    connect: float, total: float, script: Script, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    server = serve(script)
    wire = wired(f"https://127.0.0.1:{server.port}", context=trusting(), connect=connect, total=total)
    with soon(), pytest.raises(NotSent):
        get(wire)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"X": "a\r\nInjected: b"}),
        ("/", {"X": "a\nInjected: b"}),
        ("/", {"X\r\n": "a"}),
        ("/", {"X": "é"}),
        ("/a HTTP/1.1\r\nX: b", {}),
        ("/a b", {}),
        ("/é", {}),
    ],
)
def test_a_request_that_would_be_read_as_another_is_not_sent(
    path: str, headers: Mapping[str, str], serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    seen: list[bytes] = []
    wire = wired(serve(saying(answer(), seen=seen)).url)
    with pytest.raises(NotSent, match=r"The request holds a character that none may carry\."):
        wire.call("GET", path, headers)
    assert seen == []


# --- no answer


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        answer(b"words")[:-1],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwor\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nw",
    ],
)
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("tls", [False, True])
def test_an_answer_cut_off_anywhere_is_no_answer(
    said: bytes, reset: bool, tls: bool, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    script = once(said, reset=reset)
    server = serve(secured(script) if tls else script)
    wire = wired(f"https://127.0.0.1:{server.port}" if tls else server.url, context=trusting())
    with pytest.raises(NoAnswer):
        get(wire)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"Content-Length: 5000001\r\n\r\n", "too long"),
        (b"Transfer-Encoding: chunked\r\n\r\n4c4b41\r\n" + b"x" * (LARGEST + 1) + b"\r\n0\r\n\r\n", "too long"),
        (b"X: " + b"x" * 70_000, "not HTTP"),
    ],
    ids=["announced as too long", "too long in chunks", "a long header"],
)
def test_an_answer_beyond_all_bounds_is_none(
    said: bytes, why: str, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    with pytest.raises(NoAnswer, match=why):
        get(wired(serve(once(b"HTTP/1.1 200 OK\r\n" + said)).url))


def test_an_answer_that_never_ends_is_none(serve: Callable[..., Server], wired: Callable[..., Wire]) -> None:
    def script(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * LARGEST)

    with pytest.raises(NoAnswer, match="too long"):
        get(wired(serve(script).url))


@pytest.mark.parametrize("said", [b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(), b"220 smtp.example ESMTP\r\n"])
def test_what_is_no_final_answer_is_none(said: bytes, serve: Callable[..., Server], wired: Callable[..., Wire]) -> None:
    with pytest.raises(NoAnswer, match="not HTTP"):
        get(wired(serve(once(said)).url))


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("script", [silent, dripping(answer(b"x" * 400))], ids=["silent", "dripping"])
def test_an_answer_that_takes_too_long_is_none(
    tls: bool, script: Script, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    server = serve(secured(script) if tls else script)
    wire = wired(f"https://127.0.0.1:{server.port}" if tls else server.url, context=trusting(), total=SHORT)
    with soon(), pytest.raises(NoAnswer, match=r"127\.0\.0\.1 within 0\.2 s"):
        get(wire)


def test_an_answer_may_take_longer_than_a_connection(serve: Callable[..., Server], wired: Callable[..., Wire]) -> None:
    def script(connection: socket.socket) -> None:
        request(connection)
        threading.Event().wait(SHORT * 1.5)
        connection.sendall(answer())

    assert get(wired(serve(script).url, connect=SHORT)).status == 200


def test_a_server_that_reads_nothing_is_given_up(serve: Callable[..., Server], wired: Callable[..., Wire]) -> None:
    over = threading.Event()
    wire = wired(serve(lambda connection: over.wait(LONG) and None).url, total=SHORT)
    with pytest.raises(NoAnswer, match=r"within 0\.2 s"):
        wire.call("POST", "/", {}, b"x" * 20_000_000)
    over.set()


def test_a_call_that_is_over_leaves_its_connection_alone(
    serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    server = serve(saying(answer()))
    wire = wired(server.url, total=SHORT)
    get(wire)
    threading.Event().wait(SHORT * 1.5)  # past its end
    get(wire)
    assert server.connections == 1


def test_what_fails_on_a_used_connection_is_no_answer_and_not_repeated(
    serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(request(connection))
        connection.sendall(answer())
        seen.append(request(connection))

    server = serve(script)
    wire = wired(server.url)
    get(wire)
    with pytest.raises(NoAnswer, match="the connection was closed"):
        get(wire)
    assert (len(seen), server.connections) == (2, 1)


# --- by a proxy


PASS = b"Proxy-Authorization: Basic " + b64encode(b"ann:s3cret@")


def test_http_goes_by_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    seen: list[bytes] = []
    proxy = serve(saying(answer(), seen=seen))
    monkeypatch.setenv("HTTP_PROXY", f"http://ann:s3cret%40@127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", "elsewhere.invalid")
    wire = wired("http://provider.invalid:8080/base")
    monkeypatch.delenv("HTTP_PROXY")  # it was read once
    assert wire.call("GET", "/x", {}).status == 200
    lines = seen[0].split(b"\r\n")
    assert lines[0] == b"GET http://provider.invalid:8080/base/x HTTP/1.1"
    assert {b"Host: provider.invalid:8080", PASS} <= set(lines)


def test_no_proxy_is_honoured(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{refused_port()}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert get(wired(serve(saying(answer())).url)).status == 200


def tunnelling(said: bytes, script: Script, seen: list[bytes]) -> Script:
    def proxy(connection: socket.socket) -> None:
        seen.append(request(connection))
        connection.sendall(said)
        secured(script)(connection)

    return proxy


def test_https_goes_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    asked: list[bytes] = []
    seen: list[bytes] = []
    proxy = serve(tunnelling(b"HTTP/1.1 200 Go\r\n\r\n", saying(answer(), seen=seen), asked))
    monkeypatch.setenv("HTTPS_PROXY", f"ann:s3cret%40@127.0.0.1:{proxy.port}")
    wire = wired("https://localhost", context=trusting())
    assert [wire.call("GET", "/x", {"Authorization": "Basic a"}).status for _ in range(2)] == [200, 200]
    assert asked == [b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n" + PASS + b"\r\n\r\n"]
    assert [one.split(b"\r\n")[0] for one in seen] == [b"GET /x HTTP/1.1"] * 2
    assert PASS not in seen[0]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"HTTP/1.1 407 Pay\r\nContent-Length: 0\r\n\r\n", "the proxy answered 407"),
        (b"HTTP/1.1 502 Oh\r\n\r\n", "the proxy answered 502"),
        (b"", "the connection was closed"),
        (b"SSH-2.0-OpenSSH\r\n", "what came was not HTTP"),
    ],
)
def test_a_proxy_that_lets_nothing_through_is_not_sent_to(
    said: bytes, why: str, monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://ann:s3cret@127.0.0.1:{serve(once(said)).port}")
    with pytest.raises(NotSent) as raised:
        get(wired("https://provider.invalid"))
    assert raised.value.detail == f"No connection to provider.invalid by the proxy 127.0.0.1: {why}."


def test_a_proxy_out_of_reach_is_not_sent_to(monkeypatch: pytest.MonkeyPatch, wired: Callable[..., Wire]) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{refused_port()}")
    with pytest.raises(NotSent, match="Connection refused"):
        get(wired("https://provider.invalid"))


# --- the environment, and what is written in settings


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_certificates_of_the_environment_are_trusted_as_they_were_at_the_start(
    name: str, monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    server = serve(secured(saying(answer())))
    monkeypatch.setenv(name, str(CERTIFICATE))
    wire = wired(f"https://127.0.0.1:{server.port}")
    monkeypatch.delenv(name)
    assert get(wire).status == 200


def test_a_folder_of_certificates_is_trusted_and_the_system_s_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, serve: Callable[..., Server], wired: Callable[..., Wire]
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with pytest.raises(NotSent, match="certificate"):
        get(wired(f"https://127.0.0.1:{serve(secured(silent)).port}"))


def test_certificates_that_are_not_there_are_told_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with pytest.raises(ValueError, match="REQUESTS_CA_BUNDLE"):
        Wire("https://provider.invalid")


@pytest.mark.parametrize("url", ["provider.invalid", "ftp://provider.invalid", "https://", "https://prövider.invalid"])
def test_an_address_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        Wire(url)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "http://"])
def test_a_proxy_that_cannot_be_used_is_told_at_once(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ValueError, match="HTTPS_PROXY"):
        Wire("https://provider.invalid")


def test_an_address_of_six_is_bracketed_where_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    route = Route.to("https://[::1]:8443")
    assert route.tunnel.startswith(b"CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n")
    assert (route.host, route.near) == ("::1", ("proxy.invalid", 3128))
