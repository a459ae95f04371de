"""`python -m fraiseql_subs.testing [SCHEMA …]`: a private server to try things with.

With a catalog for its schema it is the worker alone, which serves the events that are typed.

Runs until Ctrl-C, and leaves nothing behind.
"""

import contextlib
import json
import signal
import sys

import psycopg

from fraiseql_subs.testing import ServerUnavailable, WorkerServer


def _run() -> None:
    with WorkerServer(*sys.argv[1:]) as server:
        if server.has_database:
            for name, value in server.environment.items():
                print(f"export {name}={value}")
        print(f"# GraphQL clients: {server.url}")
        print("# Ctrl-C stops the server and removes its data.", flush=True)
        if not server.has_database:
            _publish_lines(server)
        signal.pause()


def _publish_lines(server: WorkerServer) -> None:
    """Publish the events of standard input: `{"type": "…", "channel": "…", "data": …}`."""
    for line in sys.stdin:
        try:
            server.publish(**json.loads(line))
        except (TypeError, ValueError) as error:
            print(f"# no event: {error}", flush=True)


def main() -> None:
    """Start it, say where it is, and stop it at SIGINT or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            _run()
    except ServerUnavailable as error:
        raise SystemExit(f"no server: {error}") from None
    except (OSError, psycopg.Error) as error:
        raise SystemExit(f"no schema: {error}") from None


if __name__ == "__main__":
    main()
