#include "src/worker_process/worker_contact.hpp"

#include <chrono>

#include "contract/heartbeat.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kConnectRetry{10};

void DescribeStandstill(StringInfo out, const char* thread, uint64_t beat_ms, uint64_t now_ms) {
  const uint64_t age_ms = HeartbeatAge(beat_ms, now_ms);
  if (beat_ms == 0 || age_ms < kStandstillMs) return;
  appendStringInfo(out, "%s%s has stood still for " UINT64_FORMAT " s", out->len > 0 ? ", " : "",
                   thread, age_ms / 1000);
}

}  // namespace

void RaiseNotRunning() {
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

void RaiseNoAnswer(SideDoorResult result) {
  switch (result) {
    case SideDoorResult::kOversize:
      ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                      errmsg("the answer of the worker of fraiseql_subs is too long")));
    case SideDoorResult::kNotYet:
      ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                      errmsg("the worker of fraiseql_subs did not answer within %d s",
                             static_cast<int>(kAnswerTimeout.count())),
                      ErrorStandstill()));
    default:
      ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                      errmsg("the worker of fraiseql_subs ended before it answered"),
                      errhint("It is restarted; the server log says why it ended.")));
  }
  pg_unreachable();
}

// A backlog that is full shows as EAGAIN, and empties by itself.
SideDoorClient* OpenSideDoor(Wait wait, Deadline deadline) {
  for (;;) {
    SideDoorClient* const door = SideDoorClient::TryOpen(wait);
    if (door != nullptr) return door;
    if (errno != EAGAIN) RaiseNotRunning();
    if (Clock::now() >= deadline) RaiseNoAnswer(SideDoorResult::kNotYet);
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kConnectRetry.count(),
                    WaitEventOf(wait));
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  }
}

void AwaitAnswer(SideDoorClient* door, Deadline deadline) {
  for (;;) {
    const SideDoorResult received = door->TryReceive();
    if (received == SideDoorResult::kDone) return;
    if (received != SideDoorResult::kNotYet || Clock::now() >= deadline) RaiseNoAnswer(received);
    door->WaitReadable(deadline);
    CHECK_FOR_INTERRUPTS();
  }
}

}  // namespace fsubs
