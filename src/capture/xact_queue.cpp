#include "src/capture/xact_queue.hpp"

#include "src/base/guc.hpp"
#include "src/capture/command_order.hpp"
#include "src/capture/event_limits.hpp"
#include "src/capture/loss_table.hpp"
#include "src/capture/prepared_loss.hpp"
#include "src/capture/publication.hpp"
#include "src/capture/record_store.hpp"
#include "src/ring/commit_order.hpp"
#include "src/ring/ring_room.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

constexpr uint64_t kNone = UINT64_MAX;

// What the queue was when a subtransaction first queued something.
struct Savepoint {
  int level;  // nesting level; the top transaction has 1
  RecordPlace place;
  CommandOrder::State order;
};

enum class Phase {
  kOpen,
  kPassed,    // PRE_COMMIT found nothing queued
  kPrepared,  // what goes to the ring is chosen
};

// All memory belongs to the top transaction and is freed with it. Only the struct must be reset,
// and the store's file closed.
struct Queue {
  RecordStore store{};
  CommandOrder order{};
  LossTable losses{};
  Savepoint* savepoints = nullptr;  // levels that queued records, ascending
  int savepoint_count = 0;
  int savepoint_capacity = 0;
  uint64_t catalog_changed_at = kNone;  // byte of the record, if there is one
  bool refusal_is_logged = false;
  Phase phase = Phase::kOpen;
};

Queue queue;
Publication publication;

bool IsEmpty() {
  return queue.store.end().count == 0 && queue.losses.empty();
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
  queue.savepoints[queue.savepoint_count++] = {level, queue.store.end(), queue.order.state()};
}

void CommitSubtransaction(int level) {
  queue.losses.CommitLevel(level);
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
  queue.losses.AbortLevel(level);
  if (queue.savepoint_count == 0) return;
  const Savepoint& top = queue.savepoints[queue.savepoint_count - 1];
  if (top.level != level) return;
  queue.store.Truncate(top.place);
  queue.order.Restore(top.order);
  if (queue.catalog_changed_at >= top.place.at) queue.catalog_changed_at = kNone;
  --queue.savepoint_count;
}

void FinishTransaction() {
  queue.store.Close();
  queue = Queue{};
}

void PrepareCommit() {
  const uint64_t capacity = GetSharedRing().ring->capacity;
  queue.losses.Settle(capacity / kMaxRecordShare);
  queue.order.Settle();
  publication.Prepare({.store = &queue.store,
                       .losses = &queue.losses,
                       .order = &queue.order,
                       .catalog_changed_at = queue.catalog_changed_at},
                      capacity);
  ReserveRoom(publication.bytes());
  EnterCommitOrder();
  queue.phase = Phase::kPrepared;
}

// PostgreSQL promises no order of PRE_COMMIT callbacks: that of another library may change rows of
// watched tables when this one's is over. Call behind what was queued.
void PrepareLateCommit() {
  if (unlikely(queue.phase == Phase::kPassed)) PrepareCommit();
}

void CommitTransaction() {
  const TransactionId xid = GetTopTransactionIdIfAny();
  // Without an xid there is no commit record, and XactLastCommitEnd is an earlier transaction's.
  const CommitStamp stamp = {ToUnixMicroseconds(GetCurrentTransactionStopTimestamp()),
                             TransactionIdIsValid(xid) ? XactLastCommitEnd : 0, xid};
  PublishRecords(publication.skipped(), publication.kept_bytes(), &publication, stamp);
  LeaveCommitOrder();
}

void PrepareTwoPhase() {
  if (settings::capture_failure() == CaptureFailure::kError) {
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("cannot PREPARE a transaction that has published events"),
             errhint("With fraiseql_subs.capture_failure set to \"tell\" it can be prepared; "
                     "subscribers are then told that its events are missing.")));
  }
  StorePreparedLoss(queue.store, &queue.losses);
}

extern "C" void OnTransactionEvent(XactEvent event, void*) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
      if (IsEmpty()) {
        queue.phase = Phase::kPassed;
      } else {
        PrepareCommit();
      }
      break;
    case XACT_EVENT_COMMIT:
      if (queue.phase == Phase::kPrepared) CommitTransaction();
      FinishTransaction();
      break;
    case XACT_EVENT_ABORT:
      ReleaseRoom();
      LeaveCommitOrder();
      FinishTransaction();
      break;
    case XACT_EVENT_PRE_PREPARE:
      if (!IsEmpty()) PrepareTwoPhase();
      break;
    case XACT_EVENT_PREPARE:
      FinishTransaction();
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

void Open() {
  if (IsParallelWorker()) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
                    errmsg("cannot publish events in a parallel worker")));
  }
  RegisterCallbacksOnce();
}

RecordStore::Result Append(EventRecord record, const VersionChange& change) {
  Open();
  if (unlikely(queue.phase == Phase::kPrepared)) {
    publication.AddLost(1);
    return RecordStore::Result::kStored;
  }
  NoteSavepoint();
  char* bytes;
  const RecordStore::Result result = queue.store.Add(EncodedSize(record), &bytes);
  if (result != RecordStore::Result::kStored) return result;
  record.sequence = queue.order.PlaceRecord(change, queue.store.end().at);
  Encode(record, bytes);
  PrepareLateCommit();
  return result;
}

// Tell why the queue does not take `record`.
void Report(int level, RecordStore::Result result, const EventRecord& record) {
  switch (result) {
    case RecordStore::Result::kFull:
      ereport(
          level,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many events in one transaction"),
           errdetail("With this event they would take " UINT64_FORMAT
                     " bytes; the limit is " UINT64_FORMAT " bytes.",
                     queue.store.end().at + EncodedSize(record), MaxTransactionSize()),
           errhint("Commit more often, or increase fraiseql_subs.max_transaction_size.")));
      break;
    case RecordStore::Result::kNoMemory:
      ereport(level, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                      errdetail("The events of the transaction need more."),
                      errhint("Commit more often, or lower fraiseql_subs.transaction_memory.")));
      break;
    case RecordStore::Result::kFileFailed:
      errno = queue.store.file_error();
      ereport(level, (errcode_for_file_access(),
                      errmsg("could not write a transaction's events to a temporary file: %m"),
                      errhint("Commit more often, or increase fraiseql_subs.transaction_memory.")));
      break;
    case RecordStore::Result::kStored:
      break;
  }
}

void AppendOrRaise(const EventRecord& record) {
  const RecordStore::Result result = Append(record, {});
  if (result != RecordStore::Result::kStored) Report(ERROR, result, record);
}

}  // namespace

void QueueEvent(const EventRecord& event) {
  const EventRecord record = ConvertToUtf8(event);
  CheckEventLimits(record);
  AppendOrRaise(record);
}

bool TryQueueChange(const EventRecord& event, const VersionChange& change) {
  const RecordStore::Result result = Append(event, change);
  if (result == RecordStore::Result::kStored) return true;
  if (!queue.refusal_is_logged) Report(LOG, result, event);
  queue.refusal_is_logged = true;
  return false;
}

void NoteChange(const VersionChange& change) {
  Open();
  if (unlikely(queue.phase == Phase::kPrepared)) return;
  NoteSavepoint();
  queue.order.PlaceNothing(change, queue.store.end().at);
}

void QueueLoss(std::string_view channel, uint64_t count) {
  Open();
  if (unlikely(queue.phase == Phase::kPrepared)) return publication.AddLost(count);
  queue.losses.Add(channel, count, queue.order.next_anchor(), GetCurrentTransactionNestLevel());
  PrepareLateCommit();
}

void QueueCatalogChanged() {
  // What comes too late is found when the executor looks next.
  if (queue.catalog_changed_at != kNone || queue.phase == Phase::kPrepared) return;
  EventRecord record;
  record.kind = RecordKind::kCatalogChanged;
  const uint64_t at = queue.store.end().at;
  AppendOrRaise(record);
  queue.catalog_changed_at = at;
}

}  // namespace fsubs
