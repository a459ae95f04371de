// The memory and the descriptors that backends and the worker share. The postmaster makes them at
// its start, and again with a new epoch after a backend has crashed. A worker from before the crash
// holds the old ring and cannot touch the new one.
#pragma once

#include "contract/ring_layout.hpp"
#include "contract/wake_queue.hpp"
#include "src/base/memory_file.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

struct SharedRing {
  RingHeader* ring;
  ReaderPage* reader_page;
  int ring_fd;         // nobody can write through it
  int reader_page_fd;  // of a size that nobody can change
  int shards;          // = fraiseql_subs.worker_threads
  WakeQueue wake_queues[kMaxShards];
  LWLock* lock;  // held by the one writer of the ring
};

// Ask for the shared memory and the lock, and have the ring made when PostgreSQL makes its own
// shared memory. Call once, from _PG_init in the postmaster.
void RegisterSharedMemory();

// The ring of this server; constant in every process forked from the postmaster. All descriptors
// are close-on-exec. REQUIRES: RegisterSharedMemory was called and shared memory exists.
const SharedRing& GetSharedRing();

// Whether this library was preloaded and this session is connected to the database that
// fraiseql_subs.database names: only then do events go anywhere. Cheap after its first success.
bool IsServing();

// Report at `level`, below ERROR, why events of this session go nowhere and what to change, unless
// they go somewhere.
void ReportElsewhere(int level);

// Raise an error that says what to change unless this library was preloaded.
void RequirePreloaded();

}  // namespace fsubs
