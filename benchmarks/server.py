"""A stand-in for Twilio and SendGrid in a process of its own: quick, with answers of the true size, and it counts.

    python -m benchmarks.server [--latency 0.1] [--cert F --key F] [--began 2026-03-03T15:30:00+00:00]

Prints its port. POST .../Messages.json is answered as Twilio does, GET .../Messages.json?To= lists what one number
was sent (the evidence that our sweep asks for), POST /v3/mail/send as SendGrid does. GET /counts tells what was
accepted, and how often one message was accepted again; GET /forget begins anew. It checks nothing: the tests'
fakes do that.
"""

import argparse
import asyncio
import json
import re
import ssl
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, quote_plus, urlsplit

# Our id in the status callback's URL (form-encoded) or in `custom_args`; a peer has none.
_OURS = re.compile(rb"%3Fm%3D([0-9A-Za-z_-]+)|\"mid\": ?\"([0-9A-Za-z_-]+)\"")
_TO = re.compile(rb"(?:^|&)To=([^&]*)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)

_SMS = """{"account_sid": "AC00000000000000000000000000000000", "api_version": "2010-04-01", "body": "%s", \
"date_created": "Tue, 03 Mar 2026 15:30:00 +0000", "date_sent": null, \
"date_updated": "Tue, 03 Mar 2026 15:30:00 +0000", "direction": "outbound-api", "error_code": null, \
"error_message": null, "from": "+15005550006", "messaging_service_sid": null, "num_media": "0", \
"num_segments": "1", "price": null, "price_unit": "USD", "sid": "SM%032x", "status": "queued", \
"subresource_uris": {"media": "/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages/\
SM00000000000000000000000000000000/Media.json"}, "to": "+12122000001", "uri": "/2010-04-01/Accounts/\
AC00000000000000000000000000000000/Messages/SM00000000000000000000000000000000.json"}"""
_WORDS = "x" * (884 - len(_SMS % ("", 0)))
_SMS_HEAD = (
    "HTTP/1.1 201 Created\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: 884\r\n"
    "Connection: keep-alive\r\nTwilio-Concurrent-Requests: 1\r\nTwilio-Request-Duration: 0.041\r\n"
    "Twilio-Request-Id: RQ00000000000000000000000000000000\r\nX-API-Domain: api.twilio.com\r\n\r\n"
)
_SMS_BEFORE, _, _SMS_AFTER = (_SMS_HEAD + _SMS % (_WORDS, 16**32 - 1)).encode().partition(b"f" * 32)
_MAIL = (
    "HTTP/1.1 202 Accepted\r\nServer: nginx\r\nContent-Length: 0\r\nConnection: keep-alive\r\n"
    "X-Message-Id: %022d\r\nStrict-Transport-Security: max-age=31536000\r\nAccess-Control-Allow-Origin: *\r\n"
    "Referrer-Policy: strict-origin-when-cross-origin\r\n\r\n"
)


@dataclass
class Taken:
    """What was accepted since it began, or since it was told to forget."""

    latency: float
    began: datetime
    started: float = field(default_factory=time.monotonic)
    accepted: int = 0
    twice: int = 0
    ours: set[bytes] = field(default_factory=set)
    by_number: dict[bytes, list[tuple[int, float, bytes]]] = field(default_factory=lambda: defaultdict(list))

    def forget(self) -> None:
        """Begin anew."""
        self.accepted = self.twice = 0
        self.ours.clear()
        self.by_number.clear()

    def take(self, path: str, body: bytes) -> bytes:
        """Accept a message; its answer."""
        self.accepted += 1
        found = _OURS.search(body)
        if found is not None:
            ours = found[1] or found[2]
            self.twice += ours in self.ours
            self.ours.add(ours)
        if path.endswith("/mail/send"):
            return (_MAIL % self.accepted).encode()
        to = _TO.search(body)
        assert to is not None, "a text without a number"
        self.by_number[to[1]].append((self.accepted, time.monotonic(), body))
        return b"%s%032x%s" % (_SMS_BEFORE, self.accepted, _SMS_AFTER)

    def tell(self, target: str) -> bytes:
        """Answer a question."""
        url = urlsplit(target)
        if url.path == "/forget":
            self.forget()
        if url.path.endswith("/Messages.json"):
            number = parse_qs(url.query).get("To", [""])[0]
            sent = self.by_number.get(quote_plus(number).encode(), [])
            told: object = {"messages": [self._listed(number, *one) for one in sent]}
        else:
            told = {"accepted": self.accepted, "twice": self.twice}
        content = json.dumps(told).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        return head.encode() + content

    def _listed(self, number: str, sid: int, at: float, body: bytes) -> dict[str, object]:
        row: dict[str, object] = json.loads(_SMS % ("", sid))
        created = format_datetime(self.began + timedelta(seconds=at - self.started))
        words = parse_qs(body.decode()).get("Body", [""])[0]
        return {**row, "to": number, "body": words, "date_created": created, "date_updated": created}


class Connection(asyncio.Protocol):
    """One keep-alive connection: one request after the other."""

    def __init__(self, taken: Taken) -> None:
        self.taken, self.buffer = taken, b""
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Opened."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer as soon as a request is whole."""
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[: end + 2]
        length = _LENGTH.search(head)
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self.buffer) < whole:
            return
        body, self.buffer = self.buffer[end + 4 : whole], self.buffer[whole:]
        method, target, _ = head.split(b" ", 2)
        if method == b"POST":
            answer, wait = self.taken.take(target.decode(), body), self.taken.latency
        else:
            answer, wait = self.taken.tell(target.decode()), 0.0
        closing = _CLOSE.search(head) is not None
        if wait:
            self.loop.call_later(wait, self._answer, answer, closing)
        else:
            self._answer(answer, closing)

    def _answer(self, answer: bytes, closing: bool) -> None:
        self.transport.write(answer)
        if closing:
            self.transport.close()


async def _serve(taken: Taken, context: ssl.SSLContext | None) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(taken), "127.0.0.1", 0, ssl=context, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    # Whoever started it holds its standard input; when that ends, so does this.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds between a message's arrival and its answer")
    parser.add_argument("--began", type=datetime.fromisoformat, default=datetime.now(UTC), help="the clock it shows")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    asked = parser.parse_args()
    context = None
    if asked.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(asked.cert, asked.key)
    asyncio.run(_serve(Taken(asked.latency, asked.began), context))


if __name__ == "__main__":
    main()
