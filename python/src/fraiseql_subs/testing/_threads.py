"""Waiting for threads from a coroutine, under asyncio or under trio."""

import asyncio
import concurrent.futures
from collections.abc import Callable
from typing import TypeVar

__all__ = ["in_thread", "wait_for"]

T = TypeVar("T")


def _is_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def in_thread(function: Callable[[], T]) -> T:
    """Call a function in a thread and return what it returns."""
    if _is_asyncio():
        return await asyncio.to_thread(function)
    import anyio.to_thread

    return await anyio.to_thread.run_sync(function)


async def wait_for(future: "concurrent.futures.Future[None]", timeout: float | None) -> bool:
    """Wait until a thread has set the future's result.

    :param timeout: seconds; None waits without end.
    :return: whether it was set in time.
    """
    try:
        if _is_asyncio():
            await asyncio.wait_for(asyncio.wrap_future(future), timeout)
        else:
            import anyio.to_thread

            await anyio.to_thread.run_sync(lambda: future.result(timeout), abandon_on_cancel=True)
    except (TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError):
        return False
    finally:
        # Frees the thread that waits, if the caller was cancelled.
        future.cancel()
    return True
