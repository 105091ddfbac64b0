"""An SMTP server (RFC 5321) with STARTTLS, AUTH and pipelining, that keeps what it took and fails as told.

python -m tests.fakes.smtp --port 0 --state FILE [--latency 0.1] [--security none|starttls|tls] [--user U --password P]
"""

import asyncio
import base64
import email
import re
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from pathlib import Path
from typing import Literal
from uuid import uuid4

from tests.fakes.server import Clock, File, Rule, Server, Taken, serve

Stage = Literal["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "final"]
Security = Literal["none", "starttls", "tls"]
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, kw_only=True)
class SmtpFault(Rule):
    """What happens at a stage of the dialogue; see `Rule` for when. A pattern in `to` fits from rcpt on.

    SmtpFault(at="rcpt", reply="550 5.1.1 no such user", to="gone@*")
    SmtpFault(at="final", reply="451 4.3.0 try later")            after the final dot; not accepted
    SmtpFault(at="final", end="reset", accepted=True)             accepted; the connection dies before the answer
    SmtpFault(at="data", end="reset")                             before the first byte of the message
    SmtpFault(at="final", end="reset")                            after the final dot, and not accepted
    SmtpFault(at="mail", reply="421 4.7.0 closing", end="close")  says so and closes
    SmtpFault(at="ehlo", end="hang")
    """

    at: Stage
    reply: str | None = None  # one line
    end: Literal["reply", "close", "reset", "hang"] = "reply"


class _Gone(Exception):
    """This dialogue is over."""


class SmtpFake(Server[SmtpFault]):
    """One server. Beside what all fakes have: `stages`, every command that came, and `mails`, as they came.

    `message` and `attempt` come from a Message-ID of <message.attempt@domain>. A mail to several addresses is a `Taken`
    for each. With a password nobody may send without AUTH; `security` says how a client may come to TLS, and AUTH
    needs it.
    """

    def __init__(
        self,
        *,
        security: Security = "none",
        username: str | None = None,
        password: str | None = None,
        clock: Clock | None = None,
        state: Path | None = None,
        latency: float = 0.0,
    ) -> None:
        super().__init__(tls=security == "tls", clock=clock, state=state, latency=latency)
        self.security = security
        self.username, self.password = username, password
        self.stages: list[str] = []
        self.mails: list[bytes] = []

    def forget(self) -> None:
        super().forget()
        self.stages.clear()
        self.mails.clear()

    async def _listen(self, port: int) -> asyncio.Server:
        context = self.server_context() if self.tls else None
        return await asyncio.start_server(self._dialogue, self.host, port, ssl=context, limit=2**26, backlog=1024)

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport = writer.transport
        self.opened(transport)
        try:
            # Whatever the client does to the connection ends this dialogue, and nothing else.
            with suppress(_Gone, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await _Dialogue(self, reader, writer).run()
        finally:
            writer.transport.abort()  # all that was said is on its way already; nobody waits for TLS to say goodbye
            self.closed(transport)


@dataclass
class _Dialogue:
    """With one client."""

    site: SmtpFake
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    authenticated: bool = False
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.secure = self.site.security == "tls"

    async def run(self) -> None:
        """From the greeting to the end."""
        await self.say("220 localhost ESMTP of the tests", "connect")
        while line := await self.reader.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            self.site.stages.append(verb.upper())
            await self.obey(verb.upper(), rest)

    async def obey(self, verb: str, rest: str) -> None:
        """One command."""
        match verb:
            case "EHLO" | "HELO":
                await self.hello(verb)
            case "STARTTLS" if self.site.security == "starttls" and not self.secure:
                await self.say("220 2.0.0 go ahead", "starttls")
                await self.writer.start_tls(self.site.server_context())
                self.secure = True
            case "AUTH" if self.may_authenticate():
                await self.say(await self.authenticate(rest), "auth")
            case "MAIL" | "RCPT" | "DATA":
                await self.transaction(verb, rest)
            case "RSET":
                self.forget()
                await self.say("250 2.0.0 forgotten")
            case "NOOP":
                await self.say("250 2.0.0 fine")
            case "QUIT":
                await self.say("221 2.0.0 bye")
                raise _Gone
            case _:
                await self.say("502 5.5.1 not here")

    # --- the commands

    async def hello(self, verb: str) -> None:
        """Say what may be done here."""
        self.forget()
        able = ["localhost", "PIPELINING", "8BITMIME", "SIZE 30000000", "ENHANCEDSTATUSCODES"]
        if self.site.security == "starttls" and not self.secure:
            able.append("STARTTLS")
        if self.may_authenticate():
            able.append("AUTH PLAIN LOGIN")
        if verb == "HELO":
            able = able[:1]
        lines = [f"250{' ' if word is able[-1] else '-'}{word}" for word in able]
        await self.say("\r\n".join(lines), "ehlo")

    def may_authenticate(self) -> bool:
        """Passwords are taken over TLS only, where there is any."""
        return self.site.password is not None and (self.secure or self.site.security == "none")

    async def authenticate(self, rest: str) -> str:
        """AUTH PLAIN, with the credentials at once or when asked, or LOGIN."""
        kind, _, given = rest.partition(" ")
        try:
            first = base64.b64decode(given).decode() if given else None
            if kind.upper() == "PLAIN":
                _, user, password = (first or await self.ask("")).split("\0")
            else:
                user = first or await self.ask("Username:")
                password = await self.ask("Password:")
        except ValueError:
            return "501 5.5.2 that cannot be read"
        self.authenticated = (user, password) == (self.site.username, self.site.password)
        return "235 2.7.0 welcome" if self.authenticated else "535 5.7.8 who are you?"

    async def transaction(self, verb: str, rest: str) -> None:
        """MAIL, RCPT, DATA in their order."""
        address = re.match(r"(?:FROM|TO):\s*<([^>]*)>", rest, re.IGNORECASE)
        if self.site.password is not None and not self.authenticated:
            await self.say("530 5.7.0 authenticate first")
        elif verb == "MAIL" and address and self.sender is None:
            self.site.requests += 1
            if await self.say("250 2.1.0 from there", "mail"):
                self.sender = address[1]
        elif verb == "RCPT" and address and self.sender is not None:
            await self.recipient(address[1])
        elif verb == "DATA" and self.recipients:
            if await self.say("354 go on, to a line with a dot", "data", *self.recipients):
                await self.data()
        else:
            await self.say("503 5.5.1 not now" if address or verb == "DATA" else "501 5.5.4 malformed")

    async def recipient(self, to: str) -> None:
        """One address more."""
        if not re.fullmatch(r"[^\s@]+@[^\s@]+", to):
            await self.say("553 5.1.3 no address")
        elif await self.say("250 2.1.5 to them", "rcpt", to):
            self.recipients.append(to)

    async def data(self) -> None:
        """The mail itself, to the dot that ends it."""
        raw = await self.reader.readuntil(b"\r\n.\r\n")
        mail = re.sub(rb"(?m)^\.", b"", raw[:-3])
        recipients, sender = self.recipients, self.sender
        self.forget()
        sid = uuid4().hex
        fault = self.site.fault(recipients, lambda rule: rule.at == "final")
        if fault is None or fault.accepted or (fault.reply is None and fault.end == "reply"):
            self.site.mails.append(mail)
            self.site.take([_taken(mail, to, sender, sid, self.site) for to in recipients])
        await asyncio.sleep(self.site.latency)
        await self.answer(f"250 2.0.0 taken as {sid}", fault)

    def forget(self) -> None:
        """No mail is under way."""
        self.sender = None
        self.recipients = []

    # --- what is said

    async def say(self, line: str, at: Stage | None = None, *recipients: str) -> bool:
        """Answer, or do what a fault of this stage does instead; whether it was `line`, or good news anyway."""
        fault = self.site.fault(recipients, lambda rule: rule.at == at) if at else None
        return await self.answer(line, fault)

    async def answer(self, line: str, fault: SmtpFault | None) -> bool:
        if fault is None:
            return await self.write(line)
        await asyncio.sleep(fault.delay)
        match fault.end:
            case "hang":
                await asyncio.Event().wait()
            case "reset":
                self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                self.writer.transport.abort()
                raise _Gone
            case "close":
                if fault.reply:
                    await self.write(fault.reply)
                raise _Gone
        return await self.write(fault.reply or line)

    async def write(self, line: str) -> bool:
        self.writer.write(f"{line}\r\n".encode())
        await self.writer.drain()
        return line[0] in "23"

    async def ask(self, words: str) -> str:
        """A question in the middle of AUTH."""
        await self.write(f"334 {base64.b64encode(words.encode()).decode()}")
        return base64.b64decode(await self.reader.readline()).decode()


def _taken(mail: bytes, to: str, sender: str | None, sid: str, site: SmtpFake) -> Taken:
    parsed = email.message_from_bytes(mail)  # by the old rules: the new ones take ten times as long
    parts = [part for part in parsed.walk() if not part.is_multipart()]
    words: dict[str, str] = {}
    files = []
    for part in parts:
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if part.get_content_disposition() == "attachment":
            files.append(File(part.get_filename() or "", part["Content-Type"], content))
        else:
            words[part.get_content_type()] = content.decode(part.get_content_charset("us-ascii"))
    headers = {name: str(make_header(decode_header(value))) for name, value in parsed.items()}
    named = re.match(r"\s*<([^@>]*?)(?:\.(\d+))?@", headers.get("Message-ID", ""))
    return Taken(
        sid=sid,
        to=to,
        at=site.clock(),
        message=named[1] if named else None,
        attempt=int(named[2]) if named and named[2] else None,
        sender=sender,
        text=words.get("text/plain", ""),
        html=words.get("text/html"),
        subject=headers.get("Subject"),
        headers=headers,
        attachments=tuple(files),
        raw=parsed,
    )


if __name__ == "__main__":
    serve(
        lambda told: SmtpFake(
            security=told.security or "none",
            username=told.user,
            password=told.password,
            state=told.state,
            latency=told.latency,
        ),
        "--security",
        "--user",
        "--password",
    )
