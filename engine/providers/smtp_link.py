"""One connection to a relay that speaks SMTP: greeted, encrypted, logged in, and never waiting longer than it may.

Python's smtplib speaks. The time limit is ours, since its own begins anew with every piece that it reads.
"""

import select
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final, Literal

from engine.providers import Misconfigured, Unreachable

Security = Literal["starttls", "tls", "none"]

IDLE: Final = 20.0  # seconds; a connection that was silent for longer is asked whether it is still there
GOODBYE: Final = 1.0  # second at most to write QUIT


@dataclass(frozen=True, slots=True)
class Relay:
    """How the relay is reached."""

    host: str
    port: int
    security: Security
    username: str | None
    password: str | None = field(repr=False)
    helo: str | None
    context: ssl.SSLContext | None
    connect: float
    clock: Callable[[], float]

    @property
    def place(self) -> str:
        """Host and port, as they are written together."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def exposed(self) -> bool:
        """Whether others could read along: no encryption, and the relay is not on this machine."""
        if self.security != "none" or self.host == "localhost":
            return False
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:
            return True


class NoRelay(Exception):
    """No connection that could take a mail came about, so nothing went."""

    def __init__(self, why: Unreachable | Misconfigured) -> None:
        super().__init__(why.detail)
        self.why = why


class Link(smtplib.SMTP):
    """One connection, which never waits longer than `until` (on the relay's clock). All it raises is an OSError."""

    def __init__(self, relay: Relay, until: float) -> None:
        self._relay = relay
        self.until = until
        self.used = 0.0  # when a mail went by it last
        self.mails = 0
        self.unfinished = False  # a mail was begun, and the relay has not yet said its last word about it
        # smtplib looks for a name of ours in the DNS, however long that takes, unless it is given one.
        super().__init__(relay.host, relay.port, local_hostname=relay.helo or "localhost", timeout=relay.connect)
        assert self.sock is not None
        self.local_hostname = relay.helo or _literal(self.sock.getsockname()[0])

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Called by smtplib to connect."""
        connection = socket.create_connection((host, port), min(timeout, self.left()))
        # The end of a mail is a small packet after large ones: it must not wait for their acknowledgement.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._relay.security != "tls":
            return connection
        assert self._relay.context is not None
        return self._relay.context.wrap_socket(connection, server_hostname=host)

    def left(self) -> float:
        """Seconds until it has to end."""
        left = self.until - self._relay.clock()
        if left <= 0:
            raise TimeoutError
        return left

    def send(self, s: "bytes | str") -> None:  # type: ignore[override]
        """Write all of it in the time that is left."""
        if self.sock is not None:
            self.sock.settimeout(self.left())
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """Read a whole reply in the time that is left; smtplib alone would wait so long for every piece of it."""
        if self.file is None:
            self.file = _Lines(self)
        return super().getreply()

    def answers(self) -> bool:
        """Whether the relay is still there and means well."""
        try:
            return self.noop()[0] == 250
        except OSError:
            return False

    def fresh(self) -> bool:
        """Whether a connection that lay idle can take a mail."""
        if self._relay.clock() - self.used >= IDLE:
            return self.answers()
        if self.sock is None:
            return False
        looked = select.poll()
        looked.register(self.sock, select.POLLIN)
        return not looked.poll(0)  # a relay that speaks unasked says goodbye

    def cleared(self) -> bool:
        """Whether the next mail can begin: after one that was not finished, the relay has to be told."""
        if self.sock is None:
            return False
        try:
            return not self.unfinished or self.rset()[0] == 250
        except OSError:
            return False

    def leave(self) -> None:
        """Say goodbye, wait for no answer, and close."""
        self.until = self._relay.clock() + GOODBYE
        with suppress(OSError):
            self.putcmd("QUIT")
        self.close()


def _literal(address: str) -> str:
    """What a machine without a name says in EHLO (RFC 5321, 4.1.3)."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


class _Lines:
    """What smtplib reads replies from. Each read waits only for what is left of the time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._read = b""

    def readline(self, limit: int) -> bytes:
        """Up to the end of a line, of the connection, or `limit` bytes."""
        while b"\n" not in self._read and len(self._read) < limit:
            assert self._link.sock is not None
            self._link.sock.settimeout(self._link.left())
            more = self._link.sock.recv(4096)
            if not more:
                break
            self._read += more
        end = min(self._read.find(b"\n") + 1 or len(self._read), limit)
        line, self._read = self._read[:end], self._read[end:]
        return line

    def close(self) -> None:
        """The connection is closed by whoever opened it."""


def opened(relay: Relay, until: float) -> Link:
    """A new connection: greeted, encrypted, logged in."""
    if relay.exposed:
        problem = "Without encryption everybody on the way could read the mail."
        raise NoRelay(Misconfigured(f'{problem} Write in [smtp]: security = "starttls" (or "tls").'))
    try:
        link = Link(relay, until)
    except (OSError, UnicodeError) as error:
        raise NoRelay(Unreachable(f"No connection to {relay.place}: {_reason(error)}.{_hint(relay, error)}")) from None
    try:
        _greet(link, relay)
        _log_in(link, relay)
    except OSError as error:
        link.close()
        raise NoRelay(
            Unreachable(f"{relay.place} did not let us begin: {_reason(error)}.{_hint(relay, error)}")
        ) from None
    except NoRelay:
        link.leave()
        raise
    return link


def _greet(link: Link, relay: Relay) -> None:
    link.ehlo_or_helo_if_needed()
    if relay.security != "starttls":
        return
    if not link.has_extn("starttls"):
        problem = "The relay offers no STARTTLS, so the mail could be read on the way."
        raise NoRelay(Misconfigured(f'{problem} Is it the right port (587)? For port 465 write: security = "tls".'))
    link.starttls(context=relay.context)
    link.ehlo_or_helo_if_needed()


def _log_in(link: Link, relay: Relay) -> None:
    """By one method and once: after a wrong password, relays count or hang up."""
    if relay.username is None:
        return
    offered = link.esmtp_features.get("auth", "").upper().split()
    ways: dict[str, Any] = {"PLAIN": link.auth_plain, "LOGIN": link.auth_login, "CRAM-MD5": link.auth_cram_md5}
    method = next((name for name in ways if name in offered), None)
    if method is None:
        raise NoRelay(Misconfigured("The relay offers no login by name and password: ask whoever runs it."))
    link.user, link.password = relay.username, relay.password or ""
    try:
        link.auth(method, ways[method])
    except smtplib.SMTPAuthenticationError as error:
        if error.smtp_code < 500:  # not now, or no answer at all (-1)
            raise
        problem = f"The relay does not take the login ({error.smtp_code})."
        raise NoRelay(Misconfigured(f"{problem} Correct username in [smtp] or NURTURE_SMTP__PASSWORD.")) from None
    except ValueError:
        problem = "The login to the relay holds a letter that none may hold."
        raise NoRelay(Misconfigured(f"{problem} Correct username in [smtp] or NURTURE_SMTP__PASSWORD.")) from None


def _hint(relay: Relay, error: Exception) -> str:
    """What to write, when it looks as if one side waited for TLS and the other for words."""
    misheard = isinstance(error, ssl.SSLError | smtplib.SMTPServerDisconnected)
    fits = (relay.port, relay.security) in {(465, "tls"), (587, "starttls")}
    if not misheard or fits or relay.security == "none" or isinstance(error, ssl.SSLCertVerificationError):
        return ""
    return ' Port 465 wants security = "tls", 587 wants "starttls".'


def _reason(error: Exception) -> str:
    """Why, in words of ours: the relay's may repeat what we said."""
    match error:
        case smtplib.SMTPResponseException():
            return f"it answered {error.smtp_code}"
        case socket.gaierror() | UnicodeError():
            return "its name has no address"
        case TimeoutError():
            return "it took too long"
        case smtplib.SMTPException():
            # smtplib's word for whatever happened to the connection.
            return "it took too long" if isinstance(error.__context__, TimeoutError) else "it broke off"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not to be trusted ({error.verify_message})"
        case ssl.SSLError():
            return f"TLS failed ({error.reason})"
        case OSError():
            return error.strerror or "it failed"
    return "it failed"
