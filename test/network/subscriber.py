"""A subscriber that keeps all that it gets, by a thread of its own."""

import threading
from contextlib import suppress

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from client import Client
from cluster import wait_until
from stream_check import Notice, Received, Stream
from truth import QUERY


class Subscriber:
    """Subscribed to everything, until close(). Its streams are those of its connections."""

    def __init__(self, server, truth, comes_back=False, is_exact=True):
        """
        :param server: has a `url`.
        :param comes_back: whether it connects again when its connection breaks.
        :param is_exact: whether nothing is under way to the server.
        """
        self.server = server
        self.truth = truth
        self.comes_back = comes_back
        self.streams = []
        self.others = []  # messages that are none of events
        self.closed = False
        self.client = None
        self._subscribe(is_exact)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _subscribe(self, is_exact):
        client = Client(self.server.url)
        self.client = client
        client.init()
        subscription = client.subscribe(QUERY)
        stream = Stream(floor=self.truth.floor(), is_exact=is_exact)
        self._take_all(subscription, stream)
        self.streams.append(stream)

    def _run(self):
        while not self.closed:
            try:
                self._receive()
            except TimeoutError:
                continue
            except ConnectionClosed:
                if self.closed:
                    return
                self.streams[-1].is_whole = False
                if not self.comes_back:
                    return
                self._come_back()

    def _receive(self):
        subscription = self.client.subscriptions["1"]
        if not subscription.messages:
            self.client.receive()
        self._take_all(subscription, self.streams[-1])

    def _take_all(self, subscription, stream):
        while subscription.messages:
            self._take(stream, subscription.messages.pop(0))

    def _come_back(self):
        def is_back():
            if self.closed:
                return True
            with suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                self._subscribe(is_exact=False)
                return True
            return False

        wait_until(is_back, f"a subscriber is back at {self.server}", timeout=60)

    def _take(self, stream, message):
        payload = message.get("payload")
        if message["type"] != "next":
            self.others.append(message)
            return
        for error in payload.get("errors", ()):
            if error["extensions"]["code"] != "EVENTS_LOST":
                self.others.append(message)
                return
            stream.items.append(Notice(error["extensions"].get("count")))
        data = (payload.get("data") or {}).get("numbered")
        if data is not None:
            position = payload["extensions"]["position"]
            stream.items.append(Received(data["key"], data["number"], data["attempt"], position))

    def count(self):
        """Events that it has got."""
        return sum(len(stream.events()) for stream in self.streams)

    def notices(self):
        """What it was told of losses."""
        return [notice for stream in self.streams for notice in stream.notices()]

    def wait_for_more(self, events=100, timeout=30.0):
        """Until it has got so many more events than by now."""
        enough = self.count() + events
        wait_until(lambda: self.count() >= enough, f"{self} gets {events} more", timeout)

    def wait_for_all(self, timeout=30.0):
        """Until it has got the last event of each key, and those before it that it will get."""
        committed = self.truth.committed()

        def has_all():
            stream = self.streams[-1]
            return all(stream.last(key) == len(numbers) for key, numbers in committed.items())

        wait_until(has_all, f"{self} has got everything", timeout)

    def __str__(self):
        where = self.streams[-1] if self.streams else None
        got = f"{self.count()} events" if where else "nothing"
        return f"the subscriber of {self.server} (which has got {got})"

    def close(self):
        self.closed = True
        self.client.close()
        self.thread.join()
