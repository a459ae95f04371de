// The sessions of this server.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Whether a process is connected to a database, and so may be committing: clients' backends and
// background workers, but not walsenders, which outlive all of these when the server is shut down.
bool HasSessions();

}  // namespace fsubs
