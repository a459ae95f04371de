// Keeps an executor running while the database that it serves lets it in.
#pragma once

#include <chrono>

#include "src/base/pg_compat.hpp"
#include "src/worker_process/executor.hpp"
#include "src/worker_process/restart_delay.hpp"

namespace fsubs {

// The launcher's. REQUIRES: a connection to the shared catalogs, and no transaction.
//
// The postmaster could restart the executor itself, but it would do so for ever, with two log lines
// each time, while the database does not exist.
class ExecutorKeeper {
 public:
  using Duration = std::chrono::milliseconds;

  explicit constexpr ExecutorKeeper(ExecutorKind kind) : kind_(kind) {}

  // Start the executor if it does not run and may. Returns after what time to call again;
  // Duration::max() stands for when the process latch is set, as it is when the executor ends.
  Duration Keep();

  // Tell the executor to end. Does not wait.
  void Stop();

  // The same, for an executor that is not wanted now. Call instead of Keep.
  void Dismiss();

  // Whether something else than its last end keeps it from starting, which was told.
  bool is_obstructed() const { return obstacle_ != Obstacle::kNone; }
  // Why there is no executor, as bits of RingHeader::server_state; 0 while it runs or is about to.
  uint64_t server_state() const;

 private:
  using Clock = std::chrono::steady_clock;

  enum class Obstacle {
    kNone,
    kLocked,      // a command has the database to itself, or wants it
    kUnreadable,  // pg_database is locked, or reading it failed
    kNoDatabase,
    kHalfDropped,   // DROP DATABASE was interrupted: it can only be dropped
    kShutDatabase,  // it takes no connections
    kNoSlot,
  };

  Obstacle FindObstacle(const char* database);
  static Obstacle ReadObstacle(const char* database);
  static void ReportError(const ErrorData* error);
  Obstacle TryStart();
  void NoteStart();
  void Report(Obstacle obstacle);

  const ExecutorKind kind_;
  BackgroundWorkerHandle* handle_ = nullptr;  // from its start until its end has been seen
  Clock::time_point started_{};
  Clock::time_point due_{};
  // At the last try; kLocked and kUnreadable leave the one before them.
  Obstacle obstacle_ = Obstacle::kNone;
  bool is_failing_ = false;  // the last look ended with an error, which was told
  bool made_way_ = false;    // the last executor left the database to a command
  RestartDelay delay_{std::chrono::milliseconds(500), std::chrono::seconds(5),
                      std::chrono::seconds(10)};
};

}  // namespace fsubs
