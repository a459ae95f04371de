"""A process that resolves one field until its standard input ends, or it is killed.

It writes a line when it is ready, and one for each event that it begins to resolve. An endless one
is never done with any. What it makes of an event has its process and the attempt in it.
"""

import asyncio
import os
import sys
from typing import Any

from fraiseql_subs.context import Context
from fraiseql_subs.registry import Registry
from fraiseql_subs.resolvers import ResolverRunner


async def main(conninfo: str, field: str, concurrency: int, endless: bool) -> None:
    registry = Registry()

    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(
        event: dict[str, Any], variables: dict[str, Any], ctx: Context[None]
    ) -> dict[str, Any]:
        print(event["id"], flush=True)
        if endless:
            await asyncio.Event().wait()
        await asyncio.sleep(event.get("seconds", 0))
        return {"id": event["id"], "status": str(os.getpid()), "total": ctx.info.attempt}

    async with ResolverRunner(registries=[registry], conninfo=conninfo, concurrency=concurrency):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "endless"))
