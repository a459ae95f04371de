// fraiseql_watch and fraiseql_unwatch: put the triggers of capture.cpp on a table and remove them.
//
// They are found by the function that they call, whatever their names. Catalog functions make and
// drop them, not commands: a command would fire event triggers between the first trigger and the
// second.
#include "src/base/sql_arguments.hpp"
#include "src/capture/event_limits.hpp"
#include "src/capture/xact_queue.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

constexpr char kCaptureName[] = "fraiseql_capture";
constexpr char kCaptureSymbol[] = "fsubs_capture";

// What one of the two triggers of a watched table is. Triggers fire in the order of their names,
// and these must fire first, so that a change is told before what other triggers do about it: no
// name that people give to a trigger sorts before a blank.
struct TriggerKind {
  const char* name;
  bool is_row;
  int16 events;
};

constexpr TriggerKind kRowTrigger = {
    " fraiseql_capture_row", true, TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE};
constexpr TriggerKind kTruncateTrigger = {" fraiseql_capture_truncate", false,
                                          TRIGGER_TYPE_TRUNCATE};

// Raise an error unless `relid` is a table that the user may watch. Takes no lock on it, so that
// who may not watch it cannot make others wait.
void RequireWatchable(Oid relid) {
  const char* const name = get_rel_name(relid);
  if (name == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("relation with OID %u does not exist", relid)));
  }
  const char kind = get_rel_relkind(relid);
  if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) {
    ereport(ERROR,
            (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("cannot watch relation \"%s\"", name),
             errdetail_relkind_not_supported(kind)));
  }
  if (IsCatalogRelationOid(relid)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("cannot watch system catalog \"%s\"", name)));
  }
  if (!IsOwnerOfRelation(relid)) {
    aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(kind), name);
  }
}

// Open a table that RequireWatchable has let pass. Until the lock is there, it can be dropped and
// given to another owner.
Relation OpenLocked(Oid relid, LOCKMODE lock) {
  const Relation table = try_relation_open(relid, lock);
  RequireWatchable(relid);
  return table;
}

bool CallsCapture(const Trigger& trigger) {
  const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(trigger.tgfoid));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto* const function = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
  bool found = false;
  if (function->prolang == ClanguageId && strcmp(NameStr(function->proname), kCaptureName) == 0) {
    bool is_null;
    const Datum symbol = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
    found = !is_null && strcmp(TextDatumGetCString(symbol), kCaptureSymbol) == 0;
  }
  ReleaseSysCache(tuple);
  return found;
}

struct CaptureTriggers {
  Trigger* own;  // not copied from a partitioned table
  int own_count;
  bool is_copied;  // others are
};

// The triggers of a table that call fraiseql_capture, in palloc'ed memory.
CaptureTriggers FindCaptureTriggers(Relation table) {
  CaptureTriggers found{};
  const TriggerDesc* const triggers = table->trigdesc;
  if (triggers == nullptr) return found;
  found.own = static_cast<Trigger*>(palloc(mul_size(triggers->numtriggers, sizeof(Trigger))));
  for (int i = 0; i < triggers->numtriggers; ++i) {
    const Trigger& trigger = triggers->triggers[i];
    if (!CallsCapture(trigger)) continue;
    if (trigger.tgisclone) {
      found.is_copied = true;
    } else {
      found.own[found.own_count] = trigger;
      found.own[found.own_count].tgname = pstrdup(trigger.tgname);
      ++found.own_count;
    }
  }
  return found;
}

void RefuseCopied(Relation table) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("table \"%s\" is watched through the table it is a partition of",
                         RelationGetRelationName(table)),
                  errhint("Watch or unwatch the partitioned table.")));
}

// The name under which a trigger of a kind is there already, or else the one it gets.
const char* NameFor(const TriggerKind& kind, const CaptureTriggers& triggers) {
  const char* name = nullptr;
  for (int i = 0; i < triggers.own_count; ++i) {
    const Trigger& trigger = triggers.own[i];
    const bool same_kind = TRIGGER_FOR_ROW(trigger.tgtype) == kind.is_row &&
                           (trigger.tgtype & kind.events) != 0 && !OidIsValid(trigger.tgconstraint);
    if (!same_kind) continue;
    if (strcmp(trigger.tgname, kind.name) == 0) return kind.name;
    if (name == nullptr) name = trigger.tgname;
  }
  return name == nullptr ? kind.name : name;
}

void PutTrigger(Relation table, const TriggerKind& kind, const CaptureTriggers& existing,
                Oid function, const char* channel) {
  CreateTrigStmt* const statement = makeNode(CreateTrigStmt);
  statement->replace = true;
  statement->trigname = pstrdup(NameFor(kind, existing));
  statement->relation = makeRangeVar(get_namespace_name(RelationGetNamespace(table)),
                                     pstrdup(RelationGetRelationName(table)), -1);
  statement->funcname = list_make1(makeString(pstrdup(kCaptureName)));
  statement->args = list_make1(makeString(pstrdup(channel)));
  statement->row = kind.is_row;
  statement->timing = TRIGGER_TYPE_AFTER;
  statement->events = kind.events;
  // ALWAYS: rows that replication applies are changes too.
  CreateTriggerFiringOn(statement, "", RelationGetRelid(table), InvalidOid, InvalidOid, InvalidOid,
                        function, InvalidOid, nullptr, false, false, TRIGGER_FIRES_ALWAYS);
  CommandCounterIncrement();
}

void DropTrigger(Oid trigger) {
  ObjectAddress address;
  ObjectAddressSet(address, TriggerRelationId, trigger);
  performDeletion(&address, DROP_RESTRICT, 0);
}

const char* ChannelArgument(FunctionCallInfo fcinfo, Oid relid) {
  if (PG_ARGISNULL(1)) return get_rel_name(relid);
  const text* const channel = PG_GETARG_TEXT_PP(1);
  RequireNotEmpty(ViewOf(channel), "channel");
  CheckEventName("channel", ViewOf(channel));
  return text_to_cstring(channel);
}

// The function of that name in the schema where `caller` is.
Oid CaptureFunctionBeside(Oid caller) {
  const char* const schema = get_namespace_name(get_func_namespace(caller));
  List* const name = list_make2(makeString(const_cast<char*>(schema)),
                                makeString(const_cast<char*>(kCaptureName)));
  return LookupFuncName(name, 0, nullptr, false);
}

// One of the extension's functions in the schema fraiseql_subs, which its users need not be allowed
// to use.
template <size_t kArguments>
Oid InternalFunction(const char* name, const Oid (&types)[kArguments]) {
  const Oid schema = get_namespace_oid("fraiseql_subs", false);
  const oidvector* const arguments = buildoidvector(types, kArguments);
  const Oid function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
                                       PointerGetDatum(arguments), ObjectIdGetDatum(schema));
  if (!OidIsValid(function)) elog(ERROR, "function fraiseql_subs.%s does not exist", name);
  return function;
}

// Whether there is nothing that fraiseql_watch could do.
bool IsWatchedLikeThis(Oid relid, const char* channel) {
  const Oid function = InternalFunction("is_watched", {OIDOID, TEXTOID});
  return DatumGetBool(
      OidFunctionCall2(function, ObjectIdGetDatum(relid), CStringGetTextDatum(channel)));
}

void WarnOfProblems(Oid relid, const char* channel, bool is_default) {
  const Oid function = InternalFunction("warn_of_problems", {OIDOID, TEXTOID, BOOLOID});
  OidFunctionCall3(function, ObjectIdGetDatum(relid), CStringGetTextDatum(channel),
                   BoolGetDatum(is_default));
}

void Watch(Oid relid, Oid function, const char* channel) {
  // The one lock that is needed, at once: two who first looked at the table with a weaker one would
  // wait for each other.
  const Relation table = OpenLocked(relid, ShareRowExclusiveLock);
  const CaptureTriggers existing = FindCaptureTriggers(table);
  if (existing.is_copied) RefuseCopied(table);
  PutTrigger(table, kRowTrigger, existing, function, channel);
  PutTrigger(table, kTruncateTrigger, existing, function, channel);
  table_close(table, NoLock);
}

// Returns false, and waits for nobody who writes, if the table is not watched.
bool HasCaptureTriggers(Oid relid) {
  const Relation table = OpenLocked(relid, AccessShareLock);
  const CaptureTriggers triggers = FindCaptureTriggers(table);
  if (triggers.own_count == 0 && triggers.is_copied) RefuseCopied(table);
  table_close(table, AccessShareLock);
  return triggers.own_count > 0;
}

void Unwatch(Oid relid) {
  const Relation table = OpenLocked(relid, AccessExclusiveLock);
  const CaptureTriggers triggers = FindCaptureTriggers(table);
  table_close(table, NoLock);
  for (int i = 0; i < triggers.own_count; ++i) DropTrigger(triggers.own[i].tgoid);
}

// Whether this is what a trigger was when this transaction dropped it.
bool IsDroppedHere(HeapTuple tuple) {
  const HeapTupleHeader header = tuple->t_data;
  return !(header->t_infomask & HEAP_XMAX_INVALID) &&
         ItemPointerEquals(&tuple->t_self, &header->t_ctid) &&
         TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(header));
}

// A dropped trigger has no row that a query could see.
bool WasOwnTrigger(Oid trigger, Oid function) {
  const Relation triggers = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
  const SysScanDesc scan =
      systable_beginscan(triggers, TriggerOidIndexId, true, SnapshotAny, 1, &key);
  bool found = false;
  while (HeapTuple tuple = systable_getnext(scan)) {
    if (!IsDroppedHere(tuple)) continue;
    const auto* const form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    found = form->tgfoid == function && !OidIsValid(form->tgparentid);
  }
  systable_endscan(scan);
  table_close(triggers, AccessShareLock);
  return found;
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_was_own_trigger) {
  PG_RETURN_BOOL(fsubs::WasOwnTrigger(PG_GETARG_OID(0), PG_GETARG_OID(1)));
}

FSUBS_FUNCTION(fsubs_watch) {
  using namespace fsubs;
  RequireArgument(fcinfo, 0, "table");
  const Oid relid = PG_GETARG_OID(0);
  RequireWatchable(relid);
  const char* const channel = ChannelArgument(fcinfo, relid);
  if (!IsWatchedLikeThis(relid, channel)) {
    Watch(relid, CaptureFunctionBeside(fcinfo->flinfo->fn_oid), channel);
    if (IsServing()) QueueCatalogChanged();
  }
  ReportElsewhere(WARNING);
  WarnOfProblems(relid, channel, PG_ARGISNULL(1));
  PG_RETURN_VOID();
}

FSUBS_FUNCTION(fsubs_unwatch) {
  using namespace fsubs;
  RequireArgument(fcinfo, 0, "table");
  const Oid relid = PG_GETARG_OID(0);
  RequireWatchable(relid);
  if (HasCaptureTriggers(relid)) {
    Unwatch(relid);
    if (IsServing()) QueueCatalogChanged();
  } else {
    ereport(NOTICE, (errmsg("table \"%s\" is not watched", get_rel_name(relid))));
  }
  PG_RETURN_VOID();
}
