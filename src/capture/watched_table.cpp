#include "src/capture/watched_table.hpp"

#include "contract/ring_layout.hpp"
#include "src/capture/json_text.hpp"
#include "src/capture/output_settings.hpp"
#include "src/capture/utf8.hpp"

namespace fsubs {
namespace {

// Of PostgreSQL 18: a column that is computed when it is read, which a row does not hold.
constexpr char kVirtual = 'v';

// Where a trigger is, and which one it was copied from; that is invalid for no copy, or if there is
// no such trigger.
struct TriggerOrigin {
  Oid table;
  Oid parent;
};

TriggerOrigin OriginOf(Relation triggers, Oid trigger) {
  TriggerOrigin origin = {InvalidOid, InvalidOid};
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
  const SysScanDesc scan = systable_beginscan(triggers, TriggerOidIndexId, true, nullptr, 1, &key);
  const HeapTuple tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) {
    const Form_pg_trigger found = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    origin = {found->tgrelid, found->tgparentid};
  }
  systable_endscan(scan);
  return origin;
}

// The table that is watched. If PostgreSQL copied the trigger to a partition, that is the
// partitioned table that it was copied from, which is not opened: a write to the partition must not
// wait for its lock.
Oid FindWatched(const TriggerData* trigger) {
  Oid watched = RelationGetRelid(trigger->tg_relation);
  if (!trigger->tg_trigger->tgisclone) return watched;
  const Relation triggers = table_open(TriggerRelationId, AccessShareLock);
  Oid next = trigger->tg_trigger->tgoid;
  while (OidIsValid(next)) {
    const TriggerOrigin origin = OriginOf(triggers, next);
    if (OidIsValid(origin.table)) watched = origin.table;
    next = origin.parent;
  }
  table_close(triggers, AccessShareLock);
  return watched;
}

const char* QualifiedName(Oid relid) {
  const int pinned = PinSettings(kReadsNames);
  const char* const name =
      quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
  UnpinSettings(pinned);
  return name;
}

// Returns false if the name does not exist in UTF-8.
bool TryJsonName(const char* name, std::string_view* json) {
  StringInfoData text;
  initStringInfo(&text);
  if (!AppendJsonString(&text, name, MaxAllocSize)) return false;
  if (!TailToUtf8(&text, 0, FindUtf8Conversion())) return false;
  *json = {text.data, static_cast<size_t>(text.len)};
  return true;
}

bool TryChannel(const char* name, std::string_view* channel) {
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfoString(&text, name);
  if (!TailToUtf8(&text, 0, FindUtf8Conversion())) return false;
  *channel = {text.data, static_cast<size_t>(text.len)};
  return channel->size() <= kMaxNameLength;
}

void PrepareColumns(WatchedTable* table, Relation relation, MemoryContext context) {
  const TupleDesc columns = RelationGetDescr(relation);
  table->columns = static_cast<WatchedColumn*>(palloc0(sizeof(WatchedColumn) * columns->natts));
  for (int i = 0; i < columns->natts; ++i) {
    const FormData_pg_attribute* const attribute = TupleDescAttr(columns, i);
    if (attribute->attisdropped || attribute->attgenerated == kVirtual) continue;
    WatchedColumn* const column = &table->columns[table->column_count++];
    column->index = i;
    if (!TryJsonName(NameStr(attribute->attname), &column->name)) table->has_names = false;
    PrepareWriter(attribute->atttypid, relation->rd_rel->relowner, context, &column->writer);
    table->reads |= column->writer.reads;
  }
}

Bitmapset* FindKey(Relation relation, MemoryContext context) {
  const MemoryContext previous = MemoryContextSwitchTo(context);
  Bitmapset* const key =
      bms_union(RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY),
                RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_IDENTITY_KEY));
  MemoryContextSwitchTo(previous);
  return key;
}

}  // namespace

WatchedTable* GetWatchedTable(FunctionCallInfo fcinfo) {
  const TriggerData* const trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  const TupleDesc columns = RelationGetDescr(trigger->tg_relation);
  WatchedTable* const known = static_cast<WatchedTable*>(fcinfo->flinfo->fn_extra);
  // PostgreSQL keeps replaced descriptors until the transaction's end: an address means one.
  if (likely(known != nullptr && known->columns_of == columns)) return known;

  const MemoryContext context = fcinfo->flinfo->fn_mcxt;
  const MemoryContext previous = MemoryContextSwitchTo(context);
  WatchedTable* const table = static_cast<WatchedTable*>(palloc0(sizeof(WatchedTable)));
  table->columns_of = columns;
  table->has_channel = TryChannel(trigger->tg_trigger->tgargs[0], &table->channel);
  table->has_names = TryJsonName(QualifiedName(FindWatched(trigger)), &table->name);
  PrepareColumns(table, trigger->tg_relation, context);
  MemoryContextSwitchTo(previous);
  fcinfo->flinfo->fn_extra = table;
  return table;
}

bool IsKey(WatchedTable* table, Relation relation, const WatchedColumn& column) {
  if (!table->knows_key) {
    table->key = FindKey(relation, GetMemoryChunkContext(table));
    table->knows_key = true;
  }
  return bms_is_member(column.index + 1 - FirstLowInvalidHeapAttributeNumber, table->key);
}

}  // namespace fsubs
