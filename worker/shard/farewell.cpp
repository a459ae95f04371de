#include "worker/shard/farewell.hpp"

namespace fsubs {
namespace {

// Counted for each look that is in time: while the worker itself stood still, no client could show
// that it is alive.
constexpr uint64_t kLookMs = 25;

}  // namespace

void Farewell::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
}

void Farewell::Start() {
  for (const auto& [id, client] : *clients_) {
    (void)client->TakeHeard();
    watched_[id] = {.untaken = client->untaken()};
  }
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<Farewell*>(timer->data)->Look(); }, kLookMs,
      kLookMs);
}

void Farewell::Look() {
  if (clients_->empty()) uv_timer_stop(&timer_);
  for (const auto& [id, client] : *clients_) {
    Watched& watched = watched_[id];
    const size_t untaken = client->untaken();
    const bool alive = client->TakeHeard() || untaken != watched.untaken;
    watched.untaken = untaken;
    watched.silent_ms = alive ? 0 : watched.silent_ms + kLookMs;
    const uint64_t patience = client->queued_bytes() == 0 ? kSilenceMs : kSilenceWithLossMs;
    if (watched.silent_ms >= patience) client->CutOff();
  }
}

}  // namespace fsubs
