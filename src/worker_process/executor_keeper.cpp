#include "src/worker_process/executor_keeper.hpp"

#include "src/base/guc.hpp"
#include "src/worker_process/executor.hpp"

namespace fsubs {
namespace {

constexpr std::chrono::seconds kObstacleRetry{5};

// Without a database of its own, this process can scan pg_database but use neither its index nor
// the caches.
bool DatabaseExists(const char* name) {
  const MemoryContext context = CurrentMemoryContext;
  StartTransactionCommand();
  const Relation databases = table_open(DatabaseRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
              CStringGetDatum(name));
  const SysScanDesc scan = systable_beginscan(databases, InvalidOid, false, nullptr, 1, &key);
  const bool exists = HeapTupleIsValid(systable_getnext(scan));
  systable_endscan(scan);
  table_close(databases, AccessShareLock);
  CommitTransactionCommand();
  MemoryContextSwitchTo(context);
  return exists;
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
    due_ = Clock::now() + delay_.Next(Milliseconds(Clock::now() - started_));
  }
  if (Clock::now() < due_) return Milliseconds(due_ - Clock::now());
  const Obstacle obstacle = TryStart();
  Report(obstacle);
  if (obstacle == Obstacle::kNone) return Duration::max();
  due_ = Clock::now() + kObstacleRetry;
  return kObstacleRetry;
}

void ExecutorKeeper::Stop() {
  if (handle_ != nullptr) TerminateBackgroundWorker(handle_);
}

ExecutorKeeper::Obstacle ExecutorKeeper::TryStart() {
  if (!DatabaseExists(settings::database)) return Obstacle::kNoDatabase;
  const MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
  handle_ = TryStartExecutor();
  MemoryContextSwitchTo(context);
  if (handle_ == nullptr) return Obstacle::kNoSlot;
  started_ = Clock::now();
  return Obstacle::kNone;
}

// Once per obstacle: it is tried again every few seconds.
void ExecutorKeeper::Report(Obstacle obstacle) {
  if (obstacle == reported_) return;
  reported_ = obstacle;
  switch (obstacle) {
    case Obstacle::kNone:
      break;
    case Obstacle::kNoDatabase:
      ereport(WARNING,
              (errcode(ERRCODE_UNDEFINED_DATABASE),
               errmsg("fraiseql_subs: database \"%s\" does not exist", settings::database),
               errhint("Create it, or change the setting fraiseql_subs.database and restart the "
                       "server.")));
      break;
    case Obstacle::kNoSlot:
      ereport(WARNING, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                        errmsg("fraiseql_subs: no background worker slot is free for the executor"),
                        errhint("Increase max_worker_processes and restart the server.")));
      break;
  }
}

}  // namespace fsubs
