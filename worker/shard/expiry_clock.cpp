#include "worker/shard/expiry_clock.hpp"

#include <algorithm>

namespace fsubs {
namespace {

// Any number of tokens may expire at once, and the others must get their turn.
constexpr size_t kClientsPerTurn = 200;

// The timer counts the time that passes, and tokens the time of day, which may be set meanwhile.
constexpr int64_t kLongestWaitMs = 10'000;

constexpr int64_t kUsPerMs = 1000;
constexpr int64_t kAtOnce = 0;

}  // namespace

void ExpiryClock::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
}

void ExpiryClock::Watch(uint64_t client) {
  Put(client, kAtOnce);
  Arm();
}

void ExpiryClock::Forget(uint64_t client) {
  const auto found = times_.find(client);
  if (found == times_.end()) return;
  due_.erase({found->second, client});
  times_.erase(found);
}

void ExpiryClock::WatchAll() {
  due_.clear();
  for (auto& [client, at_us] : times_) {
    at_us = kAtOnce;
    due_.emplace(at_us, client);
  }
  Arm();
}

void ExpiryClock::Put(uint64_t client, int64_t at_us) {
  Forget(client);
  times_.emplace(client, at_us);
  due_.emplace(at_us, client);
}

void ExpiryClock::LookAtDue() {
  const int64_t now_us = now_us_();
  for (size_t i = 0; i < kClientsPerTurn && !due_.empty(); ++i) {
    const auto [at_us, id] = *due_.begin();
    if (at_us > now_us) break;
    Forget(id);
    const auto found = clients_->find(id);
    if (found == clients_->end()) continue;
    if (const auto next_us = found->second->CheckExpiry(now_us)) Put(id, *next_us);
  }
  Arm();
}

void ExpiryClock::Arm() {
  if (due_.empty()) {
    uv_timer_stop(&timer_);
    return;
  }
  const int64_t wait_ms = (due_.begin()->first - now_us_()) / kUsPerMs + 1;
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<ExpiryClock*>(timer->data)->LookAtDue(); },
      static_cast<uint64_t>(std::clamp<int64_t>(wait_ms, 1, kLongestWaitMs)), 0);
}

}  // namespace fsubs
