#include "src/ring/ring_publish.hpp"

#include <sys/mman.h>

#include <algorithm>

#include "src/ring/ring_room.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {

namespace {

// What is copied page fault by page fault keeps others from the lock twice as long.
constexpr uint64_t kWorthMapping = 1024 * 1024;

// Map the pages of the ring to which so many bytes will be copied. The head may move on before
// that, so this is no more than a guess.
void MapPages(RingHeader* ring, uint64_t skipped, uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  const uint64_t capacity = ring->capacity;
  uint64_t from = (ring->head.load(std::memory_order_relaxed) + skipped) % capacity;
  for (uint64_t left = std::min(bytes, capacity); left > 0;) {
    const uint64_t run = std::min(left, capacity - from);
    char* const start = reinterpret_cast<char*>(ring) + kRingHeaderSize + from;
    const uint64_t into_page = reinterpret_cast<uintptr_t>(start) % kRingHeaderSize;
    (void)madvise(start - into_page, run + into_page, MADV_POPULATE_WRITE);
    left -= run;
    from = 0;
  }
#endif
}

}  // namespace

void PublishRecords(const SkippedRecords& skipped, uint64_t bytes, RecordSource* source,
                    const CommitStamp& stamp) {
  const SharedRing& shared = GetSharedRing();
  if (bytes >= kWorthMapping) MapPages(shared.ring, skipped.bytes, bytes);
  LWLockAcquire(shared.lock, LW_EXCLUSIVE);
  RingAppender appender(shared.ring, stamp);
  appender.Skip(skipped);
  while (const char* const record = source->Next()) appender.Append(record);
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
