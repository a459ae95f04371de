#include "worker/health.hpp"

#include "contract/heartbeat.hpp"

namespace fsubs {

std::string FindStandstill(const ShardsSeen& shards, uint64_t now_ms) {
  for (size_t i = 0; i < shards.slots.size(); ++i) {
    const std::string shard = "shard " + std::to_string(i);
    const uint64_t beat_ms = shards.beats->shards[i].load(std::memory_order_relaxed);
    if (shards.slots[i].attached.load(std::memory_order_relaxed) == 0 || beat_ms == 0) {
      return shard + " does not read events yet";
    }
    const uint64_t age_ms = HeartbeatAge(beat_ms, now_ms);
    if (age_ms >= kStandstillMs) {
      return shard + " has stood still for " + std::to_string(age_ms / 1000) + " s";
    }
  }
  return {};
}

namespace {

std::string FindNoCatalog(const WorkerState& state) {
  const std::string database = state.database.empty()
                                   ? "the bus's database"
                                   : "database \"" + std::string(state.database) + "\"";
  const std::string nothing = "no catalog: ";
  // Nothing is published in a database that is gone, whatever catalog there is from before.
  if ((state.server_state & kServerNoDatabase) != 0) return nothing + database + " does not exist";
  if (state.catalog == CatalogState::kServed) return {};
  if ((state.server_state & kServerShutDatabase) != 0) {
    return nothing + database + " takes no connections";
  }
  if ((state.server_state & kServerNoExecutor) != 0) {
    return nothing + "no background worker slot is free (max_worker_processes)";
  }
  switch (state.catalog) {
    case CatalogState::kNoExtension:
      return nothing + "the extension is not created in " + database;
    case CatalogState::kUnusable:
      return nothing + "that of " + database + " cannot be used; the server log says why";
    default:
      return nothing + "it is not read yet";
  }
}

}  // namespace

std::string FindTrouble(const WorkerState& state, const ShardsSeen& shards, uint64_t now_ms) {
  if (state.draining) return "draining";
  if (!state.reads_bus && (state.server_state & kServerInRecovery) != 0) {
    return "standby: the server is in recovery, and events are delivered by the primary";
  }
  std::string trouble = FindStandstill(shards, now_ms);
  if (trouble.empty()) trouble = state.bus_trouble;
  if (trouble.empty()) trouble = FindNoCatalog(state);
  if (trouble.empty() && (state.server_state & kServerNoAuthenticator) != 0) {
    return "no authenticator: no background worker slot is free (max_worker_processes)";
  }
  return trouble;
}

}  // namespace fsubs
