#include "src/ring/ring_publish.hpp"

#include "src/ring/ring_room.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {

void PublishRecords(const char* records, size_t bytes, const CommitStamp& stamp) {
  const SharedRing& shared = GetSharedRing();
  LWLockAcquire(shared.lock, LW_EXCLUSIVE);
  RingAppender appender(shared.ring, stamp);
  for (size_t at = 0; at < bytes;) {
    RecordHeader header;
    memcpy(&header, records + at, sizeof(header));
    appender.Append(records + at);
    at += header.length;
  }
  appender.Publish();
  std::atomic<uint64_t>& transactions = shared.ring->transactions;
  transactions.store(transactions.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  SettleRoom();
  LWLockRelease(shared.lock);

  uint64_t woken = TakeSleepingShards(shared.ring, shared.reader_page, shared.shards);
  for (; woken != 0; woken &= woken - 1) {
    SendWake(shared.wake_queues[__builtin_ctzll(woken)]);
  }
}

}  // namespace fsubs
