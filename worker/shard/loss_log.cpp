#include "worker/shard/loss_log.hpp"

#include <utility>

namespace fsubs {

void LossLog::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
}

void LossLog::Add(uint64_t lost) {
  untold_ += lost;
  if (!uv_is_active(reinterpret_cast<uv_handle_t*>(&timer_))) Tell();
}

void LossLog::Tell() {
  if (untold_ == 0) return;
  sink_->OnLossDue(std::exchange(untold_, 0));
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<LossLog*>(timer->data)->Tell(); }, interval_ms_,
      0);
}

}  // namespace fsubs
