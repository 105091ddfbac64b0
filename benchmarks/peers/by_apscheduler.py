"""APScheduler with its SQLAlchemy job store on SQLite, one job a message, ten threads: all as its guide shows.

But for one thing: its default drops whatever is more than a second late, which is most of a few thousand jobs that
fall due together; here nothing is ever too late.
"""

import signal
from datetime import UTC, datetime

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore  # type: ignore[import-untyped]
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]

from benchmarks.peers.one_message import told


def main() -> None:
    """Write the jobs down, then let them go, until stopped."""
    store = SQLAlchemyJobStore(url=f"sqlite:///{told['folder']}/jobs.db")
    scheduler = BackgroundScheduler(jobstores={"default": store}, timezone=UTC)
    scheduler.start(paused=True)
    due = datetime.now(UTC)
    for who in range(1, told["count"] + 1):
        job = "benchmarks.peers.one_message:send"
        scheduler.add_job(job, "date", run_date=due, args=[who], misfire_grace_time=None)
    scheduler.resume()
    signal.pause()


if __name__ == "__main__":
    main()
