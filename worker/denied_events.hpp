// The modules that decide on each event, and how many events they kept from clients.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <span>

#include "worker/base/audit_log.hpp"
#include "worker/base/counters.hpp"

namespace fsubs {

struct AccessModule {
  const char* name;
  Counter ShardCounters::*denied;
};

inline constexpr AccessModule kAccessModules[] = {
    {"row_filter", &ShardCounters::denied_by_row_filter},
    {"tenant", &ShardCounters::denied_by_tenant},
    {"federation", &ShardCounters::denied_by_federation},
};

// Tells the audit log of them now and then, in sums.
class DeniedEvents {
 public:
  static constexpr uint64_t kTellIntervalMs = 60'000;

  // Call now and then; `now_ms` never goes back.
  void Tell(std::span<const ShardCounters> shards, uint64_t now_ms, AuditLog* audit);

 private:
  std::array<uint64_t, std::size(kAccessModules)> told_{};
  uint64_t due_ms_ = 0;
};

}  // namespace fsubs
