"""The fake of Twilio, and what it shares with the others: what it takes and remembers, and how it fails."""

import http.client
import json
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.fakes.apart import apart
from tests.fakes.server import read_state
from tests.fakes.twilio import ACCOUNT, TOKEN, TwilioFake
from tests.fakes.web import End, Fault

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
LOGIN = "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
TEXT = {"To": "+16175550123", "From": "+16175550100", "Body": "Tomorrow at 9."}


class Turned:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = FRIDAY

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Turned:
    return Turned()


@pytest.fixture
def twilio(clock: Turned) -> Iterator[TwilioFake]:
    with TwilioFake(clock=clock) as fake:
        yield fake


def connected(fake: TwilioFake) -> http.client.HTTPConnection:
    if fake.tls:
        return http.client.HTTPSConnection("localhost", fake.port, timeout=5, context=fake.context)
    return http.client.HTTPConnection("localhost", fake.port, timeout=5)


def asked(
    by: http.client.HTTPConnection, method: str = "GET", path: str = MESSAGES, login: str = LOGIN, **form: Any
) -> tuple[int, Any]:
    by.request(method, path, urlencode(form), {"Authorization": login})
    answer = by.getresponse()
    return answer.status, json.loads(answer.read() or b"null")


def ask(
    fake: TwilioFake, method: str = "GET", path: str = MESSAGES, login: str = LOGIN, **form: Any
) -> tuple[int, Any]:
    by = connected(fake)
    try:
        return asked(by, method, path, login, **form)
    finally:
        by.close()


def send(fake: TwilioFake, **changes: Any) -> tuple[int, Any]:
    return ask(fake, "POST", **{**TEXT, **changes})


# --- Twilio: what it takes and remembers ---


def test_a_text_is_taken_with_all_that_was_told_about_it(twilio: TwilioFake) -> None:
    callback = "https://go.example/hooks/twilio/status?m=m1&a=2#rc=3"
    status, shown = send(twilio, StatusCallback=callback, ValidityPeriod=600)
    (taken,) = twilio.accepted
    assert (status, shown["sid"], shown["status"], shown["date_sent"]) == (201, taken.sid, "queued", None)
    assert shown["date_created"] == "Fri, 20 Nov 2026 15:00:00 +0000"
    assert (taken.to, taken.body, taken.sender, taken.at) == (TEXT["To"], TEXT["Body"], TEXT["From"], FRIDAY)
    assert (taken.message, taken.attempt) == ("m1", 2)
    assert (taken.status_callback, taken.validity_period) == (callback, 600)


def test_a_service_does_not_say_yet_by_which_number(twilio: TwilioFake) -> None:
    form = {"To": TEXT["To"], "Body": "hello", "MessagingServiceSid": "MG" + "c" * 32}
    _, shown = ask(twilio, "POST", **form)
    assert (shown["status"], shown["from"], shown["num_segments"]) == ("accepted", None, "0")
    assert shown["messaging_service_sid"] == twilio.accepted[0].messaging_service_sid == "MG" + "c" * 32


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": "+16175550100", "Body": "x"}, 21604),
        ({"To": "+16175550123", "Body": "x"}, 21603),
        ({**TEXT, "Body": ""}, 21602),
        ({**TEXT, "To": "6175550123"}, 21211),
        ({**TEXT, "To": "+1617555012"}, 21211),
        ({**TEXT, "To": TEXT["From"]}, 21266),
        ({**TEXT, "From": "nobody@example.com"}, 21212),
        ({**TEXT, "Body": "x" * 1601}, 21617),
        ({**TEXT, "StatusCallback": "https://under_score.example/"}, 21609),
        ({**TEXT, "ValidityPeriod": "36001"}, 20001),
        ({**TEXT, "MessagingServiceSid": "no service"}, 21701),
    ],
)
def test_each_mistake_in_a_text_has_its_code(twilio: TwilioFake, form: dict[str, str], code: int) -> None:
    status, why = ask(twilio, "POST", **form)
    assert (status, why["code"], why["status"]) == (400, code, 400)
    assert (twilio.accepted, twilio.requests) == ([], 1)


def test_only_who_knows_the_account_is_served(twilio: TwilioFake) -> None:
    wrong = "Basic " + b64encode(f"{ACCOUNT}:guess".encode()).decode()
    assert ask(twilio, login=wrong)[0] == 401
    assert ask(twilio, login="Basic !")[0] == 401
    assert ask(twilio, path=MESSAGES.replace(ACCOUNT, "AC" + "b" * 32))[0] == 404
    with TwilioFake(api_key_sid="SK1", api_key_secret="s") as other:
        assert ask(other, login="Basic " + b64encode(b"SK1:s").decode())[0] == 200


def test_the_list_has_the_newest_first_and_pages(twilio: TwilioFake) -> None:
    for number in range(5):
        send(twilio, Body=f"text {number}")
    send(twilio, To="+16175550199")
    path: str | None = f"{MESSAGES}?To=%2B16175550123&PageSize=2"
    found = []
    while path is not None:
        _, page = ask(twilio, path=path)
        found.append([message["body"] for message in page["messages"]])
        path = page["next_page_uri"]
    assert found == [["text 4", "text 3"], ["text 2", "text 1"], ["text 0"]]
    assert len(ask(twilio)[1]["messages"]) == 6
    assert ask(twilio, path=f"{MESSAGES}?From=%2B1")[1]["messages"] == []


def test_a_list_by_date_sent_is_refused_for_it_would_miss_what_waits(twilio: TwilioFake) -> None:
    assert ask(twilio, path=f"{MESSAGES}?DateSent%3E=2026-11-20T00:00:00Z")[0] == 400


def test_a_list_may_lag_behind(twilio: TwilioFake, clock: Turned) -> None:
    twilio.list_lag = timedelta(seconds=30)
    send(twilio)
    assert ask(twilio)[1]["messages"] == []
    clock.now += timedelta(seconds=30)
    assert len(ask(twilio)[1]["messages"]) == 1


def test_one_can_be_asked_for_and_canceled(twilio: TwilioFake) -> None:
    sid = send(twilio)[1]["sid"]
    one = MESSAGES.replace(".json", f"/{sid}.json")
    assert ask(twilio, path=one)[1]["status"] == "queued"
    assert ask(twilio, "POST", one, Status="canceled")[1]["status"] == "canceled"
    assert ask(twilio, path=one)[1]["status"] == "canceled"
    assert ask(twilio, "POST", one, Status="canceled")[0] == 400


def test_a_queue_empties_with_time_and_overflows(twilio: TwilioFake, clock: Turned) -> None:
    twilio.per_second, twilio.queue_limit = 1, 3
    send(twilio, Body="x" * 161)
    assert send(twilio)[0] == 201
    status, why = send(twilio)
    assert (status, why["code"]) == (429, 21611)
    assert send(twilio, From="+16175550101")[0] == 201  # each sender has its own
    clock.now += timedelta(seconds=2)
    assert send(twilio)[0] == 201
    first = ask(twilio)[1]["messages"][-1]
    assert (first["status"], first["date_sent"]) == ("sent", "Fri, 20 Nov 2026 15:00:02 +0000")


def test_what_waits_longer_than_it_is_valid_is_never_sent(twilio: TwilioFake, clock: Turned) -> None:
    twilio.per_second = 1
    send(twilio, Body="x" * 1600)
    sid = send(twilio, ValidityPeriod=5)[1]["sid"]
    clock.now += timedelta(minutes=1)
    shown = ask(twilio, path=MESSAGES.replace(".json", f"/{sid}.json"))[1]
    assert (shown["status"], shown["error_code"], shown["date_sent"]) == ("failed", 30036, None)


# --- HTTP: many at once, and TLS ---


def test_many_connections_at_once_get_their_own_answers(twilio: TwilioFake) -> None:
    together = threading.Barrier(64)

    def some(number: int) -> bool:
        by = connected(twilio)
        together.wait(10)
        right = []
        for turn in range(5):
            body = f"{number}.{turn}"
            right.append(asked(by, "POST", **{**TEXT, "Body": body})[1]["body"] == body)
            together.wait(10)
        by.close()
        return all(right)

    with ThreadPoolExecutor(64) as pool:
        assert all(pool.map(some, range(64)))
    assert len({taken.sid for taken in twilio.accepted}) == twilio.requests == 320
    assert (twilio.connections, twilio.most_at_once) == (64, 64)


@pytest.mark.parametrize("latency", [0, 0.01])
def test_a_chunked_request_and_two_in_one_piece_are_understood(twilio: TwilioFake, latency: float) -> None:
    twilio.latency = latency
    head = f"POST {MESSAGES} HTTP/1.1\r\nAuthorization: {LOGIN}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    body = urlencode(TEXT).encode()
    chunks = b"5\r\n" + body[:5] + b"\r\n" + f"{len(body) - 5:x}\r\n".encode() + body[5:] + b"\r\n0\r\n\r\n"
    with socket.create_connection(("localhost", twilio.port), timeout=5) as by:
        by.sendall((head + chunks) * 2)
        answers = b""
        while answers.count(b"HTTP/1.1 201 Created") < 2:
            answers += by.recv(4096)
    assert [taken.body for taken in twilio.accepted] == [TEXT["Body"]] * 2


def test_its_certificate_is_trusted_by_its_own_context_alone() -> None:
    with TwilioFake(tls=True) as fake:
        assert fake.url.startswith("https://")
        assert send(fake)[0] == 201
        stranger = http.client.HTTPSConnection("localhost", fake.port, context=ssl.create_default_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.request("GET", "/")
        stranger.close()
        assert fake.requests == 1


# --- HTTP: faults ---


@pytest.mark.parametrize(
    ("fault", "status", "accepted"),
    [
        (Fault(status=503), 503, 0),
        (Fault(status=500, accepted=True), 500, 1),
        (Fault(code=21610), 400, 0),
        (Fault(code=20429), 429, 0),
        (Fault(status=302), 302, 0),
        (Fault(delay=0.01), 201, 1),
        (Fault(end="drip", pause=0), 201, 1),
        (Fault(end="answer_and_close"), 201, 1),
        (Fault(to="+44*"), 201, 1),
        (Fault(method="GET", status=500), 201, 1),
        (Fault(to="+1617*", status=500), 500, 0),
        (Fault(nth=2, status=500), 201, 1),
        (Fault(times=0, status=500), 201, 1),
    ],
    ids=repr,
)
def test_a_fault_changes_the_answer(twilio: TwilioFake, fault: Fault, status: int, accepted: int) -> None:
    twilio.fail(fault)
    assert send(twilio)[0] == status
    assert len(twilio.accepted) == accepted


def test_an_answer_can_be_no_json_and_name_a_time_to_come_back(twilio: TwilioFake) -> None:
    twilio.fail(Fault(body=b"<html>", accepted=True, retry_after=7, headers=(("X-Note", "x"),)))
    by = connected(twilio)
    by.request("POST", MESSAGES, urlencode(TEXT), {"Authorization": LOGIN})
    answer = by.getresponse()
    assert (answer.status, answer.read()) == (201, b"<html>")
    assert (answer.headers["Retry-After"], answer.headers["X-Note"]) == ("7", "x")
    assert answer.headers["Date"] == "Fri, 20 Nov 2026 15:00:00 GMT"
    by.close()


@pytest.mark.parametrize("tls", [False, True], ids=["open", "tls"])
@pytest.mark.parametrize(
    ("end", "raised"),
    [
        ("reset", ConnectionResetError),
        ("close", http.client.RemoteDisconnected),
        ("truncate", http.client.IncompleteRead),
        ("hang", TimeoutError),
    ],
)
@pytest.mark.parametrize("accepted", [False, True], ids=["lost", "taken"])
def test_an_answer_can_fail_to_come(end: End, raised: type[Exception], accepted: bool, tls: bool) -> None:
    with TwilioFake(tls=tls) as fake:
        fake.fail(Fault(end=end, accepted=accepted))
        by = connected(fake)
        by.timeout = 0.3 if end == "hang" else 5
        with pytest.raises(raised) as caught:
            asked(by, "POST", **TEXT)
        assert tls or caught.type is raised  # one is a kind of another; Python's TLS makes an end of a reset
        by.close()
        # A truncated answer is one, so the message was taken in any case.
        assert len(fake.accepted) == (accepted or end == "truncate")


def test_rules_count_what_fits_them_and_end(twilio: TwilioFake) -> None:
    twilio.fail(Fault(to="+44*", status=500))
    twilio.fail(Fault(to="+1617*", nth=2, status=503))
    twilio.fail(Fault(times=1, status=504))
    statuses = [send(twilio)[0] for _ in range(4)]
    assert statuses == [504, 503, 201, 201]
    twilio.fail(Fault(status=500))
    twilio.mend()
    assert send(twilio)[0] == 201


def test_a_kept_connection_can_be_closed_under_the_client(twilio: TwilioFake) -> None:
    by = connected(twilio)
    assert asked(by)[0] == asked(by)[0] == 200
    assert twilio.connections == 1
    twilio.drop()
    with pytest.raises(http.client.RemoteDisconnected):
        asked(by)
    twilio.fail(Fault(end="answer_and_close", method="GET"))
    assert asked(by)[0] == 200
    assert by.sock.recv(1) == b""
    by.close()


def test_after_a_stop_nobody_listens_until_it_starts_again_at_the_same_place(twilio: TwilioFake) -> None:
    port = twilio.port
    send(twilio)
    twilio.stop()
    with pytest.raises(ConnectionRefusedError):
        send(twilio)
    twilio.start()
    assert twilio.port == port
    assert len(ask(twilio)[1]["messages"]) == 1
    twilio.forget()
    assert (ask(twilio)[1]["messages"], twilio.accepted, twilio.requests) == ([], [], 1)
    assert ask(twilio, path=f"{MESSAGES}?To=%2B16175550123")[1]["messages"] == []


# --- a process of its own ---


def test_in_its_own_process_it_writes_down_what_it_takes_before_it_answers(tmp_path: Path) -> None:
    state = tmp_path / "taken.jsonl"
    with apart("twilio", "--state", str(state)) as (port, _):
        fake = TwilioFake()
        fake.port = port
        sids = [send(fake, StatusCallback="https://go.example/?m=m1&a=2")[1]["sid"] for _ in range(2)]
        assert [message["sid"] for message in ask(fake)[1]["messages"]] == sids[::-1]
    assert [(one.sid, one.message, one.attempt) for one in read_state(state)] == [(sid, "m1", 2) for sid in sids]


def test_in_its_own_process_it_is_who_it_is_told_to_be_and_ends_when_told_to() -> None:
    with apart("twilio", "--account", "AC" + "d" * 32, "--token", "t") as (port, process):
        fake = TwilioFake()
        fake.port = port
        assert ask(fake)[0] == 401
        process.terminate()
        assert process.wait(10) == 0
