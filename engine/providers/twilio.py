"""SMS by Twilio: its own library writes the requests and reads what was taken, over our own wire.

The library's transport has no time limit, reads the environment at every call, opens connections as it likes, keeps
answers where other threads find them, loses the headers of refusals and logs whom it writes to; ours (`_Calls`) does
none of that. Twilio has no key against sending twice, but can be asked: `find` looks through its list.
"""

import json
import logging
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

import phonenumbers
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.http import HttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from engine.core.contact import Channel
from engine.core.pacing import UNLIMITED, Pace
from engine.core.phi import PhiLevel
from engine.providers import (
    Absent,
    Accepted,
    AddressBlocked,
    Evidence,
    Found,
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
from engine.providers.wire import Answer, NoAnswer, NotSent, Wire

_Kind = type[AddressBlocked | Refused | Misconfigured | SlowDown | InDoubt]

# What becomes of a message, by the code of Twilio's refusal (section 5.2 of the measured facts); others go by their
# status. What only our sender cannot do must not suppress a number for good.
_CODES: Final[Mapping[int, tuple[_Kind, str]]] = {
    21211: (AddressBlocked, "Twilio takes this for no number at all."),
    21214: (AddressBlocked, "Twilio cannot reach this number."),
    21217: (AddressBlocked, "Twilio takes this for no number at all."),
    21610: (AddressBlocked, "The owner of this number has sent STOP to Twilio."),
    21614: (AddressBlocked, "This is no mobile number: it takes no texts."),
    21408: (Refused, "The account may not text to this country (geographic permissions in Twilio's console)."),
    21612: (Refused, "Twilio has no way from our sender to this number."),
    21617: (Refused, "The text is longer than Twilio takes."),
    21658: (Refused, "The text is longer than Twilio takes."),
    20003: (Misconfigured, "Twilio does not take the credentials: check account_sid, the token or the API key."),
    20404: (Misconfigured, "Twilio knows no such account: check account_sid and base_url of [twilio]."),
    21212: (Misconfigured, "Twilio takes our sender for no number: check from_number of [twilio]."),
    21603: (Misconfigured, "No sender: set from_number or messaging_service_sid of [twilio]."),
    21606: (Misconfigured, "The account may not text from this number: check from_number of [twilio]."),
    21608: (Misconfigured, "This is a trial account, which texts to verified numbers only: upgrade it."),
    21609: (Misconfigured, "Twilio cannot call us back: check public_url."),
    21659: (Misconfigured, "Our sender is no number of Twilio's: check from_number of [twilio]."),
    21660: (Misconfigured, "Our sender belongs to another account: check from_number and account_sid of [twilio]."),
    21701: (Misconfigured, "There is no such Messaging Service: check messaging_service_sid of [twilio]."),
    21703: (Misconfigured, "The Messaging Service has no number: add one in Twilio's console."),
    20429: (SlowDown, "Twilio asks us to slow down."),
    20503: (SlowDown, "Twilio asks us to come back later."),
    21611: (SlowDown, "Our sender's queue at Twilio is full."),
}
_STATUSES: Final[Mapping[int, tuple[_Kind, str]]] = {
    401: _CODES[20003],
    403: (Misconfigured, "Twilio forbids it: is the account active, and may the API key send messages?"),
    404: _CODES[20404],
    408: (InDoubt, "Twilio gave up waiting for the request."),
    429: _CODES[20429],
}

STOPPED: Final = "21610"  # the code of a number whose owner answered STOP
HOST: Final = "api.twilio.com"
LISTED: Final = 200  # messages that one look-up goes through, newest first
PAGES: Final = 10  # and pages, should Twilio make them smaller than asked for
CLOCKS_APART: Final = timedelta(minutes=2)  # Twilio's and ours, at most
VALIDITY: Final = (1, 36_000)  # seconds; Twilio's bounds

# An empty one would make the library read the real one, where TWILIO_REGION sends us elsewhere.
_NO_ENVIRONMENT: Final = {"NURTURE": "1"}
# What the library may stumble over in an answer that is none of Twilio's.
_UNREADABLE: Final = (ValueError, TypeError, AttributeError, LookupError, TwilioException)


class TwilioProvider:
    """Sends from a Messaging Service, or else from a number.

    `callback_base` is where Twilio reaches us; `region` and `edge` say which of Twilio's own hosts is used. With `baa`
    it may carry what goes to patients, to numbers of the United States. Times in seconds; at most `most` idle
    connections are kept. Raises ValueError for what cannot work.
    """

    name: Final = "twilio"
    channels: Final = frozenset({Channel.SMS})
    can_be_asked: Final = True

    def __init__(
        self,
        account_sid: str,
        *,
        auth_token: str | None = None,
        api_key_sid: str | None = None,
        api_key_secret: str | None = None,
        from_number: str | None = None,
        messaging_service_sid: str | None = None,
        callback_base: str,
        base_url: str = f"https://{HOST}",
        region: str | None = None,
        edge: str | None = None,
        baa: bool = False,
        pace: Pace = UNLIMITED,
        connect: float = 5.0,
        total: float = 15.0,
        most: int = 64,
    ) -> None:
        user, secret = (api_key_sid, api_key_secret) if api_key_sid else (account_sid, auth_token)
        if not (account_sid and user and secret):
            raise ValueError("An account and a token, or an API key with its secret, are needed.")
        if not (messaging_service_sid or from_number):
            raise ValueError("A Messaging Service or a number to send from is needed.")
        # Below WARNING the library writes whom we send to.
        logging.getLogger("twilio.http_client").setLevel(logging.WARNING)
        base = _placed(base_url, region, edge)
        self.ceiling = PhiLevel.PATIENT if baa else PhiLevel.GENERIC
        self.pace = pace
        self._sender = (
            {"messaging_service_sid": messaging_service_sid} if messaging_service_sid else {"from_": from_number}
        )
        self._callback = f"{callback_base.rstrip('/')}/hooks/twilio/status"
        self._wire = Wire(base, connect=connect, total=total, most=most)
        self._calls = _Calls(self._wire, base, user, secret)
        client = Client(user, secret, account_sid, http_client=self._calls, environment=_NO_ENVIRONMENT)
        client.api.base_url = base
        self._messages = client.messages
        self._list = f"/2010-04-01/Accounts/{account_sid}/Messages.json"

    def carries(self, level: PhiLevel, to: str) -> bool:
        """With the agreement what goes to patients, but only to area codes of the United States (HIP-1, INT-2)."""
        return level <= self.ceiling and (level < PhiLevel.PATIENT or _american(to))

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        """Hand one text over. `now` is what a wish to come back at some moment is compared with."""
        # The fragment makes Twilio call again when we do not answer: three times, whatever went wrong.
        callback = f"{self._callback}?m={out.message}&a={out.attempt}#rc=3&rp=all"
        request: dict[str, object] = {"to": out.to, "body": out.text, "status_callback": callback, **self._sender}
        if out.expires_in is not None:
            least, most = VALIDITY
            request["validity_period"] = max(least, min(most, int(out.expires_in.total_seconds())))
        try:
            return Accepted(_sid(self._messages.create(**request)))
        except UnicodeEncodeError:
            return Refused("malformed", "The text holds a character that no message may carry.")
        except NotSent as error:
            return Unreachable(error.detail)
        except NoAnswer as error:
            return InDoubt(error.detail)
        except _Declined as declined:
            return _outcome(declined.answer, now)
        except _UNREADABLE:
            return InDoubt("Twilio's answer cannot be read: it may have taken the message.")

    def find(self, sought: Sought) -> Evidence:
        """Look for the text among what went to this number, whenever: until it is sent, it has no date of sending."""
        since = sought.started_at.astimezone(UTC) - CLOCKS_APART
        try:
            listed, whole = self._listed(sought.to)
            recent = [one for one in listed if one.date_created >= since]
            found = [_sid(one) for one in recent if _may_be(one, sought)]
        except (NotSent, NoAnswer) as error:
            return Unknown(error.detail)
        except _Declined as declined:
            return Unknown(f"Twilio answered {declined.answer.status} when asked about a message.")
        except _UNREADABLE:
            return Unknown("Twilio's list of messages cannot be read.")
        if found:
            return Found(tuple(found))
        if not whole and len(recent) == len(listed):
            return Unknown("Twilio has more messages to this number than can be looked through.")
        return Absent()

    def probe(self) -> Health:
        """Whether Twilio takes our credentials: ask for one message of the list."""
        try:
            answer = self._calls.answer("GET", f"{self._list}?PageSize=1", {"Accept": "application/json"})
            readable = isinstance(json.loads(answer.body)["messages"], list)
        except NotSent as error:
            return Unreachable(error.detail)
        except NoAnswer as error:
            return InDoubt(error.detail)
        except _Declined as declined:
            kind, _, detail = _told(declined.answer)
            return Misconfigured(detail) if kind is Misconfigured else InDoubt(detail)
        except _UNREADABLE:
            readable = False
        if not readable:
            return InDoubt("What answers is no Twilio: check base_url of [twilio].")
        return Works("Twilio takes the credentials.", answer.clock)

    def close(self) -> None:
        """Let its connections go."""
        self._wire.close()

    def _listed(self, to: str) -> tuple[list[Any], bool]:
        """The newest messages to a number, oldest first, and whether these are all there are."""
        newest: list[Any] = []
        page = self._messages.page(to=to, page_size=LISTED)
        for _ in range(PAGES):  # the library's own loop would follow empty pages for ever
            newest.extend(page)
            if page.next_page_url is None or len(newest) >= LISTED:
                break
            page = page.next_page()
        newest.reverse()  # of the same second, the order of the list tells which came first
        newest.sort(key=lambda one: one.date_created)
        return newest, page.next_page_url is None


class _Declined(Exception):
    """Twilio answered, but not that it did what was asked. The library's own exceptions lose the headers."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class _Calls(HttpClient):  # type: ignore[misc]
    """What the library calls instead of its own transport: to one address only, and nothing is kept or logged."""

    def __init__(self, wire: Wire, base: str, user: str, secret: str) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), is_async=False)
        self._wire = wire
        self._base = f"{base}/"
        self._authorization = "Basic " + b64encode(f"{user}:{secret}".encode()).decode("ascii")

    def request(  # the library's signature
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,  # noqa: ARG002 - always the same pair, encoded once
        timeout: float | None = None,  # noqa: ARG002 - the wire has its own
        allow_redirects: bool = False,  # noqa: ARG002 - the wire follows none
    ) -> Response:
        if not uri.startswith(self._base):
            raise ValueError("a page elsewhere is not asked for: it would be told our credentials")
        query = f"?{urlencode(params)}" if params else ""
        body = urlencode(data).encode("ascii") if data else None
        answer = self.answer(method, f"/{uri.removeprefix(self._base)}{query}", headers or {}, body)
        return Response(answer.status, answer.body.decode(), answer.headers)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Raises _Declined for all but 2xx, and what the wire raises."""
        answer = self._wire.call(method, path, {**headers, "Authorization": self._authorization}, body)
        if not 200 <= answer.status < 300:
            raise _Declined(answer)
        return answer


def _placed(base_url: str, region: str | None, edge: str | None) -> str:
    """The address with region and edge in it, as the library would put them at every call; no other host has them."""
    base = base_url.rstrip("/")
    if not (region or edge):
        return base
    return base.replace(HOST, ".".join(filter(None, ["api", edge, region or "us1", "twilio.com"])))


@lru_cache(maxsize=1000)
def _american_area(code: str) -> bool:
    return phonenumbers.region_code_for_number(phonenumbers.parse(f"+1{code}5550100")) == "US"


def _american(to: str) -> bool:
    """Whether its area code is one of the United States: not Canada's, Puerto Rico's or an island's."""
    return to.startswith("+1") and len(to) == 12 and _american_area(to[2:5])


def _may_be(one: Any, sought: Sought) -> bool:
    """Whether it went out with these words, whoever of ours sent it: the sender may have been changed since."""
    return (one.direction, one.body) == ("outbound-api", sought.text)


def _sid(one: Any) -> str:
    """Twilio's name for a message; raises ValueError where there is none, as in an answer that was cut short."""
    if not isinstance(one.sid, str) or not re.fullmatch(r"[A-Za-z0-9]{1,64}", one.sid):
        raise ValueError("no sid")
    return one.sid


def _told(answer: Answer) -> tuple[_Kind, str, str]:
    """What a refusal means, its code, and a sentence of ours: Twilio's may repeat the number."""
    status = answer.status
    code = _code(answer) or status
    kind, why = _CODES.get(code) or _STATUSES.get(status) or _by_class(status)
    return kind, str(code), f"{why} ({code})"


def _by_class(status: int) -> tuple[_Kind, str]:
    if 300 <= status < 400:
        return Misconfigured, "We were sent elsewhere: check base_url of [twilio]."
    if 400 <= status < 500:
        return Refused, "Twilio refused it."
    return InDoubt, "Twilio failed: it may have taken the message."


def _code(answer: Answer) -> int | None:
    """The number that Twilio gives a refusal; None when it gave none, or what is no such number."""
    try:
        code = json.loads(answer.body)["code"]
    except (ValueError, TypeError, LookupError):
        return None
    return code if type(code) is int and 0 < code < 1_000_000 else None  # a bool is an int as well


def _outcome(answer: Answer, now: datetime) -> Outcome:
    kind, code, detail = _told(answer)
    if issubclass(kind, SlowDown):
        return SlowDown(detail, answer.retry_after(now))
    if issubclass(kind, AddressBlocked):
        return AddressBlocked(code, detail, stopped=code == STOPPED)
    if issubclass(kind, Refused):
        return Refused(code, detail)
    return kind(detail)
