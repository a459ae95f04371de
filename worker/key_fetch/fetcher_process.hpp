// The fetcher's process. It is the worker's child, so that the worker itself can be forbidden to
// connect to anybody.
//
// Between them is a process that does nothing but start another fetcher when one has crashed, which
// the worker may be forbidden as well. Neither outlives the worker.
#pragma once

#include <sys/types.h>

#include <string>

#include "worker/key_fetch/fetcher.hpp"

namespace fsubs {

struct FetcherProcess {
  pid_t pid = -1;    // of the process between
  int channel = -1;  // the worker's end (fetch_protocol.hpp), which does not block
};

// Returns one without a channel, and says why in `*error`, if it could not be started.
// REQUIRES: there is no thread yet.
FetcherProcess StartFetcher(Confinement confinement, std::string* error);

}  // namespace fsubs
