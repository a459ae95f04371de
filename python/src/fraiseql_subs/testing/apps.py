"""An ASGI application on a real socket, for tests."""

import contextlib
import socket
import threading
import time
from collections.abc import Generator
from typing import Any

__all__ = ["serve_app"]


@contextlib.contextmanager
def serve_app(app: Any) -> Generator[str]:
    """Serve an ASGI application by uvicorn in a thread, on a free port of the loopback address.

    The context begins when its lifespan has, and ends with it. The value is the application's
    address, `http://127.0.0.1:…`.

    :param app: as uvicorn takes it: an application, or `"module:attribute"`.
    :raises RuntimeError: if it does not start; its log says why.
    :raises ModuleNotFoundError: without uvicorn, which no extra of this package brings.
    """
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="auto"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # Applications that do not start make uvicorn exit, which ends its thread alone here.
        thread = threading.Thread(
            target=_run, args=(server, listener), name="fraiseql-subs-app", daemon=True
        )
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise RuntimeError("the application did not start: its log says why")
                time.sleep(0.005)
            yield address
        finally:
            server.should_exit = True
            thread.join()


def _run(server: Any, listener: socket.socket) -> None:
    with contextlib.suppress(SystemExit):
        server.run(sockets=[listener])
