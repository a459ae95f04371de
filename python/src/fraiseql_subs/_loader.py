"""Look-ups of many resolvers that become one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

__all__ = ["DataLoader"]

K = TypeVar("K")
V = TypeVar("V")


def _mark_retrieved(future: "asyncio.Future[V]") -> None:
    # A key may fail that nobody waits for any more.
    if not future.cancelled():
        future.exception()


class DataLoader(Generic[K, V]):
    """Collects the keys that are asked for in one turn of the event loop, and loads them at once.

    A key is loaded once; who asks again gets the same value, or the same error. Made by
    `Context.loader`, which all calls that came together share.
    """

    def __init__(
        self,
        batch_fn: Callable[[list[K]], Awaitable[Sequence[V | Exception]]],
        *,
        max_size: int = 1000,
    ) -> None:
        """Make one.

        :param batch_fn: gets distinct keys, and returns as many values in their order; an exception
            in the place of a value is raised to those who wait for that key alone. What it raises
            itself, all keys get.
        :param max_size: keys per call of `batch_fn`; more become several calls side by side.
        """
        if max_size < 1:
            raise ValueError(f"max_size must be at least 1, not {max_size}")
        self._batch_fn = batch_fn
        self._max_size = max_size
        self._futures: dict[K, asyncio.Future[V]] = {}
        self._queue: list[K] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def load(self, key: K) -> "asyncio.Future[V]":
        """Return a future of the value of a key, which must be hashable.

        Whoever waits for it may be cancelled, without harm to others.
        """
        future = self._futures.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            future.add_done_callback(_mark_retrieved)
            self._futures[key] = future
            if not self._queue:
                loop.call_soon(self._dispatch)
            self._queue.append(key)
        return asyncio.shield(future)

    def load_many(self, keys: Iterable[K]) -> "asyncio.Future[list[V]]":
        """Return a future of the values of keys in their order; of the first error if any fails."""
        return asyncio.gather(*[self.load(key) for key in keys])

    def close(self) -> None:
        """Give up what is being loaded; those who still wait for it are cancelled."""
        for task in self._tasks:
            task.cancel()
        # A task that had not begun does not run to cancel them.
        for future in self._futures.values():
            future.cancel()

    def _dispatch(self) -> None:
        queue, self._queue = self._queue, []
        for start in range(0, len(queue), self._max_size):
            task = asyncio.create_task(self._load(queue[start : start + self._max_size]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _load(self, keys: list[K]) -> None:
        futures = [self._futures[key] for key in keys]
        try:
            values = await self._batch_fn(keys.copy())
            if len(values) != len(keys):
                raise ValueError(
                    f"{self._batch_fn!r} returned {len(values)} values for {len(keys)} keys"
                )
        except asyncio.CancelledError:
            for future in futures:
                future.cancel()
            raise
        except Exception as error:
            values = [error] * len(keys)
        for future, value in zip(futures, values, strict=True):
            if future.done():
                continue
            if isinstance(value, Exception):
                future.set_exception(value)
            else:
                future.set_result(value)
