"""Hosts of a network, as network namespaces of this machine.

Each has two links. The one called `bus` leads to all other hosts: databases, nodes and Redis talk
there, and it can be cut and slowed down. The one called `front` leads to the tests, which reach
every host by it whatever happens to the other.
"""

import os
import re
import subprocess

TESTS = 254  # the tests' own number on the front


class Network:
    """Hosts, until close(). Names and addresses are this process's own."""

    def __init__(self):
        # pytest-xdist runs several processes with one network each.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        self.number = int(worker)
        self.hosts = []
        for link in ("bus", "front"):
            # One that is not told its address takes the lowest of its ports', another one with each
            # host that comes, and hosts go on sending to the one before.
            mac = f"02:00:00:00:{self.number:02x}:{('bus', 'front').index(link):02x}"
            ip("link", "add", self.bridge(link), "address", mac, "type", "bridge")
            ip("link", "set", self.bridge(link), "up")
        ip("addr", "add", f"{self.address('front', TESTS)}/24", "dev", self.bridge("front"))

    def bridge(self, link):
        return f"{link}-{self.number}"

    def address(self, link, number):
        return f"10.{20 + ('bus', 'front').index(link)}.{self.number}.{number}"

    def add_host(self, name):
        host = Host(self, name, len(self.hosts) + 1)
        self.hosts.append(host)
        return host

    def close(self):
        for host in self.hosts:
            host.close()
        for link in ("bus", "front"):
            ip("link", "delete", self.bridge(link))


class Host:
    """One host. Its addresses on the two links are `bus` and `front`."""

    def __init__(self, network, name, number):
        self.network = network
        self.name = name
        self.number = number
        self.namespace = f"{network.number}-{number}-{name}"
        ip("netns", "add", self.namespace)
        ip("-n", self.namespace, "link", "set", "lo", "up")
        for link in ("bus", "front"):
            port = self._port(link)
            ip("link", "add", port, "type", "veth", "peer", link, "netns", self.namespace)
            ip("link", "set", port, "master", network.bridge(link), "up")
            address = f"{network.address(link, number)}/24"
            ip("-n", self.namespace, "addr", "add", address, "dev", link)
            ip("-n", self.namespace, "link", "set", link, "up")
        self.bus = network.address("bus", number)
        self.front = network.address("front", number)

    def close(self):
        # The namespace itself lives as long as a process in it.
        for link in ("bus", "front"):
            ip("link", "delete", self._port(link))
        ip("netns", "delete", self.namespace)

    def _port(self, link):
        """The bridge's end of a link."""
        return f"{link}-{self.network.number}-{self.number}"

    @property
    def inside(self):
        """Words in front of a command that is to run on this host."""
        return ("nsenter", f"--net=/run/netns/{self.namespace}", "--")

    def cut(self):
        """Let nothing through the bus link any more, without telling either side."""
        self._shape("blackhole")

    def mend(self):
        """The end of cut() and of slow_down()."""
        self._shape("noqueue")

    def slow_down(self, rate):
        """Bound what the bus link carries, in each direction, such as `1mbit`."""
        self._shape("tbf", "rate", rate, "burst", "8kb", "latency", "400ms")

    def held_back(self):
        """Packets to this host that had to wait because its link is slow."""
        told = run("tc", "-s", "qdisc", "show", "dev", self._port("bus"))
        return int(re.search(r"overlimits (\d+)", told).group(1))

    def _shape(self, *discipline):
        run("tc", "qdisc", "replace", "dev", self._port("bus"), "root", *discipline)
        run("tc", "-n", self.namespace, "qdisc", "replace", "dev", "bus", "root", *discipline)

    def lose_packets_to(self, other):
        """Let what this host sends to another one vanish; what that one sends arrives."""
        nobody = "02:00:00:00:00:00"
        self._neighbour("replace", other.bus, "lladdr", nobody, "nud", "permanent")

    def reach(self, other):
        """The end of lose_packets_to()."""
        self._neighbour("delete", other.bus)

    def _neighbour(self, action, address, *arguments):
        ip("-n", self.namespace, "neighbour", action, address, "dev", "bus", *arguments)


def ip(*arguments):
    run("ip", *arguments)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr}")
    return done.stdout
