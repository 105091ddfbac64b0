"""HTTP to one server, as little of it as a provider's library needs, by many threads at once.

Kept-open connections, one TLS context, a limit on connecting and one on the whole call, however slowly an answer
drips. It repeats nothing and follows nothing. What went wrong is told apart by the one thing that matters to a
sender: whether the request can have reached the other side (`NotSent`, `NoAnswer`).

The response is read by http.client; the request is written in one piece here, since http.client sends head and body
apart, at the price of a packet and a TLS record more.
"""

import errno
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from typing import Final

from engine.providers.route import Route, trusting

LARGEST: Final = 5_000_000  # bytes of an answer's body; both providers' answers have a few thousand
LONGEST_WAIT: Final = timedelta(hours=1)  # whatever an answer asks for
IDLE: Final = 25.0  # seconds; load balancers close what was silent for 30 to 60, and may do so just as we write


class NotSent(Exception):
    """Nothing can have reached the other side: no name, no connection, no TLS."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail  # a sentence without personal data


class NoAnswer(Exception):
    """The request was begun, and no whole answer came back: it may have been carried out."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail  # a sentence without personal data


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, whatever its status: 3xx, 4xx and 5xx are answers too."""

    status: int
    headers: Message  # names in any capitals
    body: bytes

    @property
    def clock(self) -> datetime | None:
        """The moment the server says it is; None when it does not say, or not so that it can be read."""
        return _moment(self.headers.get("Date", ""))

    def retry_after(self, now: datetime) -> timedelta | None:
        """How long it asks us to wait, an hour at most; in seconds or as a date (RFC 9110, 10.2.3)."""
        asked = self.headers.get("Retry-After", "").strip()
        if asked.isdecimal():
            return min(LONGEST_WAIT, timedelta(seconds=int(asked[:9])))
        until = _moment(asked)
        return None if until is None else max(timedelta(0), min(LONGEST_WAIT, until - now))


@dataclass(slots=True, eq=False)
class _Call:
    """A call under way: until when (on the wire's clock), and by which connection."""

    until: float
    connection: socket.socket | None = None
    overdue: bool = False

    def cut(self) -> None:
        """End it, in whatever it waits for."""
        self.overdue = True
        if self.connection is not None:
            try:
                # Not SSLSocket.shutdown: that first forgets TLS, and the call's thread might then write in clear.
                socket.socket.shutdown(self.connection, socket.SHUT_RDWR)
            except OSError:
                return  # it is gone already


class Wire:
    """Calls to one server. `connect` and `total` are in seconds; at most `most` idle connections are kept.

    Proxies and trusted certificates are read from the environment once, here; raises ValueError for what cannot be
    used. `total` covers all of a call but the look-up of the name, which cannot be interrupted. `clock` gives seconds
    from any beginning.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connect: float = 5.0,
        total: float = 15.0,
        most: int = 64,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._route = Route.to(base_url)
        self._context = (context or trusting()) if self._route.secure else None
        self._connect, self._total, self._most, self._clock = connect, total, most, clock
        self._lock = threading.Lock()  # guards the two below, never held while anything waits
        self._idle: list[tuple[socket.socket, float]] = []  # the one used last stands last, and is used next
        self._calls: dict[_Call, None] = {}  # the oldest first, so the first to be overdue first
        self._closed = threading.Event()
        self._watchdog: threading.Thread | None = None

    def call(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send one request and read its whole answer; raises NotSent or NoAnswer.

        `path` begins with / and may hold a query. Host, Accept-Encoding and Content-Length are written here.
        """
        request = _written(self._route, method, path, headers, body)
        call = self._begin()
        keep = False
        try:
            call.connection = connection = self._waiting() or self._reach(call)
            answer, keep = self._exchange(call, connection, method, request)
            return answer
        finally:
            self._end(call, keep)

    def close(self) -> None:
        """Let the idle connections go, and take no more calls. Those under way come to their end."""
        self._closed.set()
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    # ------------------------------------------------------------------------------------- one call

    def _begin(self) -> _Call:
        if self._closed.is_set():
            raise NotSent("This connection was closed by ourselves.")
        call = _Call(self._clock() + self._total)
        with self._lock:
            self._calls[call] = None
            if self._watchdog is None:
                self._watchdog = threading.Thread(target=self._watch, name="wire-watchdog", daemon=True)
                self._watchdog.start()
        return call

    def _end(self, call: _Call, keep: bool) -> None:
        """Put the connection away, out of the watchdog's sight first: it may serve another call at once."""
        with self._lock:
            del self._calls[call]
            if call.connection is None:
                return
            if keep and not call.overdue and len(self._idle) < self._most and not self._closed.is_set():
                self._idle.append((call.connection, self._clock()))
                return
        call.connection.close()

    def _waiting(self) -> socket.socket | None:
        """A connection kept from before that the other side has not closed."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            if self._clock() - since < IDLE and not _readable(connection):
                return connection
            connection.close()

    def _exchange(self, call: _Call, connection: socket.socket, method: str, request: bytes) -> tuple[Answer, bool]:
        """The answer, and whether the connection can serve again."""
        try:
            connection.sendall(request)
            response = HTTPResponse(connection, method=method)
            try:
                response.begin()
                if response.status < 200:
                    raise HTTPException  # the real answer would come after it, and be taken for the next call's
                answer = Answer(response.status, response.headers, _body(response))
                return answer, not response.will_close
            finally:
                response.close()
        except (OSError, HTTPException) as error:
            raise NoAnswer(self._lost(call, error)) from None

    def _lost(self, call: _Call, error: Exception) -> str:
        if call.overdue or isinstance(error, TimeoutError):
            return f"No whole answer from {self._route.whom} within {self._total:g} s."
        return f"No whole answer from {self._route.whom}: {_reason(error)}."

    # ------------------------------------------------------------------------------------- connecting

    def _reach(self, call: _Call) -> socket.socket:
        """A new connection, ready to be written to."""
        try:
            self._connected(call)
            if self._route.tunnel:
                _tunnelled(call, self._route.tunnel)
            connection = self._secured(call)
        except (OSError, UnicodeError, HTTPException) as error:
            why = "it took too long" if call.overdue else _reason(error)
            raise NotSent(f"No connection to {self._route.whom}: {why}.") from None
        connection.settimeout(self._total)  # a silent server ends by this, a dripping one by the watchdog
        return connection

    def _connected(self, call: _Call) -> None:
        """Try the server's addresses one after the other."""
        failure: OSError = socket.gaierror("it has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(*self._route.near, type=socket.SOCK_STREAM):
            call.connection = socket.socket(family, kind, protocol)
            try:
                call.connection.settimeout(self._left(call))
                call.connection.connect(address)
                call.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return
            except OSError as error:
                failure = error
                call.connection.close()
        raise failure

    def _secured(self, call: _Call) -> socket.socket:
        assert call.connection is not None
        if self._context is None:
            return call.connection
        # Known to the call before the handshake, which the watchdog must be able to end.
        call.connection = secured = self._context.wrap_socket(
            call.connection, server_hostname=self._route.host, do_handshake_on_connect=False
        )
        secured.do_handshake()
        return secured

    def _left(self, call: _Call) -> float:
        """Seconds that connecting may still take."""
        left = min(self._connect, call.until - self._clock())
        if left <= 0:
            raise TimeoutError
        return left

    # ------------------------------------------------------------------------------------- the watchdog

    def _watch(self) -> None:
        """End calls at their deadline; one that begins while this sleeps is not due before it wakes.

        And close what lies idle: beneath those in use there may be some that nobody takes up again.
        """
        pause = self._total
        while not self._closed.wait(pause):
            now, pause = self._clock(), self._total
            with self._lock:
                for call in self._calls:
                    if call.until > now:
                        pause = call.until - now
                        break
                    call.cut()
                stale = [connection for connection, since in self._idle if now - since >= IDLE]
                del self._idle[: len(stale)]
            for connection in stale:
                connection.close()


def _written(route: Route, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """The whole request. What would begin another header is never sent (and never repeated in the detail)."""
    target = f"{method} {route.prefix}{path} HTTP/1.1"
    fields = [f"{name}: {value}" for name, value in headers.items()]
    ours = "".join([target, *fields])
    if not (ours.isascii() and ours.isprintable() and target.count(" ") == 2):
        raise NotSent("The request holds a character that none may carry.")
    length = f"Content-Length: {len(body)}\r\n" if body is not None else ""
    head = "\r\n".join([target, *fields, f"{route.common}{length}\r\n"])
    return head.encode("ascii") + (body or b"")


def _moment(date: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def _readable(connection: socket.socket) -> bool:
    """Whether something came on an idle connection: its end, or what no request of ours is owed."""
    looked = select.poll()  # not select(), which knows no file numbers over 1023
    looked.register(connection, select.POLLIN)
    return bool(looked.poll(0))


def _body(response: HTTPResponse) -> bytes:
    """All of it; http.client tells that one is cut short only where it knows a length, and asks for the whole."""
    if response.length is not None:
        _bounded(response.length)
        return response.read()
    body = response.read(LARGEST + 1)
    _bounded(len(body))
    if not body and not response.chunked:
        raise IncompleteRead(body)  # a head that is cut short looks just like this
    return body


def _bounded(length: int) -> None:
    if length > LARGEST:
        raise OSError(errno.EMSGSIZE, "the answer is too long")


def _tunnelled(call: _Call, request: bytes) -> None:
    """Ask the proxy for a way through."""
    assert call.connection is not None
    call.connection.sendall(request)
    response = HTTPResponse(call.connection, method="CONNECT")
    try:
        response.begin()
    finally:
        response.close()
    if not 200 <= response.status < 300:
        raise OSError(errno.ECONNREFUSED, f"the proxy answered {response.status}")


def _reason(error: Exception) -> str:
    """Why, in words of ours: the library's may repeat what was sent or received."""
    match error:
        case socket.gaierror() | UnicodeError():
            return "its name has no address"
        case TimeoutError():
            return "it took too long"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not to be trusted ({error.verify_message})"
        case ssl.SSLError():
            return f"TLS failed ({error.reason})"
        case RemoteDisconnected():
            return "the connection was closed"
        case IncompleteRead():
            return "the answer was cut short"
        case OSError():
            return error.strerror or "the connection failed"
    return "what came was not HTTP"
