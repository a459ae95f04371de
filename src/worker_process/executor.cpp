#include "src/worker_process/executor.hpp"

#include <signal.h>

#include <algorithm>
#include <chrono>

#include "src/base/guc.hpp"
#include "src/base/wait_events.hpp"
#include "src/capture/prepared_loss.hpp"
#include "src/catalog/snapshot.hpp"
#include "src/worker_process/database_lock.hpp"
#include "src/worker_process/side_door_client.hpp"

extern "C" PGDLLEXPORT void fsubs_executor_main(Datum argument);

namespace fsubs {
namespace {

using Clock = std::chrono::steady_clock;
using side_door::kUnasked;
using side_door::SnapshotRequest;
using std::chrono::milliseconds;

constexpr char kName[] = "fraiseql_subs executor";

constexpr milliseconds kConnectFirst{100};
constexpr milliseconds kConnectLongest{1000};
constexpr milliseconds kSendTimeout{5000};
constexpr milliseconds kLookInterval{5000};
constexpr milliseconds kLookAgainAfterError{1000};
constexpr milliseconds kMakeWayInterval{1000};
constexpr int kStatementTimeoutMs = 30000;

// Shorter than deadlock_timeout may well be: a DROP EXTENSION that waits for us while we wait for
// it must never be the one that is cancelled.
constexpr char kLockTimeout[] = "500ms";

volatile sig_atomic_t working;

// One connection to the worker, and what was sent on it.
struct Session {
  MemoryContext context;
  SideDoorClient* door;
  char* sent_snapshot;  // in `context`; null: none yet, or the last one could not be read
  Clock::time_point look_due;
};

// Work is interrupted; otherwise the process ends by itself, which needs no line in the server log.
void HandleTermination(SIGNAL_ARGS) {
  if (working) {
    die(postgres_signal_arg);
  } else {
    SignalHandlerForShutdownRequest(postgres_signal_arg);
  }
}

// Returns whether the settings were read again.
bool HandleInterrupts() {
  if (ShutdownRequestPending) proc_exit(0);
  CHECK_FOR_INTERRUPTS();
  if (!ConfigReloadPending) return false;
  ConfigReloadPending = false;
  ProcessConfigFile(PGC_SIGHUP);
  return true;
}

// End if a command wants the database to itself. The launcher starts another executor when it is
// done. Returns when to call again.
Clock::time_point MakeWay() {
  static Clock::time_point due{};
  if (Clock::now() < due) return due;
  if (IsDatabaseLocked(MyDatabaseId)) {
    ereport(LOG,
            (errmsg("fraiseql_subs: executor leaves database \"%s\" to a command that wants it "
                    "to itself",
                    settings::database)));
    proc_exit(0);
  }
  due = Clock::now() + kMakeWayInterval;
  return due;
}

void ShowIdle(const char* text) {
  pgstat_report_activity(STATE_IDLE, text);
}

void StartWorking() {
  working = true;
  // Asked for before that, it would wait for the end of the work.
  if (ShutdownRequestPending) proc_exit(0);
}

void StopWorking() {
  working = false;
}

// Encodings cannot be converted outside a transaction.
char* ReplaceUnlessUtf8(char* message) {
  if (GetDatabaseEncoding() == PG_UTF8) return message;
  for (char* at = message; *at != '\0'; ++at) {
    if (IS_HIGHBIT_SET(*at)) *at = '?';
  }
  return message;
}

// Log the error and roll back. Returns its message in UTF-8, in `context`.
char* AbandonTransaction(MemoryContext context) {
  HOLD_INTERRUPTS();
  disable_all_timeouts(false);
  QueryCancelPending = false;
  MemoryContextSwitchTo(context);
  ErrorData* const error = CopyErrorData();
  EmitErrorReport();
  AbortCurrentTransaction();
  FlushErrorState();
  RESUME_INTERRUPTS();
  return ReplaceUnlessUtf8(error->message);
}

// Run `body` in a transaction of its own and in the current memory context. Returns null, or the
// message of the error that ended it.
template <typename Body>
const char* RunTransaction(const char* activity, Body body) {
  static_assert(std::is_trivially_destructible_v<Body>);
  const MemoryContext context = CurrentMemoryContext;
  char* volatile failure = nullptr;
  StartWorking();
  // A cancel that came while idle is for nothing that runs now.
  QueryCancelPending = false;
  RESUME_CANCEL_INTERRUPTS();
  SetCurrentStatementStartTimestamp();
  pgstat_report_activity(STATE_RUNNING, activity);
  PG_TRY();
  {
    StartTransactionCommand();
    enable_timeout_after(STATEMENT_TIMEOUT, kStatementTimeoutMs);
    MemoryContextSwitchTo(context);
    body();
    CommitTransactionCommand();
    disable_timeout(STATEMENT_TIMEOUT, false);
  }
  PG_CATCH();
  { failure = AbandonTransaction(context); }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  // Outside transactions an error would end the process, so there is nothing to cancel.
  HOLD_CANCEL_INTERRUPTS();
  StopWorking();
  ShowIdle("waiting for requests");
  pgstat_report_stat(false);
  return failure;
}

// The worker's message. Returns kUnasked if it asks for no snapshot.
SnapshotRequest TakeSnapshotRequest(SideDoorClient* door) {
  SnapshotRequest request = kUnasked;
  const char* const failure = RunTransaction("reading a request", [&] {
    Jsonb* const message = door->TakeMessage();
    JsonbValue op;
    JsonbValue number;
    if (FindMember(message, side_door::member::kOp, &op) && op.type == jbvString &&
        std::string_view(op.val.string.val, op.val.string.len) == side_door::op::kSnapshot &&
        FindMember(message, side_door::member::kRequest, &number) && number.type == jbvNumeric) {
      request =
          DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(number.val.numeric)));
    }
  });
  return failure == nullptr ? request : kUnasked;
}

// With a member whose value is JSON text.
const char* MakeSnapshotMessage(SnapshotRequest request, const char* member, const char* json) {
  const char* const answered = request == kUnasked ? ""
                                                   : psprintf("\"%s\":" INT64_FORMAT ",",
                                                              side_door::member::kRequest, request);
  return psprintf("{\"%s\":\"%s\",%s\"%s\":%s}", side_door::member::kOp, side_door::op::kSnapshot,
                  answered, member, json);
}

SideDoorResult Send(Session* session, const char* json) {
  StartWorking();
  const SideDoorResult result = session->door->Send(json, Clock::now() + kSendTimeout);
  StopWorking();
  return result;
}

bool SendError(Session* session, SnapshotRequest request, const char* message) {
  StringInfoData text;
  initStringInfo(&text);
  escape_json(&text, message);
  const char* const answer = MakeSnapshotMessage(request, side_door::member::kError, text.data);
  return Send(session, answer) == SideDoorResult::kDone;
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
  const char* const failure =
      RunTransaction("reading the catalog", [&] { text = ReadCatalogSnapshot(freshness); });
  if (failure != nullptr) {
    session->look_due = Clock::now() + kLookAgainAfterError;
    Remember(session, nullptr);
    return SendError(session, request, failure);
  }
  session->look_due = Clock::now() + kLookInterval;
  const bool known = session->sent_snapshot != nullptr && strcmp(session->sent_snapshot, text) == 0;
  if (request == kUnasked && known) return true;

  Remember(session, text);
  const SideDoorResult result =
      Send(session, MakeSnapshotMessage(request, side_door::member::kSnapshot, text));
  if (result == SideDoorResult::kOversize) {
    ereport(WARNING, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("fraiseql_subs: the catalog is too large for the worker")));
    return SendError(session, request, "the catalog is too large");
  }
  return result == SideDoorResult::kDone;
}

// What must be looked for. Returns false if the connection is of no more use.
bool Look(Session* session) {
  // An error is in the log, and the next look tries again.
  (void)RunTransaction("telling of prepared transactions", QueuePreparedLosses);
  return GiveSnapshot(session, kUnasked);
}

// Answer the worker until the connection ends or is of no more use. Returns whether the worker kept
// to the protocol.
bool Serve(Session* session) {
  if (Send(session, MakeMessage(side_door::op::kExecutor)) != SideDoorResult::kDone) return true;
  const MemoryContext turn_context =
      AllocSetContextCreate(session->context, "fraiseql_subs request", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(turn_context);
  session->look_due = Clock::now() + kLookInterval;
  for (;;) {
    MemoryContextReset(turn_context);
    // The snapshot has some of the settings.
    if (HandleInterrupts()) session->look_due = Clock::now();
    const Clock::time_point make_way_due = MakeWay();
    if (Clock::now() >= session->look_due && !Look(session)) return true;
    switch (session->door->TryReceive()) {
      case SideDoorResult::kDone: {
        const SnapshotRequest request = TakeSnapshotRequest(session->door);
        if (request == kUnasked) {
          ereport(WARNING, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                            errmsg("fraiseql_subs: the worker sent a request that is not known")));
          return false;
        }
        if (!GiveSnapshot(session, request)) return true;
        break;
      }
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
    {"default_transaction_read_only", "on"},
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
void FixSettings() {
  // As which background workers connect; the setting session_authorization can name another.
  SetSessionAuthorization(BOOTSTRAP_SUPERUSERID, true);
  for (const FixedSetting& setting : kFixedSettings) {
    SetConfigOption(setting.name, setting.value, PGC_SUSET, PGC_S_SESSION);
  }
}

}  // namespace

BackgroundWorkerHandle* TryStartExecutor() {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_ConsistentState;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_notify_pid = MyProcPid;
  strlcpy(worker.bgw_library_name, "fraiseql_subs", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, "fsubs_executor_main", sizeof(worker.bgw_function_name));
  strlcpy(worker.bgw_name, kName, sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, kName, sizeof(worker.bgw_type));
  BackgroundWorkerHandle* handle;
  return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : nullptr;
}

}  // namespace fsubs

void fsubs_executor_main(Datum) {
  using namespace fsubs;
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, HandleTermination);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(settings::database, nullptr, 0);
  pgstat_report_appname(kName);
  FixSettings();
  HOLD_CANCEL_INTERRUPTS();

  Session session{};
  session.context =
      AllocSetContextCreate(TopMemoryContext, "fraiseql_subs side door", ALLOCSET_DEFAULT_SIZES);
  milliseconds delay = kConnectFirst;
  for (;;) {
    (void)HandleInterrupts();
    MakeWay();
    MemoryContextSwitchTo(session.context);
    session.door = SideDoorClient::TryOpen(Wait::kExecutor);
    if (session.door != nullptr) {
      ShowIdle("waiting for requests");
      delay = Serve(&session) ? kConnectFirst : kConnectLongest;
    }
    session.sent_snapshot = nullptr;
    MemoryContextSwitchTo(TopMemoryContext);
    MemoryContextReset(session.context);
    ShowIdle("waiting for the worker");
    Sleep(delay);
    delay = std::min(delay * 2, kConnectLongest);
  }
}
