// Waits for clients that were told goodbye, and cuts off those that do nothing any more: one that
// is stopped, or whose machine is gone, must not keep the server from shutting down.
//
// One shard's thread only.
#pragma once

#include <uv.h>

#include <cstdint>
#include <unordered_map>

#include "worker/client/client.hpp"

namespace fsubs {

class Farewell {
 public:
  // How long a client may neither take nor send anything. What the kernel has still reaches one
  // that is cut off, so one for which nothing else waits loses nothing.
  static constexpr uint64_t kSilenceMs = 100;
  static constexpr uint64_t kSilenceWithLossMs = 1000;

  // `clients` are those of the shard.
  explicit Farewell(const ClientMap* clients) : clients_(clients) {}
  Farewell(const Farewell&) = delete;
  Farewell& operator=(const Farewell&) = delete;

  // Keep time on `loop`, which this does not outlive.
  void Attach(uv_loop_t* loop);

  // All clients were told goodbye.
  void Start();

 private:
  struct Watched {
    size_t untaken = 0;
    uint64_t silent_ms = 0;
  };

  void Look();

  const ClientMap* const clients_;
  std::unordered_map<uint64_t, Watched> watched_;  // by id
  uv_timer_t timer_{};
};

}  // namespace fsubs
