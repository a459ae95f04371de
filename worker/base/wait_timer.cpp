#include "worker/base/wait_timer.hpp"

namespace fsubs {

void WaitTimer::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
}

void WaitTimer::Start() {
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&timer_)) != 0) return;
  uv_timer_start(
      &timer_,
      [](uv_timer_t* timer) {
        if (!static_cast<WaitTimer*>(timer->data)->look_()) uv_timer_stop(timer);
      },
      interval_ms_, interval_ms_);
}

}  // namespace fsubs
