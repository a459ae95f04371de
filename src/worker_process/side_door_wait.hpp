// How a procedure waits for the worker, in between whiles without a snapshot.
#pragma once

#include "src/base/pg_compat.hpp"
#include "src/base/wait_events.hpp"
#include "src/worker_process/side_door_client.hpp"

namespace fsubs {

// Raises an error unless the procedure may end its transaction: it was called by CALL, and not in a
// transaction block. `name` is the procedure's.
void RequireNonatomic(FunctionCallInfo call, const char* name);

// End the transaction of such a procedure, and with it its snapshot, and begin another.
void CommitBeforeWaiting();

// What a backend waits for between two messages of the worker on one of its connections: that, an
// interrupt, the end of the client.
class SideDoorWait {
 public:
  // In the current memory context, and freed with it, as is `door`.
  static SideDoorWait* Make(const SideDoorClient* door, Wait wait);

  // Wait until something of that has come, or the deadline. May return early. Raises what an
  // interrupt asks for; a client that is gone is one.
  void Once(Deadline deadline);

 private:
  explicit SideDoorWait(Wait wait) : wait_(wait) {}
  static void Free(void* wait);

  const Wait wait_;
  WaitEventSet* events_ = nullptr;
  MemoryContextCallback free_{};
};

}  // namespace fsubs
