"""Celery with an ETA task a message: Redis where there is one, else a folder; as many processes as cores.

The tasks are published, a worker takes them in, and when their moment has come it sends them.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from celery import Celery  # type: ignore[import-not-found]

from benchmarks.peers import one_message
from benchmarks.peers.one_message import told

app = Celery("peer", broker=told.get("redis") or "filesystem://")
if not told.get("redis"):
    folder = f"{told.get('folder')}/broker"
    app.conf.broker_transport_options = {"data_folder_in": folder, "data_folder_out": folder}
app.conf.task_ignore_result = True


@app.task(name="send")  # type: ignore[untyped-decorator]
def send(who: int) -> None:
    """To one person."""
    one_message.send(who)


def main() -> None:
    """Publish all for one moment, then become the worker."""
    Path(f"{told['folder']}/broker").mkdir()
    due = datetime.now(UTC) + timedelta(seconds=10 + told["count"] / 400)
    for who in range(1, told["count"] + 1):
        send.apply_async((who,), eta=due)
    worker = ("worker", "--concurrency", str(os.cpu_count()), "--loglevel", "ERROR", "--without-gossip")
    command = (sys.executable, "-m", "celery", "-A", "benchmarks.peers.by_celery", *worker, "--without-mingle")
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
