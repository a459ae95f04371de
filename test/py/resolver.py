"""A process outside the database that resolves fields, as far as a test wants it to."""

import json


class Resolver:
    """One link. Calls that were given and not answered are in `calls`, by their number."""

    def __init__(self, cluster, *fields, credits=100, **parameters):
        self.connection = cluster.connect(**parameters)
        self.fields = list(fields)
        self.credits = credits
        self.link = None
        self.calls = {}
        self.exchange(fields=self.fields)

    def exchange(self, results=(), fields=None, wait=0):
        """Hand in results; return the calls that are new. `wait` is in seconds."""
        row = self.connection.execute(
            "CALL fraiseql_subs.resolver_exchange(%s, %s, %s, %s, %s, NULL)",
            (
                self.link,
                None if fields is None else json.dumps(fields),
                json.dumps(list(results)) if results else None,
                max(self.credits - len(self.calls), 0),
                int(wait * 1000),
            ),
        ).fetchone()
        self.link, text = row
        calls = json.loads(text)
        self.calls |= {call["call"]: call for call in calls}
        return calls

    def next_calls(self, count=1, timeout=20.0):
        """Wait until there are as many that are not answered, and return all of these in order."""
        while len(self.calls) < count:
            before = len(self.calls)
            self.exchange(wait=timeout)
            assert len(self.calls) > before, f"only {before} calls came"
        return [self.calls[number] for number in sorted(self.calls)]

    def next_call(self):
        [call] = self.next_calls(1)
        return call

    def answer(self, *results):
        for result in results:
            del self.calls[result["call"]]
        return self.exchange(results)

    def give(self, call, value):
        return self.answer({"call": call["call"], "value": value})

    def serve(self, value, count):
        """Answer that many calls, each with value(call)."""
        for _ in range(count):
            if not self.calls:
                self.next_calls(1)
            call = self.calls[min(self.calls)]
            self.give(call, value(call))

    def close(self):
        self.connection.close()
