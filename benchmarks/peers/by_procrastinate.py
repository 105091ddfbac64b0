"""procrastinate on PostgreSQL, one job a message, ten at a time."""

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector  # type: ignore[import-not-found]

from benchmarks.peers import one_message
from benchmarks.peers.one_message import told

app = App(connector=PsycopgConnector(conninfo=told["postgres"]))


@app.task(name="send")  # type: ignore[untyped-decorator]
def send(who: int) -> None:
    """To one person."""
    one_message.send(who)


def main() -> None:
    """Write the jobs down, then work, until stopped."""
    jobs = [{"who": who} for who in range(1, told["count"] + 1)]
    with app.replace_connector(SyncPsycopgConnector(conninfo=told["postgres"])) as writing, writing.open():
        writing.schema_manager.apply_schema()
        send.batch_defer(*jobs)
    app.run_worker(concurrency=10)


if __name__ == "__main__":
    main()
