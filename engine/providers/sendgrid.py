"""Email by SendGrid: its own library for the call, over our own wire (faults of the library's own: see `_Calls`).

One request a message: 202 means queued, and only that. SendGrid has no key against sending twice and cannot be asked
in time, so what got no answer stays in doubt. It carries general education only: no agreement with it covers
patients' mail (decision 18).
"""

import json
import logging
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr, parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]

from engine.core.contact import Channel
from engine.core.pacing import UNLIMITED, Pace
from engine.core.phi import PhiLevel
from engine.providers import (
    Accepted,
    AddressBlocked,
    Evidence,
    Health,
    InDoubt,
    Misconfigured,
    Outcome,
    Outgoing,
    Refused,
    SlowDown,
    Sought,
    Unknown,
    Unreachable,
    Works,
)
from engine.providers.mime import checked_address, checked_value, encoded, header
from engine.providers.wire import Answer, NoAnswer, NotSent, Wire

SCOPE: Final = "mail.send"  # what our API key must be allowed to do
LONGEST_WAIT: Final = timedelta(hours=1)  # whatever an answer asks for

# Nothing in a message is rewritten or watched: a tracked link would tell SendGrid who read what about their health.
_UNTRACKED: Final[Mapping[str, object]] = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}
# Those that SendGrid writes itself: a request that names one is refused (its document, `headers`).
_RESERVED: Final = frozenset(
    "x-sg-id x-sg-eid received dkim-signature content-type content-transfer-encoding"
    " to from subject reply-to cc bcc".split()
)
# What is wrong with all of our calls, not with this one message.
_OURS: Final = {
    401: "SendGrid does not take the API key, or the account may not send (NURTURE_SENDGRID__API_KEY).",
    403: "SendGrid forbids it: is the sender's address verified there, and may the API key send mail?",
    404: "That is no SendGrid API (base_url of [sendgrid]).",
    405: "That is no SendGrid API (base_url of [sendgrid]).",
    407: "The proxy before SendGrid wants a name and a password (HTTPS_PROXY).",
    415: "That is no SendGrid API (base_url of [sendgrid]).",
}


class SendGridProvider:
    """Sends by `/v3/mail/send`. Times in seconds; at most `most` idle connections are kept."""

    name: Final = "sendgrid"
    channels: Final = frozenset({Channel.EMAIL})
    can_be_asked: Final = False
    ceiling: Final = PhiLevel.GENERIC

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "https://api.sendgrid.com",
        pace: Pace = UNLIMITED,
        connect: float = 5.0,
        total: float = 15.0,
        most: int = 64,
    ) -> None:
        if not api_key:
            raise ValueError("An API key is needed: without one, SendGrid's library takes any it finds.")
        # Below WARNING it writes the key, the address and the words.
        logging.getLogger("python_http_client").setLevel(logging.WARNING)
        self.pace = pace
        self._wire = Wire(base_url, connect=connect, total=total, most=most)
        self._sdk = SendGridAPIClient(api_key, host=base_url)
        headers = {
            "Authorization": self._sdk.auth,
            "User-Agent": self._sdk.useragent,
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        self._sdk.client = _Calls(self._wire, headers, "/v3")

    def carries(self, level: PhiLevel, to: str) -> bool:  # noqa: ARG002 - the same for all of them
        """General education to anybody, and nothing else (decision 18)."""
        return level <= self.ceiling

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        """Queue one message there. `now` is what a 429's moment of return is compared with."""
        try:
            request = _request(out)
        except ValueError:
            # The exception's words may repeat the address or the subject.
            return Refused("malformed", "Something in it is empty, or holds a character that no email may carry.")
        try:
            answer: Answer = self._sdk.send(request)
        except NotSent as error:
            return Unreachable(error.detail)
        except NoAnswer as error:
            return InDoubt(error.detail)
        return _outcome(answer, out, now)

    def find(self, sought: Sought) -> Evidence:  # noqa: ARG002 - the same for all of them
        """Nothing: its logs come late, and not to every account (section 6.4 of the measured facts)."""
        return Unknown("SendGrid cannot be asked.")

    def probe(self) -> Health:
        """Whether the API key is taken, and may send mail."""
        try:
            answer: Answer = self._sdk.client.scopes.get()
        except NotSent as error:
            return Unreachable(error.detail)
        except NoAnswer as error:
            return InDoubt(error.detail)
        if answer.status != 200:
            return _for_all(answer) or InDoubt(f"SendGrid answered {answer.status} when asked about the API key.")
        scopes = _decoded(answer).get("scopes")
        if not isinstance(scopes, list):
            return InDoubt("SendGrid's answer about the API key cannot be read.")
        if SCOPE not in scopes:
            return Misconfigured(f"The API key may not send mail: give it the permission {SCOPE} at SendGrid.")
        return Works("SendGrid takes the API key, and it may send mail.", _clock(answer))

    def close(self) -> None:
        """Let its connections go."""
        self._wire.close()


class _Calls:
    """What SendGrid's library calls instead of its own client: `client.mail.send.post(request_body=..)`.

    The library's own opens a connection and reads the certificates for every mail, knows no time limit, shares its
    headers between threads, and follows a redirect with the API key. This one has none of that to begin with.
    """

    def __init__(self, wire: Wire, headers: Mapping[str, str], path: str) -> None:
        self._wire = wire
        self._headers = headers
        self._path = path

    def __getattr__(self, segment: str) -> "_Calls":
        return _Calls(self._wire, self._headers, f"{self._path}/{segment}")

    def post(self, *, request_body: object) -> Answer:
        return self._wire.call("POST", self._path, self._headers, json.dumps(request_body).encode("ascii"))

    def get(self) -> Answer:
        return self._wire.call("GET", self._path, self._headers)


# ---------------------------------------------------------------------------------------------- the request


def _request(out: Outgoing) -> dict[str, Any]:
    """The message as `/v3/mail/send` takes it. Raises ValueError for what it never would.

    Checked here because the library's own helper stumbles over bad rows, and SendGrid over empty ones.
    """
    checked_address(out.to)
    sender = header(out, "from")
    for value in (out.to, sender, out.subject or "", header(out, "reply-to")):
        checked_value(value)
    if not (out.to and sender and out.subject and out.text and all(file.content for file in out.attachments)):
        raise ValueError("SendGrid takes nothing empty")
    request: dict[str, Any] = {
        "personalizations": [
            {
                "to": [{"email": out.to}],
                "headers": _headers(out),
                # Kept by SendGrid for long, unencrypted and not erasable: opaque ids, and strings only.
                "custom_args": {"mid": out.message, "att": str(out.attempt)},
            }
        ],
        "from": _person(sender),
        "subject": out.subject,
        "content": [{"type": "text/plain", "value": out.text}],
        "tracking_settings": _UNTRACKED,
    }
    if reply_to := header(out, "reply-to"):
        request["reply_to"] = _person(reply_to)
    if out.html:
        request["content"].append({"type": "text/html", "value": out.html})
    if out.attachments:
        request["attachments"] = [
            {
                "content": b64encode(file.content).decode("ascii"),
                "type": _type(file.content_type),
                "filename": file.filename,
                "disposition": "attachment",
            }
            for file in out.attachments
        ]
    return request


def _type(content_type: str) -> str:
    """Of its parameters, SendGrid bears a calendar's method and no other (sendgrid-php #250)."""
    method = re.search(r";\s*method=(\w+)", content_type, re.IGNORECASE)
    return content_type.partition(";")[0].strip() + (f"; method={method[1]}" if method else "")


def _headers(out: Outgoing) -> dict[str, str]:
    headers = {"Auto-Submitted": "auto-generated"}
    for name, value in out.headers:
        if name.lower() not in _RESERVED:
            checked_value(value)
            headers[name] = value if value.isascii() else encoded(name, value)
    return headers


@lru_cache(maxsize=16)  # the clinic's own, the same in every mail; to parse them would cost half of the request
def _person(value: str) -> Mapping[str, str]:
    name, address = parseaddr(value)
    checked_address(address)
    return {"email": address, "name": name} if name else {"email": address}


# ---------------------------------------------------------------------------------------------- the answer


def _outcome(answer: Answer, out: Outgoing, now: datetime) -> Outcome:
    """The table of section 6.1 of the measured facts."""
    status = answer.status
    if status == 202:
        return Accepted(_provider_id(answer, out))
    if (ours := _for_all(answer)) is not None:
        return ours
    if status == 429:
        return SlowDown("SendGrid asks us to slow down (429).", _wait(answer, now))
    if status == 408 or not 400 <= status < 500:
        return InDoubt(f"SendGrid answered {status}: it may have taken it.")
    return _refused(answer)


def _for_all(answer: Answer) -> Misconfigured | None:
    """When the answer says that no call of ours will do."""
    if 300 <= answer.status < 400:
        return Misconfigured(f"SendGrid answered {answer.status} and sent us elsewhere (base_url of [sendgrid]).")
    if answer.status in _OURS:
        return Misconfigured(_OURS[answer.status])
    return None


def _refused(answer: Answer) -> Outcome:
    """A 4xx: the fields it names say whose fault it is. Its words may repeat the address, so ours are used."""
    fields = _fields(answer)
    code = str(answer.status)
    if answer.status == 400 and any(re.match(r"personalizations\.\d+\.to\b", field) for field in fields):
        return AddressBlocked(code, "SendGrid takes no such address.")
    if answer.status == 400 and any(re.match(r"(from|reply_to)\b", field) for field in fields):
        return Misconfigured("SendGrid takes no mail from the clinic's own address, as it is written in [clinic].")
    named = f" because of {', '.join(fields)}" if fields else ""
    return Refused(code, f"SendGrid refused it ({code}){named}.")


def _fields(answer: Answer) -> list[str]:
    """The names of the fields it complains about; none that could be more than a name."""
    errors = _decoded(answer).get("errors")
    listed = errors if isinstance(errors, list) else []
    fields = [str(error.get("field")) for error in listed if isinstance(error, dict) and error.get("field")]
    return [field for field in fields if re.fullmatch(r"[a-z0-9_.\[\]]{1,60}", field)][:3]


def _decoded(answer: Answer) -> dict[str, Any]:
    try:
        decoded = json.loads(answer.body)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _provider_id(answer: Answer, out: Outgoing) -> str:
    """SendGrid's name for the request; our own where it gave none, which changes nothing about the acceptance."""
    given = str(answer.headers.get("X-Message-Id", "")).strip()
    return given if re.fullmatch(r"[A-Za-z0-9._-]{1,100}", given) else f"mid:{out.message}"


def _wait(answer: Answer, now: datetime) -> timedelta | None:
    """Retry-After (seconds or a date), else X-RateLimit-Reset (seconds since 1970); None when neither can be read."""
    try:
        if after := answer.headers.get("Retry-After"):
            wait = timedelta(seconds=int(after)) if after.strip().isdigit() else parsedate_to_datetime(after) - now
        elif reset := answer.headers.get("X-RateLimit-Reset"):
            wait = datetime.fromtimestamp(int(reset), UTC) - now
        else:
            return None
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return max(timedelta(0), min(wait, LONGEST_WAIT))


def _clock(answer: Answer) -> datetime | None:
    """The moment it says it is."""
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except (ValueError, TypeError):
        return None
