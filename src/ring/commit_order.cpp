#include "src/ring/commit_order.hpp"

#include "src/base/wait_events.hpp"

namespace fsubs {
namespace {

using XidSlot = std::atomic<TransactionId>;
static_assert(XidSlot::is_always_lock_free);

// In PostgreSQL's shared memory.
struct CommitOrder {
  std::atomic<int> used;                 // slots from here on were never used
  XidSlot slots[FLEXIBLE_ARRAY_MEMBER];  // by index of the backend's PGPROC; each written by its
                                         // backend
};

CommitOrder* commit_order;

int MySlot() {
  return static_cast<int>(MyProc - ProcGlobal->allProcs);
}

// Whether the transaction `xid` of slot `index` still runs, as TransactionIdIsInProgress would
// answer, but without a lock. PostgreSQL clears PGPROC.xid under ProcArrayLock, and whoever sees
// the transaction's rows has taken that lock later.
bool IsRunning(int index, TransactionId xid) {
  return __atomic_load_n(&ProcGlobal->allProcs[index].xid, __ATOMIC_RELAXED) == xid;
}

void WaitForSlot(int index, TransactionId xid) {
  constexpr int kSpins = 1000;
  constexpr long kSleepMicroseconds = 50;
  const XidSlot& slot = commit_order->slots[index];
  for (int spins = 0; slot.load(std::memory_order_acquire) == xid; ++spins) {
    CHECK_FOR_INTERRUPTS();
    if (spins < kSpins) continue;
    pgstat_report_wait_start(WaitEventOf(Wait::kCommitOrder));
    pg_usleep(kSleepMicroseconds);
    pgstat_report_wait_end();
  }
}

}  // namespace

size_t CommitOrderSize() {
  return add_size(offsetof(CommitOrder, slots), mul_size(MaxBackends, sizeof(XidSlot)));
}

void InitCommitOrder(void* memory) {
  commit_order = static_cast<CommitOrder*>(memory);
  memset(memory, 0, CommitOrderSize());
}

void EnterCommitOrder() {
  const int used = commit_order->used.load(std::memory_order_acquire);
  for (int i = 0; i < used; ++i) {
    const TransactionId xid = commit_order->slots[i].load(std::memory_order_acquire);
    if (TransactionIdIsValid(xid) && !IsRunning(i, xid)) WaitForSlot(i, xid);
  }

  const TransactionId own = GetTopTransactionIdIfAny();
  if (!TransactionIdIsValid(own)) return;
  const int index = MySlot();
  commit_order->slots[index].store(own, std::memory_order_release);
  for (int seen = commit_order->used.load(); seen <= index;) {
    if (commit_order->used.compare_exchange_weak(seen, index + 1)) break;
  }
}

void LeaveCommitOrder() {
  XidSlot& slot = commit_order->slots[MySlot()];
  if (slot.load(std::memory_order_relaxed) != InvalidTransactionId) {
    slot.store(InvalidTransactionId, std::memory_order_release);
  }
}

}  // namespace fsubs
