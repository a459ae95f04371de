#include "worker/shard/memory_return.hpp"

namespace fsubs {

void MemoryReturn::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<MemoryReturn*>(timer->data)->Check(); },
      limits_.interval_ms, limits_.interval_ms);
}

void MemoryReturn::Check() {
  shrunk_ += sink_->OnShrink();
  if (rest_ms_ > limits_.interval_ms) {
    rest_ms_ -= limits_.interval_ms;
    return;
  }
  const size_t ended = counters_->memory_peak.get() - counters_->memory.get();
  if (shrunk_ + ended < limits_.trim_bytes) return;
  shrunk_ = 0;
  counters_->memory_peak.Set(counters_->memory.get());
  rest_ms_ = sink_->OnTrim() * limits_.rest;
}

}  // namespace fsubs
