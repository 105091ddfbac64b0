"""A small HTTP/1.1 server for the fakes: keep-alive, and every way in which an answer can go wrong."""

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

from tests.fakes.server import Clock, Rule, Server, written

End = Literal["answer", "answer_and_close", "truncate", "drip", "close", "reset", "hang"]
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time at all


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it arrived. Header names are in lower case."""

    method: str
    path: str  # without the query
    query: str
    headers: dict[str, str]
    body: bytes

    def asked(self) -> dict[str, str]:
        """The parameters in the address; of repeated ones the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def form(self) -> dict[str, str]:
        """The parameters of a form; of repeated ones the last."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)

    @classmethod
    def of(cls, status: int, value: Any, *headers: tuple[str, str]) -> "Reply":
        """With a JSON value."""
        return cls(status, json.dumps(value).encode(), (("Content-Type", "application/json"), *headers))


@dataclass(frozen=True, kw_only=True)
class Fault(Rule):
    """What happens to the requests that it is meant for; see `Rule` for which.

    Fault(status=503)                                  answered so, not accepted
    Fault(status=500, accepted=True)                   accepted, and answered so
    Fault(code=21610, to="+1617*")                     Twilio's error of this code; not accepted
    Fault(status=429, retry_after=7)
    Fault(status=302, headers=(("Location", "..."),))
    Fault(body=b"<html>", accepted=True)               the usual status, and not JSON
    Fault(end="truncate")                              accepted; the answer ends in the middle
    Fault(end="drip", pause=0.5)                       accepted; the answer comes a byte each half second
    Fault(end="reset") / "close" / "hang"              no answer; accepted or not
    Fault(end="answer_and_close")                      a whole answer, then the connection is closed unannounced
    Fault(delay=2)                                     all as usual, later
    """

    method: str = "POST"  # GET, or * for all
    end: End = "answer"
    status: int | None = None
    code: int | None = None
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    retry_after: int | str | None = None
    pause: float = 0.05  # seconds between the bytes of a drip

    @property
    def works(self) -> bool:
        """Whether the request is dealt with as usual, whatever becomes of the answer."""
        told = self.status is not None or self.code is not None or self.body is not None
        return self.accepted or (not told and self.end not in {"close", "reset", "hang"})


class WebFake(Server[Fault]):
    """A site. Its kinds say what they answer, and whom a request is for."""

    def __init__(
        self, *, tls: bool = False, clock: Clock | None = None, state: Path | None = None, latency: float = 0.0
    ) -> None:
        super().__init__(tls=tls, clock=clock, state=state, latency=latency)
        self.seen: list[Request] = []
        self.keep_seen = True  # False: for millions of requests

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def forget(self) -> None:
        super().forget()
        self.seen.clear()

    def answer(self, request: Request) -> Reply:
        """What the real one would say."""
        raise NotImplementedError

    def recipients(self, request: Request) -> Sequence[str]:
        """Whom the request is for; what faults are matched by."""
        return ()

    def error(self, status: int | None, code: int | None) -> Reply:
        """An error in the words of the real one."""
        return Reply.of(status or 500, {"message": "told to fail", "code": code})

    def respond(self, request: Request) -> tuple[Reply, Fault | None]:
        """The answer, with the fault that it meets."""
        self.requests += 1
        if self.keep_seen:
            self.seen.append(request)
        fault = None
        if self._rules:
            fault = self.fault(self.recipients(request), lambda rule: rule.method in ("*", request.method))
        if fault is None:
            return self.answer(request), None
        reply = self.answer(request) if fault.works else self.error(fault.status, fault.code)
        return _changed(reply, fault), fault

    async def _listen(self, port: int) -> asyncio.Server:
        context = self.server_context() if self.tls else None
        return await self._loop.create_server(
            lambda: _Connection(self, self._loop), self.host, port, ssl=context, backlog=1024
        )


def _changed(reply: Reply, fault: Fault) -> Reply:
    extra = fault.headers
    if fault.retry_after is not None:
        extra = (*extra, ("Retry-After", str(fault.retry_after)))
    return replace(
        reply,
        status=fault.status or reply.status,
        body=reply.body if fault.body is None else fault.body,
        headers=(*reply.headers, *extra),
    )


class _Connection(asyncio.Protocol):
    """One client: its requests are answered one after the other."""

    def __init__(self, site: WebFake, loop: asyncio.AbstractEventLoop) -> None:
        self._site, self._loop = site, loop
        self._bytes = bytearray()
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._site.opened(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._site.closed(self._transport)

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        self._next()

    def _next(self) -> None:
        while not self._busy and (request := _parsed(self._bytes)) is not None:
            self._busy = True
            reply, fault = self._site.respond(request)
            wait = self._site.latency + (fault.delay if fault else 0)
            if wait:
                self._loop.call_later(wait, self._finish, reply, fault)
            else:
                self._finish(reply, fault)

    def _finish(self, reply: Reply, fault: Fault | None) -> None:
        if self._transport.is_closing():
            return
        message = _written(reply, self._site)
        match fault.end if fault else "answer":
            case "answer":
                self._transport.write(message)
                self._busy = False
                self._next()
            case "answer_and_close":
                self._transport.write(message)
                self._transport.close()
            case "truncate":
                self._transport.write(message[: len(message) - len(reply.body) + len(reply.body) // 2])
                self._transport.close()
            case "drip":
                assert fault is not None
                self._drip(message, fault.pause)
            case "close":
                self._transport.close()
            case "reset":
                self._transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
                )
                self._transport.abort()
            case "hang":
                pass  # busy for ever

    def _drip(self, rest: bytes, pause: float) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(rest[:1])
        if rest[1:]:
            self._loop.call_later(pause, self._drip, rest[1:], pause)
        else:
            self._busy = False
            self._next()


def _parsed(data: bytearray) -> Request | None:
    """Take the first request off `data`; None while it is not whole."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = data[:end].decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body, length = _unchunked(data, end + 4)
    else:
        length = end + 4 + int(headers.get("content-length", 0))
        body = bytes(data[end + 4 : length])
    if length < 0 or len(data) < length:
        return None
    del data[:length]
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)


def _unchunked(data: bytearray, at: int) -> tuple[bytes, int]:
    """The body, and where it ends; -1 while it is not whole."""
    body = b""
    while (line := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:line], 16)
        body += data[line + 2 : line + 2 + size]
        at = line + 2 + size + 2
        if size == 0:
            return body, at
    return b"", -1


def _written(reply: Reply, site: WebFake) -> bytes:
    headers = [
        ("Date", written(site.clock()).replace("+0000", "GMT")),
        ("Content-Length", str(len(reply.body))),
    ]
    lines = "".join(f"{name}: {value}\r\n" for name, value in (*headers, *reply.headers))
    return f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n{lines}\r\n".encode() + reply.body
