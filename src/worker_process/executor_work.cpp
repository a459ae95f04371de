#include "src/worker_process/executor_work.hpp"

#include <signal.h>

namespace fsubs {
namespace {

volatile sig_atomic_t working;

void HandleTermination(SIGNAL_ARGS) {
  if (working) {
    die(postgres_signal_arg);
  } else {
    SignalHandlerForShutdownRequest(postgres_signal_arg);
  }
}

// Encodings cannot be converted outside a transaction.
char* ReplaceUnlessUtf8(char* message) {
  if (GetDatabaseEncoding() == PG_UTF8) return message;
  for (char* at = message; *at != '\0'; ++at) {
    if (IS_HIGHBIT_SET(*at)) *at = '?';
  }
  return message;
}

size_t LengthOf(const char* part) {
  return part == nullptr ? 0 : strlen(part);
}

// Whether the error may be logged. If it may, `*left_out` is how many were not since the last one.
bool TakeRoom(ErrorLog* errors, const ErrorData* error, uint64_t* left_out) {
  constexpr size_t kLinePrefixes = 300;
  const size_t bytes = kLinePrefixes + LengthOf(error->message) + LengthOf(error->detail) +
                       LengthOf(error->hint) + LengthOf(error->context);
  if (!errors->budget.Take(bytes, LogBudget::Clock::now())) {
    ++errors->left_out;
    return false;
  }
  *left_out = std::exchange(errors->left_out, 0);
  return true;
}

// Log the error and roll back. Returns its message in UTF-8, in `context`.
char* AbandonTransaction(MemoryContext context, ErrorLog* errors) {
  HOLD_INTERRUPTS();
  disable_all_timeouts(false);
  QueryCancelPending = false;
  MemoryContextSwitchTo(context);
  ErrorData* const error = CopyErrorData();
  uint64_t left_out = 0;
  if (errors == nullptr || TakeRoom(errors, error, &left_out)) EmitErrorReport();
  AbortCurrentTransaction();
  FlushErrorState();
  if (left_out > 0) {
    ereport(LOG, (errmsg("fraiseql_subs: " UINT64_FORMAT " errors before that were not logged",
                         left_out)));
  }
  RESUME_INTERRUPTS();
  return ReplaceUnlessUtf8(error->message);
}

}  // namespace

void SetUpInterrupts() {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, HandleTermination);
}

bool HandleInterrupts() {
  if (ShutdownRequestPending) proc_exit(0);
  CHECK_FOR_INTERRUPTS();
  if (!ConfigReloadPending) return false;
  ConfigReloadPending = false;
  ProcessConfigFile(PGC_SIGHUP);
  return true;
}

void StartWorking() {
  working = true;
  // Asked for before that, it would wait for the end of the work.
  if (ShutdownRequestPending) proc_exit(0);
}

void StopWorking() {
  working = false;
}

void ShowIdle(const char* text) {
  pgstat_report_activity(STATE_IDLE, text);
}

const char* RunTransaction(const TransactionSetup& setup, void (*body)(void*), void* argument) {
  const MemoryContext context = CurrentMemoryContext;
  char* volatile failure = nullptr;
  StartWorking();
  // A cancel that came while idle is for nothing that runs now.
  QueryCancelPending = false;
  RESUME_CANCEL_INTERRUPTS();
  SetCurrentStatementStartTimestamp();
  pgstat_report_activity(STATE_RUNNING, setup.activity);
  PG_TRY();
  {
    StartTransactionCommand();
    enable_timeout_after(STATEMENT_TIMEOUT, setup.timeout_ms);
    MemoryContextSwitchTo(context);
    body(argument);
    CommitTransactionCommand();
    disable_timeout(STATEMENT_TIMEOUT, false);
  }
  PG_CATCH();
  { failure = AbandonTransaction(context, setup.errors); }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  // Outside transactions an error would end the process, so there is nothing to cancel.
  HOLD_CANCEL_INTERRUPTS();
  StopWorking();
  ShowIdle("waiting for requests");
  pgstat_report_stat(false);
  return failure;
}

}  // namespace fsubs
