"""A limit of time for a part of a task."""

import asyncio
from collections.abc import Callable
from types import TracebackType

__all__ = ["Deadline"]


class Deadline:
    """Cancels the task that entered it after a time, and turns that into TimeoutError.

    As `asyncio.timeout`, which Python 3.10 lacks, and tells of the time before the task ends.
    """

    def __init__(self, seconds: float, expired: Callable[[], None] | None = None) -> None:
        """Make one that runs from when it is entered.

        :param expired: called when the time is over, before the task hears of it.
        """
        self._seconds = seconds
        self._on_expired = expired
        self.expired: bool = False

    def __enter__(self) -> "Deadline":
        """Start the clock of the task that runs now."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is for a task")
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the clock; raise TimeoutError in the place of a cancellation by it."""
        self._timer.cancel()
        if self.expired and (kind is None or kind is asyncio.CancelledError):
            raise TimeoutError(f"not done after {self._seconds:g} s") from error

    def _expire(self) -> None:
        self.expired = True
        if self._on_expired is not None:
            self._on_expired()
        self._task.cancel()
