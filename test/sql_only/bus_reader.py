"""A node's part that reads events, in a few lines."""

import json
from dataclasses import dataclass

END, EVENT, CATALOG_CHANGED, EVENTS_LOST, GAP = range(5)


@dataclass(frozen=True)
class Row:
    kind: int
    flags: int
    seq: int | None
    event_type: str | None
    channel: str | None
    correlation_id: str | None
    subgraph: str | None
    data: str | None

    @property
    def json(self):
        return json.loads(self.data)


class BusReader:
    """Reads from where it was made on, or behind a cursor."""

    def __init__(self, connection, cursor=None):
        self.connection = connection
        self.cursor = cursor or self.now()
        self.prefix = None

    def now(self):
        return self.connection.execute("SELECT fraiseql_subs.bus_cursor()").fetchone()[0]

    def read(self, max_events=1000, max_bytes=4194304):
        """One answer: rows without the end, and whether there is more."""
        *rows, end = self.connection.execute(
            "SELECT kind, flags, seq, event_type, channel, correlation_id, subgraph, data"
            " FROM fraiseql_subs.bus_read(%s, %s, %s)",
            (self.cursor, max_events, max_bytes),
        ).fetchall()
        end = Row(*end)
        assert end.kind == END
        self.cursor = end.data
        self.prefix = end.event_type
        return [Row(*row) for row in rows], end.flags == 1

    def drain(self, **limits):
        """Everything that is committed."""
        rows = []
        while True:
            more_rows, more = self.read(**limits)
            rows += more_rows
            if not more:
                return rows

    def events(self, **limits):
        return [row for row in self.drain(**limits) if row.kind != CATALOG_CHANGED]
