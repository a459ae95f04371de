// The background workers that use the served database for the worker program: they connect to the
// worker's Unix socket and answer each request in a transaction of its own.
//
// One reads the catalog. It also looks every few seconds whether that has changed, which covers
// what queues no record in the ring: DROP EXTENSION, replay on a standby, tables loaded with
// triggers off. Another calls the function that authenticates clients, where there is one, and
// others the functions that resolve fields: they may be slow, and the catalog must not wait for
// them.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

enum class ExecutorKind { kCatalog, kAuthenticator, kResolver };

// What the process is called.
const char* NameOf(ExecutorKind kind);

// Ask the postmaster for an executor. It is not restarted when it ends; this process's latch is set
// when it starts and when it ends. Returns null if there is no free background worker slot.
BackgroundWorkerHandle* TryStartExecutor(ExecutorKind kind);

}  // namespace fsubs
