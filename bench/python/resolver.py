"""Resolve the field resolvedTick in this process, until SIGTERM; the value is the event's data."""

import argparse
import asyncio
import signal

from fraiseql_subs import SubscriptionManager


async def run(database: str) -> None:
    manager: SubscriptionManager[None] = SubscriptionManager(conninfo=database)

    @manager.subscription("resolvedTick: Tick", channel="tick", types="")
    async def resolved_tick(event: dict, variables: dict) -> dict:
        return event

    async with manager:
        print("listening", flush=True)
        terminated = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
        await terminated.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True, help="libpq connection string")
    arguments, _ = parser.parse_known_args()
    asyncio.run(run(arguments.database))


if __name__ == "__main__":
    main()
