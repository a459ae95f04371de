#include "src/ring/ring_publish.hpp"

#include "src/base/guc.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

uint64_t reserved_bytes;  // by this backend's transaction; 0: none

// Both are called with the ring's lock held.
void AddReserved(int64_t bytes) {
  std::atomic<uint64_t>& reserved = GetSharedRing().ring->reserved;
  reserved.store(reserved.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}

bool TryReserveLocked(uint64_t bytes) {
  const SharedRing& shared = GetSharedRing();
  if (UnreadRoom(shared.ring, shared.reader_page, shared.shards) < bytes) return false;
  AddReserved(static_cast<int64_t>(bytes));
  reserved_bytes = bytes;
  return true;
}

bool TryReserve(uint64_t bytes) {
  const SharedRing& shared = GetSharedRing();
  LWLockAcquire(shared.lock, LW_EXCLUSIVE);
  const bool done = TryReserveLocked(bytes);
  LWLockRelease(shared.lock);
  return done;
}

bool WaitForRoom(uint64_t bytes) {
  constexpr long kPollMilliseconds = 5;
  const TimestampTz end =
      TimestampTzPlusMilliseconds(GetCurrentTimestamp(), settings::overflow_timeout_ms);
  do {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kPollMilliseconds,
                    PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (TryReserve(bytes)) return true;
  } while (GetCurrentTimestamp() < end);
  return false;
}

void CountRefused() {
  const SharedRing& shared = GetSharedRing();
  LWLockAcquire(shared.lock, LW_EXCLUSIVE);
  shared.ring->refused.fetch_add(1, std::memory_order_relaxed);
  LWLockRelease(shared.lock);
}

}  // namespace

void ReserveRoom(uint64_t bytes) {
  if (settings::overflow() == Overflow::kOverwrite) return;
  const uint64_t capacity = GetSharedRing().ring->capacity;
  if (bytes > capacity) {
    CountRefused();
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
             errmsg("events of this transaction do not fit in the event ring"),
             errdetail("They take " UINT64_FORMAT " bytes; the ring has " UINT64_FORMAT " bytes.",
                       bytes, capacity),
             errhint("Increase fraiseql_subs.ring_size, publish less in one transaction, or set "
                     "fraiseql_subs.overflow to \"overwrite\".")));
  }
  if (TryReserve(bytes)) return;
  const bool waits = settings::overflow() == Overflow::kWait;
  if (waits && WaitForRoom(bytes)) return;
  CountRefused();
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("event ring is full"),
                  waits ? errdetail("The worker did not read enough of it within %d ms.",
                                    settings::overflow_timeout_ms)
                        : errdetail("The worker has not read enough of it yet."),
                  errhint("Retry the transaction, increase fraiseql_subs.ring_size, or set "
                          "fraiseql_subs.overflow to \"overwrite\".")));
}

void ReleaseRoom() {
  if (reserved_bytes == 0) return;
  const SharedRing& shared = GetSharedRing();
  LWLockAcquire(shared.lock, LW_EXCLUSIVE);
  AddReserved(-static_cast<int64_t>(reserved_bytes));
  LWLockRelease(shared.lock);
  reserved_bytes = 0;
}

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
  AddReserved(-static_cast<int64_t>(reserved_bytes));
  LWLockRelease(shared.lock);
  reserved_bytes = 0;

  uint64_t woken = TakeSleepingShards(shared.ring, shared.reader_page, shared.shards);
  for (; woken != 0; woken &= woken - 1) {
    SendWake(shared.wake_queues[__builtin_ctzll(woken)]);
  }
}

}  // namespace fsubs
