"""`fraiseql-subs resolvers run`: resolvers in processes of their own."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from typing import Annotated

import typer

from fraiseql_subs.cli._command import INTERRUPTED, TROUBLE, command, globals_of
from fraiseql_subs.cli._resolver_process import LOG_FORMAT
from fraiseql_subs.cli._target import HELP

__all__ = ["resolvers"]

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
# One that lived so long did not die of what it dies of at the start.
_SOUND_SECONDS = 60.0
# For a process to end once its calls are drained.
_GRACE_SECONDS = 5.0

_logger = logging.getLogger("fraiseql_subs.resolvers")

resolvers = typer.Typer(no_args_is_help=True, help="Processes that run resolvers.")


class _CannotStart(Exception):
    """A process says that it cannot begin, and has logged why."""


class _Supervisor:
    """Keeps processes running until it is told to stop."""

    def __init__(self, command: list[str], environment: dict[str, str], drain: float) -> None:
        """Prepare them.

        :param command: a process; `{number}` stands for its number.
        :param drain: seconds that calls may take after they are to stop.
        """
        self._command = command
        self._environment = environment
        self._drain = drain
        self._stop = asyncio.Event()
        self._processes: set[asyncio.subprocess.Process] = set()
        self.signal: int | None = None

    async def run(self, count: int) -> None:
        """Run so many processes; return when they have ended because of a signal.

        :raises _CannotStart: if one says that it cannot begin.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        keepers = [asyncio.create_task(self._keep(number)) for number in range(1, count + 1)]
        stopping = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait({stopping, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        self._stop.set()
        self._send(signal.SIGTERM)
        _, late = await asyncio.wait(keepers, timeout=self._drain + _GRACE_SECONDS)
        if late:
            self._send(signal.SIGKILL)
            await asyncio.wait(late)
        for keeper in done - {stopping}:
            keeper.result()

    def _on_signal(self, number: int) -> None:
        if self._stop.is_set():
            _logger.warning("killing resolvers that have not ended yet")
            self._send(signal.SIGKILL)
        else:
            _logger.info("%s: stopping resolvers", signal.Signals(number).name)
            self.signal = number
            self._stop.set()

    def _send(self, number: int) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    async def _keep(self, number: int) -> None:
        command = [part.format(number=number) for part in self._command]
        pause = _FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            started = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *command,
                env=self._environment,
                # A pipe that ends with this process tells the other that it is alone.
                stdin=asyncio.subprocess.PIPE,
                # A Ctrl-C in the terminal is for this process, which then stops the others.
                start_new_session=True,
            )
            self._processes.add(process)
            if self._stop.is_set():
                process.send_signal(signal.SIGTERM)
            code = await process.wait()
            self._processes.discard(process)
            if self._stop.is_set():
                return
            if code == TROUBLE:
                raise _CannotStart
            if time.monotonic() - started > _SOUND_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
            _logger.warning(
                "resolver %d [%d] ended (%s); it starts again in %.1f s",
                number,
                process.pid,
                how,
                pause,
            )
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


@resolvers.command()
@command()
def run(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="MODULE:MANAGER", help=HELP)],
    workers: Annotated[int, typer.Option(min=1, max=1_000, help="How many processes.")] = 1,
    concurrency: Annotated[
        int, typer.Option(min=1, help="How many calls each of them takes at a time.")
    ] = 100,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds that calls may go on when it stops.")
    ] = 10.0,
    report: Annotated[
        float, typer.Option(min=0, help="Seconds between log lines about calls; 0 for none.")
    ] = 60.0,
) -> None:
    """Run a manager's resolvers in processes of their own, which share the work.

    A process that dies is started again, with a pause that grows from half a second to half a
    minute. SIGTERM and Ctrl-C let calls end first, a second one does not. What is decorated must
    be registered before, by sync or by the application.
    """
    options = globals_of(context)
    logging.basicConfig(
        level=logging.INFO,
        format=LOG_FORMAT.format(who=f"resolvers [{os.getpid()}]"),
        stream=sys.stderr,
    )
    environment = dict(os.environ)
    if options.dsn is not None:
        # Not as an argument, which everybody on the machine could read.
        environment["FRAISEQL_DSN"] = options.dsn
    process = [
        *(sys.executable, "-m", "fraiseql_subs.cli._resolver_process", target.replace("{", "{{")),
        *("{number}", str(concurrency), str(drain), str(report), str(int(options.traceback))),
    ]

    async def supervise() -> int | None:
        supervisor = _Supervisor(process, environment, drain)
        await supervisor.run(workers)
        return supervisor.signal

    try:
        ended_by = asyncio.run(supervise())
    except _CannotStart:
        raise typer.Exit(TROUBLE) from None
    if ended_by == signal.SIGINT:
        raise typer.Exit(INTERRUPTED)
