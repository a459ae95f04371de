#include "worker/shard/client_clocks.hpp"

#include <algorithm>

#include "contract/ring_layout.hpp"

namespace fsubs {
namespace {

// Clients are looked at in this many slices of the interval, not all at once.
constexpr size_t kSlices = 8;

// Ids of one shard's clients are kMaxShards apart, so neighbours fall into different slices.
size_t SliceOf(uint64_t client) {
  return client / kMaxShards % kSlices;
}

}  // namespace

void ClientClocks::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &init_timer_);
  uv_timer_init(loop, &keepalive_timer_);
  init_timer_.data = this;
  keepalive_timer_.data = this;
}

void ClientClocks::SetIntervals(uint64_t init_timeout_ms, uint64_t keepalive_interval_ms) {
  init_timeout_ms_ = init_timeout_ms;
  uv_timer_stop(&keepalive_timer_);
  if (keepalive_interval_ms == 0) return;
  const uint64_t period = std::max<uint64_t>(1, keepalive_interval_ms / kSlices);
  uv_timer_start(
      &keepalive_timer_,
      [](uv_timer_t* timer) { static_cast<ClientClocks*>(timer->data)->CheckSlice(); }, period,
      period);
}

void ClientClocks::AwaitInit(uint64_t client) {
  initialising_.push_back({uv_now(init_timer_.loop), client});
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&init_timer_))) return;
  StartInitTimer(init_timeout_ms_);
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
    if (waits && connected_ms + init_timeout_ms_ > now) {
      StartInitTimer(connected_ms + init_timeout_ms_ - now);
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

}  // namespace fsubs
