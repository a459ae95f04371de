#include "worker/shard/client_clocks.hpp"

#include <algorithm>

#include "contract/ring_layout.hpp"

namespace fsubs {
namespace {

// Clients are looked at in this many slices of the interval, not all at once.
constexpr size_t kSlices = 8;

// A socket is looked at this many times before it is found to have stood still.
constexpr size_t kProgressChecks = 4;

// Run `check` `parts` times per interval.
void StartTimer(uv_timer_t* timer, uint64_t interval_ms, size_t parts, uv_timer_cb check) {
  uv_timer_stop(timer);
  if (interval_ms == 0) return;
  const uint64_t period = std::max<uint64_t>(1, interval_ms / parts);
  uv_timer_start(timer, check, period, period);
}

// Ids of one shard's clients are kMaxShards apart, so neighbours fall into different slices.
size_t SliceOf(uint64_t client) {
  return client / kMaxShards % kSlices;
}

}  // namespace

void ClientClocks::Attach(uv_loop_t* loop) {
  for (uv_timer_t* timer : {&init_timer_, &keepalive_timer_, &progress_timer_}) {
    uv_timer_init(loop, timer);
    timer->data = this;
  }
}

void ClientClocks::SetIntervals(const Intervals& intervals) {
  // Timers that were started anew at each reload would never fire if reloads came often.
  if (intervals == intervals_) return;
  intervals_ = intervals;
  CloseLate();
  progress_looked_ms_ = uv_now(progress_timer_.loop);
  StartTimer(&keepalive_timer_, intervals.keepalive_ms, kSlices,
             [](uv_timer_t* timer) { static_cast<ClientClocks*>(timer->data)->CheckSlice(); });
  StartTimer(&progress_timer_, intervals.slow_timeout_ms, kProgressChecks,
             [](uv_timer_t* timer) { static_cast<ClientClocks*>(timer->data)->CheckProgress(); });
}

void ClientClocks::AwaitInit(uint64_t client) {
  initialising_.push_back({uv_now(init_timer_.loop), client});
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&init_timer_))) return;
  StartInitTimer(intervals_.init_timeout_ms);
}

void ClientClocks::StartInitTimer(uint64_t wait_ms) {
  uv_timer_start(
      &init_timer_, [](uv_timer_t* timer) { static_cast<ClientClocks*>(timer->data)->CloseLate(); },
      wait_ms, 0);
}

void ClientClocks::CloseLate() {
  const uint64_t now = uv_now(init_timer_.loop);
  while (!initialising_.empty()) {
    const auto [connected_ms, id] = initialising_.front();
    const auto found = clients_->find(id);
    const bool waits = found != clients_->end() && found->second->waits_for_init();
    if (waits && connected_ms + intervals_.init_timeout_ms > now) {
      StartInitTimer(connected_ms + intervals_.init_timeout_ms - now);
      return;
    }
    initialising_.pop_front();
    if (waits) found->second->OnInitTimeout();
  }
}

void ClientClocks::CheckSlice() {
  slice_ = (slice_ + 1) % kSlices;
  for (const auto& [id, client] : *clients_) {
    if (SliceOf(id) == slice_) client->OnKeepalive();
  }
}

void ClientClocks::CheckProgress() {
  const uint64_t now = uv_now(progress_timer_.loop);
  // While the worker itself stood still no client could show that it reads.
  const uint64_t passed = std::min(now - progress_looked_ms_, intervals_.slow_timeout_ms / 2);
  progress_looked_ms_ = now;
  for (const auto& [id, client] : *clients_) {
    client->CheckProgress(passed, intervals_.slow_timeout_ms);
  }
}

}  // namespace fsubs
