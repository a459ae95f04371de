// The trigger function fraiseql_capture: a row change becomes an event.
#include "src/capture/xact_queue.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

[[noreturn]] void RefuseCall(const char* reason) {
  ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                  errmsg("fraiseql_capture() %s", reason),
                  errhint("Create its triggers with fraiseql_watch().")));
  pg_unreachable();
}

void CheckCall(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_TRIGGER(fcinfo)) RefuseCall("can only be called as a trigger");
  const TriggerData* const trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  const TriggerEvent event = trigger->tg_event;
  if (!TRIGGER_FIRED_AFTER(event)) RefuseCall("must be an AFTER trigger");
  if (TRIGGER_FIRED_FOR_ROW(event) == TRIGGER_FIRED_BY_TRUNCATE(event)) {
    RefuseCall("must be FOR EACH ROW, or FOR EACH STATEMENT for TRUNCATE");
  }
  if (trigger->tg_trigger->tgnargs != 1) RefuseCall("needs one argument, the channel");
}

const char* OperationName(TriggerEvent event) {
  if (TRIGGER_FIRED_BY_INSERT(event)) return "INSERT";
  if (TRIGGER_FIRED_BY_UPDATE(event)) return "UPDATE";
  if (TRIGGER_FIRED_BY_DELETE(event)) return "DELETE";
  return "TRUNCATE";
}

bool HasOwnTrigger(Oid relid, const char* name) {
  const Relation relation = table_open(relid, AccessShareLock);
  bool found = false;
  const TriggerDesc* const triggers = relation->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; ++i) {
    const Trigger& trigger = triggers->triggers[i];
    found = found || (!trigger.tgisclone && strcmp(trigger.tgname, name) == 0);
  }
  table_close(relation, AccessShareLock);
  return found;
}

// The table that is watched. If PostgreSQL copied the trigger to a partition, that is the
// partitioned table that it was copied from.
Oid WatchedTable(const TriggerData* trigger) {
  const Oid relid = RelationGetRelid(trigger->tg_relation);
  if (!trigger->tg_trigger->tgisclone) return relid;
  ListCell* cell;
  foreach (cell, get_partition_ancestors(relid)) {
    if (HasOwnTrigger(lfirst_oid(cell), trigger->tg_trigger->tgname)) return lfirst_oid(cell);
  }
  return relid;
}

// The watched table's qualified name as a JSON string, found once per statement and table.
const char* TableJson(FunctionCallInfo fcinfo) {
  if (fcinfo->flinfo->fn_extra != nullptr) {
    return static_cast<const char*>(fcinfo->flinfo->fn_extra);
  }
  const Oid relid = WatchedTable(reinterpret_cast<TriggerData*>(fcinfo->context));
  const char* const name =
      quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
  StringInfoData json;
  initStringInfo(&json);
  escape_json(&json, name);
  char* const kept = MemoryContextStrdup(fcinfo->flinfo->fn_mcxt, json.data);
  fcinfo->flinfo->fn_extra = kept;
  return kept;
}

bool IsSameValue(Datum a, Datum b, const FormData_pg_attribute* attribute) {
  if (attribute->attlen == -1) {
    // An UPDATE copies the pointer to a large value it does not touch: do not read the value twice.
    const char* const pointer_a = DatumGetPointer(a);
    const char* const pointer_b = DatumGetPointer(b);
    if (VARATT_IS_EXTERNAL_ONDISK(pointer_a) && VARATT_IS_EXTERNAL_ONDISK(pointer_b) &&
        memcmp(pointer_a, pointer_b, VARSIZE_EXTERNAL(pointer_a)) == 0) {
      return true;
    }
  }
  return datum_image_eq(a, b, attribute->attbyval, attribute->attlen);
}

bool ChangesNothing(const TriggerData* trigger) {
  TupleTableSlot* const before = trigger->tg_trigslot;
  TupleTableSlot* const after = trigger->tg_newslot;
  slot_getallattrs(before);
  slot_getallattrs(after);
  const TupleDesc columns = RelationGetDescr(trigger->tg_relation);
  for (int i = 0; i < columns->natts; ++i) {
    const FormData_pg_attribute* const column = TupleDescAttr(columns, i);
    if (column->attisdropped) continue;
    if (before->tts_isnull[i] != after->tts_isnull[i]) return false;
    if (before->tts_isnull[i]) continue;
    if (!IsSameValue(before->tts_values[i], after->tts_values[i], column)) return false;
  }
  return true;
}

void AppendRow(StringInfo json, const char* member, HeapTuple row, Relation relation) {
  appendStringInfo(json, ",\"%s\":", member);
  if (row == nullptr) {
    appendStringInfoString(json, "null");
    return;
  }
  const Datum composite = heap_copy_tuple_as_datum(row, RelationGetDescr(relation));
  const text* const object = DatumGetTextPP(DirectFunctionCall1(row_to_json, composite));
  appendBinaryStringInfo(json, VARDATA_ANY(object), VARSIZE_ANY_EXHDR(object));
}

void QueueChange(FunctionCallInfo fcinfo) {
  const TriggerData* const trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  const TriggerEvent event = trigger->tg_event;
  const bool is_update = TRIGGER_FIRED_BY_UPDATE(event);
  HeapTuple row = nullptr;
  HeapTuple old = nullptr;
  if (TRIGGER_FIRED_FOR_ROW(event)) {
    row = is_update ? trigger->tg_newtuple : trigger->tg_trigtuple;
    old = is_update ? trigger->tg_trigtuple : nullptr;
  }

  const char* const operation = OperationName(event);
  StringInfoData json;
  initStringInfo(&json);
  appendStringInfo(&json, "{\"operation\":\"%s\",\"table\":%s", operation, TableJson(fcinfo));
  AppendRow(&json, "row", row, trigger->tg_relation);
  AppendRow(&json, "old", old, trigger->tg_relation);
  appendStringInfoChar(&json, '}');

  EventRecord record;
  record.event_type = operation;
  record.channel = trigger->tg_trigger->tgargs[0];
  record.data = {json.data, static_cast<size_t>(json.len)};
  QueueEvent(record);
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_capture) {
  using namespace fsubs;
  CheckCall(fcinfo);
  RequireServing();
  const TriggerData* const trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) || !ChangesNothing(trigger)) QueueChange(fcinfo);
  PG_RETURN_POINTER(nullptr);
}
