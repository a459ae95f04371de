// fsubs_ring_stats: what the event ring counts, and the age of the worker's heartbeats, as rows of
// fraiseql_metrics().
#include "src/ring/shmem.hpp"

#include "contract/heartbeat.hpp"
#include "contract/ring_layout.hpp"

namespace fsubs {
namespace {

constexpr int kNoShard = -1;

void PutRow(ReturnSetInfo* result, const char* name, int shard, const char* type, double value,
            const char* help) {
  char labels[32] = "{}";
  if (shard >= 0) snprintf(labels, sizeof(labels), "{\"shard\": \"%d\"}", shard);
  const Datum values[] = {
      CStringGetTextDatum(name), DirectFunctionCall1(jsonb_in, CStringGetDatum(labels)),
      CStringGetTextDatum(type), Float8GetDatum(value), CStringGetTextDatum(help)};
  const bool nulls[lengthof(values)] = {};
  tuplestore_putvalues(result->setResult, result->setDesc, const_cast<Datum*>(values),
                       const_cast<bool*>(nulls));
}

uint64_t Load(const std::atomic<uint64_t>& counter) {
  return counter.load(std::memory_order_relaxed);
}

// The worker writes the cursor and is not trusted: one beyond the head counts as caught up.
uint64_t UnreadBytes(const RingHeader* ring, const ShardSlot& slot) {
  const Position head = Load(ring->head);
  const Position cursor = Load(slot.cursor);
  return cursor < head ? head - cursor : 0;
}

// No row while the thread does not run.
void PutHeartbeat(ReturnSetInfo* result, const char* name, int shard,
                  const std::atomic<uint64_t>& beat, const char* help) {
  const uint64_t beat_ms = Load(beat);
  if (beat_ms == 0) return;
  const auto age_ms = static_cast<double>(HeartbeatAge(beat_ms, MonotonicMs()));
  PutRow(result, name, shard, "gauge", age_ms / 1000, help);
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_ring_stats) {
  using namespace fsubs;
  RequirePreloaded();
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* const result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const SharedRing& shared = GetSharedRing();
  const RingHeader* const ring = shared.ring;
  const auto put = [&](const char* name, const char* type, uint64_t value, const char* help) {
    PutRow(result, name, kNoShard, type, static_cast<double>(value), help);
  };
  put("fraiseql_subs_ring_capacity_bytes", "gauge", ring->capacity,
      "Size of the event ring; all of it was reserved when the server started");
  put("fraiseql_subs_ring_reserved_bytes", "gauge", Load(ring->reserved),
      "Bytes reserved by transactions that are committing");
  put("fraiseql_subs_ring_records_total", "counter", Load(ring->head_sequence),
      "Records published to the ring");
  put("fraiseql_subs_ring_bytes_total", "counter", Load(ring->head),
      "Bytes of records published to the ring");
  put("fraiseql_subs_ring_transactions_total", "counter", Load(ring->transactions),
      "Transactions that published to the ring");
  put("fraiseql_subs_ring_wakes_total", "counter", Load(ring->wakes),
      "Commits that woke the worker");
  put("fraiseql_subs_ring_overwritten_total", "counter", Load(ring->overwritten),
      "Records that left the ring to make room");
  put("fraiseql_subs_ring_refused_total", "counter", Load(ring->refused),
      "Transactions refused because the ring was full");
  for (int shard = 0; shard < shared.shards; ++shard) {
    const ShardSlot& slot = shared.reader_page->shards[shard];
    const bool attached = slot.attached.load(std::memory_order_relaxed) != 0;
    PutRow(result, "fraiseql_subs_ring_attached", shard, "gauge", attached,
           "1 while a thread of the worker reads the ring");
    PutRow(result, "fraiseql_subs_ring_unread_bytes", shard, "gauge",
           attached ? static_cast<double>(UnreadBytes(ring, slot)) : 0,
           "Bytes published and not yet read");
  }
  const Heartbeats& beats = shared.reader_page->heartbeats;
  for (int shard = 0; shard < shared.shards; ++shard) {
    PutHeartbeat(result, "fraiseql_subs_shard_heartbeat_age_seconds", shard, beats.shards[shard],
                 "Time since a thread of the worker that serves clients had a turn");
  }
  PutHeartbeat(result, "fraiseql_subs_control_heartbeat_age_seconds", kNoShard, beats.control,
               "Time since the worker's control thread had a turn");
  return static_cast<Datum>(0);
}
