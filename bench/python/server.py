"""Serve the subscription field of the benchmarks by uvicorn, until SIGTERM."""

import argparse
import importlib
import sys
from pathlib import Path

import uvicorn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python/src"))


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print("listening", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=("ariadne", "hosted", "strawberry"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True, help="libpq connection string")
    arguments = parser.parse_args()
    module = importlib.import_module(f"{arguments.contender}_app")
    # The load generator pings nobody, and a busy server is no dead one.
    config = uvicorn.Config(
        module.make_app(arguments.database),
        port=arguments.port,
        log_level="warning",
        ws="websockets-sansio",
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        backlog=4096,
    )
    Server(config).run()


if __name__ == "__main__":
    main()
