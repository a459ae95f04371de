"""A uvicorn whose sockets the worker of a cluster serves, in a thread of the tests' process."""

import asyncio
import contextlib
import threading

import uvicorn
from fraiseql_subs import SubscriptionManager
from fraiseql_subs.asgi import SubscriptionASGI

TIMEOUT = 20.0


class Uvicorn:
    """Serves an ASGI application on a free port until stop()."""

    # For clients, which ask clusters as well.
    tls = None

    def __init__(self, app, **options):
        """
        :param app: the application, or a function without arguments that makes it in the server's
            event loop.
        :param options: of uvicorn.Config.
        """
        options = {
            "ws": "websockets-sansio",
            "ws_per_message_deflate": False,
            "lifespan": "on",
            "log_level": "warning",
            "host": "127.0.0.1",
            "port": 0,
            "timeout_graceful_shutdown": 5,
        } | options
        self.server = uvicorn.Server(uvicorn.Config(app, **options))
        self.loop = None
        self.manager = None
        self.failure = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uvicorn", daemon=True)
        self._thread.start()
        if not self._started.wait(TIMEOUT) or self.failure is not None:
            raise RuntimeError("uvicorn did not start") from self.failure
        (socket,) = self.server.servers[0].sockets
        self.port = socket.getsockname()[1]

    def _run(self):
        try:
            asyncio.run(self._serve())
        except BaseException as failure:
            self.failure = failure
        finally:
            self._started.set()

    async def _serve(self):
        self.loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self.server.serve())
        while not self.server.started and not serving.done():
            await asyncio.sleep(0.001)
        if self.server.started:
            self._started.set()
        # What uvicorn does when an application does not start.
        with contextlib.suppress(SystemExit):
            await serving
        if not self._started.is_set():
            raise RuntimeError("the application did not start")

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    def run(self, coroutine):
        """Run a coroutine in the server's event loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(TIMEOUT)

    def ask_to_stop(self):
        """Have it close its sockets and end, as SIGTERM does."""
        self.server.should_exit = True

    def stop(self):
        self.ask_to_stop()
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive(), "uvicorn did not stop"
        if self.failure is not None:
            raise self.failure


def conninfo(cluster):
    return f"host={cluster.directory} user=postgres dbname={cluster.database}"


def host(cluster):
    """The URL of a uvicorn that serves the cluster's clients, started when first asked for."""
    if cluster.host is None:
        manager = SubscriptionManager(conninfo=conninfo(cluster), sync=False, resolvers=False)
        cluster.host = Uvicorn(SubscriptionASGI(manager))
        cluster.at_the_end.callback(cluster.host.stop)
    return cluster.host.url
