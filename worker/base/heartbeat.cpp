#include "worker/base/heartbeat.hpp"

#include "contract/heartbeat.hpp"

namespace fsubs {

void Heartbeat::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
  uv_timer_start(
      &timer_,
      [](uv_timer_t* timer) {
        std::atomic<uint64_t>* const beat_ms = static_cast<Heartbeat*>(timer->data)->beat_ms_;
        beat_ms->store(MonotonicMs(), std::memory_order_relaxed);
      },
      0, kHeartbeatIntervalMs);
}

}  // namespace fsubs
