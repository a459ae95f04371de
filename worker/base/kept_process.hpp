// A process of the worker's own that does what the worker itself may be forbidden, and is started
// again when it has crashed.
//
// Between the two is a process that does nothing but that, which the worker may be forbidden as
// well. Neither outlives the worker.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace fsubs {

struct KeptProcess {
  pid_t pid = -1;    // of the process between
  int channel = -1;  // the worker's end of a SOCK_SEQPACKET pair, which does not block
};

// Run `body` with the other end of the channel in a process that shows as `name`, until it ends
// while the worker's end is closed. Of what the worker has open it has nothing but standard error.
// Returns one without a channel, and says why in `*error`, if it could not be started.
// REQUIRES: there is no thread yet.
KeptProcess StartKeptProcess(const char* name, const std::function<void(int channel)>& body,
                             std::string* error);

}  // namespace fsubs
