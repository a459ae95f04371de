#include "src/ring/ring_room.hpp"

#include <algorithm>

#include "contract/ring_writer.hpp"
#include "src/base/guc.hpp"
#include "src/base/wait_events.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

// In PostgreSQL's shared memory, guarded by the ring's lock.
struct RoomQueue {
  dlist_head waiting;                       // the first is served first
  dlist_node nodes[FLEXIBLE_ARRAY_MEMBER];  // by index of the backend's PGPROC
};

// The first looks this often whether the worker has read enough; nobody tells it.
constexpr long kPollMilliseconds = 5;

RoomQueue* room_queue;
uint64_t reserved_bytes;  // by this backend's transaction; 0: none
bool is_waiting;          // this backend is in the queue

// From here to the next comment, the ring's lock must be held.

void AddReserved(int64_t bytes) {
  std::atomic<uint64_t>& reserved = GetSharedRing().ring->reserved;
  reserved.store(reserved.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}

dlist_node* MyNode() {
  return &room_queue->nodes[MyProc - ProcGlobal->allProcs];
}

bool IsFirst() {
  return is_waiting ? dlist_head_node(&room_queue->waiting) == MyNode()
                    : dlist_is_empty(&room_queue->waiting);
}

void Enter() {
  dlist_push_tail(&room_queue->waiting, MyNode());
  is_waiting = true;
}

void Leave() {
  if (!is_waiting) return;
  const bool was_first = IsFirst();
  dlist_delete(MyNode());
  is_waiting = false;
  if (!was_first || dlist_is_empty(&room_queue->waiting)) return;
  const ptrdiff_t next = dlist_head_node(&room_queue->waiting) - room_queue->nodes;
  SetLatch(&ProcGlobal->allProcs[next].procLatch);
}

bool TryTake(uint64_t bytes) {
  const SharedRing& shared = GetSharedRing();
  if (!IsFirst() || UnreadRoom(shared.ring, shared.reader_page, shared.shards) < bytes) {
    return false;
  }
  Leave();
  AddReserved(static_cast<int64_t>(bytes));
  reserved_bytes = bytes;
  return true;
}

// The ring's lock need not be held any more.

template <typename Body>
auto WithLock(Body body) {
  LWLock* const lock = GetSharedRing().lock;
  LWLockAcquire(lock, LW_EXCLUSIVE);
  const auto result = body();
  LWLockRelease(lock);
  return result;
}

enum class Outcome {
  kTaken,
  kFull,      // the worker has not read enough
  kPromised,  // others asked before
};

Outcome TryReserve(uint64_t bytes) {
  return WithLock([&] {
    if (TryTake(bytes)) return Outcome::kTaken;
    return IsFirst() ? Outcome::kFull : Outcome::kPromised;
  });
}

Outcome WaitForRoom(uint64_t bytes) {
  const TimestampTz end =
      TimestampTzPlusMilliseconds(GetCurrentTimestamp(), settings::overflow_timeout_ms);
  Outcome outcome = WithLock([&] {
    Enter();
    return IsFirst() ? Outcome::kFull : Outcome::kPromised;
  });
  for (;;) {
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
    if (left <= 0) break;
    const long wait = outcome == Outcome::kFull ? std::min(kPollMilliseconds, left) : left;
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait,
                    WaitEventOf(Wait::kRingRoom));
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    outcome = TryReserve(bytes);
    if (outcome == Outcome::kTaken) return outcome;
  }
  ReleaseRoom();
  return outcome;
}

void CountRefused() {
  WithLock([] { return GetSharedRing().ring->refused.fetch_add(1, std::memory_order_relaxed); });
}

[[noreturn]] void RaiseTooLarge(uint64_t bytes, uint64_t capacity) {
  CountRefused();
  ereport(ERROR,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
           errmsg("events of this transaction do not fit in the event ring"),
           errdetail("They take " UINT64_FORMAT " bytes; the ring has " UINT64_FORMAT " bytes.",
                     bytes, capacity),
           errhint("Increase fraiseql_subs.ring_size, publish less in one transaction, or set "
                   "fraiseql_subs.overflow to \"overwrite\".")));
  pg_unreachable();
}

[[noreturn]] void RaiseFull(Outcome outcome, bool waited) {
  CountRefused();
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("event ring is full"),
                  outcome == Outcome::kPromised
                      ? errdetail("Transactions that asked for room before are waiting for it.")
                  : waited ? errdetail("The worker did not read enough of it within %d ms.",
                                       settings::overflow_timeout_ms)
                           : errdetail("The worker has not read enough of it yet."),
                  errhint("Retry the transaction, increase fraiseql_subs.ring_size, or set "
                          "fraiseql_subs.overflow to \"overwrite\".")));
  pg_unreachable();
}

}  // namespace

size_t RoomQueueSize() {
  return add_size(offsetof(RoomQueue, nodes), mul_size(MaxBackends, sizeof(dlist_node)));
}

void InitRoomQueue(void* memory) {
  room_queue = static_cast<RoomQueue*>(memory);
  dlist_init(&room_queue->waiting);
}

void ReserveRoom(uint64_t bytes) {
  const Overflow overflow = settings::overflow();
  if (overflow == Overflow::kOverwrite) return;
  const uint64_t capacity = GetSharedRing().ring->capacity;
  if (bytes > capacity) RaiseTooLarge(bytes, capacity);
  Outcome outcome = TryReserve(bytes);
  const bool waits = outcome != Outcome::kTaken && overflow == Overflow::kWait;
  if (waits) outcome = WaitForRoom(bytes);
  if (outcome != Outcome::kTaken) RaiseFull(outcome, waits);
}

void ReleaseRoom() {
  if (reserved_bytes == 0 && !is_waiting) return;
  LWLock* const lock = GetSharedRing().lock;
  LWLockAcquire(lock, LW_EXCLUSIVE);
  SettleRoom();
  LWLockRelease(lock);
}

void SettleRoom() {
  Leave();
  AddReserved(-static_cast<int64_t>(reserved_bytes));
  reserved_bytes = 0;
}

}  // namespace fsubs
