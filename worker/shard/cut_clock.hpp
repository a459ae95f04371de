// Clients that have something to tell of events cut by rates, each for when its second is over.
//
// One shard's thread only.
#pragma once

#include <uv.h>

#include <cstdint>
#include <deque>

#include "worker/client/client.hpp"

namespace fsubs {

class CutClock {
 public:
  // `clients` are those of the shard.
  explicit CutClock(const ClientMap* clients) : clients_(clients) {}
  CutClock(const CutClock&) = delete;
  CutClock& operator=(const CutClock&) = delete;

  // Keep time on `loop`, which the clock does not outlive.
  void Attach(uv_loop_t* loop);

  // Call client->TellCuts() in a second, unless it is gone by then.
  void Add(uint64_t client);

 private:
  struct Waiting {
    uint64_t due_ms;
    uint64_t client;
  };

  void StartTimer();
  void Tell();

  const ClientMap* const clients_;
  uv_timer_t timer_{};
  std::deque<Waiting> waiting_;  // the first due first
};

}  // namespace fsubs
