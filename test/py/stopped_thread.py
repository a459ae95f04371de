"""Stops one thread of another process, as a debugger does."""

import contextlib
import ctypes
import os
from pathlib import Path

import pytest

PTRACE_DETACH = 17
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WAIT_FOR_THREADS = 0x40000000  # __WALL

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def thread_named(pid, name):
    """The id of the thread of that name."""
    (thread,) = (
        int(task.name)
        for task in Path(f"/proc/{pid}/task").iterdir()
        if (task / "comm").read_text().strip() == name
    )
    return thread


@contextlib.contextmanager
def stopped(thread):
    """Hold the thread. Its process may end meanwhile, but it is gone only afterwards."""
    try:
        _ptrace(PTRACE_SEIZE, thread)
    except PermissionError:
        pytest.skip("this user may trace no other process")
    _ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WAIT_FOR_THREADS)
    try:
        yield
    finally:
        try:
            _ptrace(PTRACE_DETACH, thread)
        except ProcessLookupError:
            # It was killed. Until it is waited for, neither can its process be.
            os.waitpid(thread, WAIT_FOR_THREADS)
