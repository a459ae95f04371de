"""A subscription field of a test's own, and what its subscribers get."""

import json

from client import TIMEOUT
from cluster import wait_until

TYPES = "type Item { n: Int! key: String text: String }"


class Feed:
    """Registered on a channel of the same name.

    :param rules: of the registration.
    """

    def __init__(self, bus, name, arguments="", **rules):
        self.bus = bus
        self.name = name
        bus.register(f"{name}{arguments}: Item", name, **rules)

    def publish(self, *numbers, connection=None, **others):
        """Events with these numbers, in one transaction, and other members."""
        members = json.dumps(others)
        (self.bus.sql if connection is None else connection.execute)(
            "SELECT fraiseql_publish('item', %s, jsonb_build_object('n', n) || %s::jsonb)"
            " FROM unnest(%s::int[]) WITH ORDINALITY AS of (n, i) ORDER BY i",
            (self.name, members, list(numbers)),
        )

    def subscribe(self, client, arguments="", selection="n"):
        """Subscribe as soon as the catalog has come to where the client is."""
        query = f"subscription {{ {self.name}{arguments} {{ {selection} }} }}"
        return Taken(subscribe(client, query), self.name)


def subscribe(client, query):
    """Subscribe as soon as what the query needs is known to where the client is connected."""

    def subscribed():
        subscription = client.subscribe(query)
        return not subscription.messages and subscription

    return wait_until(subscribed, f"this can be subscribed to: {query}")


def next_frame(subscription):
    """The text of the next frame. Nothing else may be on its way."""
    return subscription.client.socket.recv(timeout=TIMEOUT)


class Taken:
    """What a subscription was given: numbers and positions of events, and how many were lost."""

    def __init__(self, subscription, field):
        self.subscription = subscription
        self.field = field
        self.numbers = []
        self.positions = []
        self.told = []  # counts of losses; None where one was not known

    def take(self):
        payload = self.subscription.next()
        for error in payload.get("errors", ()):
            assert error["extensions"]["code"] == "EVENTS_LOST", error
            self.told.append(error["extensions"].get("count"))
        event = (payload.get("data") or {}).get(self.field)
        if event is not None:
            self.numbers.append(event["n"])
            self.positions.append(payload["extensions"]["position"])

    def until(self, number):
        """Take until the event of this number, and return all numbers."""
        while not self.numbers or self.numbers[-1] != number:
            self.take()
        return self.numbers

    @property
    def lost(self):
        return sum(self.told)
