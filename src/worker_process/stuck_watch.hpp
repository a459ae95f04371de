// Finds out that a thread of the worker stands still: its heartbeat does not change.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "contract/ring_layout.hpp"

namespace fsubs {

// Counts only the time between two looks, and of that no more than kMostCredited. So neither a
// suspended machine nor a process that looked at nothing for long makes a worker look stuck.
//
// The worker is not trusted: its beats are compared with those seen before, and nothing else is
// done with them.
class StuckWatch {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = Clock::duration;

  // Look about this often.
  static constexpr std::chrono::seconds kInterval{1};
  static constexpr std::chrono::seconds kMostCredited{2};
  // A thread that has not begun to beat may take this long at least: the worker starts.
  static constexpr std::chrono::seconds kStartPatience{60};

  struct Standstill {
    std::optional<size_t> shard;  // none: the control thread
    Duration lasted;
  };

  // A worker of `shards` shards starts, none of which has beaten yet.
  void Start(const Heartbeats& beats, size_t shards, Clock::time_point now) {
    shards_ = shards;
    looked_ = now;
    for (size_t i = 0; i <= shards; ++i) threads_[i] = {.beat = BeatOf(beats, i)};
  }

  // Returns the thread that has stood still for the longest time, if that has reached `timeout`; 0
  // is for ever, and what was counted is forgotten. REQUIRES: Start.
  std::optional<Standstill> Look(const Heartbeats& beats, Duration timeout, Clock::time_point now) {
    const Duration credited = std::min<Duration>(now - looked_, kMostCredited);
    looked_ = now;
    std::optional<Standstill> longest;
    for (size_t i = 0; i <= shards_; ++i) {
      Thread& thread = threads_[i];
      const uint64_t beat = BeatOf(beats, i);
      thread.still += credited;
      if (beat != thread.beat) thread = {.beat = beat, .has_beaten = true};
      if (timeout == Duration::zero()) thread.still = Duration::zero();
      if (timeout == Duration::zero() || thread.still < Allowed(thread, timeout)) continue;
      if (longest && longest->lasted >= thread.still) continue;
      const std::optional<size_t> shard = i < shards_ ? std::optional(i) : std::nullopt;
      longest = Standstill{.shard = shard, .lasted = thread.still};
    }
    return longest;
  }

 private:
  struct Thread {
    uint64_t beat = 0;
    Duration still{0};
    bool has_beaten = false;
  };

  static Duration Allowed(const Thread& thread, Duration timeout) {
    return thread.has_beaten ? timeout : std::max<Duration>(timeout, kStartPatience);
  }

  // The control thread stands behind the shards.
  uint64_t BeatOf(const Heartbeats& beats, size_t thread) const {
    const std::atomic<uint64_t>& beat = thread < shards_ ? beats.shards[thread] : beats.control;
    return beat.load(std::memory_order_relaxed);
  }

  size_t shards_ = 0;
  Clock::time_point looked_{};
  Thread threads_[kMaxShards + 1];
};

}  // namespace fsubs
