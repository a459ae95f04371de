// How long one kind of work takes in a turn of the loop, so that other kinds get their share.
//
// Loop thread only.
#pragma once

#include <uv.h>

#include <cstdint>

namespace fsubs {

class TurnTime {
 public:
  // `loop` outlives this, which lives until the process ends.
  explicit TurnTime(uv_loop_t* loop) {
    uv_prepare_init(loop, &waiting_begins_);
    waiting_begins_.data = this;
    uv_prepare_start(&waiting_begins_, [](uv_prepare_t* handle) {
      static_cast<TurnTime*>(handle->data)->spent_ns_ = 0;
    });
  }
  TurnTime(const TurnTime&) = delete;
  TurnTime& operator=(const TurnTime&) = delete;

  // Whether the rest is for the next turn, which begins when the loop waits.
  bool is_over() const { return spent_ns_ >= kTurnNs; }

  template <typename Function>
  void Spend(Function function) {
    const uint64_t begun = uv_hrtime();
    function();
    spent_ns_ += uv_hrtime() - begun;
  }

 private:
  // In time and not in work: a few bytes of GraphQL can be a thousand times as much work as others,
  // and that is known only afterwards.
  static constexpr uint64_t kTurnNs = 4'000'000;

  uv_prepare_t waiting_begins_;
  uint64_t spent_ns_ = 0;
};

}  // namespace fsubs
