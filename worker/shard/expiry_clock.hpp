// Looks at clients whose identity expires when that is due.
//
// One shard's thread only.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>

#include "worker/base/clock.hpp"
#include "worker/client/client.hpp"

namespace fsubs {

class ExpiryClock {
 public:
  // `clients` are those of the shard. `now_us` is the wall clock.
  explicit ExpiryClock(const ClientMap* clients, int64_t (*now_us)() = NowUs)
      : clients_(clients), now_us_(now_us) {}
  ExpiryClock(const ExpiryClock&) = delete;
  ExpiryClock& operator=(const ExpiryClock&) = delete;

  // Keep time on `loop`, which the clock does not outlive.
  void Attach(uv_loop_t* loop);

  // Look at the client in the loop's next turn, and from then on whenever Client::CheckExpiry says.
  void Watch(uint64_t client);
  void Forget(uint64_t client);
  // Look anew at all that are watched.
  void WatchAll();

  // Of clients that are watched.
  size_t size() const { return times_.size(); }

 private:
  void Put(uint64_t client, int64_t at_us);
  void LookAtDue();
  void Arm();

  const ClientMap* const clients_;
  int64_t (*const now_us_)();
  uv_timer_t timer_{};
  // When each is to be looked at: in the order of time, and by client.
  std::set<std::pair<int64_t, uint64_t>> due_;
  std::unordered_map<uint64_t, int64_t> times_;
};

}  // namespace fsubs
