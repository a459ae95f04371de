#include "src/worker_process/executor.hpp"

#include <algorithm>
#include <chrono>

#include "src/base/guc.hpp"
#include "src/base/wait_events.hpp"
#include "src/capture/prepared_loss.hpp"
#include "src/catalog/snapshot.hpp"
#include "src/worker_process/authentication.hpp"
#include "src/worker_process/database_lock.hpp"
#include "src/worker_process/executor_work.hpp"
#include "src/worker_process/function_call.hpp"
#include "src/worker_process/resolution.hpp"
#include "src/worker_process/resolver_demand.hpp"
#include "src/worker_process/side_door_client.hpp"

extern "C" PGDLLEXPORT void fsubs_executor_main(Datum argument);

namespace fsubs {
namespace {

using Clock = std::chrono::steady_clock;
using side_door::kUnasked;
using side_door::SnapshotRequest;
using std::chrono::milliseconds;

constexpr milliseconds kConnectFirst{100};
constexpr milliseconds kConnectLongest{1000};
constexpr milliseconds kSendTimeout{5000};
constexpr milliseconds kLookInterval{5000};
constexpr milliseconds kLookAgainAfterError{1000};
constexpr milliseconds kMakeWayInterval{1000};

// What a log-in may add to the server log by failing: anybody who can connect may try as often as
// he likes.
constexpr size_t kErrorBurstBytes = 16 * 1024;
constexpr size_t kErrorBytesPerSecond = 1024;

// Shorter than deadlock_timeout may well be: a DROP EXTENSION that waits for us while we wait for
// it must never be the one that is cancelled.
constexpr char kLockTimeout[] = "500ms";

// One connection to the worker, and what was sent on it.
struct Session {
  MemoryContext context;
  SideDoorClient* door;
  char* sent_snapshot;  // in `context`; null: none yet, or the last one could not be read
  Clock::time_point look_due;
  bool has_begun;  // what a message asked for, and may have done some of it
};

enum class Outcome {
  kAnswered,
  kLost,     // the connection is of no more use
  kUnknown,  // the worker's message is none of the protocol's
};

// What an executor of one kind does.
struct Duty {
  const char* name;  // of the process
  const char* op;    // of its first message
  // Answer the message that has come.
  Outcome (*answer)(Session* session);
  // What is looked at without being asked for, when look_due says, and when the settings have
  // changed. Returns false if the connection is of no more use.
  bool (*look)(Session* session);
  Clock::time_point (*first_look)();
  const char* read_only;  // its transactions
};

// End if a command wants the database to itself. The launcher starts another executor when it is
// done. Returns when to call again.
Clock::time_point MakeWay(const Duty& duty) {
  static Clock::time_point due{};
  if (Clock::now() < due) return due;
  if (IsDatabaseLocked(MyDatabaseId)) {
    ereport(LOG, (errmsg("%s leaves database \"%s\" to a command that wants it to itself",
                         duty.name, settings::database)));
    proc_exit(0);
  }
  due = Clock::now() + kMakeWayInterval;
  return due;
}

// The number that the answer repeats; kUnasked if the message asks for something else than `op`.
SnapshotRequest FindRequest(Jsonb* message, std::string_view op) {
  JsonbValue value;
  if (!FindMember(message, side_door::member::kOp, &value) || value.type != jbvString ||
      std::string_view(value.val.string.val, value.val.string.len) != op ||
      !FindMember(message, side_door::member::kRequest, &value) || value.type != jbvNumeric) {
    return kUnasked;
  }
  return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric)));
}

// With a member whose value is JSON text; null: without one.
const char* MakeAnswer(const char* op, SnapshotRequest request, const char* member,
                       const char* json) {
  StringInfoData answer;
  initStringInfo(&answer);
  appendStringInfo(&answer, "{\"%s\":\"%s\"", side_door::member::kOp, op);
  if (request != kUnasked) {
    appendStringInfo(&answer, ",\"%s\":" INT64_FORMAT, side_door::member::kRequest, request);
  }
  if (json != nullptr) appendStringInfo(&answer, ",\"%s\":%s", member, json);
  appendStringInfoChar(&answer, '}');
  return answer.data;
}

const char* AsJson(const char* text) {
  StringInfoData json;
  initStringInfo(&json);
  escape_json(&json, text);
  return json.data;
}

SideDoorResult Send(Session* session, const char* json) {
  StartWorking();
  const SideDoorResult result = session->door->Send(json, Clock::now() + kSendTimeout);
  StopWorking();
  return result;
}

bool SendSnapshotError(Session* session, SnapshotRequest request, const char* message) {
  return Send(session, MakeAnswer(side_door::op::kSnapshot, request, side_door::member::kError,
                                  AsJson(message))) == SideDoorResult::kDone;
}

void Remember(Session* session, const char* snapshot) {
  if (session->sent_snapshot != nullptr) pfree(session->sent_snapshot);
  session->sent_snapshot =
      snapshot == nullptr ? nullptr : MemoryContextStrdup(session->context, snapshot);
}

// Read the catalog and send it, unasked only if it has changed. Returns false if the connection is
// of no more use.
bool GiveSnapshot(Session* session, SnapshotRequest request) {
  const char* text = nullptr;
  // The commit that it was asked for may not have told of its tables yet.
  const Freshness freshness = request == kUnasked ? Freshness::kSoon : Freshness::kNow;
  bool has_resolvers = false;
  const char* const failure = RunTransaction(
      {"reading the catalog"}, [&] { text = ReadCatalogSnapshot(freshness, &has_resolvers); });
  if (failure == nullptr) DemandResolver(has_resolvers);
  if (failure != nullptr) {
    session->look_due = Clock::now() + kLookAgainAfterError;
    Remember(session, nullptr);
    return SendSnapshotError(session, request, failure);
  }
  session->look_due = Clock::now() + kLookInterval;
  const bool known = session->sent_snapshot != nullptr && strcmp(session->sent_snapshot, text) == 0;
  if (request == kUnasked && known) return true;

  Remember(session, text);
  const SideDoorResult result = Send(
      session, MakeAnswer(side_door::op::kSnapshot, request, side_door::member::kSnapshot, text));
  if (result == SideDoorResult::kOversize) {
    ereport(WARNING, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("fraiseql_subs: the catalog is too large for the worker")));
    return SendSnapshotError(session, request, "the catalog is too large");
  }
  return result == SideDoorResult::kDone;
}

Outcome AnswerWithSnapshot(Session* session) {
  SnapshotRequest request = kUnasked;
  const char* const failure = RunTransaction({"reading a request"}, [&] {
    request = FindRequest(session->door->TakeMessage(), side_door::op::kSnapshot);
  });
  if (failure != nullptr || request == kUnasked) return Outcome::kUnknown;
  return GiveSnapshot(session, request) ? Outcome::kAnswered : Outcome::kLost;
}

bool LookAtCatalog(Session* session) {
  // An error is in the log, and the next look tries again.
  (void)RunTransaction({"telling of prepared transactions"}, QueuePreparedLosses);
  return GiveSnapshot(session, kUnasked);
}

Outcome AnswerWithClaims(Session* session) {
  static ErrorLog errors{LogBudget(kErrorBurstBytes, kErrorBytesPerSecond)};
  SnapshotRequest request = kUnasked;
  const char* claims = nullptr;
  const char* const failure =
      RunTransaction({.activity = "authenticating a client",
                      .timeout_ms = settings::authenticate_timeout_ms,
                      .errors = &errors},
                     [&] {
                       Jsonb* const message = session->door->TakeMessage();
                       request = FindRequest(message, side_door::op::kAuthenticate);
                       if (request != kUnasked) claims = CallAuthenticate(message);
                     });
  ReleaseAdvisoryLocks();
  if (request == kUnasked) return Outcome::kUnknown;
  const char* const answer =
      failure == nullptr
          ? MakeAnswer(side_door::op::kAuthenticate, request, side_door::member::kClaims, claims)
          : MakeAnswer(side_door::op::kAuthenticate, request, side_door::member::kError,
                       AsJson(failure));
  return Send(session, answer) == SideDoorResult::kDone ? Outcome::kAnswered : Outcome::kLost;
}

bool LookAtFunction(Session* session) {
  (void)RunTransaction({"looking for the function that authenticates"}, WarnUnlessCallable);
  session->look_due = Clock::time_point::max();
  return true;
}

// One call, in two transactions: the message says how long the second may take.
Outcome AnswerWithValue(Session* session) {
  static ErrorLog errors{LogBudget(kErrorBurstBytes, kErrorBytesPerSecond)};
  Jsonb* message = nullptr;
  SnapshotRequest call = kUnasked;
  int timeout_ms = 0;
  const char* failure = RunTransaction({"reading a call"}, [&] {
    message = session->door->TakeMessage();
    call = FindRequest(message, side_door::op::kResolver);
    timeout_ms = TimeoutOf(message);
  });
  if (failure != nullptr || call == kUnasked) return Outcome::kUnknown;
  Resolution resolution{};
  failure = RunTransaction(
      {.activity = "resolving an event", .timeout_ms = timeout_ms, .errors = &errors}, [&] {
        session->has_begun = true;
        CallResolver(message, &resolution);
      });
  ReleaseAdvisoryLocks();
  const char* const masked = psprintf("\"masked_error\":\"call-" INT64_FORMAT "\"", call);
  const char* const member = failure == nullptr              ? resolution.value
                             : resolution.failure != nullptr ? resolution.failure
                                                             : masked;
  const auto send = [&](const char* result) {
    return Send(session, psprintf("{\"%s\":\"%s\",\"%s\":[{\"call\":" INT64_FORMAT ",%s}]}",
                                  side_door::member::kOp, side_door::op::kExchange,
                                  side_door::member::kResults, call, result));
  };
  SideDoorResult sent = send(member);
  if (sent == SideDoorResult::kOversize) {
    ereport(WARNING, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("fraiseql_subs: what a resolver returned is too large"),
                      errcontext("resolver call-" INT64_FORMAT, call)));
    sent = send(masked);
  }
  session->has_begun = false;
  return sent == SideDoorResult::kDone ? Outcome::kAnswered : Outcome::kLost;
}

// The process ends. A call that it has been given and has not begun is to be given to another: what
// may be done once only was not done.
void Leave(int, Datum session_pointer) {
  const auto* const session = reinterpret_cast<const Session*>(DatumGetPointer(session_pointer));
  if (session->door == nullptr || session->has_begun) return;
  char message[32];
  snprintf(message, sizeof(message), "{\"%s\":\"%s\"}", side_door::member::kOp,
           side_door::op::kLeave);
  session->door->TrySend(message);
}

bool LookAtNothing(Session* session) {
  session->look_due = Clock::time_point::max();
  return true;
}

constexpr Duty kDuties[] = {
    {.name = "fraiseql_subs executor",
     .op = side_door::op::kExecutor,
     .answer = AnswerWithSnapshot,
     .look = LookAtCatalog,
     // The worker asks an executor that is new to it.
     .first_look = [] { return Clock::now() + kLookInterval; },
     .read_only = "on"},
    {.name = "fraiseql_subs authenticator",
     .op = side_door::op::kAuthenticator,
     .answer = AnswerWithClaims,
     .look = LookAtFunction,
     .first_look = [] { return Clock::now(); },
     .read_only = "off"},
    {.name = "fraiseql_subs resolver",
     .op = side_door::op::kResolver,
     .answer = AnswerWithValue,
     .look = LookAtNothing,
     .first_look = [] { return Clock::time_point::max(); },
     .read_only = "off"},
};

const Duty& DutyOf(ExecutorKind kind) {
  return kDuties[static_cast<size_t>(kind)];
}

// Answer the worker until the connection ends or is of no more use. Returns whether the worker kept
// to the protocol.
bool Serve(const Duty& duty, Session* session) {
  if (Send(session, MakeMessage(duty.op)) != SideDoorResult::kDone) return true;
  const MemoryContext turn_context =
      AllocSetContextCreate(session->context, "fraiseql_subs request", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(turn_context);
  session->look_due = duty.first_look();
  for (;;) {
    MemoryContextReset(turn_context);
    if (HandleInterrupts()) session->look_due = Clock::now();
    const Clock::time_point make_way_due = MakeWay(duty);
    if (Clock::now() >= session->look_due && !duty.look(session)) return true;
    switch (session->door->TryReceive()) {
      case SideDoorResult::kDone:
        switch (duty.answer(session)) {
          case Outcome::kAnswered:
            break;
          case Outcome::kLost:
            return true;
          case Outcome::kUnknown:
            ereport(WARNING,
                    (errcode(ERRCODE_PROTOCOL_VIOLATION),
                     errmsg("fraiseql_subs: the worker sent a request that is not known")));
            return false;
        }
        break;
      case SideDoorResult::kNotYet:
        session->door->WaitReadable(std::min(session->look_due, make_way_due));
        break;
      case SideDoorResult::kClosed:
        return true;
      case SideDoorResult::kOversize:
        ereport(WARNING, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                          errmsg("fraiseql_subs: the worker sent a request that is too long")));
        return false;
    }
  }
}

void Sleep(milliseconds time) {
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, time.count(),
                  WaitEventOf(Wait::kExecutor));
  ResetLatch(MyLatch);
}

struct FixedSetting {
  const char* name;
  const char* value;
};

constexpr FixedSetting kFixedSettings[] = {
    {"role", "none"},
    {"search_path", "pg_catalog, pg_temp"},
    {"default_transaction_isolation", "read committed"},
    {"default_transaction_deferrable", "off"},
    // What takes rows away would wait for ever for a synchronous standby that is missing.
    {"synchronous_commit", "local"},
    {"lock_timeout", kLockTimeout},
#if PG_VERSION_NUM >= 170000
    {"transaction_timeout", "0"},
#endif
    // To tell of losses must neither wait for the worker nor fail.
    {"fraiseql_subs.overflow", "overwrite"},
    // An error would end the process.
    {"exit_on_error", "off"},
    // The few rows that are read are worth neither a compiler nor other processes.
    {"jit", "off"},
    {"max_parallel_workers_per_gather", "0"},
    // A look every few seconds would fill the log.
    {"debug_print_parse", "off"},
    {"debug_print_rewritten", "off"},
    {"debug_print_plan", "off"},
    {"log_parser_stats", "off"},
    {"log_planner_stats", "off"},
#ifdef TRACE_SORT
    {"trace_sort", "off"},
#endif
};

// What ALTER DATABASE, ALTER ROLE or postgresql.conf say for sessions is not meant for this one.
void FixSettings(const Duty& duty) {
  // As which background workers connect; the setting session_authorization can name another.
  SetSessionAuthorization(BOOTSTRAP_SUPERUSERID, true);
  for (const FixedSetting& setting : kFixedSettings) {
    SetConfigOption(setting.name, setting.value, PGC_SUSET, PGC_S_SESSION);
  }
  SetConfigOption("default_transaction_read_only", duty.read_only, PGC_SUSET, PGC_S_SESSION);
}

}  // namespace

const char* NameOf(ExecutorKind kind) {
  return DutyOf(kind).name;
}

BackgroundWorkerHandle* TryStartExecutor(ExecutorKind kind) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_ConsistentState;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_notify_pid = MyProcPid;
  strlcpy(worker.bgw_library_name, "fraiseql_subs", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, "fsubs_executor_main", sizeof(worker.bgw_function_name));
  strlcpy(worker.bgw_name, DutyOf(kind).name, sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, DutyOf(kind).name, sizeof(worker.bgw_type));
  worker.bgw_main_arg = Int32GetDatum(static_cast<int32>(kind));
  BackgroundWorkerHandle* handle;
  return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : nullptr;
}

}  // namespace fsubs

void fsubs_executor_main(Datum argument) {
  using namespace fsubs;
  const Duty& duty = DutyOf(static_cast<ExecutorKind>(DatumGetInt32(argument)));
  SetUpInterrupts();
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(settings::database, nullptr, 0);
  pgstat_report_appname(duty.name);
  FixSettings(duty);
  HOLD_CANCEL_INTERRUPTS();

  Session session{};
  session.context =
      AllocSetContextCreate(TopMemoryContext, "fraiseql_subs side door", ALLOCSET_DEFAULT_SIZES);
  if (DatumGetInt32(argument) == static_cast<int32>(ExecutorKind::kResolver)) {
    before_shmem_exit(Leave, PointerGetDatum(&session));
  }
  milliseconds delay = kConnectFirst;
  for (;;) {
    (void)HandleInterrupts();
    MakeWay(duty);
    MemoryContextSwitchTo(session.context);
    session.door = SideDoorClient::TryOpen(Wait::kExecutor);
    if (session.door != nullptr) {
      ShowIdle("waiting for requests");
      delay = Serve(duty, &session) ? kConnectFirst : kConnectLongest;
    }
    session.sent_snapshot = nullptr;
    session.door = nullptr;
    session.has_begun = false;
    MemoryContextSwitchTo(TopMemoryContext);
    MemoryContextReset(session.context);
    ShowIdle("waiting for the worker");
    Sleep(delay);
    delay = std::min(delay * 2, kConnectLongest);
  }
}
