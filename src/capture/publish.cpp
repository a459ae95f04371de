// fraiseql_publish, and the trigger that tells the worker that the catalog changed.
#include "src/base/catalog_changes.hpp"
#include "src/base/sql_arguments.hpp"
#include "src/capture/event_limits.hpp"
#include "src/capture/xact_queue.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

std::string_view RequiredName(FunctionCallInfo fcinfo, int argument, const char* name) {
  RequireArgument(fcinfo, argument, name);
  const std::string_view value = ViewOf(PG_GETARG_TEXT_PP(argument));
  RequireNotEmpty(value, name);
  return value;
}

// What `data` is.
enum class DataType { kJsonb, kJson, kText };

std::string_view TextOf(Jsonb* data) {
  StringInfoData json;
  initStringInfo(&json);
  JsonbToCString(&json, &data->root, VARSIZE(data));
  return {json.data, static_cast<size_t>(json.len)};
}

// Raise PostgreSQL's own error unless `json` is what jsonb would take. A value of the type json has
// been checked, but for its escapes.
void CheckJson(std::string_view json, DataType type) {
  const bool has_escapes = memchr(json.data(), '\\', json.size()) != nullptr;
  if (type == DataType::kJson && !has_escapes) return;
  pg_parse_json_or_ereport(MakeJsonLexer(json.data(), json.size(), has_escapes), &nullSemAction);
}

std::string_view JsonArgument(FunctionCallInfo fcinfo, int argument, DataType type) {
  if (PG_ARGISNULL(argument)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("data cannot be null"),
                    errhint("Publish the JSON null as 'null'.")));
  }
  if (type == DataType::kJsonb) return TextOf(PG_GETARG_JSONB_P(argument));
  const std::string_view json = ViewOf(PG_GETARG_TEXT_PP(argument));
  CheckJson(json, type);
  return json;
}

// An event that is published here would reach a standby's own clients, and nobody else.
void RequirePrimary() {
  if (likely(!RecoveryInProgress())) return;
  ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
                  errmsg("cannot execute fraiseql_publish() during recovery"),
                  errhint("Publish on the primary, whose clients the event is for.")));
}

void Discard(const EventRecord& event) {
  CheckEventLimits(ConvertToUtf8(event));
  static bool told = false;
  if (!told) ReportElsewhere(NOTICE);
  told = true;
}

Datum Publish(FunctionCallInfo fcinfo, DataType type) {
  RequirePrimary();
  EventRecord event;
  event.event_type = RequiredName(fcinfo, 0, "event_type");
  event.channel = RequiredName(fcinfo, 1, "channel");
  event.data = JsonArgument(fcinfo, 2, type);
  event.correlation_id = OptionalText(fcinfo, 3);
  event.subgraph = OptionalText(fcinfo, 4);
  // Without a subgraph, an event is for clients of all.
  if (PG_NARGS() > 4 && !PG_ARGISNULL(4)) RequireNotEmpty(event.subgraph, "subgraph");
  if (likely(IsServing())) {
    QueueEvent(event);
  } else {
    Discard(event);
  }
  PG_RETURN_VOID();
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_publish_jsonb) {
  return fsubs::Publish(fcinfo, fsubs::DataType::kJsonb);
}

FSUBS_FUNCTION(fsubs_publish_json) {
  return fsubs::Publish(fcinfo, fsubs::DataType::kJson);
}

FSUBS_FUNCTION(fsubs_publish_text) {
  return fsubs::Publish(fcinfo, fsubs::DataType::kText);
}

FSUBS_FUNCTION(fsubs_catalog_changed) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("catalog_changed() can only be called as a trigger")));
  }
  ++fsubs::catalog_changes;
  if (fsubs::IsServing()) fsubs::QueueCatalogChanged();
  PG_RETURN_POINTER(nullptr);
}

FSUBS_FUNCTION(fsubs_warn_elsewhere) {
  fsubs::ReportElsewhere(WARNING);
  PG_RETURN_VOID();
}
