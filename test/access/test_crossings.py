"""Two tenants share channels, types, plans and filters: no event crosses, whatever else happens.

Clients subscribe and unsubscribe, and fields are registered anew, while the events pass.
"""

import random
import threading
from functools import partial

from presented import payload, register

from cluster import wait_until

TENANTS = ("a", "b")
BATCH = 2000
FIELDS = {
    "strict": "tenant_field => 'tenant_id'",
    "shared": "tenant_field => 'tenant_id', shared => true",
    "owned": """row_filter => '{"tenant_id": "tenant"}'""",
}
TYPE = "type Item { id: ID! tenant_id: ID kind: Int }"

# What clients ask for: all of these are the same plan for both tenants.
SELECTION = "{ id tenant_id kind }"
FILTERS = ["", "(kind: 1)", "(where: {kind: {gte: 2}})", '(where: {id: {startsWith: "1"}})']


# Of the subscriptions that come and go, so many live at a time.
LIVE = 2


class Listener:
    """A client of a tenant that reads on a thread of its own, and subscribes as it goes."""

    def __init__(self, client, tenant, seed):
        self.client = client
        self.tenant = tenant
        self.foreign = [f'"tenant_id":"{other}"' for other in "abc" if other != tenant]
        self.choose = random.Random(seed)
        self.received = 0
        self.subscribed = 0
        self.crossed = []
        self.failed = []
        self.done = False
        self.live = []
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.client.start(f"subscription {{ it: strict {SELECTION} }}", id="strict")
        self.client.start("subscription { last { id } }", id="last")
        self.client.settle()
        self.thread.start()

    def churn(self):
        if len(self.live) == LIVE:
            self.client.send({"id": self.live.pop(0), "type": "complete"})
        self.subscribed += 1
        name = self.choose.choice(list(FIELDS))
        query = f"subscription {{ it: {name}{self.choose.choice(FILTERS)} {SELECTION} }}"
        self.live.append(f"c{self.subscribed}")
        self.client.send({"id": self.live[-1], "type": "subscribe", "payload": {"query": query}})

    def run(self):
        while not self.done:
            # Not parsed: it is to keep up with what comes.
            message = self.client.socket.recv(timeout=120)
            if '"next"' not in message:
                if '"error"' in message:
                    self.failed.append(message)
            elif message.startswith('{"id":"last"'):
                self.done = True
            elif any(tenant in message for tenant in self.foreign):
                self.crossed.append(message)
            else:
                self.received += 1
                if self.received % 500 == 0:
                    self.churn()


def publish(connection, first, count):
    connection.execute(
        """SELECT fraiseql_publish('changed', 'items', jsonb_build_object(
               'id', n, 'kind', n %% 4,
               'tenant_id', CASE n %% 5 WHEN 0 THEN NULL WHEN 1 THEN 'a' WHEN 2 THEN 'b'
                            WHEN 3 THEN 'c' ELSE 'a' END))
           FROM generate_series(%s::int, %s::int) AS n""",
        (first, first + count - 1),
    )


def register_fields(cluster):
    for name, rule in FIELDS.items():
        cluster.sql(
            f"""SELECT fraiseql_register_subscription(
                '{name}(kind: Int, where: ItemFilter): Item', 'items', {rule})"""
        )


def all_received(listeners, least):
    return all(listener.received >= least or listener.failed for listener in listeners)


def test_no_event_crosses_between_tenants(make_cluster, connect, seed, events):
    cluster = make_cluster(worker_threads=2, ring_size="256MB")
    register(cluster)
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPE,))
    register_fields(cluster)
    cluster.sql("SELECT fraiseql_register_subscription('last: Item', 'last')")
    listeners = []
    for number in range(2):
        for tenant in TENANTS:
            client = connect(cluster, init=False)
            client.init(payload({"sub": tenant + str(number), "tenant_id": tenant}))
            listeners.append(Listener(client, tenant, seed + len(listeners)))
    for listener in listeners:
        listener.start()
    with cluster.connect() as connection:
        for first in range(1, events + 1, BATCH):
            publish(connection, first, min(BATCH, events + 1 - first))
            if (first // BATCH) % 50 == 49:
                register_fields(cluster)
            # A fifth is for the tenant with the fewest. Readers that follow lose none.
            least = (first - BATCH * 20) // 5
            wait_until(partial(all_received, listeners, least), "the clients follow", timeout=120)
    cluster.sql("""SELECT fraiseql_publish('changed', 'last', '{"id": "last"}')""")
    wait_until(lambda: all(listener.done for listener in listeners), "all is read", timeout=300)
    print([(listener.tenant, listener.received) for listener in listeners])
    assert [listener.crossed[:3] for listener in listeners] == [[]] * len(listeners)
    assert [listener.failed[:3] for listener in listeners] == [[]] * len(listeners)
    assert all(listener.received > events // 5 for listener in listeners)
