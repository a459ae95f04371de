"""Whatever happens to a network, in any order: `--seed` repeats a run."""

import random
import signal

import pytest


class Troubles:
    """Things that go wrong, each with its end."""

    def __init__(self, bus, choose):
        self.bus = bus
        self.choose = choose
        self.hosts = [bus.primary.host, bus.redis.host, *(node.host for node in bus.nodes)]
        self.ends = {}  # by what has trouble: how it ends

    def step(self):
        """Let one more thing go wrong, or one go well again."""
        if self.ends and self.choose.random() < 0.5:
            what = self.choose.choice(list(self.ends))
            self.ends.pop(what)()
            return f"{what} ends"
        name, begin, end = self.choose.choice(self.kinds())
        if name not in self.ends:
            begin()
            if end is not None:
                self.ends[name] = end
        return name

    def end(self):
        while self.ends:
            self.ends.popitem()[1]()

    def kinds(self):
        """Name, how it begins, and how it ends if it does not by itself."""
        host = self.choose.choice(self.hosts)
        other = self.choose.choice([one for one in self.hosts if one is not host])
        node = self.choose.choice(self.bus.nodes)
        redis = self.bus.redis
        link = f"the link of {host.name}"
        return [
            (link, host.cut, host.mend),
            (link, lambda: host.slow_down("256kbit"), host.mend),
            (
                f"the way from {host.name} to {other.name}",
                lambda: host.lose_packets_to(other),
                lambda: host.reach(other),
            ),
            (
                f"{node} stands still",
                lambda: node.process.send_signal(signal.SIGSTOP),
                lambda: node.process.send_signal(signal.SIGCONT),
            ),
            (f"{redis} is restarted", lambda: (redis.kill(), redis.start()), None),
        ]


@pytest.mark.parametrize("persistent", [True, False])
def test_no_trouble_loses_or_doubles_anything(redis_bus, seed, steps, persistent):
    choose = random.Random(seed)
    seen, bus = redis_bus(nodes=3, redis={"persistent": persistent})
    at_primary = seen.subscribers[0]
    troubles = Troubles(bus, choose)
    with seen.truth.growing():
        for _ in range(steps):
            print(troubles.step())
            at_primary.wait_for_more(choose.choice((10, 100, 300)))
        troubles.end()
        for subscriber in seen.subscribers:
            subscriber.wait_for_more()
    seen.finish()
    assert not any(subscriber.notices() for subscriber in seen.subscribers)
