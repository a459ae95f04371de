"""What hosted.test.js serves: sockets of a web server, and nothing around them."""

from fraiseql_subs import SubscriptionManager
from fraiseql_subs.asgi import SubscriptionASGI

# By the variables of libpq, which test/e2e/run sets.
app = SubscriptionASGI(SubscriptionManager[None](conninfo=""))
