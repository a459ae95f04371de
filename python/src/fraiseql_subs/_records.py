"""The records that go between a host and the worker, as `session_exchange` carries them.

All numbers are little-endian and packed. A command is `u32 length of what follows, u8 kind,
u32 session, payload`; a frame is `u32 length of what follows, u8 kind, u32 session, u64 position,
u16 length of id, id, payload`.
"""

import struct
from collections.abc import Iterator

# Kinds of commands.
OPEN = 1
TEXT = 2
CLOSE = 3
RESUME = 4
HEARD = 5
BINARY = 6
TOO_BIG = 7

# Kinds of frames.
MESSAGE = 1
EVENT = 2
ENDED = 3
CLOSED = 4
PING = 5
STARTED = 6

_COMMAND = struct.Struct("<IBI")
_COMMAND_REST = 5
_RESUME = struct.Struct("<IBIQ")
_FRAME = struct.Struct("<IBIQH")
_CODE = struct.Struct("<H")

Frame = tuple[int, int, int, bytes, bytes]
"""Kind, session, position, id, payload."""


def command(kind: int, session: int, payload: bytes = b"") -> bytes:
    """Return a command other than RESUME."""
    return _COMMAND.pack(_COMMAND_REST + len(payload), kind, session) + payload


def resume(session: int, position: int, message: bytes) -> bytes:
    """Return the command to go on with an operation behind a position; 0 is an unknown one."""
    return _RESUME.pack(_COMMAND_REST + 8 + len(message), RESUME, session, position) + message


def close(session: int, code: int, reason: str) -> bytes:
    """Return the command by which the host ends a session."""
    return command(CLOSE, session, _CODE.pack(code) + reason.encode())


def decode_frames(data: bytes) -> Iterator[Frame]:
    """Yield the frames in what one call of `session_exchange` returned.

    Raise ValueError if the bytes are no whole records.
    """
    unpack = _FRAME.unpack_from
    head = _FRAME.size
    offset = 0
    end = len(data)
    while offset < end:
        if end - offset < head:
            raise ValueError("a frame is shorter than its head")
        length, kind, session, position, id_length = unpack(data, offset)
        start = offset + head
        offset += 4 + length
        payload = start + id_length
        if offset > end or payload > offset:
            raise ValueError("a frame's lengths do not fit")
        yield kind, session, position, data[start:payload], data[payload:offset]


def decode_closed(payload: bytes) -> tuple[int, str]:
    """Return code and reason of a CLOSED frame; 1005 and no reason if it is empty."""
    if len(payload) < 2:
        return 1005, ""
    return _CODE.unpack_from(payload)[0], payload[2:].decode(errors="replace")
