"""Subscriptions without a socket: in a program that wants the events itself."""

import json

from fraiseql_subs import SubscriptionExecutor, SubscriptionManager

QUERY = "subscription { orderUpdated { id status } }"


# [start:executor]
def follow(conninfo: str, count: int) -> list[str]:
    with SubscriptionExecutor(conninfo=conninfo) as executor:
        executor.register_subscription("job", "orders", QUERY, user_id="7")
        executor.publish_event("orderUpdated", "orders", {"id": 1, "status": "paid"})
        messages = [executor.next_event("orders", timeout=10) for _ in range(count)]
    return [
        json.loads(message)["payload"]["data"]["orderUpdated"]["status"]
        for message in messages
        if message
    ]


# [end:executor]


# [start:manager]
async def follow_async(manager: SubscriptionManager[None], count: int) -> list[bytes]:
    await manager.create_subscription("orders", "job", QUERY)
    received: list[bytes] = []
    async for message in manager.events("orders"):
        received.append(message)
        if len(received) == count:
            break
    await manager.complete_subscription("orders")
    return received


# [end:manager]
