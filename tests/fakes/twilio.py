"""Twilio's Messages, as its official document and section 5 of the providers' notes describe them.

python -m tests.fakes.twilio --port 0 --state FILE [--latency 0.1] [--account AC...] [--token ...]
"""

import base64
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

from tests.fakes.server import Clock, Taken, serve, written
from tests.fakes.web import Reply, Request, WebFake

ACCOUNT = "AC" + "a" * 32
TOKEN = "t" * 32
STATUS = {20500: 500, 20003: 401, 20403: 403, 20404: 404, 20429: 429, 20503: 503, 21611: 429}  # the rest: 400
_GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = set("^{}\\[~]|€\f")


@dataclass(slots=True)
class _Message:
    """What Twilio keeps of one."""

    taken: Taken
    status: str  # queued, accepted, canceled
    segments: int
    leaves: datetime | None = None  # by the queue model: when its last segment goes


class TwilioFake(WebFake):
    """One account. Beside what all fakes have:

    per_second, queue_limit   segments a second and segments that may wait, of each sender; None: no queue, and
                              messages stay `queued`, with no date_sent, for ever
    list_lag                  how long a message is taken before the list shows it
    """

    def __init__(
        self,
        account_sid: str = ACCOUNT,
        auth_token: str = TOKEN,
        *,
        api_key_sid: str | None = None,
        api_key_secret: str | None = None,
        tls: bool = False,
        clock: Clock | None = None,
        state: Path | None = None,
        latency: float = 0.0,
    ) -> None:
        super().__init__(tls=tls, clock=clock, state=state, latency=latency)
        self.account_sid, self.auth_token = account_sid, auth_token
        self.api_key_sid, self.api_key_secret = api_key_sid, api_key_secret
        self.per_second: float | None = None
        self.queue_limit: int | None = None
        self.list_lag = timedelta(0)
        self._by_sid: dict[str, _Message] = {}
        self._by_to: defaultdict[str, list[_Message]] = defaultdict(list)
        self._free_at: dict[str, datetime] = {}  # each sender's queue is empty from then on

    def forget(self) -> None:
        super().forget()
        self._by_sid.clear()
        self._by_to.clear()
        self._free_at.clear()

    # --- what it answers

    def answer(self, request: Request) -> Reply:
        """As the real one: credentials, the account in the address, then what is asked."""
        if not self._knows(request.headers.get("authorization", "")):
            return self.error(None, 20003)
        route = re.fullmatch(r"/2010-04-01/Accounts/(AC\w{32})/Messages(?:/(\w+))?\.json", request.path)
        if route is None or route[1] != self.account_sid:
            return self.error(None, 20404)
        match request.method, route[2]:
            case "POST", None:
                return self._create(request.form())
            case "GET", None:
                return self._list(request.asked())
            case "GET", sid if sid in self._by_sid:
                return Reply.of(200, self._shown(self._by_sid[sid]))
            case "POST", sid if sid in self._by_sid:
                return self._update(self._by_sid[sid], request.form())
            case _:
                return self.error(None, 20404)

    def recipients(self, request: Request) -> Sequence[str]:
        """The number in To, of a form or of a list."""
        to = (request.form() if request.method == "POST" else request.asked()).get("To")
        return [to] if to is not None else []

    def error(self, status: int | None, code: int | None) -> Reply:
        """Twilio's form of an error. A code alone brings its status, a status alone its own code."""
        code = code or next((code for code, its in STATUS.items() if its == status), 20001)
        status = status or STATUS.get(code, 400)
        more = f"https://www.twilio.com/docs/errors/{code}"
        return Reply.of(status, {"code": code, "message": f"Error {code}", "more_info": more, "status": status})

    def _knows(self, authorization: str) -> bool:
        scheme, _, told = authorization.partition(" ")
        try:
            user, _, secret = base64.b64decode(told, validate=True).decode().partition(":")
        except ValueError:
            return False
        pairs = {(self.account_sid, self.auth_token), (self.api_key_sid, self.api_key_secret)}
        return scheme == "Basic" and (user, secret) in pairs

    # --- sending

    def _create(self, form: dict[str, str]) -> Reply:
        code = _mistake(form)
        if code is not None:
            return self.error(None, code)
        now = self.clock()
        service = form.get("MessagingServiceSid")
        message = _Message(_taken(form, now), "accepted" if service else "queued", _segments(form["Body"]))
        if self.per_second is not None and not self._queue(message, service or form["From"], now):
            return self.error(None, 21611)
        self.take([message.taken])
        self._by_sid[message.taken.sid] = message
        self._by_to[message.taken.to].append(message)
        shown = self._shown(message) | {"status": message.status, "date_sent": None}
        if service:  # which number it goes by, and so in how many segments, is not known yet
            shown |= {"from": None, "num_segments": "0"}
        return Reply.of(201, shown)

    def _queue(self, message: _Message, sender: str, now: datetime) -> bool:
        """Put it at the end of its sender's queue; False when that is full."""
        assert self.per_second is not None
        free = max(now, self._free_at.get(sender, now))
        waiting = (free - now).total_seconds() * self.per_second
        if self.queue_limit is not None and waiting + message.segments > self.queue_limit:
            return False
        message.leaves = self._free_at[sender] = free + timedelta(seconds=message.segments / self.per_second)
        return True

    # --- asking

    def _list(self, asked: dict[str, str]) -> Reply:
        size, page = int(asked.get("PageSize", 50)), int(asked.get("Page", 0))
        if any(name.startswith("DateSent") for name in asked) or not 1 <= size <= 1000:
            return self.error(None, 20001)  # nobody may look by date_sent: it is null until sent
        among = self._by_to.get(asked["To"], []) if "To" in asked else list(self._by_sid.values())
        shown_from = self.clock() - self.list_lag
        found = [
            message
            for message in reversed(among)
            if asked.get("From") in (None, message.taken.sender) and message.taken.at <= shown_from
        ]
        start = page * size
        part = found[start : start + size]
        more = start + size < len(found)
        answer = {
            "first_page_uri": self._page(asked, size, 0),
            "next_page_uri": self._page(asked, size, page + 1) if more else None,
            "previous_page_uri": self._page(asked, size, page - 1) if page else None,
            "uri": self._page(asked, size, page),
            "page": page,
            "page_size": size,
            "start": start,
            "end": max(start, start + len(part) - 1),
            "messages": [self._shown(message) for message in part],
        }
        return Reply.of(200, answer)

    def _page(self, asked: dict[str, str], size: int, page: int) -> str:
        kept: dict[str, Any] = {name: value for name, value in asked.items() if name in {"To", "From"}}
        if page:
            kept["PageToken"] = f"PASM{page:032x}"
        query = urlencode({**kept, "PageSize": size, "Page": page})
        return f"/2010-04-01/Accounts/{self.account_sid}/Messages.json?{query}"

    def _shown(self, message: _Message) -> dict[str, Any]:
        taken = message.taken
        status, sent, code = self._fate(message)
        uri = f"/2010-04-01/Accounts/{self.account_sid}/Messages/{taken.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "body": taken.text,
            "date_created": written(taken.at),
            "date_sent": written(sent) if sent else None,
            "date_updated": written(sent or taken.at),
            "direction": "outbound-api",
            "error_code": code,
            "error_message": None,
            "from": taken.sender,
            "messaging_service_sid": taken.messaging_service_sid,
            "num_media": "0",
            "num_segments": str(message.segments),
            "price": None,
            "price_unit": "USD",
            "sid": taken.sid,
            "status": status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": taken.to,
            "uri": f"{uri}.json",
        }

    def _fate(self, message: _Message) -> tuple[str, datetime | None, int | None]:
        """Its status by now, when it was sent, and the code of why it was not."""
        now, leaves, valid = self.clock(), message.leaves, message.taken.validity_period
        if message.status == "canceled" or leaves is None:
            return message.status, None, None
        expires = message.taken.at + timedelta(seconds=36000 if valid is None else valid)
        if expires < min(leaves, now):
            return "failed", None, 30036
        return ("sent", leaves, None) if leaves <= now else (message.status, None, None)

    def _update(self, message: _Message, form: dict[str, str]) -> Reply:
        if form.get("Status") != "canceled" or self._fate(message)[0] not in {"queued", "accepted"}:
            return self.error(None, 20001)
        message.status = "canceled"
        return Reply.of(200, self._shown(message))


def _mistake(form: dict[str, str]) -> int | None:
    """The code of what is wrong with a new message; None: nothing is."""
    to, sender, body, valid = (form.get(name, "") for name in ("To", "From", "Body", "ValidityPeriod"))
    callback = urlsplit(form.get("StatusCallback", "https://none.example"))
    mistakes = (
        (21604, not to),
        (21603, not sender and not form.get("MessagingServiceSid")),
        (21602, not body),
        (21211, not re.fullmatch(r"\+(1[2-9]\d{9}|[2-9]\d{6,14})", to)),
        (21212, bool(sender) and not re.fullmatch(r"\+[1-9]\d{6,14}|\d{5,6}|[A-Za-z0-9 ]{1,11}", sender)),
        (21701, "MessagingServiceSid" in form and not re.fullmatch(r"MG\w{32}", form["MessagingServiceSid"])),
        (21266, to == sender),
        (21617, len(body) > 1600),
        (21609, callback.scheme not in {"http", "https"} or "_" in (callback.hostname or "_")),
        (20001, bool(valid) and not (valid.isdigit() and 1 <= int(valid) <= 36000)),
    )
    return next((code for code, wrong in mistakes if wrong), None)


def _taken(form: dict[str, str], now: datetime) -> Taken:
    callback = form.get("StatusCallback")
    told = dict(parse_qsl(urlsplit(callback).query)) if callback else {}
    return Taken(
        sid=f"SM{uuid4().hex}",
        to=form["To"],
        at=now,
        message=told.get("m"),
        attempt=int(told["a"]) if "a" in told else None,
        sender=form.get("From"),
        text=form["Body"],
        messaging_service_sid=form.get("MessagingServiceSid"),
        status_callback=callback,
        validity_period=int(form["ValidityPeriod"]) if form.get("ValidityPeriod") else None,
        raw=form,
    )


def _segments(text: str) -> int:
    """About as Twilio counts: 160 and 153 letters of the GSM alphabet, 70 and 67 UTF-16 units of any other."""
    if set(text) <= _GSM | _GSM_TWICE:
        units, one, several = len(text) + sum(letter in _GSM_TWICE for letter in text), 160, 153
    else:
        units, one, several = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if units <= one else math.ceil(units / several)


if __name__ == "__main__":
    serve(
        lambda told: TwilioFake(
            told.account or ACCOUNT, told.token or TOKEN, tls=told.tls, state=told.state, latency=told.latency
        ),
        "--account",
        "--token",
    )
