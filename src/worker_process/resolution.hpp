// The functions that resolve subscription fields in the database.
//
// Nothing of what the worker sends chooses what runs but the field: the catalog says which function
// is that field's.
#pragma once

#include "contract/side_door_protocol.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

// Milliseconds that a message of the worker's leaves for the call.
int TimeoutOf(Jsonb* message);

// What a call came to, as a member of a result: JSON in UTF-8, in the current memory context.
struct Resolution {
  const char* value;    // or that the event is skipped; null: there is none
  const char* failure;  // why there is none, if it is not to be masked; null otherwise
};

// Call the field's function with the arguments in the message, in the current transaction. An error
// is raised again, whether `failure` tells of it or not; one for the client is not logged.
void CallResolver(Jsonb* message, Resolution* resolution);

}  // namespace fsubs
