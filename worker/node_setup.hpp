// What a node without a database is made from.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/base/kept_process.hpp"
#include "worker/base/options.hpp"
#include "worker/bus/bus_counters.hpp"
#include "worker/bus/bus_reader.hpp"
#include "worker/service_manager.hpp"

namespace fsubs {

// Why no node can be started with these options, a line each; empty: one can, as far as can be seen
// before it listens. TLS is not looked at.
std::vector<std::string> FindNodeProblems(const Options& options, const PassedSockets& sockets);

// `dialer` connects to what `bus_url` names, and the bus counts in `counters`, which outlive it.
// Returns null, and says why in `*error`, if it cannot be made. REQUIRES: FindNodeProblems has
// found none.
std::unique_ptr<BusReader> MakeBusReader(const Options& options, const PassedSockets& sockets,
                                         KeptProcess dialer, BusCounters* counters,
                                         std::string* error);

// The directories of the files that are read again at SIGHUP. Not of the files themselves: one that
// is replaced is another.
std::vector<std::string> DirectoriesToRead(const Options& options);

}  // namespace fsubs
