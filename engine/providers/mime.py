"""An email as it travels: the same message at the same moment gives the same bytes, in 7-bit letters only.

Made of the old `email.message.Message`: EmailMessage does the same, at a fifth of the speed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.charset import QP, Charset
from email.encoders import encode_base64
from email.header import Header
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import Compat32
from email.utils import format_datetime, formataddr, parseaddr

from engine.providers import Attachment, Outgoing

_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP  # readable in the file, where base64 is not
_LINES = Compat32(linesep="\r\n")


def built(out: Outgoing, now: datetime, message_id: str) -> bytes:
    """The whole email, its lines ended by CR LF. `message_id` comes without its angle brackets.

    Raises ValueError for what no email may carry; its words may repeat the address or the subject.
    """
    checked_address(out.to)
    mail: Message = _body("plain", out.text)
    if out.html is not None:
        mail = _multipart("alternative", [mail, _body("html", out.html)], out)
    if out.attachments:
        mail = _multipart("mixed", [mail, *map(_attached, out.attachments)], out)
    headers = [
        ("To", out.to),
        ("Subject", out.subject or ""),
        ("Date", format_datetime(now.astimezone(UTC))),
        ("Message-ID", f"<{message_id}>"),
        ("Auto-Submitted", "auto-generated"),
        *out.headers,
    ]
    for name, value in headers:
        checked_value(value)
        mail[name] = value if value.isascii() else encoded(name, value)
    return mail.as_bytes(policy=_LINES)


def checked_address(address: str) -> None:
    """Raises ValueError for an address that no server of the old kind takes (decision 17)."""
    if not address.isascii():
        raise ValueError("an address that needs SMTPUTF8")


def checked_value(value: str) -> None:
    """Raises ValueError for a header's value that would begin another header."""
    if not value.isprintable():
        raise ValueError("a line end in a header would begin another")


def header(out: Outgoing, name: str) -> str:
    """The value of the first header of this name, whatever its capitals; "" when there is none."""
    return next((value for given, value in out.headers if given.lower() == name), "")


def sender_of(out: Outgoing) -> str:
    """The bare address in From; "" when there is none."""
    return parseaddr(header(out, "from"))[1]


def encoded(name: str, value: str) -> str:
    """A header with letters outside ASCII, as it travels; of an address only its name may have any."""
    if name.lower() in {"from", "reply-to"}:
        return formataddr(parseaddr(value))
    return Header(value, "utf-8", header_name=name).encode()


def _body(kind: str, text: str) -> Message:
    part = MIMENonMultipart("text", kind)
    part.set_payload(text, _UTF8)
    return part


def _multipart(kind: str, parts: Sequence[Message], out: Outgoing) -> Message:
    return MIMEMultipart(kind, boundary=f"=_{out.message}_a{out.attempt}_{kind}", _subparts=parts)


def _attached(attachment: Attachment) -> Message:
    described = Message()
    described["Content-Type"] = attachment.content_type
    part = MIMEBase(described.get_content_maintype(), described.get_content_subtype())
    for name, value in (described.get_params() or [])[1:]:
        part.set_param(name, value)
    part.add_header("Content-Disposition", "attachment", filename=attachment.filename)
    part.set_payload(attachment.content)
    encode_base64(part)
    return part
