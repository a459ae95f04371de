import re

import pytest

from fraiseql_subs import EventBusConfig, SubscriptionError


def test_each_bus_knows_its_type():
    assert EventBusConfig.memory().bus_type == "memory"
    redis = EventBusConfig.redis("redis://localhost:6379/0", "shop")
    assert (redis.bus_type, redis.url, redis.consumer_group) == (
        "redis",
        "redis://localhost:6379/0",
        "shop",
    )
    postgresql = EventBusConfig.postgresql("host=db dbname=events")
    assert (postgresql.bus_type, postgresql.dsn) == ("postgresql", "host=db dbname=events")


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "rediss://user:secret@redis.example.com:6380/3",
        "redis://[::1]:6379",
        "unix:///run/redis.sock",
    ],
)
def test_urls_that_redis_clients_take_are_valid(url):
    assert EventBusConfig.redis(url, "a").url == url


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://localhost", "url must begin with redis://, rediss:// or unix://, not 'http://'"),
        ("localhost:6379", "url must begin with"),
        ("", "url must begin with"),
        ("redis://", "url names no host"),
        ("redis://host:0", "url has a port"),
        ("redis://host:70000", "url has a port"),
        ("redis://host:x", "url has a port"),
        ("redis://host/zero", "url has the database 'zero'"),
        ("unix://", "url has no path"),
        (b"redis://host", "url must be a text, not bytes"),
    ],
)
def test_a_bad_url_is_named(url, fault):
    with pytest.raises(ValueError, match=re.escape(fault)):
        EventBusConfig.redis(url, "a")


@pytest.mark.parametrize(
    ("group", "fault"),
    [
        ("", "consumer_group must be 1 to 128"),
        ("a b", "consumer_group must be 1 to 128"),
        ("a" * 129, "consumer_group must be 1 to 128"),
        (7, "consumer_group must be a text, not int"),
    ],
)
def test_a_bad_consumer_group_is_named(group, fault):
    with pytest.raises(ValueError, match=fault):
        EventBusConfig.redis("redis://localhost", group)


@pytest.mark.parametrize("dsn", ["host=a dbname=b", "postgresql://user@host:5432/db"])
def test_dsns_that_libpq_takes_are_valid(dsn):
    assert EventBusConfig.postgresql(dsn).dsn == dsn


@pytest.mark.parametrize(
    ("dsn", "fault"),
    [
        ("", "dsn is empty"),
        ("  ", "dsn is empty"),
        ("nonsense", "dsn is not a connection string"),
        ("colour=red", "dsn is not a connection string"),
        (None, "dsn is missing: the bus 'postgresql' needs it"),
        (5, "dsn must be a text, not int"),
    ],
)
def test_a_bad_dsn_is_named(dsn, fault):
    with pytest.raises(ValueError, match=fault):
        EventBusConfig.postgresql(dsn)


def test_what_is_not_of_a_bus_is_refused():
    with pytest.raises(ValueError, match="url is not of the bus 'memory'"):
        EventBusConfig("memory", url="redis://localhost")
    with pytest.raises(ValueError, match="dsn is not of the bus 'redis'"):
        EventBusConfig("redis", url="redis://localhost", consumer_group="a", dsn="host=a")
    with pytest.raises(ValueError, match="consumer_group is missing"):
        EventBusConfig("redis", url="redis://localhost")
    with pytest.raises(ValueError, match="bus_type must be"):
        EventBusConfig("kafka")


def test_a_config_does_not_change():
    with pytest.raises(AttributeError):
        EventBusConfig.memory().url = "redis://localhost"


def test_buses_of_later_versions_cannot_be_started():
    EventBusConfig.memory().require_available()
    EventBusConfig.postgresql("host=a").require_available()
    with pytest.raises(SubscriptionError, match="arrives with a later version") as raised:
        EventBusConfig.redis("redis://localhost", "a").require_available()
    assert raised.value.code == "BUS_UNAVAILABLE"


def test_a_bus_of_tables_has_no_worker():
    EventBusConfig.memory().require_worker()
    with pytest.raises(SubscriptionError, match="applications only publish") as raised:
        EventBusConfig.postgresql("host=a").require_worker()
    assert raised.value.code == "BUS_UNAVAILABLE"
