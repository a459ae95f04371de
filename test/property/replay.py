"""The events of watched tables, replayed: what they say of the rows."""

import json
from collections import Counter

TIMEOUT = 60.0


def parsed(text):
    """JSON with every digit of its numbers."""
    return json.loads(text, parse_float=str, parse_int=str)


def frozen(row):
    return json.dumps(row, sort_keys=True)


class Replay:
    """A subscriber who keeps the rows of tables, each as often as it is there.

    A table is stale after an event that lacks columns: its rows have to be read anew.
    """

    def __init__(self, client, query, tables):
        """:param tables: with the columns of a key that no two rows share at any time, or None."""
        self.client = client
        self.id = client.subscribe(query).id
        self.keys = tables
        self.rows = {name: Counter() for name in tables}
        self.stale = set()
        self.count = 0
        self.recent = []

    def read_until(self, mark):
        """Replay what comes until the event of type MARK that has the number."""
        while True:
            message = parsed(self.client.socket.recv(timeout=TIMEOUT))
            if message["type"] == "ping":
                self.client.send({"type": "pong"})
                continue
            assert message["type"] == "next", message
            codes = [each["extensions"]["code"] for each in message["payload"].get("errors", [])]
            assert codes in ([], ["EVENT_INCOMPLETE"]), message["payload"]["errors"]
            change = message["payload"]["data"]["changed"]
            self.recent = [*self.recent[-30:], change]
            if change["operation"] == "MARK":
                assert change["table"] == str(mark)
                return
            self.count += 1
            name = change["table"].split(".")[1]
            if codes:
                self.stale.add(name)
            if name not in self.stale:
                self.apply(change, self.rows[name], self.keys[name])

    def apply(self, change, rows, key):
        operation = change["operation"]
        if operation == "TRUNCATE":
            rows.clear()
        if operation == "DELETE":
            self.remove(rows, change["row"], change)
        if operation == "UPDATE":
            self.remove(rows, change["old"], change)
        if operation in ("INSERT", "UPDATE"):
            if key is not None:
                self.assert_no_row_has(key, change, rows)
            rows[frozen(change["row"])] += 1

    def assert_no_row_has(self, key, change, rows):
        """Those who keep rows by their key would lose one."""
        new = [change["row"][column] for column in key]
        for row in rows:
            there = json.loads(row)
            assert new != [there[column] for column in key], self.told(change, row)

    def told(self, change, row):
        recent = "\n".join(json.dumps(each)[:600] for each in self.recent)
        return f"{change['operation']} does not fit to the row {row[:600]}\nafter\n{recent}"

    def remove(self, rows, row, change):
        there = frozen(row)
        assert rows[there] > 0, self.told(change, there)
        rows[there] -= 1
        if rows[there] == 0:
            del rows[there]
