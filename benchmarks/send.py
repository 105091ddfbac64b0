"""What sending costs: the whole engine against the bare loop of its own client, and against other libraries.

    .venv/bin/python -m benchmarks.send [--parts cpu,bare,kill,default,peers] [--waiting 1000000] [--due 4000]
    .venv/bin/python -m benchmarks.send --cpu [--profile] [--email] [--waiting 100000]    while working on the engine

A million enrolments wait in SQLite (synchronous=FULL); a few thousand fall due and are decided, rendered, committed,
sent and settled. benchmarks/README.md says what each figure means. Nothing leaves the machine.
"""

import argparse
import cProfile
import platform
import pstats
import tempfile
import time
from pathlib import Path

from benchmarks.comparing import Plan, against_peers, against_the_bare_loop, against_the_default, own_cost, say
from benchmarks.killing import killed
from benchmarks.report import Row, table, write_chart
from benchmarks.sending import PROJECT, Null, measured, open_bench, send_due
from benchmarks.stage import Bench, make_certificate
from engine.core.contact import Channel

CHART = PROJECT / "benchmarks/send.svg"
ENVIRONMENTS = PROJECT / "var/benchmarks"  # virtual environments of the peers: kept, made anew when versions change
PARTS = ("cpu", "bare", "kill", "default", "peers")
MEMORY = 150  # MB


def profile(bench: Bench, channel: Channel, due: int, concurrency: int, chunk: int) -> None:
    """Where the engine's own time goes: three rounds in this process, the provider's call being a null one."""
    house = open_bench(bench.database, concurrency, chunk)
    send_due(house, Null(), bench.let_fall_due(channel, 300))
    profiler = cProfile.Profile()
    for _ in range(3):
        at = bench.let_fall_due(channel, due)
        profiler.enable()
        took = measured(lambda at=at: send_due(house, Null(), at))  # type: ignore[misc]
        profiler.disable()
        say(f"{channel}: {took.cost:.0f} us CPU a message under the profiler, {took.messages} went")
    pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


def cpu(bench: Bench, channel: Channel, asked: argparse.Namespace) -> None:
    """The engine's own CPU, a few times."""
    for _ in range(3):
        took = bench.engine(channel, asked.due, concurrency=asked.near, chunk=asked.chunk)
        say(f"{channel}: {took.cost:.0f} us CPU a message, {took.rate:,.0f} a second, peak memory {took.memory:.0f} MB")


def compare(plan: Plan, parts: list[str]) -> None:
    """All that was asked for, with the table and the chart at the end."""
    if "cpu" in parts:
        own_cost(plan)
    if "bare" in parts:
        against_the_bare_loop(plan)
    if "default" in parts:
        against_the_default(plan)
    if "peers" in parts:
        ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
        against_peers(plan, ENVIRONMENTS)
    if "kill" in parts:
        killed(plan)
    if plan.memory:
        plan.rows.append(Row("the engine's memory at its peak", plan.memory, "MB", MEMORY, at_most=True))
    print(f"\n{table(plan.rows)}\n")
    if plan.bars:
        machine = f"{platform.machine()}, Python {platform.python_version()}"
        write_chart(CHART, plan.bars, f"{plan.bench.size:,} enrolments waiting, SQLite, crash-safe; {machine}")
        say(f"chart: {CHART}")


def main() -> None:
    """As told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of " + ",".join(PARTS))
    parser.add_argument("--waiting", type=int, default=1_000_000, help="enrolments in the database")
    parser.add_argument("--due", type=int, default=4000, help="messages of one run")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--near", type=int, default=16, help="calls at a time without latency")
    parser.add_argument("--far", type=int, default=64, help="calls at a time with latency")
    parser.add_argument(
        "--chunk", type=int, default=0, help="messages claimed in one go; 0: as many as calls at a time"
    )
    parser.add_argument("--cpu", action="store_true", help="only the engine's own CPU, by a null provider")
    parser.add_argument("--profile", action="store_true", help="with --cpu: where it goes")
    parser.add_argument("--email", action="store_true", help="with --cpu: emails instead of texts")
    asked = parser.parse_args()
    parts = [part.strip() for part in asked.parts.split(",")]
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder, asked.waiting)
        began = time.perf_counter()
        size = bench.database.stat().st_size / 1e6
        say(f"{asked.waiting:,} waiting, {size:,.0f} MB, made in {time.perf_counter() - began:.0f} s")
        channel = Channel.EMAIL if asked.email else Channel.SMS
        if asked.cpu and asked.profile:
            profile(bench, channel, asked.due, asked.near, asked.chunk or asked.near)
        elif asked.cpu:
            cpu(bench, channel, asked)
        else:
            tls = make_certificate(folder)
            plan = Plan(bench, folder, tls, asked.due, asked.near, asked.far, asked.chunk, asked.pairs)
            compare(plan, parts)


if __name__ == "__main__":
    main()
