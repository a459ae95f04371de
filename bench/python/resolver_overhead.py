"""What a Python resolver adds to a call, and how long an event takes through one.

The first table has no database: a link in memory hands out calls as text, as the server does, and
takes answers. The second has the worker on one core, and on the other the resolver's process,
PostgreSQL and the load generator.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvloop

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python/src"))

from fraiseql_subs.context import Context  # noqa: E402
from fraiseql_subs.event import Event  # noqa: E402
from fraiseql_subs.registry import Registry  # noqa: E402
from fraiseql_subs.resolvers import ResolverRunner  # noqa: E402

Row = dict[str, Any]

# What a program of one's own has, and what a web application has under uvicorn.
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

TARGET_CALL_US = 100
TARGET_MEDIAN_MS = 2
TARGET_P99_MS = 10


class MemoryLink:
    """Gives the same calls over and over, so many at a time, until there were enough."""

    def __init__(self, calls: int, at_a_time: int) -> None:
        record = {
            "field": "tick",
            "plan": "p",
            "timeout_ms": 10_000,
            "event": {
                "id": "e",
                "type": "tick",
                "channel": "tick",
                "data": {"id": 7, "status": "paid", "total": 42.5},
                "old": None,
                "position": "1",
                "commit_time": "2026-01-02T03:04:05.678901Z",
                "correlation_id": None,
                "subgraph": None,
            },
            "variables": {"id": "7"},
        }
        records = [record | {"call": number} for number in range(at_a_time)]
        self.text = json.dumps(records)
        self.left = calls // at_a_time
        self.answered = 0
        self.calls = calls
        self.done = asyncio.Event()

    async def exchange(
        self, results: Sequence[str], credits: int, wait_ms: int
    ) -> list[dict[str, Any]]:
        self._take(results)
        if not wait_ms:
            return []
        if not self.left:
            await self.done.wait()
            return []
        self.left -= 1
        decoded: list[dict[str, Any]] = json.loads(self.text, parse_float=Decimal)
        return decoded

    async def send(self, results: Sequence[str], credits: int) -> None:
        self._take(results)

    async def close(self) -> None:
        pass

    def _take(self, results: Sequence[str]) -> None:
        if results:
            "[" + ",".join(results) + "]"
        self.answered += len(results)
        if self.answered >= self.calls:
            self.done.set()


def empty(registry: Registry) -> None:
    @registry.subscription("tick(id: ID): Tick", channel="tick", types="")
    async def tick(event: Row, variables: Row) -> Row:
        return event


def enveloped(registry: Registry) -> None:
    @registry.subscription("tick(id: ID): Tick", channel="tick", types="")
    async def tick(event: Event[Row], variables: Row, ctx: Context[None]) -> Row:
        return event.data


def plain(registry: Registry) -> None:
    @registry.subscription("tick(id: ID): Tick", channel="tick", types="")
    def tick(event: Row, variables: Row) -> Row:
        return event


def batched(registry: Registry) -> None:
    @registry.batch("tick", max_size=64)
    async def ticks(events: Sequence[Row], variables: Row) -> list[Row]:
        return list(events)


async def per_call_us(register: Any, calls: int, at_a_time: int) -> float:
    registry = Registry()
    register(registry)
    link = MemoryLink(calls, at_a_time)

    async def connect(fields: Sequence[str]) -> MemoryLink:
        return link

    runner: ResolverRunner[None] = ResolverRunner(
        registries=[registry], connect=connect, concurrency=at_a_time
    )
    start = time.process_time()
    await runner.start()
    await link.done.wait()
    spent = time.process_time() - start
    await runner.stop()
    return spent / calls * 1e6


def overhead(calls: int) -> None:
    print(f"CPU time of the process per call, us (target: under {TARGET_CALL_US})")
    for name, register in [
        ("empty resolver", empty),
        ("with Event and Context", enveloped),
        ("plain function, in a thread", plain),
        ("batch of 64", batched),
    ]:
        for at_a_time in (1, 64):
            spent = asyncio.run(per_call_us(register, calls, at_a_time))
            print(f"  {name + ',':30}{at_a_time:3} at a time {spent:8.1f}")


async def serve(conninfo: str) -> None:
    """Resolve ticks until standard input ends."""
    registry = Registry()
    enveloped(registry)
    async with ResolverRunner(registries=[registry], conninfo=conninfo):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


def end_to_end(runs: int, seconds: float) -> None:
    sys.path.insert(0, str(ROOT / "bench"))
    from testbed import OURS, Testbed

    def progress(text: str) -> None:
        print(text, file=sys.stderr)

    with Testbed("/tmp", progress) as testbed:
        print("200 events/s to 100 subscribers, from publishing to receiving, ms")
        measure("no resolver", testbed, OURS, runs, seconds)
        testbed.query("SELECT fraiseql_register_resolver('tick')")
        for loop in LOOPS:
            with subprocess.Popen(
                [sys.executable, __file__, "--serve", testbed.conninfo(), "--loop", loop],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            ) as process:
                assert process.stdin is not None and process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                measure(f"Python resolver, {loop}", testbed, OURS, runs, seconds)
                process.stdin.close()
        print(f"  target: median under {TARGET_MEDIAN_MS}, 99th percentile under {TARGET_P99_MS}")


def measure(name: str, testbed: Any, server: str, runs: int, seconds: float) -> None:
    for _ in range(runs):
        report = testbed.load(server, connections=100, rate=200, seconds=seconds)
        print(
            f"  {name:24} median {report['delay_p50_ms']:6.2f}"
            f"   99th percentile {report['delay_p99_ms']:6.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=64_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--no-server", action="store_true", help="only what needs no database")
    parser.add_argument("--serve", metavar="CONNINFO", help=argparse.SUPPRESS)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        with asyncio.Runner(loop_factory=LOOPS[arguments.loop]) as runner:
            runner.run(serve(arguments.serve))
        return
    overhead(arguments.calls)
    if not arguments.no_server:
        end_to_end(arguments.runs, arguments.seconds)


if __name__ == "__main__":
    main()
