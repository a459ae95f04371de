"""What a bus has in Redis, as docs/redis.md describes it."""

import json
import struct
from dataclasses import dataclass

from cluster import wait_until

# The fixed part of a record: contract/ring_layout.hpp.
HEADER = struct.Struct("<IHHQQqQIIHHHH")
KINDS = {1: "event", 2: "catalog", 3: "lost"}


@dataclass
class Entry:
    id: str
    kind: str
    sequence: int
    position: int
    event_type: str
    channel: str
    data: str


def decode(id, value):
    """Decode the field's value, which came as Latin-1."""
    raw = value.encode("latin-1")
    assert raw[0] == 1, "version of the entry"
    record = raw[9:]
    length, kind, _, sequence, position, _, _, _, data, *names = HEADER.unpack_from(record)
    assert length == len(record)
    at = HEADER.size
    texts = []
    for size in [*names, data]:
        texts.append(record[at : at + size].decode())
        at += size
    return Entry(id, KINDS[kind], sequence, position, texts[0], texts[1], texts[4])


class RedisBus:
    """The bus of a database in a Redis."""

    def __init__(self, redis, database="postgres", select=0):
        self.redis = redis
        self.database = database
        self.prefix = f"fraiseql_subs:{{{database}}}:"

    def key(self, name):
        return self.prefix + name

    def hash(self, name):
        flat = self.redis.call("HGETALL", self.key(name))
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def sources(self):
        """By epoch: (claim, last sequence or None, node). Whether a crash may have kept more from
        the ring (+) is left out.
        """
        sources = {}
        for epoch, value in self.hash("sources").items():
            claim, last, node = value.split(" ", 2)
            sources[epoch] = (int(claim), None if last == "-" else int(last.rstrip("+")), node)
        return sources

    def epoch(self):
        """The one that publishes now."""
        sources = wait_until(self.sources, "somebody publishes to the bus")
        return max(sources, key=lambda epoch: sources[epoch][0])

    def entries(self, epoch=None):
        found = self.redis.call("XRANGE", self.key(f"stream:{epoch or self.epoch()}"), "-", "+")
        return [decode(id, fields[1]) for id, fields in found]

    def events(self, epoch=None):
        return [entry for entry in self.entries(epoch) if entry.kind == "event"]

    def numbers(self, epoch=None):
        """The member "n" of each event, in the order of the stream."""
        return [json.loads(entry.data)["n"] for entry in self.events(epoch)]

    def wait_for_number(self, number):
        wait_until(lambda: number in self.numbers(), f"event {number} is in the bus", timeout=30)
