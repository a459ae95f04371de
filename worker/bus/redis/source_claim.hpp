// A source's own place in the table of sources (source_table.hpp): how it gets it, and whether it
// still has it.
#pragma once

#include <cstdint>
#include <string>

#include "contract/ring_layout.hpp"
#include "worker/bus/redis/pipeline.hpp"
#include "worker/bus/redis/redis_keys.hpp"
#include "worker/bus/redis/source_table.hpp"

namespace fsubs {

class SourceClaim {
 public:
  struct Setup {
    const RingHeader* ring = nullptr;  // the source; it and the keys outlive the claim
    const RedisKeys* keys = nullptr;
    std::string node;         // this worker's name
    uint64_t max_age_ms = 0;  // how long streams keep their events, about; 0: for ever
  };
  enum class Standing {
    kNone,      // it is to be claimed
    kNewest,    // it is the one that publishes
    kReplaced,  // the newest one has come after it
  };

  explicit SourceClaim(Setup setup);

  // What the table says before the source publishes. A worker before this one may have claimed it.
  Standing Begin(const SourceTable& sources);
  // The transaction that makes it the newest, if the table is still that one (WATCH). REQUIRES:
  // Begin found none in it.
  Pipeline Claim(const SourceTable& sources);

  // What the table says later.
  Standing Check(const SourceTable& sources) const;

  // Says that it had so many events and no more.
  std::string CloseCommand(uint64_t last) const;

 private:
  const Setup setup_;
  const std::string epoch_;
  uint64_t claim_ = 0;  // 0: none yet
};

}  // namespace fsubs
