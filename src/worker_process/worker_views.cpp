// fsubs_worker_request: what the worker says of its metrics, connections and subscriptions.
#include "src/ring/shmem.hpp"
#include "src/worker_process/worker_contact.hpp"

namespace fsubs {
namespace {

void CheckOp(std::string_view op) {
  for (const char* known : side_door::op::kOfBackends) {
    if (op == known) return;
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("request \"%.*s\" is not known", static_cast<int>(op.size()), op.data())));
}

Jsonb* Ask(const char* request, Deadline deadline) {
  SideDoorClient* const door = OpenSideDoor(Wait::kSideDoor, deadline);
  const SideDoorResult sent = door->Send(request, deadline);
  if (sent != SideDoorResult::kDone) RaiseNoAnswer(sent);
  AwaitAnswer(door, deadline);
  return door->TakeMessage();
}

const char* JsonbAsUtf8(Jsonb* value) {
  const char* const text = JsonbToCString(nullptr, &value->root, VARSIZE(value));
  return pg_server_to_any(text, static_cast<int>(strlen(text)), PG_UTF8);
}

Jsonb* TakeRows(Jsonb* answer) {
  JsonbValue value;
  if (FindMember(answer, side_door::member::kError, &value) && value.type == jbvString) {
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                    errmsg("the worker of fraiseql_subs could not answer: %.*s",
                           value.val.string.len, value.val.string.val),
                    ErrorStandstill()));
  }
  if (FindMember(answer, side_door::member::kRows, &value) && value.type == jbvBinary &&
      JsonContainerIsArray(value.val.binary.data)) {
    return JsonbValueToJsonb(&value);
  }
  ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                  errmsg("the answer of the worker of fraiseql_subs has no rows")));
  pg_unreachable();
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_worker_request) {
  using namespace fsubs;
  RequirePreloaded();
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const char* const op = text_to_cstring(PG_GETARG_TEXT_PP(0));
  CheckOp(op);
  const Deadline deadline = std::chrono::steady_clock::now() + kAnswerTimeout;
  const char* const request =
      PG_ARGISNULL(1) ? MakeMessage(op)
                      : psprintf("{\"%s\":\"%s\",\"%s\":%s}", side_door::member::kOp, op,
                                 side_door::member::kArguments, JsonbAsUtf8(PG_GETARG_JSONB_P(1)));
  PG_RETURN_JSONB_P(TakeRows(Ask(request, deadline)));
}
