#include "worker/denied_events.hpp"

namespace fsubs {

void DeniedEvents::Tell(std::span<const ShardCounters> shards, uint64_t now_ms, AuditLog* audit) {
  if (now_ms < due_ms_ || !audit->is_enabled()) return;
  for (size_t i = 0; i < told_.size(); ++i) {
    uint64_t total = 0;
    for (const ShardCounters& shard : shards) total += (shard.*kAccessModules[i].denied).get();
    if (total == told_[i]) continue;
    audit->DeniedEvents(kAccessModules[i].name, total - told_[i]);
    told_[i] = total;
    due_ms_ = now_ms + kTellIntervalMs;
  }
}

}  // namespace fsubs
