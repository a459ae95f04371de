"""Several processes, and what the end of one, of the worker or of the server means."""

import asyncio
import contextlib
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cluster import wait_until

from fraiseql_subs import _resolver_link
from fraiseql_subs._resolver_link import ResolverLink
from fraiseql_subs.registry import Registry
from fraiseql_subs.resolvers import ResolverRunner

from .clients import LiveSubscription
from .conftest import Client, Run, conninfo, register
from .test_resolving import publish

Row = dict[str, Any]

SOURCES = Path(__file__).resolve().parents[3] / "src"


class Resolving:
    """A process that resolves a field."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def until_begun(self, count: int) -> None:
        """Wait until it has begun to resolve so many events, since it was last asked."""
        assert self._process.stdout is not None
        for _ in range(count):
            await asyncio.wait_for(self._process.stdout.readline(), 30)

    async def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert await asyncio.wait_for(self._process.wait(), 30) == 0


Start = Callable[..., Any]


@pytest.fixture
async def process(field: str) -> AsyncIterator[Start]:
    """Starts processes that resolve the field."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            cluster: Any, *, concurrency: int = 100, endless: bool = False
        ) -> Resolving:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, Path(__file__).with_name("process.py")),
                *(conninfo(cluster), field, str(concurrency), "endless" if endless else ""),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": str(SOURCES)},
            )

            async def clean_up() -> None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

            stack.push_async_callback(clean_up)
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
            return Resolving(process)

        yield start


async def statuses(subscription: LiveSubscription, count: int) -> dict[str, str]:
    """What became of events: id to status."""
    values = [await subscription.data() for _ in range(count)]
    return {value["id"]: value["status"] for value in values}


async def test_processes_share_the_calls(
    server: Any, client: Client, process: Start, field: str
) -> None:
    register(server, field)
    processes = [await process(server, concurrency=1) for _ in range(2)]
    subscription = await (await client(server)).subscribe(
        f"subscription {{ {field} {{ id status }} }}"
    )
    publish(server, field, *[{"id": number, "seconds": 0.1} for number in range(20)])
    resolved = await statuses(subscription, 20)
    assert set(resolved.values()) == {str(process.pid) for process in processes}


async def test_the_calls_of_a_killed_process_are_given_to_another_if_they_may_be_repeated(
    server: Any, client: Client, process: Start, field: str
) -> None:
    register(server, field, idempotent=True, timeout="60 s")
    victim = await process(server, endless=True)
    subscription = await (await client(server)).subscribe(
        f"subscription {{ {field} {{ id status total }} }}"
    )
    publish(server, field, *[{"id": number} for number in range(10)])
    await victim.until_begun(10)
    survivor = await process(server)
    await victim.kill()
    publish(server, field, {"id": 10})
    values = [await subscription.data() for _ in range(11)]
    assert {value["status"] for value in values} == {str(survivor.pid)}
    assert [value["total"] for value in values] == [2] * 10 + [1], "the attempts"


async def test_the_calls_of_a_killed_process_fail_if_they_may_not_be_repeated(
    server: Any, client: Client, process: Start, field: str
) -> None:
    register(server, field, timeout="60 s")
    victim = await process(server, endless=True)
    subscription = await (await client(server)).subscribe(
        f"subscription {{ {field} {{ id status }} }}"
    )
    publish(server, field, {"id": 1})
    await victim.until_begun(1)
    await victim.kill()
    payload = await subscription.payload()
    assert payload["data"] == {field: None}
    assert payload["errors"]


async def test_every_event_is_accounted_for_when_a_process_is_killed_under_load(
    server: Any, client: Client, process: Start, field: str
) -> None:
    register(server, field, timeout="5 s")
    victim, survivor = await process(server), await process(server)
    one = await client(server)
    subscriptions = [
        await one.subscribe(f"subscription {{ {field} {{ id status }} }}") for _ in range(10)
    ]
    count = 1000

    async def load() -> None:
        for first in range(0, count, 10):
            events = [{"id": number, "seconds": 0.001} for number in range(first, first + 10)]
            await asyncio.to_thread(publish, server, field, *events)
            if first == count // 2:
                await victim.kill()

    loading = asyncio.create_task(load())
    for subscription in subscriptions:
        payloads = [await subscription.payload() for _ in range(count)]
        delivered = [int(p["data"][field]["id"]) for p in payloads if p["data"][field]]
        told = [p for p in payloads if p["data"][field] is None]
        assert all(payload["errors"] for payload in told)
        assert delivered == sorted(set(delivered)), "in order, and none twice"
        assert len(delivered) + len(told) == count
    await loading
    publish(server, field, {"id": count, "seconds": 0})
    assert (await subscriptions[0].data())["status"] == str(survivor.pid)


async def test_a_process_that_is_stopped_answers_what_it_has(
    server: Any, client: Client, process: Start, field: str
) -> None:
    register(server, field)
    stopped = await process(server)
    subscription = await (await client(server)).subscribe(
        f"subscription {{ {field} {{ id status }} }}"
    )
    publish(server, field, *[{"id": number, "seconds": 1} for number in range(10)])
    await stopped.until_begun(10)
    await stopped.end()
    resolved = await statuses(subscription, 10)
    assert set(resolved.values()) == {str(stopped.pid)}


async def test_resolving_goes_on_after_a_restart_of_the_server(
    own_server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        return event

    register(own_server, field)
    runner = await run(own_server)
    await asyncio.to_thread(own_server.restart)
    await asyncio.to_thread(own_server.wait_until_serving)
    subscription = await (await client(own_server)).subscribe(
        f"subscription {{ {field} {{ id }} }}"
    )
    publish(own_server, field, {"id": 1})
    assert await subscription.data() == {"id": "1"}
    assert runner.metrics.links == 2


@pytest.mark.expects_crash
async def test_resolving_goes_on_after_the_death_of_the_worker(
    own_server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        return event

    register(own_server, field)
    await run(own_server)
    (pid,) = own_server.worker_pids()
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(own_server.wait_until_serving)
    subscription = await (await client(own_server)).subscribe(
        f"subscription {{ {field} {{ id }} }}"
    )
    publish(own_server, field, {"id": 1})
    assert await subscription.data() == {"id": "1"}


async def test_resolving_goes_on_when_the_links_session_is_terminated(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        return event

    register(server, field)
    await run(server)
    server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'fraiseql_subs resolvers'"
    )
    subscription = await (await client(server)).subscribe(f"subscription {{ {field} {{ id }} }}")
    for number in itertools.count(1):
        publish(server, field, {"id": number})
        payload = await subscription.payload()
        # What was given to the link that ends fails with it.
        if "errors" not in payload:
            break
        assert payload["errors"][0]["extensions"]["code"] == "RESOLVER_FAILED"
    assert payload["data"][field] == {"id": str(number)}


async def test_a_link_that_waits_holds_no_snapshot(
    server: Any, run: Run, registry: Registry, field: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        return event

    register(server, field)
    await run(server)
    looked = (
        "SELECT count(*), count(backend_xmin) FROM pg_stat_activity "
        "WHERE application_name = 'fraiseql_subs resolvers'"
    )
    await asyncio.to_thread(
        wait_until, lambda: server.sql(looked) == [(2, 0)], "neither connection has a snapshot"
    )


async def test_a_link_whose_server_falls_silent_is_replaced(
    server: Any,
    run: Run,
    registry: Registry,
    client: Client,
    field: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience = _resolver_link._SILENCE_SECONDS
    monkeypatch.setattr(_resolver_link, "_SILENCE_SECONDS", 0.5)

    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        return event

    register(server, field, timeout="60 s")
    runner = await run(server)
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'fraiseql_subs resolvers' "
        "AND state = 'active' ORDER BY backend_start DESC"
    )
    (pid,), *_ = await asyncio.to_thread(
        wait_until, lambda: server.sql(waiting), "an exchange waits"
    )
    os.kill(pid, signal.SIGSTOP)
    try:
        subscription = await (await client(server)).subscribe(
            f"subscription {{ {field} {{ id }} }}"
        )
        while runner.metrics.links < 2:
            await asyncio.sleep(0.05)
        monkeypatch.setattr(_resolver_link, "_SILENCE_SECONDS", patience)
    finally:
        os.kill(pid, signal.SIGCONT)
    # Until the worker hears of its end, the first link may be given a call.
    await asyncio.to_thread(
        wait_until,
        lambda: (
            server.sql("SELECT processes FROM fraiseql_resolvers() WHERE field = %s", (field,))
            == [(1,)]
        ),
        "the silent link has ended",
    )
    publish(server, field, {"id": 1})
    assert await subscription.data() == {"id": "1"}


async def test_a_roles_limits_of_time_do_not_end_the_link(
    server: Any, registry: Registry, client: Client, field: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        return event

    register(server, field)
    server.sql(f"CREATE ROLE {field} LOGIN")
    server.sql(f"GRANT fraiseql_resolver TO {field}")
    for limit in ("statement_timeout", "idle_session_timeout"):
        server.sql(f"ALTER ROLE {field} SET {limit} = '50 ms'")
    dsn = f"host={server.directory} user={field} dbname={server.database}"

    async def connect(fields: Sequence[str]) -> ResolverLink:
        return await _resolver_link.PostgresResolverLink.connect(dsn, {}, fields)

    runner: ResolverRunner[None] = ResolverRunner(registries=[registry], connect=connect)
    async with runner:
        subscription = await (await client(server)).subscribe(
            f"subscription {{ {field} {{ id }} }}"
        )
        server.sql("SELECT pg_sleep(0.2)")  # longer than the limits
        publish(server, field, {"id": 1})
        assert await subscription.data() == {"id": "1"}
        assert runner.metrics.links == 1
