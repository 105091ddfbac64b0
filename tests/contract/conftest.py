"""Prism, a third party's program, between our providers and our fakes: it judges both by the official documents."""

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from tests.conftest import ROOT
from tests.fakes.sendgrid import SendGridFake
from tests.fakes.twilio import TwilioFake
from tests.fakes.web import WebFake

# Where .ci/run installs it, of the exact version that the notes of ../shared/providers were measured with.
PRISM = ROOT / ".venv/prism/node_modules/@stoplight/prism-cli/dist/index.js"

F = TypeVar("F", bound=WebFake)


@contextmanager
def _running(document: Path, upstream: str) -> Iterator[str]:
    """Prism as a validating proxy: 4xx for a request, 500 for an answer that the document does not allow."""
    node = shutil.which("node")
    if node is None or not PRISM.is_file():
        pytest.skip("Prism is not installed: .ci/run does it")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    process = subprocess.Popen(
        [node, PRISM, "proxy", "-h", "127.0.0.1", "-p", port, "--errors", document, upstream],
        env={"PATH": os.defpath},  # no proxy of the environment may stand between the two
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout is not None
        # What it says once it listens is read, or it would wait for us as soon as the pipe is full.
        reader = threading.Thread(target=process.stdout.read)
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if "is listening" in line:
                    break
            else:
                pytest.fail(f"Prism ended:\n{''.join(said)}")
            reader.start()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            if reader.is_alive():
                reader.join()


@dataclass(frozen=True)
class Judged(Generic[F]):
    """A fake, and the address of the proxy before it."""

    fake: F
    url: str

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, Any]:
        """A call past the providers: the status, and the JSON of the answer."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        try:
            told = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body.encode(), told)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()


@pytest.fixture(scope="session")
def twilio_document(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twilio's, but for one word: links from page to page are relative, as Twilio's are, and its own examples."""
    document = json.loads((shared / "providers/specs/twilio_messages.json").read_bytes())
    listing = document["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["get"]
    links = listing["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
    for name in ("uri", "first_page_uri", "next_page_uri", "previous_page_uri"):
        assert links[name]["format"] == "uri"
        links[name]["format"] = "uri-reference"
    path = tmp_path_factory.mktemp("documents") / "twilio.json"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(scope="session")
def _twilio(twilio_document: Path) -> Iterator[Judged[TwilioFake]]:
    fake = TwilioFake(api_key_sid="SK" + "b" * 32, api_key_secret="s" * 32)
    with fake, _running(twilio_document, fake.url) as url:
        yield Judged(fake, url)


@pytest.fixture(scope="session")
def _sendgrid(shared: Path) -> Iterator[Judged[SendGridFake]]:
    with SendGridFake() as fake, _running(shared / "providers/specs/tsg_mail_v3.json", fake.url) as url:
        yield Judged(fake, url)


@pytest.fixture
def twilio(_twilio: Judged[TwilioFake]) -> Judged[TwilioFake]:
    """With nothing sent and no faults; Prism takes seconds to start, so it stays."""
    _twilio.fake.forget()
    return _twilio


@pytest.fixture
def sendgrid(_sendgrid: Judged[SendGridFake]) -> Judged[SendGridFake]:
    """With nothing sent and no faults; Prism takes seconds to start, so it stays."""
    _sendgrid.fake.forget()
    return _sendgrid
