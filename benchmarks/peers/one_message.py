"""What one job does in all schedulers: look the person up, fill in the words, call Twilio's library, note it down.

Told by the environment variable PEER, as JSON: `folder` with people.db, `url` of the stand-in, `count` of people,
`text` with {{ first_name }}.
"""

import json
import os
import sqlite3
import threading
from functools import cache
from typing import Any

import jinja2
from twilio.rest import Client  # type: ignore[import-untyped]

told: dict[str, Any] = json.loads(os.environ.get("PEER", "{}"))
_local = threading.local()


@cache
def _words() -> jinja2.Template:
    return jinja2.Environment(autoescape=False).from_string(told["text"])  # as a text message wants it


@cache
def _client() -> Any:
    client: Any = Client("AC" + "0" * 32, "0" * 32)  # as its README shows it
    client.api.base_url = told["url"]
    return client


def _database() -> sqlite3.Connection:
    if not hasattr(_local, "database"):
        _local.database = sqlite3.connect(f"{told['folder']}/people.db", timeout=60, isolation_level=None)
        _local.database.execute("PRAGMA synchronous=FULL")
    made: sqlite3.Connection = _local.database
    return made


def send(who: int) -> None:
    """To one person."""
    name, phone = _database().execute("SELECT first_name, phone FROM person WHERE id = ?", (who,)).fetchone()
    body = _words().render(first_name=name)
    callback = f"https://go.harborclinic.example/hooks/twilio/status?m=p{who}&a=1"
    made = _client().messages.create(to=phone, from_="+15005550006", body=body, status_callback=callback)
    _database().execute("INSERT INTO log (person, sid, status) VALUES (?, ?, ?)", (who, made.sid, made.status))
