// What happens to clients because time passes: one that does not present itself in time is closed,
// and each is looked at once per keep-alive interval.
//
// One shard's thread only.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <deque>

#include "worker/client/client.hpp"

namespace fsubs {

class ClientClocks {
 public:
  // `clients` are those of the shard.
  explicit ClientClocks(const ClientMap* clients) : clients_(clients) {}
  ClientClocks(const ClientClocks&) = delete;
  ClientClocks& operator=(const ClientClocks&) = delete;

  // Keep time on `loop`, which the clocks do not outlive.
  void Attach(uv_loop_t* loop);

  // In milliseconds; a keep-alive interval of 0 is never. A new init timeout counts for clients
  // that are connected too.
  void SetIntervals(uint64_t init_timeout_ms, uint64_t keepalive_interval_ms);

  // A client has connected that must present itself.
  void AwaitInit(uint64_t client);

 private:
  struct Initialising {
    uint64_t connected_ms;
    uint64_t client;
  };

  void CloseLate();
  void StartInitTimer(uint64_t wait_ms);
  void CheckSlice();

  const ClientMap* const clients_;
  uint64_t init_timeout_ms_ = 0;
  uv_timer_t init_timer_{};
  uv_timer_t keepalive_timer_{};
  std::deque<Initialising> initialising_;  // the oldest first; some are done, or have left
  size_t slice_ = 0;
};

}  // namespace fsubs
