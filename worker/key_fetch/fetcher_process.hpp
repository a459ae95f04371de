// The fetcher's process. It is the worker's child, so that the worker itself can be forbidden to
// connect to anybody.
#pragma once

#include <string>

#include "worker/base/kept_process.hpp"
#include "worker/key_fetch/fetcher.hpp"

namespace fsubs {

using FetcherProcess = KeptProcess;

// As StartKeptProcess; the worker's end of the channel is as in fetch_protocol.hpp.
FetcherProcess StartFetcher(Confinement confinement, std::string* error);

}  // namespace fsubs
