"""Which bus carries events from those who publish to the worker."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import ProgrammingError

from fraiseql_subs.errors import SubscriptionError

__all__ = ["BusType", "EventBusConfig"]

BusType = Literal["memory", "redis", "postgresql"]

# What Redis takes is any bytes; names with these need quoting in no tool.
_CONSUMER_GROUP = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_REDIS_PORTS = range(1, 65536)
_REDIS_SCHEMES = ("redis", "redis+sentinel", "redis+cluster")


@dataclass(frozen=True)
class EventBusConfig:
    """A bus, validated as it is made. Use one of `memory`, `redis` and `postgresql`.

    `url` and `consumer_group` are those of Redis, `dsn` is PostgreSQL's; they are None otherwise.
    """

    bus_type: BusType
    url: str | None = None
    consumer_group: str | None = None
    dsn: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError, which names the fault, unless all fits together."""
        given = {
            name for name in ("url", "consumer_group", "dsn") if getattr(self, name) is not None
        }
        if self.bus_type == "memory":
            _check_given(self.bus_type, given, set())
        elif self.bus_type == "redis":
            _check_given(self.bus_type, given, {"url", "consumer_group"})
            _check_redis_url(self.url)
            _check_consumer_group(self.consumer_group)
        elif self.bus_type == "postgresql":
            _check_given(self.bus_type, given, {"dsn"})
            _check_dsn(self.dsn)
        else:
            raise ValueError(
                f"bus_type must be 'memory', 'redis' or 'postgresql', not {self.bus_type!r}"
            )

    @classmethod
    def memory(cls) -> "EventBusConfig":
        """Return the bus of one server: the ring in its shared memory."""
        return cls("memory")

    @classmethod
    def redis(cls, url: str, consumer_group: str) -> "EventBusConfig":
        """Return a bus of Redis streams, by which other nodes get the database's events.

        The database's worker reads and writes Redis, not this process: starting checks that the
        server's settings `fraiseql_subs.bus` and `fraiseql_subs.bus_url` say the same. The URL is
        compared if the role may see it, and without user and password.

        :param url: `redis://`, `redis+sentinel://` or `redis+cluster://`, or with `rediss` for TLS,
            as `redis://user:password@host:6379/0`.
        :param consumer_group: 1 to 128 of letters, digits and `_.:-`. A worker's own group in Redis
            has the name that `fraiseql_subs.node_name` gives it; this one is for who reads the
            configuration.
        """
        return cls("redis", url=url, consumer_group=consumer_group)

    @classmethod
    def postgresql(cls, dsn: str) -> "EventBusConfig":
        """Return a bus of tables in a PostgreSQL database that has the SQL file, not the extension.

        Nodes (`fraiseql-worker --bus postgresql`) serve its clients. An application publishes and
        looks at metrics; it cannot subscribe, host sockets or run resolvers, as no worker is there.

        :param dsn: as libpq takes it, `key=value …` or `postgresql://…`; not empty. It is what is
            connected to, unless a pool is given, and stands in for `conninfo`.
        """
        return cls("postgresql", dsn=dsn)

    def check_server(self, bus: str | None, url: str | None) -> None:
        """Raise SubscriptionError, code `BUS_UNAVAILABLE`, unless the server has this bus.

        Any will do but for `redis`: clients of the server are served the same.

        :param bus: the server's setting `fraiseql_subs.bus`; None if it has none.
        :param url: its `fraiseql_subs.bus_url`; None if it may not be seen.
        """
        if self.bus_type != "redis":
            return
        advice = (
            f"Set fraiseql_subs.bus = '{self.bus_type}' and fraiseql_subs.bus_url in its "
            "configuration and restart it, or leave EventBusConfig.redis() out."
        )
        if bus != self.bus_type:
            raise SubscriptionError(
                f"The application expects the bus {self.bus_type!r}, but the database's server has "
                f"{bus or 'memory'!r}. {advice}",
                code="BUS_UNAVAILABLE",
            )
        if url is not None and _place(url) != _place(self.url or ""):
            raise SubscriptionError(
                f"The application expects Redis at {_place(self.url or '')}, but the bus of the "
                f"database's server is at {_place(url) or 'no place'}. {advice}",
                code="BUS_UNAVAILABLE",
            )

    @property
    def has_worker(self) -> bool:
        """Whether a worker runs beside the database, for sessions of this process."""
        return self.bus_type != "postgresql"

    def require_worker(self) -> None:
        """Raise SubscriptionError, code `BUS_UNAVAILABLE`, if there is no worker."""
        if not self.has_worker:
            raise SubscriptionError(
                f"The bus {self.bus_type!r} has no worker beside the database: clients connect to "
                "its nodes (fraiseql-worker --bus postgresql), and applications only publish.",
                code="BUS_UNAVAILABLE",
            )


def _check_given(bus_type: str, given: set[str], wanted: set[str]) -> None:
    for name in sorted(wanted - given):
        raise ValueError(f"{name} is missing: the bus {bus_type!r} needs it")
    for name in sorted(given - wanted):
        raise ValueError(f"{name} is not of the bus {bus_type!r}")


def _check_redis_url(url: object) -> None:
    if not isinstance(url, str):
        raise ValueError(f"url must be a text, not {type(url).__name__}")
    parts = urlsplit(url)
    kind = parts.scheme.replace("rediss", "redis", 1)
    if kind not in _REDIS_SCHEMES:
        raise ValueError(
            "url must begin with redis://, redis+sentinel:// or redis+cluster://, or with rediss "
            f"for redis, not {parts.scheme + '://'!r}"
        )
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if len(hosts) > 1 and kind == "redis":
        raise ValueError("url names several hosts, which only Sentinels and clusters have")
    for host in hosts:
        _check_redis_host(host)
    path = parts.path.removeprefix("/")
    service, _, database = path.partition("/") if kind == "redis+sentinel" else ("", "", path)
    if kind == "redis+sentinel" and not service:
        raise ValueError("url does not say by which name the Sentinels know the primary")
    if database and not re.fullmatch("[0-9]+", database):
        raise ValueError(f"url has the database {database!r}, which is no number")


def _check_redis_host(host: str) -> None:
    parts = urlsplit(f"//{host}")
    if not parts.hostname:
        raise ValueError("url names no host")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("url has a port that is no number from 1 to 65535") from None
    if port is not None and port not in _REDIS_PORTS:
        raise ValueError("url has a port that is no number from 1 to 65535")


def _place(url: str) -> str:
    """What a URL leads to, without a log-in and with what it leaves out."""
    parts = urlsplit(url)
    sentinel = "+sentinel" in parts.scheme
    port = 26379 if sentinel else 6379
    hosts: list[str] = []
    for host in parts.netloc.rpartition("@")[2].split(","):
        named = re.fullmatch(r"(\[[^]]*\]|[^:]*)(?::([0-9]+))?", host)
        hosts.append(host if named is None else f"{named[1].lower()}:{named[2] or port}")
    path = parts.path.removeprefix("/")
    if sentinel:
        service, _, database = path.partition("/")
        path = f"{service}/{database or 0}"
    return f"{parts.scheme}://{','.join(hosts)}/{path or 0}" if parts.netloc else ""


def _check_consumer_group(name: object) -> None:
    if not isinstance(name, str):
        raise ValueError(f"consumer_group must be a text, not {type(name).__name__}")
    if not _CONSUMER_GROUP.fullmatch(name):
        raise ValueError(
            f"consumer_group must be 1 to 128 of letters, digits and _.:-, not {name!r}"
        )


def _check_dsn(dsn: object) -> None:
    if not isinstance(dsn, str):
        raise ValueError(f"dsn must be a text, not {type(dsn).__name__}")
    if not dsn.strip():
        raise ValueError("dsn is empty")
    try:
        conninfo_to_dict(dsn)
    except ProgrammingError as error:
        raise ValueError(f"dsn is not a connection string: {str(error).strip()}") from None
