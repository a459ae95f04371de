// What /readyz says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "contract/ring_layout.hpp"

namespace fsubs {

enum class CatalogState : uint8_t {
  kUnread,       // no executor has told it yet, or since the database was gone
  kNoExtension,  // the extension is not created in the database
  kUnusable,     // it could not be read or served, and there is none from before
  kServed,
};

struct WorkerState {
  bool draining = false;
  CatalogState catalog = CatalogState::kUnread;
  uint64_t server_state = 0;  // RingHeader::server_state
  std::string_view database;  // the served one's name; empty: there is none
  bool reads_bus = false;     // events come by a bus, and not from this server
  std::string bus_trouble;    // why none come by it; empty: they do
};

// The shards that there are, and their beats.
struct ShardsSeen {
  std::span<const ShardSlot> slots;
  const Heartbeats* beats;
};

// Which shard has no turns, if one has none; empty: all have. As below.
std::string FindStandstill(const ShardsSeen& shards, uint64_t now_ms);

// Why events cannot flow to the clients of all shards, on one line; empty: they can. `now_ms` is of
// the clock of heartbeats. Any thread.
std::string FindTrouble(const WorkerState& state, const ShardsSeen& shards, uint64_t now_ms);

}  // namespace fsubs
