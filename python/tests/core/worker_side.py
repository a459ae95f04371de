"""What the worker does with records: makes frames, and takes commands apart."""

import struct

from fraiseql_subs import _records as records

FRAME = struct.Struct("<IBIQH")
COMMAND = struct.Struct("<IBI")


def frame(kind, session, position=0, id=b"", payload=b""):
    rest = FRAME.size - 4 + len(id) + len(payload)
    return FRAME.pack(rest, kind, session, position, len(id)) + id + payload


def commands(data):
    """The commands in it, as (kind, session, what stands behind)."""
    found = []
    while data:
        length, kind, session = COMMAND.unpack_from(data)
        rest = data[COMMAND.size : 4 + length]
        if kind == records.RESUME:
            rest = (struct.unpack_from("<Q", rest)[0], rest[8:])
        elif kind == records.CLOSE:
            rest = (struct.unpack_from("<H", rest)[0], rest[2:])
        found.append((kind, session, rest))
        data = data[4 + length :]
    return found
