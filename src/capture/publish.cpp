// fraiseql_publish, and the trigger that tells the worker that the catalog changed.
#include "src/base/catalog_changes.hpp"
#include "src/base/sql_arguments.hpp"
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

std::string_view JsonText(FunctionCallInfo fcinfo, int argument) {
  if (PG_ARGISNULL(argument)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("data cannot be null"),
                    errhint("Publish the JSON null as 'null'::jsonb.")));
  }
  Jsonb* const data = PG_GETARG_JSONB_P(argument);
  StringInfoData json;
  initStringInfo(&json);
  JsonbToCString(&json, &data->root, VARSIZE(data));
  return {json.data, static_cast<size_t>(json.len)};
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_publish) {
  using namespace fsubs;
  RequireServing();
  EventRecord event;
  event.event_type = RequiredName(fcinfo, 0, "event_type");
  event.channel = RequiredName(fcinfo, 1, "channel");
  event.data = JsonText(fcinfo, 2);
  event.correlation_id = OptionalText(fcinfo, 3);
  event.subgraph = OptionalText(fcinfo, 4);
  QueueEvent(event);
  PG_RETURN_VOID();
}

FSUBS_FUNCTION(fsubs_catalog_changed) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("catalog_changed() can only be called as a trigger")));
  }
  fsubs::RequireServing();
  ++fsubs::catalog_changes;
  fsubs::QueueCatalogChanged();
  PG_RETURN_POINTER(nullptr);
}

FSUBS_FUNCTION(fsubs_require_serving) {
  fsubs::RequireServing();
  PG_RETURN_VOID();
}
