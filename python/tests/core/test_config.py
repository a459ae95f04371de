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
        "redis+sentinel://:secret@a,b:26380/events/2",
        "rediss+cluster://a:7000,b",
    ],
)
def test_urls_that_redis_clients_take_are_valid(url):
    assert EventBusConfig.redis(url, "a").url == url


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://localhost", "url must begin with redis://, redis+sentinel://"),
        ("unix:///run/redis.sock", "or with rediss for redis, not 'unix://'"),
        ("redis://a,b", "url names several hosts"),
        ("redis+sentinel://a", "url does not say by which name"),
        ("localhost:6379", "url must begin with"),
        ("", "url must begin with"),
        ("redis://", "url names no host"),
        ("redis://host:0", "url has a port"),
        ("redis://host:70000", "url has a port"),
        ("redis://host:x", "url has a port"),
        ("redis://host/zero", "url has the database 'zero'"),
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


def refusal(config, bus, url=None):
    with pytest.raises(SubscriptionError) as raised:
        config.check_server(bus, url)
    assert raised.value.code == "BUS_UNAVAILABLE"
    return str(raised.value)


def test_the_bus_of_a_later_version_cannot_be_started():
    assert "arrives with a later version" in refusal(EventBusConfig.postgresql("host=a"), "memory")


def test_without_a_bus_of_its_own_an_application_takes_any_server():
    for bus in (None, "memory", "redis"):
        EventBusConfig.memory().check_server(bus, None)


@pytest.mark.parametrize("bus", [None, "memory"])
def test_a_server_without_the_bus_is_refused_with_what_to_set(bus):
    told = refusal(EventBusConfig.redis("redis://:secret@h", "a"), bus)
    assert "the database's server has 'memory'" in told
    assert "fraiseql_subs.bus = 'redis'" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("own", "its"),
    [
        ("redis://h", None),
        ("redis://h", "redis://other:secret@H:6379/0"),
        ("redis+sentinel://a,b/s", "redis+sentinel://a:26379,b/s/0"),
        ("redis://[::1]/3", "redis://[::1]:6379/3"),
    ],
)
def test_the_same_redis_is_known_however_it_is_written(own, its):
    EventBusConfig.redis(own, "a").check_server("redis", its)


@pytest.mark.parametrize(
    ("own", "its"),
    [
        ("redis://h", "redis://h/1"),
        ("redis://h", "redis://i"),
        ("redis://h", "rediss://h"),
        ("redis://h", ""),
        ("redis+sentinel://a/s", "redis+sentinel://a/t"),
    ],
)
def test_another_redis_is_refused_without_telling_secrets(own, its):
    told = refusal(
        EventBusConfig.redis(own.replace("//", "//u:secret1@"), "a"),
        "redis",
        its.replace("//", "//u:secret2@"),
    )
    assert "expects Redis at" in told
    assert "secret" not in told
