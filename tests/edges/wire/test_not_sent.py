"""The wire knows when it surely sent nothing."""

import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack

import pytest

from engine.providers.wire import NotSent, Wire
from tests.edges.wire.servers import (
    LONG,
    SHORT,
    Script,
    Server,
    answer,
    dripping,
    get,
    refused_port,
    resetting,
    saying,
    secured,
    silent,
    soon,
    trusting,
    tunnelling,
)


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
