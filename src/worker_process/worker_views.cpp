// fsubs_worker_request: what the worker says of its metrics, connections and subscriptions.
#include <chrono>

#include "contract/heartbeat.hpp"
#include "src/ring/shmem.hpp"
#include "src/worker_process/side_door_client.hpp"

namespace fsubs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kRequestTimeout{5};
constexpr std::chrono::milliseconds kConnectRetry{10};

// Errors about the worker are of the class connection_exception, which fraiseql_metrics() catches.
[[noreturn]] void RaiseNotRunning() {
  const bool no_launcher = (GetSharedRing().ring->server_state.load() & kServerNoLauncher) != 0;
  ereport(ERROR,
          (errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
           errmsg("the worker of fraiseql_subs is not running"),
           no_launcher ? errdetail("No background worker slot was free for its launcher when the "
                                   "server started.")
                       : 0,
           no_launcher ? errhint("Increase max_worker_processes and restart the server.")
                       : errhint("It is restarted when it ends; the server log says why it ended "
                                 "or could not be started.")));
  pg_unreachable();
}

void DescribeStandstill(StringInfo out, const char* thread, uint64_t beat_ms, uint64_t now_ms) {
  const uint64_t age_ms = HeartbeatAge(beat_ms, now_ms);
  if (beat_ms == 0 || age_ms < kStandstillMs) return;
  appendStringInfo(out, "%s%s has stood still for " UINT64_FORMAT " s", out->len > 0 ? ", " : "",
                   thread, age_ms / 1000);
}

// Adds to an error which threads of the worker stand still, if any does.
int ErrorStandstill() {
  StringInfoData threads;
  initStringInfo(&threads);
  const SharedRing& shared = GetSharedRing();
  const Heartbeats& beats = shared.reader_page->heartbeats;
  const uint64_t now_ms = MonotonicMs();
  for (int i = 0; i < shared.shards; ++i) {
    DescribeStandstill(&threads, psprintf("shard %d", i), beats.shards[i].load(), now_ms);
  }
  DescribeStandstill(&threads, "the control thread", beats.control.load(), now_ms);
  if (threads.len == 0) return 0;
  errdetail("Of the worker, %s.", threads.data);
  return errhint(
      "The worker is restarted when that reaches fraiseql_subs.stuck_timeout, if it is not 0.");
}

[[noreturn]] void RaiseNoAnswer(SideDoorResult result) {
  switch (result) {
    case SideDoorResult::kOversize:
      ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                      errmsg("the answer of the worker of fraiseql_subs is too long")));
    case SideDoorResult::kNotYet:
      ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                      errmsg("the worker of fraiseql_subs did not answer within %d s",
                             static_cast<int>(kRequestTimeout.count())),
                      ErrorStandstill()));
    default:
      ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                      errmsg("the worker of fraiseql_subs ended before it answered")));
  }
  pg_unreachable();
}

void CheckOp(std::string_view op) {
  for (const char* known : side_door::op::kOfBackends) {
    if (op == known) return;
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("request \"%.*s\" is not known", static_cast<int>(op.size()), op.data())));
}

// A backlog that is full shows as EAGAIN, and empties by itself.
SideDoorClient* OpenSideDoor(Deadline deadline) {
  for (;;) {
    SideDoorClient* const door = SideDoorClient::TryOpen(Wait::kSideDoor);
    if (door != nullptr) return door;
    if (errno != EAGAIN) RaiseNotRunning();
    if (Clock::now() >= deadline) RaiseNoAnswer(SideDoorResult::kNotYet);
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kConnectRetry.count(),
                    WaitEventOf(Wait::kSideDoor));
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  }
}

Jsonb* Ask(const char* request, Deadline deadline) {
  SideDoorClient* const door = OpenSideDoor(deadline);
  const SideDoorResult sent = door->Send(request, deadline);
  if (sent != SideDoorResult::kDone) RaiseNoAnswer(sent);
  for (;;) {
    const SideDoorResult received = door->TryReceive();
    if (received == SideDoorResult::kDone) return door->TakeMessage();
    if (received != SideDoorResult::kNotYet || Clock::now() >= deadline) RaiseNoAnswer(received);
    door->WaitReadable(deadline);
    CHECK_FOR_INTERRUPTS();
  }
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
  const Deadline deadline = Clock::now() + kRequestTimeout;
  const char* const request =
      PG_ARGISNULL(1) ? MakeMessage(op)
                      : psprintf("{\"%s\":\"%s\",\"%s\":%s}", side_door::member::kOp, op,
                                 side_door::member::kArguments, JsonbAsUtf8(PG_GETARG_JSONB_P(1)));
  PG_RETURN_JSONB_P(TakeRows(Ask(request, deadline)));
}
