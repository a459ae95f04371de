// What happens to clients because time passes: those that do not present themselves in time, or
// whose sockets take nothing for long, are closed, and each is looked at once per keep-alive
// interval.
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

  struct Intervals {
    uint64_t init_timeout_ms = 0;
    uint64_t keepalive_ms = 0;     // 0: never
    uint64_t slow_timeout_ms = 0;  // how long a socket may take nothing
    bool operator==(const Intervals&) const = default;
  };
  // New ones count for clients that are connected too.
  void SetIntervals(const Intervals& intervals);

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
  void CheckProgress();

  const ClientMap* const clients_;
  Intervals intervals_;
  uv_timer_t init_timer_{};
  uv_timer_t keepalive_timer_{};
  uv_timer_t progress_timer_{};
  std::deque<Initialising> initialising_;  // the oldest first; some are done, or have left
  size_t slice_ = 0;
  uint64_t progress_looked_ms_ = 0;
};

}  // namespace fsubs
