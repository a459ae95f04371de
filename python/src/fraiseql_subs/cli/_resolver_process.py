"""One process of `fraiseql-subs resolvers run`: `python -m fraiseql_subs.cli._resolver_process`.

Ends gracefully by SIGTERM, and when its standard input ends because its parent is gone.
"""

import asyncio
import dataclasses
import logging
import os
import signal
import sys
from typing import Any

from psycopg_pool import AsyncConnectionPool

from fraiseql_subs.cli._command import TROUBLE, CommandError, describe
from fraiseql_subs.cli._target import load_manager
from fraiseql_subs.resolvers import ResolverRunner

__all__ = ["LOG_FORMAT"]

LOG_FORMAT = "%(asctime)s {who} %(levelname)s %(message)s"

_POOL_SIZE = 10

_logger = logging.getLogger("fraiseql_subs.resolvers")


async def _report(runner: ResolverRunner[Any], seconds: float) -> None:
    """Log what has become of calls, at each interval in which there were some."""
    before = runner.metrics.calls
    while True:
        await asyncio.sleep(seconds)
        figures = dataclasses.asdict(runner.metrics)
        if figures["calls"] != before or figures["running"]:
            rate = (figures["calls"] - before) / seconds
            shown = ", ".join(f"{name} {value}" for name, value in figures.items())
            _logger.info("%.1f calls/s; %s", rate, shown)
        before = figures["calls"]


async def _serve(target: str, concurrency: int, drain: float, report: float) -> None:
    manager = load_manager(target)
    if not any(registry.subscriptions or registry.batches for registry in manager.registries):
        raise CommandError(f'"{target}" has no resolvers: decorate some by @subscription')
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # Nothing is ever sent to it: it is readable when the parent is gone.
    loop.add_reader(sys.stdin.fileno(), stop.set)
    conninfo, options = await manager.connection_parameters()
    if dsn := os.environ.get("FRAISEQL_DSN"):
        conninfo, options = dsn, {}
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        conninfo, kwargs=options, min_size=1, max_size=_POOL_SIZE, open=False
    )
    runner: ResolverRunner[Any] = ResolverRunner(
        pool,
        manager.registries,
        context_factory=manager.context_factory,
        concurrency=concurrency,
    )
    async with pool:
        await runner.start()
        reporting = asyncio.create_task(_report(runner, report)) if report > 0 else None
        await stop.wait()
        # It stays readable.
        loop.remove_reader(sys.stdin.fileno())
        if reporting is not None:
            reporting.cancel()
        _logger.info("stopping, %d calls run", runner.metrics.running)
        await runner.stop(drain)
        _logger.info("stopped after %d calls", runner.metrics.calls)


def main() -> None:
    """Serve until told to stop; exit with 2 if that cannot begin."""
    target, number, concurrency, drain, report, traceback = sys.argv[1:]
    logging.basicConfig(
        level=logging.INFO,
        format=LOG_FORMAT.format(who=f"resolver {number} [{os.getpid()}]"),
        stream=sys.stderr,
    )
    try:
        asyncio.run(_serve(target, int(concurrency), float(drain), float(report)))
    except Exception as error:
        _logger.error("%s", describe(error, "fraiseql_resolver"), exc_info=traceback == "1")
        raise SystemExit(TROUBLE) from None


if __name__ == "__main__":
    main()
