"""Servers, and wires to them, that are gone when the test is over."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.providers.wire import Wire
from tests.edges.wire.servers import LONG, Script, Server


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
