// Looks after things that wait, such as for their time to run out, as long as there are any.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <utility>

namespace fsubs {

class WaitTimer {
 public:
  // `look` returns whether anything still waits.
  WaitTimer(uint64_t interval_ms, std::function<bool()> look)
      : interval_ms_(interval_ms), look_(std::move(look)) {}
  WaitTimer(const WaitTimer&) = delete;
  WaitTimer& operator=(const WaitTimer&) = delete;

  // Run on `loop`, which the timer does not outlive. Call once.
  void Attach(uv_loop_t* loop);
  // Something waits: look at every interval until nothing does. REQUIRES: Attach was called.
  void Start();

 private:
  const uint64_t interval_ms_;
  const std::function<bool()> look_;
  uv_timer_t timer_{};
};

}  // namespace fsubs
