// fraiseql_watch and fraiseql_unwatch: put the triggers of capture.cpp on a table and remove them.
// They run with the caller's rights, so only a table's owner can watch it.
#include "src/base/sql_arguments.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

constexpr char kRowTrigger[] = "fraiseql_capture_row";
constexpr char kTruncateTrigger[] = "fraiseql_capture_truncate";

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
}

// Raise an error if the trigger belongs to a partitioned table that it was copied from.
void RequireOwnTrigger(Oid relid, const char* trigger_name) {
  const Relation relation = table_open(relid, AccessShareLock);
  const TriggerDesc* const triggers = relation->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; ++i) {
    const Trigger& trigger = triggers->triggers[i];
    if (!trigger.tgisclone || strcmp(trigger.tgname, trigger_name) != 0) continue;
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("table \"%s\" is watched through the table it is a partition of",
                           RelationGetRelationName(relation)),
                    errhint("Watch or unwatch the partitioned table.")));
  }
  table_close(relation, NoLock);
}

bool HasTrigger(Oid relid, const char* name) {
  return OidIsValid(get_trigger_oid(relid, name, true));
}

void Execute(const char* command) {
  const int result = SPI_execute(command, false, 0);
  if (result != SPI_OK_UTILITY) elog(ERROR, "SPI_execute returned %d for: %s", result, command);
}

const char* QualifiedName(Oid relid) {
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
                                    get_rel_name(relid));
}

void DropTrigger(Oid relid, const char* name) {
  if (HasTrigger(relid, name)) {
    Execute(psprintf("DROP TRIGGER %s ON %s", name, QualifiedName(relid)));
  }
}

// `schema` is where fraiseql_capture lives.
void CreateTrigger(Oid relid, const char* name, const char* when, const char* schema,
                   const char* channel) {
  const char* const table = QualifiedName(relid);
  Execute(psprintf("CREATE TRIGGER %s AFTER %s ON %s FOR EACH %s EXECUTE FUNCTION %s(%s)", name,
                   when, table, name == kRowTrigger ? "ROW" : "STATEMENT",
                   quote_qualified_identifier(schema, "fraiseql_capture"),
                   quote_literal_cstr(channel)));
  // Rows that replication applies are changes too.
  Execute(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, name));
}

const char* ChannelArgument(FunctionCallInfo fcinfo, Oid relid) {
  if (PG_ARGISNULL(1)) return get_rel_name(relid);
  const text* const channel = PG_GETARG_TEXT_PP(1);
  RequireNotEmpty(ViewOf(channel), "channel");
  return text_to_cstring(channel);
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_watch) {
  using namespace fsubs;
  RequireServing();
  RequireArgument(fcinfo, 0, "table");
  const Oid relid = PG_GETARG_OID(0);
  RequireWatchable(relid);
  RequireOwnTrigger(relid, kRowTrigger);
  const char* const channel = ChannelArgument(fcinfo, relid);
  const char* const schema = get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid));

  SPI_connect();
  DropTrigger(relid, kRowTrigger);
  DropTrigger(relid, kTruncateTrigger);
  CreateTrigger(relid, kRowTrigger, "INSERT OR UPDATE OR DELETE", schema, channel);
  CreateTrigger(relid, kTruncateTrigger, "TRUNCATE", schema, channel);
  SPI_finish();
  PG_RETURN_VOID();
}

FSUBS_FUNCTION(fsubs_unwatch) {
  using namespace fsubs;
  RequireServing();
  RequireArgument(fcinfo, 0, "table");
  const Oid relid = PG_GETARG_OID(0);
  RequireWatchable(relid);
  RequireOwnTrigger(relid, kRowTrigger);
  if (!HasTrigger(relid, kRowTrigger) && !HasTrigger(relid, kTruncateTrigger)) {
    ereport(NOTICE, (errmsg("table \"%s\" is not watched", get_rel_name(relid))));
    PG_RETURN_VOID();
  }
  SPI_connect();
  DropTrigger(relid, kRowTrigger);
  DropTrigger(relid, kTruncateTrigger);
  SPI_finish();
  PG_RETURN_VOID();
}
