#include "src/worker_process/resolution.hpp"

#include <algorithm>

#include "src/worker_process/function_call.hpp"
#include "src/worker_process/side_door_client.hpp"

namespace fsubs {
namespace {

constexpr int kArgumentCount = 2;
constexpr char kHint[] = "fraiseql_register_resolver() names it.";
// As fraiseql_skip() returns it.
constexpr char kSkip[] = "{\"fraiseql_skip\": true}";
// What fraiseql_resolver_error() raises.
constexpr int kPublicError = MAKE_SQLSTATE('F', 'Q', '0', '0', '1');

const char* StringOfMember(Jsonb* message, const char* name) {
  JsonbValue value;
  if (!FindMember(message, name, &value) || value.type != jbvString) {
    ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                    errmsg("fraiseql_subs: the worker sent a call without \"%s\"", name)));
  }
  return pnstrdup(value.val.string.val, value.val.string.len);
}

// The name of the field's function.
const char* FunctionOf(const char* field) {
  constexpr char kQuery[] = "SELECT function FROM fraiseql_subs.resolver WHERE field = $1";
  Oid types[] = {TEXTOID};
  Datum values[] = {CStringGetTextDatum(field)};
  const MemoryContext context = CurrentMemoryContext;
  PushActiveSnapshot(GetTransactionSnapshot());
  SPI_connect();
  const int result = SPI_execute_with_args(kQuery, 1, types, values, nullptr, true, 1);
  const char* const name = result == SPI_OK_SELECT && SPI_processed == 1
                               ? SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)
                               : nullptr;
  const char* const copy = name == nullptr ? nullptr : MemoryContextStrdup(context, name);
  SPI_finish();
  PopActiveSnapshot();
  if (copy == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("fraiseql_subs: field \"%s\" has no function that resolves it", field)));
  }
  return copy;
}

const char* ToUtf8(const char* text) {
  return pg_server_to_any(text, static_cast<int>(strlen(text)), PG_UTF8);
}

const char* ResultOf(Jsonb* value) {
  if (value == nullptr) return "\"value\":null";
  const char* const text = JsonbToCString(nullptr, &value->root, VARSIZE(value));
  if (strcmp(text, kSkip) == 0) return "\"skip\":true";
  return psprintf("\"value\":%s", ToUtf8(text));
}

// `detail` is the extensions, a JSON object.
const char* PublicError(const ErrorData* error) {
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfoString(&text, "\"error\":{\"message\":");
  escape_json(&text, error->message == nullptr ? "" : error->message);
  if (error->detail != nullptr) appendStringInfo(&text, ",\"extensions\":%s", error->detail);
  appendStringInfoChar(&text, '}');
  return ToUtf8(text.data);
}

// Others than fraiseql_resolver_error() may raise the same SQLSTATE.
bool IsObject(const char* json) {
  if (json == nullptr) return true;
  volatile bool is_object = false;
  const MemoryContext context = CurrentMemoryContext;
  PG_TRY();
  {
    Jsonb* const value = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
    is_object = JB_ROOT_IS_OBJECT(value);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    FlushErrorState();
  }
  PG_END_TRY();
  return is_object;
}

void AddContext(void* call) {
  errcontext("resolver call-%s", static_cast<const char*>(call));
}

}  // namespace

int TimeoutOf(Jsonb* message) {
  JsonbValue value;
  if (!FindMember(message, "timeout_ms", &value) || value.type != jbvNumeric) {
    ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                    errmsg("fraiseql_subs: the worker sent a call without a time")));
  }
  const int timeout =
      DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(value.val.numeric)));
  return std::clamp(timeout, 1, 3600 * 1000);
}

void CallResolver(Jsonb* message, Resolution* resolution) {
  const MemoryContext own = CurrentMemoryContext;
  const char* const field = StringOfMember(message, "field");
  JsonbValue number;
  const bool has_number =
      FindMember(message, side_door::member::kRequest, &number) && number.type == jbvNumeric;
  ErrorContextCallback added{};
  added.callback = AddContext;
  added.arg =
      has_number
          ? DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number.val.numeric)))
          : pstrdup("?");
  added.previous = error_context_stack;
  error_context_stack = &added;
  PG_TRY();
  {
    const OwnedFunction function = FindFunction(ERROR, FunctionOf(field), kArgumentCount, kHint);
    const NullableDatum arguments[kArgumentCount] = {JsonbOfMember(message, "event"),
                                                     JsonbOfMember(message, "variables")};
    JsonbValue claims;
    const bool has_claims = FindMember(message, "claims", &claims);
    Jsonb* const value = CallAsOwner(function, arguments, kArgumentCount,
                                     has_claims ? StringOfMember(message, "claims") : nullptr);
    resolution->value = ResultOf(value);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(own);
    ErrorData* const error = CopyErrorData();
    FlushErrorState();
    if (error->sqlerrcode == ERRCODE_QUERY_CANCELED) {
      resolution->failure = "\"timeout\":true";
    } else if (error->sqlerrcode == kPublicError && IsObject(error->detail)) {
      resolution->failure = PublicError(error);
      error->output_to_server = false;
    }
    ReThrowError(error);
  }
  PG_END_TRY();
  error_context_stack = added.previous;
}

}  // namespace fsubs
