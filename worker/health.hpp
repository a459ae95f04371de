// What /readyz says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "contract/ring_layout.hpp"

namespace fsubs {

struct WorkerState {
  bool draining = false;
  bool has_catalog = false;
};

// Why events cannot flow to the clients of all shards, on one line; empty: they can. The shards are
// the first `shards` of the page, and `now_ms` is of the clock of heartbeats. Any thread.
std::string FindTrouble(const WorkerState& state, const ReaderPage& page, size_t shards,
                        uint64_t now_ms);

}  // namespace fsubs
