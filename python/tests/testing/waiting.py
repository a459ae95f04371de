"""Waiting for what comes to be."""

import time
from collections.abc import Callable


def wait_until(predicate: Callable[[], bool], description: str) -> None:
    """Return when it holds. The pauses leave the cores to those who are waited for."""
    deadline = time.monotonic() + 100
    while not predicate():
        assert time.monotonic() < deadline, f"gave up waiting until {description}"
        time.sleep(0.01)
