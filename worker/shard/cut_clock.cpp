#include "worker/shard/cut_clock.hpp"

namespace fsubs {
namespace {

constexpr uint64_t kWaitMs = 1000;

// Clients that are told before others get their turn.
constexpr size_t kClientsPerTurn = 200;

}  // namespace

void CutClock::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
}

void CutClock::Add(uint64_t client) {
  waiting_.push_back({uv_now(timer_.loop) + kWaitMs, client});
  if (waiting_.size() == 1) StartTimer();
}

void CutClock::StartTimer() {
  const uint64_t now = uv_now(timer_.loop);
  const uint64_t due = waiting_.front().due_ms;
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<CutClock*>(timer->data)->Tell(); },
      due > now ? due - now : 0, 0);
}

void CutClock::Tell() {
  const uint64_t now = uv_now(timer_.loop);
  for (size_t told = 0; told < kClientsPerTurn && !waiting_.empty(); ++told) {
    const auto [due_ms, id] = waiting_.front();
    if (due_ms > now) break;
    const auto found = clients_->find(id);
    if (found != clients_->end()) found->second->TellCuts();
    waiting_.pop_front();
  }
  if (!waiting_.empty()) StartTimer();
}

}  // namespace fsubs
