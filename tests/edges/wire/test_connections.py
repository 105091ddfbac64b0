"""The wire keeps connections, uses them again, and lets them go."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.providers.wire import IDLE, NoAnswer, NotSent, Wire
from tests.edges.wire.servers import LONG, SHORT, Clock, Server, answer, get, once, request, saying, silent


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
