#include "src/capture/xact_queue.hpp"

#include "src/base/guc.hpp"
#include "src/capture/event_limits.hpp"
#include "src/ring/commit_order.hpp"
#include "src/ring/ring_publish.hpp"
#include "src/ring/ring_room.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

constexpr size_t kNone = SIZE_MAX;

// Where a subtransaction's records start.
struct Savepoint {
  int level;  // nesting level; the top transaction has 1
  size_t start;
};

// All memory belongs to the top transaction and is freed with it. Only the struct must be reset.
struct Queue {
  char* bytes = nullptr;  // records made by Encode, one behind the other
  size_t used = 0;
  size_t capacity = 0;
  Savepoint* savepoints = nullptr;  // levels that queued something, ascending
  int savepoint_count = 0;
  int savepoint_capacity = 0;
  size_t catalog_changed_at = kNone;  // offset of the record, if there is one
};

Queue queue;

void TruncateQueue(size_t used) {
  queue.used = used;
  if (queue.catalog_changed_at != kNone && queue.catalog_changed_at >= used) {
    queue.catalog_changed_at = kNone;
  }
}

void NoteSavepoint() {
  const int level = GetCurrentTransactionNestLevel();
  if (level == 1) return;
  if (queue.savepoint_count > 0 && queue.savepoints[queue.savepoint_count - 1].level == level)
    return;
  if (queue.savepoint_count == queue.savepoint_capacity) {
    const int capacity = queue.savepoint_capacity == 0 ? 8 : queue.savepoint_capacity * 2;
    const size_t bytes = mul_size(capacity, sizeof(Savepoint));
    queue.savepoints = static_cast<Savepoint*>(
        queue.savepoints == nullptr ? MemoryContextAlloc(TopTransactionContext, bytes)
                                    : repalloc(queue.savepoints, bytes));
    queue.savepoint_capacity = capacity;
  }
  queue.savepoints[queue.savepoint_count++] = {level, queue.used};
}

void CommitSubtransaction(int level) {
  if (queue.savepoint_count == 0) return;
  Savepoint& top = queue.savepoints[queue.savepoint_count - 1];
  if (top.level != level) return;
  const bool parent_is_noted =
      level == 2 || (queue.savepoint_count > 1 && (&top)[-1].level == level - 1);
  if (parent_is_noted) {
    --queue.savepoint_count;
  } else {
    top.level = level - 1;
  }
}

void AbortSubtransaction(int level) {
  if (queue.savepoint_count == 0) return;
  const Savepoint& top = queue.savepoints[queue.savepoint_count - 1];
  if (top.level != level) return;
  TruncateQueue(top.start);
  --queue.savepoint_count;
}

// Grow by doubling up to the limit. The memory behind a doubling is untouched until it is needed.
void EnsureRoom(size_t size) {
  const size_t limit = size_t{1024} * settings::max_transaction_size_kb;
  const size_t needed = queue.used + size;
  if (needed > limit) {
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many events in one transaction"),
             errdetail("With this event they would take %zu bytes; the limit is %zu bytes.", needed,
                       limit),
             errhint("Commit more often, or increase fraiseql_subs.max_transaction_size.")));
  }
  if (needed <= queue.capacity) return;
  size_t capacity = queue.capacity == 0 ? 1024 : queue.capacity * 2;
  while (capacity < needed) capacity *= 2;
  queue.bytes = static_cast<char*>(queue.bytes == nullptr
                                       ? MemoryContextAllocHuge(TopTransactionContext, capacity)
                                       : repalloc_huge(queue.bytes, capacity));
  queue.capacity = capacity;
}

void FinishTransaction() {
  LeaveCommitOrder();
  queue = Queue{};
}

void CommitTransaction() {
  const TransactionId xid = GetTopTransactionIdIfAny();
  // Without an xid there is no commit record, and XactLastCommitEnd is an earlier transaction's.
  const CommitStamp stamp = {ToUnixMicroseconds(GetCurrentTransactionStopTimestamp()),
                             TransactionIdIsValid(xid) ? XactLastCommitEnd : 0, xid};
  PublishRecords(queue.bytes, queue.used, stamp);
  FinishTransaction();
}

void RefusePrepare() {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("cannot PREPARE a transaction that has published events")));
}

extern "C" void OnTransactionEvent(XactEvent event, void*) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
      if (queue.used == 0) break;
      ReserveRoom(queue.used);
      EnterCommitOrder();
      break;
    case XACT_EVENT_COMMIT:
      if (queue.used > 0) CommitTransaction();
      queue = Queue{};
      break;
    case XACT_EVENT_ABORT:
      ReleaseRoom();
      FinishTransaction();
      break;
    case XACT_EVENT_PRE_PREPARE:
      if (queue.used > 0) RefusePrepare();
      break;
    case XACT_EVENT_PREPARE:
      queue = Queue{};
      break;
    case XACT_EVENT_PARALLEL_PRE_COMMIT:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_PARALLEL_ABORT:
      break;  // a parallel worker queues nothing
  }
}

extern "C" void OnSubtransactionEvent(SubXactEvent event, SubTransactionId, SubTransactionId,
                                      void*) {
  if (event == SUBXACT_EVENT_COMMIT_SUB) CommitSubtransaction(GetCurrentTransactionNestLevel());
  if (event == SUBXACT_EVENT_ABORT_SUB) AbortSubtransaction(GetCurrentTransactionNestLevel());
}

void RegisterCallbacksOnce() {
  static bool registered = false;
  if (likely(registered)) return;
  RegisterXactCallback(OnTransactionEvent, nullptr);
  RegisterSubXactCallback(OnSubtransactionEvent, nullptr);
  registered = true;
}

void Append(const EventRecord& record, size_t size) {
  if (IsParallelWorker()) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
                    errmsg("cannot publish events in a parallel worker")));
  }
  RegisterCallbacksOnce();
  EnsureRoom(size);
  NoteSavepoint();
  Encode(record, queue.bytes + queue.used);
  queue.used += size;
}

}  // namespace

void QueueEvent(const EventRecord& event) {
  const EventRecord record = ConvertToUtf8(event);
  Append(record, CheckEventLimits(record));
}

bool TryQueueChange(const EventRecord& event, [[maybe_unused]] CommandId command) {
  Append(event, EncodedSize(event));
  return true;
}

void QueueLoss(std::string_view channel) {
  char count[kLossCountLength + 1];
  snprintf(count, sizeof(count), "%*d", static_cast<int>(kLossCountLength), 1);
  EventRecord record;
  record.kind = RecordKind::kEventsLost;
  record.channel = channel;
  record.data = {count, kLossCountLength};
  Append(record, EncodedSize(record));
}

void QueueCatalogChanged() {
  if (queue.catalog_changed_at != kNone) return;
  EventRecord record;
  record.kind = RecordKind::kCatalogChanged;
  const size_t at = queue.used;
  Append(record, EncodedSize(record));
  queue.catalog_changed_at = at;
}

}  // namespace fsubs
