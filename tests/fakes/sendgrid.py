"""SendGrid's v3 API as far as mail needs it: send, batch ids, scopes.

python -m tests.fakes.sendgrid --port 0 --state FILE [--latency 0.1] [--key SG...]
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.fakes.server import Clock, File, Taken, serve
from tests.fakes.web import Reply, Request, WebFake

KEY = "SG.throwaway.key"
_RESERVED = {
    *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
    *("to", "from", "subject", "reply-to", "cc", "bcc"),
}
_WORDS = {
    400: "Bad Request",
    401: "The provided authorization grant is invalid, expired, or revoked",
    403: "access forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Payload Too Large",
    429: "too many requests",
}
Mistake = tuple[str | None, str]  # the field, and what is wrong with it


class SendGridFake(WebFake):
    """One account. Beside what all fakes have: `scopes`, what the key may do; `batches`, the ids given out.

    Each personalization is a `Taken` of its own; `sid` is the request's X-Message-Id, the same for all of it;
    `message` and `attempt` come from the custom_args mid and att.
    """

    def __init__(
        self,
        api_key: str = KEY,
        *,
        tls: bool = False,
        clock: Clock | None = None,
        state: Path | None = None,
        latency: float = 0.0,
    ) -> None:
        super().__init__(tls=tls, clock=clock, state=state, latency=latency)
        self.api_key = api_key
        self.scopes = ["mail.send", "mail.batch.create", "mail.batch.read", "user.scheduled_sends.create"]
        self.batches: list[str] = []

    def answer(self, request: Request) -> Reply:
        """As the real one: the key, its scopes, then what is asked."""
        if request.headers.get("authorization") != f"Bearer {self.api_key}":
            return self.error(401, None)
        match request.method, request.path:
            case "GET", "/v3/scopes":
                return Reply.of(200, {"scopes": self.scopes})
            case "POST", "/v3/mail/send":
                return self._send(request) if "mail.send" in self.scopes else self.error(403, None)
            case "POST", "/v3/mail/batch":
                self.batches.append(uuid4().hex)
                return Reply.of(201, {"batch_id": self.batches[-1]})
            case _:
                return self.error(404, None)

    def recipients(self, request: Request) -> Sequence[str]:
        """Every address in To of every personalization."""
        try:
            return [str(to["email"]) for one in json.loads(request.body)["personalizations"] for to in one["to"]]
        except (ValueError, KeyError, TypeError):
            return []

    def error(self, status: int | None, code: int | None) -> Reply:
        """SendGrid's form of an error; it knows no codes."""
        status = status or 500
        return Reply.of(status, {"errors": [{"message": _WORDS.get(status, "Internal Server Error"), "field": None}]})

    def _send(self, request: Request) -> Reply:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return Reply.of(415, {"errors": [{"message": "Content-Type should be application/json.", "field": None}]})
        now = self.clock()
        try:
            mail = json.loads(request.body)
            mistakes = list(_mistakes(mail, now))
        except (ValueError, KeyError, TypeError, AttributeError):
            mistakes = [(None, "Bad Request")]  # as cryptic as the real one
        if mistakes:
            # Without `help`: an address in truth, and an object in the document.
            return Reply.of(400, {"errors": [{"message": words, "field": field} for field, words in mistakes]})
        if mail.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            return Reply(200, b"", ())
        sid = base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        self.take([_taken(mail, one, sid, now) for one in mail["personalizations"]])
        return Reply(202, b"", (("X-Message-Id", sid),))


# --- what the real one refuses (section 5.3 of the providers' notes, and its own page of errors)


def _mistakes(mail: dict[str, Any], now: datetime) -> Iterator[Mistake]:
    people = mail["personalizations"]
    if not 1 <= len(people) <= 1000:
        yield "personalizations", "There must be 1 to 1000 personalizations."
    if not _valid(mail.get("from")):
        yield "from.email", "The from email does not contain a valid address."
    if "reply_to" in mail and not _valid(mail["reply_to"]):
        yield "reply_to.email", "The reply_to email does not contain a valid address."
    everybody: list[str] = []
    for index, one in enumerate(people):
        yield from _wrong_person(f"personalizations.{index}", one, mail)
        everybody += [to["email"].lower() for kind in ("to", "cc", "bcc") for to in one.get(kind, [])]
    if len(everybody) > 1000:
        yield "personalizations", "There may be 1000 recipients at most."
    if len(everybody) != len(set(everybody)):
        yield "personalizations", "Each email address in the personalization block should be unique."
    yield from _wrong_headers("headers", mail.get("headers", {}))
    yield from _wrong_content(mail)
    categories = mail.get("categories", [])
    if len(categories) > 10 or len(set(categories)) != len(categories) or any(len(name) > 255 for name in categories):
        yield "categories", "There may be 10 categories at most, each once, of 255 characters at most."
    send_at = mail.get("send_at", 0)
    if not isinstance(send_at, int) or send_at > (now + timedelta(hours=72)).timestamp():
        yield "send_at", "The send_at must be whole seconds, at most 72 hours from now."


def _wrong_person(where: str, one: dict[str, Any], mail: dict[str, Any]) -> Iterator[Mistake]:
    if not one.get("to"):
        yield f"{where}.to", "The to array is required for all personalization objects."
    for kind in ("to", "cc", "bcc"):
        for index, to in enumerate(one.get(kind, [])):
            if not _valid(to):
                yield f"{where}.{kind}.{index}.email", "Does not contain a valid address."
    if not (one.get("subject") or mail.get("subject") or mail.get("template_id")):
        yield "subject", "The subject is required."
    yield from _wrong_headers(f"{where}.headers", one.get("headers", {}))
    told = {**mail.get("custom_args", {}), **one.get("custom_args", {})}
    if not all(isinstance(value, str) for value in told.values()):
        yield None, "Bad Request"  # so the real one speaks of a number among them
    if len(json.dumps(told)) >= 10_000:
        yield f"{where}.custom_args", "The custom_args must be less than 10,000 bytes."


def _wrong_headers(where: str, headers: dict[str, Any]) -> Iterator[Mistake]:
    for name, value in headers.items():
        if name.lower() in _RESERVED:
            yield f"{where}.{name}", "The header is reserved and cannot be used."
        elif not isinstance(value, str) or not (name + value).isprintable() or not name.isascii():
            yield f"{where}.{name}", "The header must be one line of text."


def _wrong_content(mail: dict[str, Any]) -> Iterator[Mistake]:
    content = mail.get("content", [])
    if not content and not mail.get("template_id"):
        yield "content", "The content is required unless a template is used."
    order = {"text/plain": 0, "text/html": 1}
    types = [part["type"] for part in content]
    if types != sorted(types, key=lambda kind: order.get(kind, 2)):
        yield "content", "text/plain comes first, then text/html, then all others."
    for index, part in enumerate(content):
        if not isinstance(part["value"], str) or not part["value"]:
            yield f"content.{index}.value", "The content value must be a string at least one character in length."
        yield from _wrong_type(f"content.{index}.type", part["type"])
    for index, file in enumerate(mail.get("attachments", [])):
        yield from _wrong_type(f"attachments.{index}.type", file.get("type", "application/octet-stream"))
        if not file.get("filename"):
            yield f"attachments.{index}.filename", "The attachment filename is required."
        try:
            base64.b64decode(file["content"], validate=True)
        except binascii.Error:
            yield f"attachments.{index}.content", "The attachment content must be base64 encoded."


def _wrong_type(where: str, kind: str) -> Iterator[Mistake]:
    # sendgrid-php #250: since 2018 a calendar's method may stand there, and still no charset.
    if not re.fullmatch(r"[^;\r\n]+(; ?method=\w+;?)?", kind):
        yield where, "The type cannot contain ';', or CRLF characters."


def _valid(address: Any) -> bool:
    return (
        isinstance(address, dict)
        and re.fullmatch(r"[^\s@<>\",;:]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", str(address.get("email"))) is not None
    )


def _taken(mail: dict[str, Any], one: dict[str, Any], sid: str, now: datetime) -> Taken:
    told = {**mail.get("custom_args", {}), **one.get("custom_args", {})}
    words = {part["type"]: part["value"] for part in reversed(mail.get("content", []))}
    sender = one.get("from", mail["from"])
    return Taken(
        sid=sid,
        to=one["to"][0]["email"],
        at=now,
        message=told.get("mid"),
        attempt=int(told["att"]) if "att" in told else None,
        sender=f"{sender['name']} <{sender['email']}>" if sender.get("name") else sender["email"],
        text=words.get("text/plain", ""),
        html=words.get("text/html"),
        subject=one.get("subject") or mail.get("subject"),
        headers={**mail.get("headers", {}), **one.get("headers", {})},
        attachments=tuple(
            File(file["filename"], file.get("type", "application/octet-stream"), base64.b64decode(file["content"]))
            for file in mail.get("attachments", [])
        ),
        raw=mail,
    )


if __name__ == "__main__":
    serve(
        lambda told: SendGridFake(told.key or KEY, tls=told.tls, state=told.state, latency=told.latency),
        "--key",
    )
