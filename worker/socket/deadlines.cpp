#include "worker/socket/deadlines.hpp"

namespace fsubs {
namespace {

constexpr std::array<uint64_t, kDeadlineKinds> kDurationsMs = {
    10'000,  // kHead
    20'000,  // kBody
    30'000,  // kIdle
    30'000,  // kReply
    5'000,   // kClose
};

// Nobody minds being late by this much, and it bounds how often the loop wakes up for it.
constexpr uint64_t kTickMs = 250;

}  // namespace

Deadlines::Deadlines(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
}

void Deadlines::Start(Timed* timed, DeadlineKind kind) {
  Stop(timed);
  List& list = lists_[static_cast<size_t>(kind)];
  timed->kind_ = kind;
  timed->due_ms_ = uv_now(timer_.loop) + kDurationsMs[static_cast<size_t>(kind)];
  timed->before_ = list.last;
  timed->behind_ = nullptr;
  timed->waits_ = true;
  (list.last != nullptr ? list.last->behind_ : list.first) = timed;
  list.last = timed;
  if (waiting_++ > 0) return;
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<Deadlines*>(timer->data)->Check(); }, kTickMs,
      kTickMs);
}

void Deadlines::Stop(Timed* timed) {
  if (!timed->waits_) return;
  List& list = lists_[static_cast<size_t>(timed->kind_)];
  (timed->before_ != nullptr ? timed->before_->behind_ : list.first) = timed->behind_;
  (timed->behind_ != nullptr ? timed->behind_->before_ : list.last) = timed->before_;
  timed->waits_ = false;
  if (--waiting_ == 0) uv_timer_stop(&timer_);
}

void Deadlines::Check() {
  const uint64_t now = uv_now(timer_.loop);
  for (List& list : lists_) {
    while (list.first != nullptr && list.first->due_ms_ <= now) {
      Timed* const late = list.first;
      Stop(late);
      late->OnLate();
    }
  }
}

}  // namespace fsubs
