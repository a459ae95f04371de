// The keys that encrypt session tickets, by which clients that come back skip the costly half of a
// handshake. They change every hour and are never written down, so that who gets hold of one reads
// little with it.
#pragma once

#include <openssl/ssl.h>

namespace fsubs {

// Have `context` seal its tickets with keys of its own, which no other context takes: what clients
// must present may have changed. Returns whether there was memory for that.
[[nodiscard]] bool UseTicketKeys(SSL_CTX* context);

}  // namespace fsubs
