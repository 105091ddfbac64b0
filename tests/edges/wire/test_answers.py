"""The wire asks and is answered, or is not."""

import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from engine.providers.wire import LARGEST, NoAnswer, Wire
from tests.edges.wire.servers import (
    LONG,
    SHORT,
    Script,
    Server,
    answer,
    dripping,
    get,
    once,
    request,
    saying,
    secured,
    silent,
    soon,
    trusting,
)

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
