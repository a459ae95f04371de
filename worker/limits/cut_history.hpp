// Which events of one subscription its rates have cut: the latest runs of them, each without an
// event between that was delivered.
//
// One shard's thread only.
#pragma once

#include <array>
#include <cstddef>

#include "contract/ring_layout.hpp"

namespace fsubs {

class CutHistory {
 public:
  static constexpr size_t kRuns = 16;

  // Positions ascend from call to call.
  void AddCut(Position position);
  void AddDelivered() { is_open_ = false; }

  // Both of an event that was for the subscription.
  bool IsCut(Position position) const;
  // It is too old to tell.
  bool MayBeCut(Position position) const { return position <= forgotten_to_; }

 private:
  struct Run {
    Position first = 0;
    Position last = 0;
  };
  std::array<Run, kRuns> runs_;  // a circle
  size_t count_ = 0;             // runs ever; the latest is the one before
  bool is_open_ = false;         // the next cut is of the latest run
  Position forgotten_to_ = 0;    // the last cut of which no run is kept
};

}  // namespace fsubs
