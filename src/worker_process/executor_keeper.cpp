#include "src/worker_process/executor_keeper.hpp"

#include "contract/ring_layout.hpp"
#include "src/base/guc.hpp"
#include "src/worker_process/database_lock.hpp"

namespace fsubs {
namespace {

constexpr std::chrono::seconds kObstacleRetry{1};
constexpr std::chrono::milliseconds kLockedRetry{250};

// DROP DATABASE was interrupted.
bool IsHalfDropped([[maybe_unused]] Form_pg_database database) {
#ifdef DATCONNLIMIT_INVALID_DB
  return database->datconnlimit == DATCONNLIMIT_INVALID_DB;
#else
  return false;
#endif
}

template <typename Duration>
ExecutorKeeper::Duration Milliseconds(Duration duration) {
  return std::chrono::ceil<ExecutorKeeper::Duration>(duration);
}

}  // namespace

ExecutorKeeper::Duration ExecutorKeeper::Keep() {
  if (handle_ != nullptr) {
    pid_t pid;
    if (GetBackgroundWorkerPid(handle_, &pid) != BGWH_STOPPED) return Duration::max();
    pfree(handle_);
    handle_ = nullptr;
    // One that has made way has not failed.
    made_way_ = FindObstacle(settings::database) == Obstacle::kLocked;
    due_ = Clock::now();
    if (!made_way_) due_ += delay_.Next(Milliseconds(Clock::now() - started_));
  }
  if (Clock::now() < due_) return Milliseconds(due_ - Clock::now());
  const Obstacle obstacle = TryStart();
  if (obstacle == Obstacle::kNone) {
    NoteStart();
    return Duration::max();
  }
  Report(obstacle);
  const Duration retry = obstacle == Obstacle::kLocked ? kLockedRetry : Duration(kObstacleRetry);
  due_ = Clock::now() + retry;
  return retry;
}

void ExecutorKeeper::Stop() {
  if (handle_ != nullptr) TerminateBackgroundWorker(handle_);
}

void ExecutorKeeper::Dismiss() {
  obstacle_ = Obstacle::kNone;
  if (handle_ == nullptr) return;
  pid_t pid;
  if (GetBackgroundWorkerPid(handle_, &pid) != BGWH_STOPPED) {
    Stop();
    return;
  }
  pfree(handle_);
  handle_ = nullptr;
}

uint64_t ExecutorKeeper::server_state() const {
  switch (obstacle_) {
    case Obstacle::kNone:
    case Obstacle::kLocked:
    case Obstacle::kUnreadable:
      break;
    case Obstacle::kNoDatabase:
    case Obstacle::kHalfDropped:
      return kServerNoDatabase;
    case Obstacle::kShutDatabase:
      return kServerShutDatabase;
    case Obstacle::kNoSlot:
      switch (kind_) {
        case ExecutorKind::kCatalog:
          return kServerNoExecutor;
        case ExecutorKind::kAuthenticator:
          return kServerNoAuthenticator;
        case ExecutorKind::kResolver:
          // Other fields than those of functions are served.
          return 0;
      }
  }
  return 0;
}

// An error must not end the launcher, and with it the worker. Any role can provoke one that fills
// the lock table.
ExecutorKeeper::Obstacle ExecutorKeeper::FindObstacle(const char* database) {
  const MemoryContext context = CurrentMemoryContext;
  volatile Obstacle obstacle = Obstacle::kUnreadable;
  volatile bool failed = false;
  PG_TRY();
  {
    StartTransactionCommand();
    obstacle = ReadObstacle(database);
    CommitTransactionCommand();
  }
  PG_CATCH();
  {
    obstacle = Obstacle::kUnreadable;
    failed = true;
    MemoryContextSwitchTo(context);
    const ErrorData* const error = CopyErrorData();
    AbortCurrentTransaction();
    FlushErrorState();
    if (!is_failing_) ReportError(error);
  }
  PG_END_TRY();
  is_failing_ = failed;
  MemoryContextSwitchTo(context);
  return obstacle;
}

// Without a database of its own, this process can scan pg_database but use neither its index nor
// the caches.
ExecutorKeeper::Obstacle ExecutorKeeper::ReadObstacle(const char* database) {
  // VACUUM FULL may have it for long.
  if (!ConditionalLockRelationOid(DatabaseRelationId, AccessShareLock)) {
    return Obstacle::kUnreadable;
  }
  const Relation databases = table_open(DatabaseRelationId, NoLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
              CStringGetDatum(database));
  const SysScanDesc scan = systable_beginscan(databases, InvalidOid, false, nullptr, 1, &key);
  Obstacle obstacle = Obstacle::kNoDatabase;
  if (const HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple)) {
    const auto row = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
    obstacle = IsDatabaseLocked(row->oid) ? Obstacle::kLocked
               : IsHalfDropped(row)       ? Obstacle::kHalfDropped
               : row->datallowconn        ? Obstacle::kNone
                                          : Obstacle::kShutDatabase;
  }
  systable_endscan(scan);
  table_close(databases, AccessShareLock);
  return obstacle;
}

void ExecutorKeeper::ReportError(const ErrorData* error) {
  ereport(WARNING, (errcode(error->sqlerrcode),
                    errmsg("fraiseql_subs: could not look for database \"%s\": %s",
                           settings::database, error->message),
                    error->hint != nullptr ? errhint("%s", error->hint) : 0));
}

ExecutorKeeper::Obstacle ExecutorKeeper::TryStart() {
  const Obstacle obstacle = FindObstacle(settings::database);
  if (obstacle != Obstacle::kNone) return obstacle;
  const MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
  handle_ = TryStartExecutor(kind_);
  MemoryContextSwitchTo(context);
  if (handle_ == nullptr) return Obstacle::kNoSlot;
  started_ = Clock::now();
  return Obstacle::kNone;
}

void ExecutorKeeper::NoteStart() {
  obstacle_ = Obstacle::kNone;
  if (made_way_) {
    ereport(LOG,
            (errmsg("fraiseql_subs: executor returns to database \"%s\"", settings::database)));
  }
  made_way_ = false;
}

// Once per obstacle: it is tried again every few seconds.
void ExecutorKeeper::Report(Obstacle obstacle) {
  // What comes after them is told then.
  if (obstacle == Obstacle::kLocked || obstacle == Obstacle::kUnreadable) return;
  if (obstacle == obstacle_) return;
  obstacle_ = obstacle;
  switch (obstacle) {
    case Obstacle::kNone:
    case Obstacle::kLocked:
    case Obstacle::kUnreadable:
      break;
    case Obstacle::kNoDatabase:
      ereport(WARNING,
              (errcode(ERRCODE_UNDEFINED_DATABASE),
               errmsg("fraiseql_subs: database \"%s\" does not exist", settings::database),
               errhint("Create it, or change the setting fraiseql_subs.database and restart the "
                       "server.")));
      break;
    case Obstacle::kHalfDropped:
      ereport(WARNING,
              (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
               errmsg("fraiseql_subs: DROP DATABASE of database \"%s\" was interrupted",
                      settings::database),
               errhint("Drop it again and create it, or change the setting fraiseql_subs.database "
                       "and restart the server.")));
      break;
    case Obstacle::kShutDatabase:
      ereport(WARNING,
              (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
               errmsg("fraiseql_subs: database \"%s\" takes no connections", settings::database),
               errhint("Use ALTER DATABASE with ALLOW_CONNECTIONS true.")));
      break;
    case Obstacle::kNoSlot:
      ereport(WARNING, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                        errmsg("fraiseql_subs: no background worker slot is free for the %s",
                               strchr(NameOf(kind_), ' ') + 1),
                        errhint("Increase max_worker_processes and restart the server.")));
      break;
  }
}

}  // namespace fsubs
