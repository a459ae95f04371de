"""`python -m fraiseql_subs.testing [SCHEMA …]`: a private server to try things with.

Runs until Ctrl-C, and leaves nothing behind.
"""

import signal
import sys

from fraiseql_subs.testing import ServerUnavailable, WorkerServer


def main() -> None:
    """Start it, say where it is, and stop it at SIGINT or SIGTERM."""
    try:
        server = WorkerServer(*sys.argv[1:]).start()
    except ServerUnavailable as error:
        raise SystemExit(f"no server: {error}") from None
    except OSError as error:
        raise SystemExit(f"no schema: {error}") from None
    with server:
        for name, value in server.environment.items():
            print(f"export {name}={value}")
        print(f"# GraphQL clients: {server.url}")
        print("# Ctrl-C stops the server and removes its data.", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
