// The function that the setting fraiseql_subs.authenticate names. It decides on each client that
// logs in, and on its claims.
//
// Nothing of what the worker sends chooses what runs: it gives the arguments, and no more.
#pragma once

#include "contract/side_door_protocol.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

// Both of these need a transaction.

// Log a warning if the function cannot be called.
void WarnUnlessCallable();

// Call it with the arguments in a message of the worker's. Returns the claims, a JSON object, in
// the current memory context; null: it refuses the client.
const char* CallAuthenticate(Jsonb* message);

}  // namespace fsubs
