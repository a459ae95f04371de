// What this extension's processes and sessions wait for, as pg_stat_activity names it.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

enum class Wait {
  kRingRoom,     // a commit: for room in the event ring
  kCommitOrder,  // a commit: for one whose changes it could see, to write its events
  kLauncher,     // the launcher: for something to do
  kExecutor,     // the executor: for the worker, or for a request of it
  kSideDoor,     // a session: for the worker's answer
  kSessionLink,  // a session that hosts the worker's clients: for frames for them
};

// For PostgreSQL's functions that wait. Its versions before 17 know one event for all extensions.
// The first call of a process for each may raise an error.
uint32_t WaitEventOf(Wait wait);

}  // namespace fsubs
