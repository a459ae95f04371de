// What a bus has brought to a standby ahead of the WAL: events wait here until the standby has
// replayed their commits, so that a client that queries it sees what an event tells of.
//
// One thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "worker/bus/private_ring.hpp"

namespace fsubs {

class ReplayQueue {
 public:
  // What need not wait any more, in the order in which it was added.
  struct Sink {
    std::function<void(std::span<const BusEvent>)> on_events;
    std::function<void(std::string snapshot_json)> on_catalog;
  };

  // Copies what the events' views point to.
  void Add(std::span<const BusEvent> events);
  // A catalog waits for nothing but the events before it.
  void AddCatalog(std::string snapshot_json);

  // Hand out what waits for no more than `replayed_lsn`, and nothing behind an event that waits for
  // more. An event that will never be replayed is handed out as a loss: its source has ended with
  // WAL that this standby did not get, and what the next source committed instead is replayed.
  void Release(uint64_t replayed_lsn, const Sink& sink);

  void Clear();

  bool empty() const { return items_.empty(); }
  size_t events() const { return events_; }
  // Of the records, as Room counts them.
  uint64_t bytes() const { return bytes_; }

 private:
  struct Item {
    std::optional<std::string> catalog;  // none: an event
    std::vector<uint64_t> bytes;         // that the event's views point to
    BusEvent event;
    uint64_t lsn = 0;  // 0: it waits for nothing
  };
  // Items of one source, which follow each other.
  struct Run {
    uint64_t epoch;
    size_t items = 0;
    uint64_t least_lsn = UINT64_MAX;
  };

  bool IsAbandoned(uint64_t replayed_lsn) const;
  void DropFront();

  std::deque<Item> items_;
  std::deque<Run> runs_;
  size_t events_ = 0;
  uint64_t bytes_ = 0;
  uint64_t lost_ = 0;  // to be told with the next event
};

}  // namespace fsubs
