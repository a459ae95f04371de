// Tells of lost events in the log, at a bounded rate.
//
// One shard's thread only.
#pragma once

#include <uv.h>

#include <cstdint>

namespace fsubs {

class LossLog {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // `lost` events were lost since the last call.
    virtual void OnLossDue(uint64_t lost) = 0;
  };

  LossLog(uint64_t interval_ms, Sink* sink) : interval_ms_(interval_ms), sink_(sink) {}
  LossLog(const LossLog&) = delete;
  LossLog& operator=(const LossLog&) = delete;

  // Keep time on `loop`, which this does not outlive.
  void Attach(uv_loop_t* loop);

  // Tell the sink of `lost` events: now, unless it was called within the interval; then at its end,
  // with all that were lost meanwhile.
  void Add(uint64_t lost);

 private:
  void Tell();

  const uint64_t interval_ms_;
  Sink* const sink_;
  uint64_t untold_ = 0;
  uv_timer_t timer_{};  // active for the interval after a call
};

}  // namespace fsubs
