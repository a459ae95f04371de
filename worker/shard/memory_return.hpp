// Gives back memory that was needed for a while: to the allocator now and then, and to the system
// once that is much.
//
// One shard's thread only.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>

#include "worker/base/counters.hpp"

namespace fsubs {

class MemoryReturn {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // Give back what parts keep for the next time and have not needed lately. Returns how many
    // bytes were given back since the last call.
    virtual size_t OnShrink() = 0;
    // Give free memory back to the system. Returns how long that took, in ms.
    virtual uint64_t OnTrim() = 0;
  };

  struct Limits {
    uint64_t interval_ms = 10'000;
    size_t trim_bytes = 16 * 1024 * 1024;
    // Between two trims, as a multiple of what the first one took. The shard stands still in one,
    // and clients that make it necessary again and again must not have it do little else.
    uint64_t rest = 200;
  };

  MemoryReturn(Limits limits, ShardCounters* counters, Sink* sink)
      : limits_(limits), counters_(counters), sink_(sink) {}
  MemoryReturn(const MemoryReturn&) = delete;
  MemoryReturn& operator=(const MemoryReturn&) = delete;

  // Keep time on `loop`, which this does not outlive.
  void Attach(uv_loop_t* loop);

 private:
  void Check();

  const Limits limits_;
  ShardCounters* const counters_;
  Sink* const sink_;
  uv_timer_t timer_{};
  size_t shrunk_ = 0;     // since the last trim
  uint64_t rest_ms_ = 0;  // until the next one
};

}  // namespace fsubs
