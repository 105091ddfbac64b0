"""The engine is killed in the middle of a run: how many messages are in doubt then, and what becomes of them."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, replace
from datetime import timedelta

import sqlalchemy as sa

from benchmarks.comparing import LATENCY, Plan, say
from benchmarks.report import Row
from benchmarks.sending import PROJECT, THEN, WARM, Job
from benchmarks.stage import StandIn, Wrong, run, stand_in
from engine.core.contact import Channel
from engine.core.messages import Status
from engine.store.schema import message

KILLS = 3
OPEN = (Status.QUEUED, Status.SENDING, Status.IN_DOUBT)
# After this all is settled: the lease, the grace time, two looks at each, so many at a time.
PATIENCE = timedelta(hours=2)


def killed(plan: Plan) -> None:
    """Texts, which the provider can be asked about; with latency, so that many are on their way."""
    most, again, left = 0, 0, 0
    count = 30 * plan.far
    for number in range(KILLS):
        at = plan.bench.let_fall_due(Channel.SMS, WARM, count)
        with stand_in(LATENCY, began=at + THEN) as server:
            job = Job(
                "engine", Channel.SMS, count, plan.far, plan.chunk, server.url, str(plan.bench.database), at.isoformat()
            )
            taken = _kill_at(server, job, WARM + count * (number + 1) // (KILLS + 1))
            doubtful = _count(plan, Status.SENDING)
            most = max(most, doubtful)
            run(replace(job, kind="resume", count=0))
            plan.bench.now += PATIENCE
            counts = server.counts()
        again += counts["twice"]
        left += WARM + count - (counts["accepted"] - counts["twice"])
        say(f"killed after {taken} were taken: {doubtful} in doubt; then {counts['accepted']} of {WARM + count} taken")
        if unsettled := sum(_count(plan, status) for status in OPEN):
            raise Wrong(f"{unsettled} messages are not settled two hours after the kill")
    limit = plan.far + 2 * (plan.chunk or plan.far)
    plan.rows += [
        Row(f"in doubt after a kill, texts, {plan.far} at a time", most, "messages", limit, at_most=True),
        Row("  accepted twice after going on", again, "messages", 0, at_most=True),
        Row("  never accepted after going on", left, "messages", 0, at_most=True),
    ]


def _kill_at(server: StandIn, job: Job, taken: int) -> int:
    """Start it, and kill it when so many were accepted; how many there were then."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.sending", json.dumps(asdict(job))], cwd=PROJECT)
    while (accepted := server.counts()["accepted"]) < taken:
        if process.poll() is not None:
            raise Wrong("the run ended before it could be killed")
        time.sleep(0.01)
    process.kill()
    process.wait()
    return accepted


def _count(plan: Plan, status: Status) -> int:
    with plan.bench.store() as store, store.read() as conn:
        found: int = conn.execute(sa.select(sa.func.count()).where(message.c.status == status)).scalar_one()
    return found
