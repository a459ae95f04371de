// Shows that the thread of a loop has its turns.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>

namespace fsubs {

class Heartbeat {
 public:
  // `beat_ms`, the thread's word of Heartbeats (contract/ring_layout.hpp), outlives it.
  explicit Heartbeat(std::atomic<uint64_t>* beat_ms) : beat_ms_(beat_ms) {}
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  // Beat from the first turn of `loop` on, which the heartbeat does not outlive.
  void Attach(uv_loop_t* loop);

 private:
  std::atomic<uint64_t>* const beat_ms_;
  uv_timer_t timer_{};
};

}  // namespace fsubs
