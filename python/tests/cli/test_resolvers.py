"""`fraiseql-subs resolvers run`: processes that resolve, start again, and end as they should."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fraiseql_subs.testing import SubscriptionClient, WorkerServer

from .program import start

SCHEMA = """
SELECT fraiseql_register_types('type Ping { id: ID! pid: Int! }');
SELECT fraiseql_register_subscription('pinged: Ping', 'pings');
SELECT fraiseql_register_resolver('pinged', "timeout" => '60 s', on_error => 'null');
"""

# Event 99 waits until the test lets it go on.
SHOP = """
import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fraiseql_subs import SubscriptionManager

manager: SubscriptionManager[None] = SubscriptionManager()
empty: SubscriptionManager[None] = SubscriptionManager()
number = 7


@dataclass
class Ping:
    id: int
    pid: int


@manager.subscription("pinged: Ping", channel="pings", types="")
async def pinged(event: dict[str, Any], variables: dict[str, Any]) -> Ping:
    if event["id"] == 99:
        Path("waiting").touch()
        while not Path("go").exists():
            await asyncio.sleep(0.01)
    return Ping(event["id"], os.getpid())
"""

SUBSCRIPTION = "subscription { pinged { id pid } }"


def wait_until(predicate: Callable[[], object], description: str) -> None:
    """Return when it holds. The pauses leave the cores to those who are waited for."""
    deadline = time.monotonic() + 60
    while not predicate():
        assert time.monotonic() < deadline, f"gave up waiting until {description}"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Resolvers:
    """A running `fraiseql-subs resolvers run`, and what it has logged until now."""

    def __init__(self, directory: Path, server: WorkerServer, *arguments: str) -> None:
        environment = {"FRAISEQL_DSN": server.dsn, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = start(
            "resolvers", "run", *arguments, env=environment, directory=str(directory)
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    @property
    def pids(self) -> list[int]:
        """Of processes that have begun to resolve, in that order."""
        found = (re.search(r"\[(\d+)\] INFO resolving pinged$", line) for line in self.lines)
        return [int(match[1]) for match in found if match]

    def wait_for(self, count: int) -> "Resolvers":
        """Return when so many processes have begun to resolve."""
        wait_until(
            lambda: len(self.pids) >= count or self.process.poll() is not None,
            f"{count} processes resolve",
        )
        assert len(self.pids) >= count, self.lines
        return self

    def end(self) -> int:
        """Wait for its end, and return the exit code."""
        code = self.process.wait(60)
        self._reader.join()
        return code

    def kill(self) -> None:
        self.process.kill()
        self._reader.join()
        self.process.communicate()


@pytest.fixture(scope="module")
def subs_server() -> Iterator[WorkerServer]:
    with WorkerServer(SCHEMA) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, subs_server: WorkerServer) -> Iterator[Callable[..., Resolvers]]:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "broken.py").write_text("import shop\n\nraise OSError('no such thing')\n")
    started: list[Resolvers] = []

    def begin(*arguments: str) -> Resolvers:
        started.append(Resolvers(tmp_path, subs_server, *arguments))
        return started[-1]

    yield begin
    for one in started:
        one.kill()


Run = Callable[..., Resolvers]


async def test_a_resolver_runs_in_a_process_of_its_own(
    run: Run, subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    resolvers = run("shop:manager").wait_for(1)
    async with subs_client.subscribe(SUBSCRIPTION) as s:
        subs_server.publish("any", "pings", {"id": 1})
        (pid,) = resolvers.pids
        assert await s.next(20) == {"pinged": {"id": "1", "pid": pid}}
        assert pid not in (os.getpid(), resolvers.process.pid)


async def test_several_processes_share_the_work(
    run: Run, subs_server: WorkerServer, subs_client: SubscriptionClient, tmp_path: Path
) -> None:
    resolvers = run("shop:manager", "--workers", "2", "--concurrency", "1").wait_for(2)
    async with subs_client.subscribe(SUBSCRIPTION) as s:
        subs_server.publish("any", "pings", {"id": 99})
        wait_until((tmp_path / "waiting").exists, "a process is busy")
        subs_server.publish("any", "pings", {"id": 1})
        subs_server.publish("any", "pings", {"id": 2})
        (tmp_path / "go").touch()
        results = await s.collect(3, 30)
    assert [result["pinged"]["id"] for result in results] == ["99", "1", "2"]
    assert {result["pinged"]["pid"] for result in results} <= set(resolvers.pids)


async def test_sigterm_lets_calls_end_first(
    run: Run, subs_server: WorkerServer, subs_client: SubscriptionClient, tmp_path: Path
) -> None:
    resolvers = run("shop:manager", "--drain", "60").wait_for(1)
    async with subs_client.subscribe(SUBSCRIPTION) as s:
        subs_server.publish("any", "pings", {"id": 99})
        wait_until((tmp_path / "waiting").exists, "the call runs")
        resolvers.process.send_signal(signal.SIGTERM)
        wait_until(lambda: any("1 calls run" in line for line in resolvers.lines), "it stops")
        (tmp_path / "go").touch()
        assert (await s.next(20))["pinged"]["id"] == "99"
    assert resolvers.end() == 0
    assert not any(map(is_running, resolvers.pids))
    assert any("stopped after 1 calls" in line for line in resolvers.lines)


def test_ctrl_c_ends_it_with_130(run: Run) -> None:
    resolvers = run("shop:manager", "--workers", "2").wait_for(2)
    resolvers.process.send_signal(signal.SIGINT)
    assert resolvers.end() == 130
    assert not any(map(is_running, resolvers.pids))
    assert not any("Traceback" in line for line in resolvers.lines)


async def test_a_second_signal_waits_for_no_call(
    run: Run, subs_server: WorkerServer, subs_client: SubscriptionClient, tmp_path: Path
) -> None:
    resolvers = run("shop:manager", "--drain", "600").wait_for(1)
    async with subs_client.subscribe(SUBSCRIPTION):
        subs_server.publish("any", "pings", {"id": 99})
        wait_until((tmp_path / "waiting").exists, "the call runs")
        resolvers.process.send_signal(signal.SIGTERM)
        wait_until(lambda: any("stopping" in line for line in resolvers.lines), "it stops")
        resolvers.process.send_signal(signal.SIGTERM)
        assert resolvers.end() == 0
    assert any("killing" in line for line in resolvers.lines)
    assert not any(map(is_running, resolvers.pids))


async def test_one_that_dies_is_started_again(
    run: Run, subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    resolvers = run("shop:manager").wait_for(1)
    os.kill(resolvers.pids[0], signal.SIGKILL)
    resolvers.wait_for(2)
    assert any("ended (SIGKILL); it starts again in 0.5 s" in line for line in resolvers.lines)
    async with subs_client.subscribe(SUBSCRIPTION) as s:
        subs_server.publish("any", "pings", {"id": 1})
        assert (await s.next(20))["pinged"]["pid"] == resolvers.pids[1]
    resolvers.process.send_signal(signal.SIGTERM)
    assert resolvers.end() == 0


def test_they_end_with_the_process_that_keeps_them(run: Run) -> None:
    resolvers = run("shop:manager").wait_for(1)
    resolvers.process.kill()
    wait_until(lambda: not any(map(is_running, resolvers.pids)), "its resolvers have ended")


async def test_figures_of_calls_are_logged(
    run: Run, subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    resolvers = run("shop:manager", "--report", "0.05").wait_for(1)
    async with subs_client.subscribe(SUBSCRIPTION) as s:
        subs_server.publish("any", "pings", {"id": 1})
        await s.next(20)
        wait_until(
            lambda: any("calls/s; calls 1," in line for line in resolvers.lines), "it is told"
        )


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("nowhere:manager", 'there is no module "nowhere"'),
        ("shop:nothing", '"shop:nothing" is no SubscriptionManager; there is shop:manager, shop:'),
        ("shop:number", '"shop:number" is no SubscriptionManager'),
        ("shop", '"shop" names no manager: write module:manager'),
        (
            "broken:manager",
            '"broken" cannot be imported: OSError: no such thing (broken.py, line 3',
        ),
        ("shop:empty", '"shop:empty" has no resolvers'),
    ],
)
def test_one_that_cannot_begin_ends_all_with_a_line(run: Run, target: str, told: str) -> None:
    resolvers = run(target)
    assert resolvers.end() == 2
    (line,) = resolvers.lines
    assert told in line


def test_a_traceback_comes_for_the_asking(
    tmp_path: Path, subs_server: WorkerServer, run: Run
) -> None:
    (tmp_path / "shop.py").write_text("1 / 0")
    done = subprocess.run(
        [sys.executable, "-m", "fraiseql_subs.cli", "--traceback", "resolvers", "run", "shop:m"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 2
    assert "ZeroDivisionError" in done.stderr and "Traceback" in done.stderr
