"""The comparisons: each alternates its sides within one run, and gives medians of their ratios."""

import pickle
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.running import PEERS, Missing, Peer, Ran, environment, note, run_peer
from benchmarks.report import Bar, Row
from benchmarks.sending import Job, Result
from benchmarks.stage import Bench, Certificate, StandIn, run, stand_in
from engine.core.contact import Channel
from engine.providers import Outgoing

LATENCY = 0.1  # seconds that a provider takes to answer, where it is not 0
WORD = {Channel.SMS: "text", Channel.EMAIL: "email"}


@dataclass
class Plan:
    """How much of everything, and what the measurements so far have said."""

    bench: Bench
    folder: Path
    tls: Certificate
    due: int
    near: int  # calls at a time without latency
    far: int  # calls at a time with it
    chunk: int
    pairs: int
    rows: list[Row] = field(default_factory=list)
    bars: dict[str, list[Bar]] = field(default_factory=dict)
    memory: float = 0.0

    def payloads(self, channel: Channel) -> Path:
        """The messages that the engine makes, for the others to send; made once."""
        path = self.folder / f"{channel}.pickle"
        if not path.exists():
            self.bench.engine(
                channel, self.due, kind="record", concurrency=self.near, chunk=self.chunk, payloads=str(path)
            )
        return path

    def like(self, channel: Channel) -> Outgoing:
        """One of them."""
        outs: list[Outgoing] = pickle.loads(self.payloads(channel).read_bytes())
        return outs[0]

    def engine(self, channel: Channel, count: int, server: StandIn | None, concurrency: int) -> Result:
        """A run of the engine; None: by a null provider."""
        url = server.url if server else None
        result = self.bench.engine(
            channel, count, env=self.tls.environment, concurrency=concurrency, chunk=self.chunk, url=url
        )
        self.memory = max(self.memory, result.memory)
        return result

    def loop(self, kind: str, channel: Channel, count: int, server: StandIn, concurrency: int) -> Result:
        """A run of the bare loop of our provider, or of the SDK as it comes."""
        job = Job(kind, channel, count, concurrency, url=server.url, payloads=str(self.payloads(channel)))
        return run(job, self.tls.environment)

    def bar(self, group: str, label: str, rates: list[float], *, ours: bool = False) -> None:
        """For the chart."""
        bars = self.bars.setdefault(group, [])
        if all(bar.label != label for bar in bars):
            bars.append(Bar(label, statistics.median(rates), ours))


def say(words: str) -> None:
    """Progress."""
    print(f"  {words}", flush=True)


def _ratio(what: str, ratios: list[float], unit: str, limit: float | None = None) -> Row:
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}" if len(ratios) > 1 else ""
    return Row(what, statistics.median(ratios), unit, limit, more=spread)


def own_cost(plan: Plan) -> None:
    """What the engine itself takes of the CPU for a message, the call being a null one."""
    for channel, limit in ((Channel.SMS, 60.0), (Channel.EMAIL, 180.0)):
        costs = []
        for _ in range(plan.pairs):
            result = plan.engine(channel, plan.due, None, plan.near)
            costs.append(result.cost)
            say(f"{WORD[channel]}, null provider: {result.cost:.0f} us CPU, {result.rate:,.0f} a second")
        spread = f"{min(costs):.0f} to {max(costs):.0f}"
        what = f"the engine's own CPU, {WORD[channel]}"
        plan.rows.append(Row(what, statistics.median(costs), "us/message", limit, at_most=True, more=spread))


def against_the_bare_loop(plan: Plan) -> None:
    """The whole engine over a loop of nothing but the same client's calls."""
    for latency, tls in ((0.0, None), (LATENCY, None), (0.0, plan.tls)):
        for channel in (Channel.SMS, Channel.EMAIL):
            with stand_in(latency, tls) as server:
                _pairs(plan, channel, server, latency)


def _pairs(plan: Plan, channel: Channel, server: StandIn, latency: float) -> None:
    concurrency = plan.far if latency else plan.near
    # With latency the first and the last calls stand idle: enough of them in between that this weighs little.
    count = min(plan.due, 30 * concurrency) if latency else plan.due
    where = (
        f"{WORD[channel]}s, {'https' if server.context else 'http'}, {latency * 1000:.0f} ms, {concurrency} at a time"
    )
    pairs: list[tuple[Result, Result]] = []
    for number in range(plan.pairs):
        if number % 2:
            engine = plan.engine(channel, count, server, concurrency)
            bare = plan.loop("bare", channel, count, server, concurrency)
        else:
            bare = plan.loop("bare", channel, count, server, concurrency)
            engine = plan.engine(channel, count, server, concurrency)
        pairs.append((engine, bare))
        say(
            f"{where}: engine {engine.rate:,.0f} a second ({engine.cost:.0f} us CPU), "
            f"bare loop {bare.rate:,.0f} ({bare.cost:.0f} us)"
        )
    plan.rows.append(_ratio(f"engine / bare loop, {where}", [e.rate / b.rate for e, b in pairs], "of its rate", 0.8))
    plan.rows.append(_ratio("  and of CPU, bare loop / engine", [b.cost / e.cost for e, b in pairs], "of its CPU"))
    group = where[0].upper() + where[1:]
    plan.bar(group, "the whole engine", [e.rate for e, _ in pairs], ours=True)
    plan.bar(group, "bare loop of its client", [b.rate for _, b in pairs])


def against_the_default(plan: Plan) -> None:
    """Our client under the SDK, and the SDK's own, over TLS with all of the system's certificates."""
    for channel, few, limit in ((Channel.SMS, plan.due // 2, 3.0), (Channel.EMAIL, 150, 40.0)):
        with stand_in(0.0, plan.tls) as server:
            ours, theirs = [], []
            for _ in range(3):
                ours.append(plan.loop("bare", channel, plan.due, server, plan.near).rate)
                theirs.append(plan.loop("stock", channel, few, server, plan.near).rate)
                say(f"{WORD[channel]}s over TLS: our client {ours[-1]:,.0f} a second, the SDK's own {theirs[-1]:,.0f}")
        library = "twilio" if channel is Channel.SMS else "sendgrid"
        ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
        plan.rows.append(
            _ratio(f"our client / {library}'s own, TLS, {plan.tls.roots} certificates", ratios, "times", limit)
        )
        plan.bar(f"Client of {library} alone, https, 0 ms, {plan.near} at a time", "ours", ours, ours=True)
        plan.bar(f"Client of {library} alone, https, 0 ms, {plan.near} at a time", "the library's own", theirs)


def against_peers(plan: Plan, environments: Path, rounds: int = 3) -> None:
    """What a user would write with other libraries: the same messages to the same stand-in, in turn with ours."""
    ready: dict[str, Path] = {}
    for peer in PEERS:
        try:
            ready[peer.name] = environment(peer, environments)
        except Missing as missing:
            say(f"{peer.title}: left out, {missing}")
    for latency, count, times in ((0.0, min(plan.due, 2000), rounds), (LATENCY, 300, 1)):
        rates: dict[str, list[float]] = {}
        with stand_in(latency) as server:
            for number in range(times):
                for channel in (Channel.SMS, Channel.EMAIL):
                    ours = plan.engine(channel, count, server, plan.far if latency else plan.near)
                    rates.setdefault(f"the whole engine, {channel}", []).append(ours.rate)
                for peer in [peer for peer in PEERS if peer.name in ready]:
                    folder = plan.folder / f"{peer.name}-{latency}-{number}"
                    try:
                        ran = run_peer(peer, ready[peer.name], server, count, plan.like(peer.channel), folder)
                    except Missing as missing:
                        say(f"{peer.title}: left out, {missing}")
                        continue
                    rates.setdefault(peer.title, []).append(ran.result.rate)
                    _tell(peer, ran)
        _peer_rows(plan, latency, rates)


def _tell(peer: Peer, ran: Ran) -> None:
    lost = f", {ran.lost} LOST" if ran.lost else ""
    result = ran.result
    say(
        f"{peer.title}: {result.rate:,.0f} a second, {result.cost:,.0f} us CPU, {result.memory:.0f} MB{lost}"
        f"{note(peer) and f' ({note(peer)})'}"
    )


def _peer_rows(plan: Plan, latency: float, rates: dict[str, list[float]]) -> None:
    medians = {name: statistics.median(some) for name, some in rates.items()}
    for channel in (Channel.SMS, Channel.EMAIL):
        ours = medians[f"the whole engine, {channel}"]
        group = f"{WORD[channel].capitalize()}s beside other libraries, http, {latency * 1000:.0f} ms"
        plan.bar(group, "the whole engine", [ours], ours=True)
        for peer in PEERS:
            if peer.channel is channel and peer.title in medians:
                plan.bar(group, peer.title, [medians[peer.title]])
                what = f"engine / {peer.title}, {latency * 1000:.0f} ms"
                limit = None if latency else 4.0
                plan.rows.append(Row(what, ours / medians[peer.title], "times", limit, more=note(peer)))
