"""What is registered, and who may see what, is in force wherever clients are, whatever the bus."""

import pytest
from websockets.exceptions import ConnectionClosed

from cluster import wait_until
from feed import Feed, subscribe
from tokens import SECRET, make_token

OTHER_SECRET = SECRET[::-1]


@pytest.fixture(scope="module", autouse=True)
def issuer(bus):
    bus.sql("SELECT fraiseql_register_issuer('tests', secret => %s)", (SECRET,))


@pytest.fixture
def log_in(bus, connect):
    """A function that opens a client whose token has those claims."""

    def open_client(place=None, **claims):
        return connect(place, {"token": make_token(**claims)})

    # Nobody is let in before the issuer is known there.
    for place in bus.places:
        wait_until(lambda place=place: lets_in(connect, place, SECRET), "the issuer is known")
    return open_client


def lets_in(connect, place, secret, **claims):
    try:
        connect(place, {"token": make_token(secret, sub="u", **claims)})
    except ConnectionClosed as closed:
        assert closed.rcvd.code == 4403
        return False
    return True


def test_a_field_that_is_registered_meanwhile_serves_who_is_connected(bus, name, connect):
    clients = [connect(place) for place in bus.places]
    feed = Feed(bus, name)
    everywhere = [feed.subscribe(client) for client in clients]
    feed.publish(1)
    for taken in everywhere:
        assert taken.until(1) == [1]


def test_who_is_subscribed_is_told_when_its_field_is_gone(bus, feed, connect):
    everywhere = [feed.subscribe(connect(place)) for place in bus.places]
    feed.publish(1)
    bus.sql("SELECT fraiseql_unregister_subscription(%s)", (feed.name,))
    feed.publish(2)
    for taken in everywhere:
        assert taken.until(1) == [1]
        (error,) = taken.subscription.errors()
        assert feed.name in error["message"]
        taken.subscription.client.settle()
        assert not taken.subscription.messages


def test_no_event_behind_a_stricter_rule_reaches_whom_it_forbids(bus, name, log_in):
    feed = Feed(bus, name)
    listeners = [
        feed.subscribe(log_in(place, sub="u", tenant_id="b")) for place in bus.places for _ in "ab"
    ]
    with bus.connect() as connection:
        feed.publish(1, tenant_id="a", connection=connection)
        bus.register(f"{name}: Item", name, connection=connection, tenant_field="tenant_id")
        for n in range(2, 102):
            feed.publish(n, tenant_id="a", connection=connection)
        feed.publish(102, tenant_id="b", connection=connection)
    for taken in listeners:
        assert taken.until(102) == [1, 102]


def test_a_rule_holds_from_its_place_within_a_transaction_s_events(bus, name, log_in):
    """At its commit at the latest."""
    feed = Feed(bus, name)
    taken = feed.subscribe(log_in(sub="u", tenant_id="b"))
    with bus.connect(autocommit=False) as connection:
        bus.register(f"{name}: Item", name, connection=connection, tenant_field="tenant_id")
        feed.publish(1, tenant_id="a", connection=connection)
        feed.publish(2, tenant_id="b", connection=connection)
        connection.commit()
        feed.publish(3, tenant_id="a", connection=connection)
        feed.publish(4, tenant_id="b", connection=connection)
        connection.commit()
    numbers = taken.until(4)
    assert numbers == [2, 4]


def test_a_registration_that_is_rolled_back_changes_nothing(bus, feed, name, connect):
    taken = feed.subscribe(connect())
    with bus.connect(autocommit=False) as connection:
        connection.execute("SELECT fraiseql_unregister_subscription(%s)", (name,))
        bus.register(f"{name}gone: Item", name, connection=connection)
        connection.rollback()
    feed.publish(1)
    assert taken.until(1) == [1]
    (error,) = connect().subscribe(f"subscription {{ {name}gone {{ n }} }}").errors()
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_tenants_get_their_own_events(bus, name, log_in):
    feed = Feed(bus, name, tenant_field="tenant_id")
    tenants = {
        tenant: feed.subscribe(log_in(place, sub="u", tenant_id=tenant))
        for tenant, place in zip("ab", bus.places, strict=True)
    }
    for n in range(1, 21):
        feed.publish(n, tenant_id="ab"[n % 2])
    feed.publish(21)
    for n, tenant in ((22, "a"), (23, "b")):
        feed.publish(n, tenant_id=tenant)
    assert tenants["a"].until(22) == [*range(2, 21, 2), 22]
    assert tenants["b"].until(23) == [*range(1, 21, 2), 23]


def test_a_row_filter_lets_through_what_the_claims_name(bus, name, log_in):
    feed = Feed(bus, name, row_filter={"owner": "$.sub", "region": "$.regions"})
    taken = feed.subscribe(log_in(sub="u1", regions=["eu", "us"]))
    for n, (owner, region) in enumerate(
        [("u2", "eu"), ("u1", "ap"), ("u1", None), ("u1", "us"), (["u3", "u1"], ["ap", "eu"])]
    ):
        feed.publish(n, owner=owner, region=region)
    assert taken.until(4) == [3, 4]


def test_a_role_of_a_registration_is_demanded(bus, name, connect, log_in):
    feed = Feed(bus, name, roles=["clerk"])
    query = f"subscription {{ {name} {{ n }} }}"
    taken = feed.subscribe(log_in(sub="u", roles=["clerk"]))
    for client, reason in ((connect(), "UNAUTHENTICATED"), (log_in(sub="u"), "ROLE_REQUIRED")):
        (error,) = client.subscribe(query).errors()
        assert error["extensions"] == {"code": "FORBIDDEN", "reason": reason}
    feed.publish(1)
    assert taken.until(1) == [1]


def test_a_token_by_another_s_key_or_from_the_past_is_refused(bus, connect, log_in):
    for place in bus.places:
        assert not lets_in(connect, place, OTHER_SECRET)
        assert not lets_in(connect, place, SECRET, expires_in=-3600)


def test_an_issuer_that_comes_and_goes_is_known_wherever_clients_are(bus, name, connect):
    bus.sql("SELECT fraiseql_register_issuer(%s, %s, secret => %s)", (name, name, OTHER_SECRET))

    def is_known(place):
        return lets_in(connect, place, OTHER_SECRET, iss=name)

    for place in bus.places:
        wait_until(lambda place=place: is_known(place), "the issuer is known")
    bus.sql("SELECT fraiseql_unregister_issuer(%s)", (name,))
    for place in bus.places:
        wait_until(lambda place=place: not is_known(place), "the issuer is gone")


def test_a_limit_that_is_set_holds_wherever_clients_are(bus, feed, name, connect, log_in):
    for place in bus.places:
        feed.subscribe(connect(place))
    bus.sql("SELECT fraiseql_set_limits(%s, '{\"subscriptions_per_user\": 1}')", (name,))
    query = f"subscription {{ {name} {{ n }} }}"
    for place in bus.places:

        def is_limited(place=place):
            client = log_in(place, sub=name, roles=[name])
            client.subscribe(query)
            return client.subscribe(query).messages

        (message,) = wait_until(is_limited, "the limit holds")
        assert message["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED", message
        subscribe(connect(place), query)
