"""Makes a system call in another process, as code that took it over would. x86-64 alone."""

import ctypes
import os
import signal
import struct
from pathlib import Path

PTRACE_SINGLESTEP, PTRACE_GETREGS, PTRACE_SETREGS = 9, 12, 13
PTRACE_ATTACH, PTRACE_DETACH = 16, 17

REGISTERS = [
    *("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx"),
    *("rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base"),
    *("ds", "es", "fs", "gs"),
]

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

# Far enough below the stack's end that nothing there is in use.
RED_ZONE = 64 * 1024


class Ended(Exception):
    """The process ended by `signal`."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.signal = signal.Signals(number)


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in REGISTERS]


def _ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _wait(pid):
    _, status = os.waitpid(pid, 0x40000000)  # __WALL
    if os.WIFSIGNALED(status):
        raise Ended(os.WTERMSIG(status))


def call(pid, number, *arguments):
    """What the process's first thread gets for the call: a result or a negative error number.

    :param arguments: integers and bytes; bytes are put into its memory.
    """
    _ptrace(PTRACE_ATTACH, pid)
    _wait(pid)
    before = Registers()
    _ptrace(PTRACE_GETREGS, pid, ctypes.byref(before))
    registers = Registers.from_buffer_copy(before)
    memory = before.rsp - RED_ZONE
    values = []
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as process:
        process.seek(before.rip - 2)
        # It waits in a call, whose instruction serves for another.
        assert process.read(2) == b"\x0f\x05", "the thread is not in a system call"
        for argument in arguments:
            if isinstance(argument, bytes):
                process.seek(memory)
                process.write(argument + b"\0")
                values.append(memory)
                memory += len(argument) + 1
            else:
                values.append(argument)
    for name, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), values, strict=False):
        setattr(registers, name, value & (2**64 - 1))
    registers.rax = number
    registers.orig_rax = 2**64 - 1
    registers.rip = before.rip - 2
    _ptrace(PTRACE_SETREGS, pid, ctypes.byref(registers))
    _ptrace(PTRACE_SINGLESTEP, pid)
    _wait(pid)
    after = Registers()
    _ptrace(PTRACE_GETREGS, pid, ctypes.byref(after))
    _ptrace(PTRACE_SETREGS, pid, ctypes.byref(before))
    _ptrace(PTRACE_DETACH, pid)
    return struct.unpack("q", struct.pack("Q", after.rax))[0]


def may_trace():
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    return os.geteuid() == 0 or not scope.exists() or scope.read_text().strip() == "0"
