"""The wire by a proxy, and what the environment and settings may say."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.providers.route import Route
from engine.providers.wire import NotSent, Wire
from tests.edges.wire.servers import (
    Server,
    answer,
    get,
    once,
    refused_port,
    saying,
    secured,
    silent,
    trusting,
    tunnelling,
)
from tests.fakes.server import CERTIFICATE

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
