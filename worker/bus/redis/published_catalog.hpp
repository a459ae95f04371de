// The catalog that a source has put into Redis, by which nodes serve its events.
#pragma once

#include <cstdint>
#include <string>

#include "contract/ring_layout.hpp"
#include "worker/bus/redis/pipeline.hpp"
#include "worker/bus/redis/redis_keys.hpp"
#include "worker/bus/redis/reply.hpp"

namespace fsubs {

class PublishedCatalog {
 public:
  // `keys` outlive it. `since_us` tells this worker from others of the same source.
  PublishedCatalog(const RedisKeys* keys, std::string epoch, int64_t since_us);

  // `snapshot_json` has all changes before the position `covers`.
  void Set(std::string snapshot_json, Position covers);
  // Redis may have lost it.
  void Renew() { is_due_ = !snapshot_.empty(); }
  // Whether it is to be written.
  bool is_due() const { return is_due_; }

  // Add the command that writes it, or else one that asks whether Redis still has it, whose reply
  // goes to OnStored.
  void AddTo(Pipeline* pipeline);
  void OnStored(const Reply& reply);

 private:
  std::string Id() const;

  const RedisKeys* const keys_;
  const std::string epoch_;
  const int64_t since_us_;
  std::string snapshot_;  // empty: there is none yet
  Position covers_ = 0;
  uint64_t number_ = 0;
  bool is_due_ = false;
  bool is_asked_ = false;
};

}  // namespace fsubs
