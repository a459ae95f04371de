// The age of a heartbeat (Heartbeats in contract/ring_layout.hpp), for both sides.
#pragma once

#include <chrono>
#include <cstdint>

namespace fsubs {

// What heartbeats count: CLOCK_MONOTONIC, which all processes of a machine share.
inline uint64_t MonotonicMs() {
  using std::chrono::milliseconds;
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(since).count());
}

// Milliseconds between a beat and now. A beat of the future, which no honest worker stores, is new.
constexpr uint64_t HeartbeatAge(uint64_t beat_ms, uint64_t now_ms) {
  return beat_ms < now_ms ? now_ms - beat_ms : 0;
}

// A thread beats about this often, however busy it is.
inline constexpr uint64_t kHeartbeatIntervalMs = 1000;

// A thread whose beat is as old as this is said to stand still.
inline constexpr uint64_t kStandstillMs = 5000;

}  // namespace fsubs
