// Which system calls the process may still make (seccomp; docs/security.md).
#pragma once

#include <string>

namespace fsubs {

// What one of the processes needs beside reading, writing and waiting.
enum class Calls {
  kServe,      // takes connections, makes none
  kServeNode,  // the same, and wakes its shards itself
  kFetch,      // makes connections by IP, takes none
};

// From now on the kernel seems to have no io_uring. libuv makes a ring for each loop where it can,
// and ends the process if the ring cannot be used later; but what goes through a ring passes by the
// calls that RestrictSystemCalls looks at. Call before a loop is made. Returns what went wrong.
std::string ForbidIoRings();

// From now on all threads of the process make no other calls. One that takes over another program,
// process or memory, writes a file or, unless it fetches, connects somewhere ends the process by
// SIGSYS; others fail as if the kernel did not have them. Returns an empty string, or what went
// wrong.
std::string RestrictSystemCalls(Calls calls);

}  // namespace fsubs
