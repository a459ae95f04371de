// The background worker that reads the served database for the worker program: it connects to the
// worker's Unix socket and answers each request in a transaction of its own. It also looks every
// few seconds whether the catalog has changed, which covers what queues no record in the ring: DROP
// EXTENSION, replay on a standby, tables loaded with triggers off.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Ask the postmaster for an executor. It is not restarted when it ends; this process's latch is set
// when it starts and when it ends. Returns null if there is no free background worker slot.
BackgroundWorkerHandle* TryStartExecutor();

}  // namespace fsubs
