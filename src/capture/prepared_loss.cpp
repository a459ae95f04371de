#include "src/capture/prepared_loss.hpp"

#include "src/capture/xact_queue.hpp"

namespace fsubs {
namespace {

// Of fraiseql_subs.prepared_loss.
constexpr int kChannel = 0;
constexpr int kCount = 1;
constexpr int kColumns = 2;

enum class WhenLocked { kWait, kSkip };

Relation LockAndOpen(Oid relid, WhenLocked when_locked) {
  if (when_locked == WhenLocked::kWait) return try_relation_open(relid, RowExclusiveLock);
  if (!ConditionalLockRelationOid(relid, RowExclusiveLock)) return nullptr;
  return try_relation_open(relid, NoLock);
}

// The table, locked until the transaction ends; null if there is none. Without the extension,
// anybody who may create schemas could have put another there.
Relation OpenTable(WhenLocked when_locked) {
  const Oid extension = get_extension_oid("fraiseql_subs", true);
  if (!OidIsValid(extension)) return nullptr;
  const Oid schema = get_namespace_oid("fraiseql_subs", true);
  const Oid relid = OidIsValid(schema) ? get_relname_relid("prepared_loss", schema) : InvalidOid;
  if (!OidIsValid(relid) || getExtensionOfObject(RelationRelationId, relid) != extension) {
    return nullptr;
  }
  const Relation table = LockAndOpen(relid, when_locked);
  if (table == nullptr) return nullptr;
  const TupleDesc columns = RelationGetDescr(table);
  if (table->rd_rel->relkind == RELKIND_RELATION && table->rd_rel->relam == HEAP_TABLE_AM_OID &&
      columns->natts == kColumns && TupleDescAttr(columns, kChannel)->atttypid == TEXTOID &&
      TupleDescAttr(columns, kCount)->atttypid == INT8OID) {
    return table;
  }
  relation_close(table, NoLock);
  return nullptr;
}

void CountRecords(const RecordStore& store, LossTable* losses) {
  RecordCursor cursor;
  cursor.Open(&store);
  uint64_t left = store.end().count;
  for (uint64_t at = 0; at < store.end().at; --left) {
    CHECK_FOR_INTERRUPTS();
    const char* const bytes = cursor.Get(at);
    if (bytes == nullptr) break;
    const uint32_t length = HeaderOf(bytes).length;
    EventRecord record;
    if (Decode({bytes, length}, &record) != DecodeResult::kOk) break;
    if (record.kind == RecordKind::kEvent) losses->Add(record.channel, 1, 0, 1);
    at += length;
  }
  // The file cannot be read.
  if (left > 0) losses->Add({}, left, 0, 1);
}

void InsertRow(Relation table, const LossTable::Loss& loss) {
  const char* const channel =
      pg_any_to_server(loss.channel.data(), static_cast<int>(loss.channel.size()), PG_UTF8);
  const size_t length = channel == loss.channel.data() ? loss.channel.size() : strlen(channel);
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kChannel] = PointerGetDatum(cstring_to_text_with_len(channel, static_cast<int>(length)));
  values[kCount] = Int64GetDatum(static_cast<int64>(loss.count));
  const HeapTuple row = heap_form_tuple(RelationGetDescr(table), values, nulls);
  // Who decodes the log is to know nothing of what this server's clients miss.
  heap_insert(table, row, GetCurrentCommandId(true), HEAP_INSERT_NO_LOGICAL, nullptr);
  heap_freetuple(row);
}

void QueueRow(Relation table, HeapTuple row) {
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table), values, nulls);
  if (nulls[kChannel] || nulls[kCount]) return;
  const text* const channel = DatumGetTextPP(values[kChannel]);
  const int length = static_cast<int>(VARSIZE_ANY_EXHDR(channel));
  const char* const utf8 = pg_server_to_any(VARDATA_ANY(channel), length, PG_UTF8);
  const size_t utf8_length = utf8 == VARDATA_ANY(channel) ? length : strlen(utf8);
  QueueLoss({utf8, utf8_length}, static_cast<uint64_t>(DatumGetInt64(values[kCount])));
}

// Returns whether the row is gone with this transaction. One that somebody has locked stays.
bool TryDelete(Relation table, HeapTuple row) {
  constexpr bool kWait = false;
  constexpr bool kToOtherPartition = false;
  TM_FailureData failure;
  return heap_delete(table, &row->t_self, GetCurrentCommandId(true), InvalidSnapshot, kWait,
                     &failure, kToOtherPartition) == TM_Ok;
}

}  // namespace

void StorePreparedLoss(const RecordStore& store, LossTable* losses) {
  CountRecords(store, losses);
  losses->Settle(UINT64_MAX);
  if (losses->size() == 0) return;
  PushActiveSnapshot(GetTransactionSnapshot());
  const Relation table = OpenTable(WhenLocked::kWait);
  if (table != nullptr) {
    for (size_t i = 0; i < losses->size(); ++i) InsertRow(table, (*losses)[i]);
    table_close(table, NoLock);
  }
  PopActiveSnapshot();
}

void QueuePreparedLosses() {
  if (RecoveryInProgress()) return;
  PushActiveSnapshot(GetTransactionSnapshot());
  const Relation table = OpenTable(WhenLocked::kSkip);
  if (table != nullptr) {
    const TableScanDesc scan = table_beginscan(table, GetActiveSnapshot(), 0, nullptr);
    while (const HeapTuple row = heap_getnext(scan, ForwardScanDirection)) {
      if (TryDelete(table, row)) QueueRow(table, row);
    }
    table_endscan(scan);
    table_close(table, NoLock);
  }
  PopActiveSnapshot();
}

}  // namespace fsubs
