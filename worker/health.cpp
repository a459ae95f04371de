#include "worker/health.hpp"

#include "contract/heartbeat.hpp"

namespace fsubs {

std::string FindTrouble(const WorkerState& state, const ReaderPage& page, size_t shards,
                        uint64_t now_ms) {
  if (state.draining) return "draining";
  for (size_t i = 0; i < shards; ++i) {
    const std::string shard = "shard " + std::to_string(i);
    const uint64_t beat_ms = page.heartbeats.shards[i].load(std::memory_order_relaxed);
    if (page.shards[i].attached.load(std::memory_order_relaxed) == 0 || beat_ms == 0) {
      return shard + " does not read events yet";
    }
    const uint64_t age_ms = HeartbeatAge(beat_ms, now_ms);
    if (age_ms >= kStandstillMs) {
      return shard + " has stood still for " + std::to_string(age_ms / 1000) + " s";
    }
  }
  if (!state.has_catalog) return "no catalog: is the extension created in the database?";
  return {};
}

}  // namespace fsubs
