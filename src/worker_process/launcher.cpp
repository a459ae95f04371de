#include "src/worker_process/launcher.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/side_door_protocol.hpp"
#include "src/base/guc.hpp"
#include "src/base/wait_events.hpp"
#include "src/ring/shmem.hpp"
#include "src/worker_process/executor_keeper.hpp"
#include "src/worker_process/resolver_demand.hpp"
#include "src/worker_process/restart_delay.hpp"
#include "src/worker_process/sessions.hpp"
#include "src/worker_process/stuck_watch.hpp"
#include "src/worker_process/tls_files.hpp"
#include "src/worker_process/worker_file.hpp"
#include "src/worker_process/worker_log.hpp"
#include "src/worker_process/worker_process.hpp"

extern "C" PGDLLEXPORT void fsubs_launcher_main(Datum argument);

namespace fsubs {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How much longer than fraiseql_subs.drain_timeout the worker may take to end.
constexpr milliseconds kDrainGrace{1000};
// How long a worker that is stuck may take to end by SIGABRT, which writes a core file where such
// are wanted.
constexpr milliseconds kAbortGrace{5000};
// How long a worker that was killed may take to be gone.
constexpr milliseconds kKillGrace{1000};
// How often the log of a worker is read that floods it.
constexpr milliseconds kFloodedLogInterval{10};
// How often a standby is asked whether it was promoted.
constexpr milliseconds kRecoveryInterval{250};
// How often clients of a standby can be told what was replayed meanwhile.
constexpr milliseconds kReplayInterval{10};
// How long the end of the worker is put off for sessions that still commit.
constexpr milliseconds kSessionGrace{1000};
constexpr milliseconds kSessionLook{5};
// Most lists of authorities fit there without a restart of the worker.
constexpr size_t kLeastTlsBytes = 512 * 1024;
constexpr int kLauncherRestartSeconds = 1;
constexpr char kName[] = "fraiseql_subs launcher";

shmem_startup_hook_type previous_startup_hook;

enum class State {
  kStopped,  // started again at `due`
  kRunning,
  kDraining,  // told to end; killed at `due`
  kAborted,   // stuck; killed at `due`
  kKilled,    // about to be reaped; forgotten at `due`
};

using Resolvers = std::array<ExecutorKeeper, kMaxResolverProcesses>;

template <size_t... kIndexes>
constexpr Resolvers MakeResolvers(std::index_sequence<kIndexes...>) {
  return {((void)kIndexes, ExecutorKeeper(ExecutorKind::kResolver))...};
}

struct Launcher {
  State state = State::kStopped;
  bool reads_bus = false;  // the worker was started for a standby, whose events come by a bus
  Clock::time_point due{};
  Clock::time_point started{};
  std::optional<Clock::time_point> asked_to_end;
  bool is_server_done = false;  // it was, and there were no sessions any more
  StuckWatch watch;
  RestartDelay delay{milliseconds(100), milliseconds(5000), milliseconds(10000)};
  int start_errno = 0;  // why the program could not be started, as last reported
  WorkerFile config{"fraiseql_subs settings", 0};
  WorkerFile tls{"fraiseql_subs TLS", kLeastTlsBytes};
  WorkerProcess process;
  WorkerLog log;
  ExecutorKeeper executor{ExecutorKind::kCatalog};
  ExecutorKeeper authenticator{ExecutorKind::kAuthenticator};
  Resolvers resolvers = MakeResolvers(std::make_index_sequence<kMaxResolverProcesses>());
};

constinit Launcher launcher;

milliseconds Since(Clock::time_point time) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - time);
}

// For pg_stat_activity. Idle, because it is never work for the database.
void ShowActivity(const char* text) {
  pgstat_report_activity(STATE_IDLE, text);
}

void WakeAtChildEnd([[maybe_unused]] SIGNAL_ARGS) {
  const int saved_errno = errno;
  SetLatch(MyLatch);
  errno = saved_errno;
}

void StopEverything(int, Datum) {
  launcher.process.Kill();
  launcher.executor.Stop();
  launcher.authenticator.Stop();
  for (ExecutorKeeper& resolver : launcher.resolvers) resolver.Stop();
}

std::string_view ConfigText() {
  StringInfoData config;
  initStringInfo(&config);
  settings::WriteWorkerConfig(&config);
  return {config.data, static_cast<size_t>(config.len)};
}

std::string_view TlsText() {
  StringInfoData files;
  initStringInfo(&files);
  WriteTlsFiles(&files);
  return {files.data, static_cast<size_t>(files.len)};
}

const char* ListenAddress() {
  const char* const format = strchr(settings::listen_address, ':') == nullptr ? "%s:%d" : "[%s]:%d";
  return psprintf(format, settings::listen_address, settings::port);
}

int RestartAfter(milliseconds lived) {
  const milliseconds delay = launcher.delay.Next(lived);
  const int delay_ms = static_cast<int>(delay.count());
  launcher.due = Clock::now() + delay;
  launcher.state = State::kStopped;
  ShowActivity(psprintf("worker is not running, restarting in %d ms", delay_ms));
  return delay_ms;
}

// Once per reason: it is tried again every few seconds.
void ReportStartFailure(const char* program) {
  if (errno == launcher.start_errno) return;
  launcher.start_errno = errno;
  const bool not_installed = errno == ENOENT || errno == EACCES;
  ereport(WARNING, (errcode_for_file_access(),
                    errmsg("fraiseql_subs: could not start the worker \"%s\": %m", program),
                    not_installed
                        ? errhint("Install the program fraiseql-worker there; starting it is tried "
                                  "again every few seconds.")
                        : 0));
}

// PostgreSQL makes the directory with the data directory, but does not miss it.
void MakeSocketDirectory() {
  if (MakePGDirectory(side_door::kSocketDirectory) == 0 || errno == EEXIST) return;
  ereport(WARNING,
          (errcode_for_file_access(), errmsg("fraiseql_subs: could not create directory \"%s\": %m",
                                             side_door::kSocketDirectory)));
}

void StartWorker() {
  launcher.config.Make(ConfigText());
  if (settings::ssl) launcher.tls.Make(TlsText());
  MakeSocketDirectory();
  const char* const program = WorkerProgramPath();
  launcher.reads_bus = RecoveryInProgress() && settings::bus() == Bus::kRedis;
  launcher.started = Clock::now();
  // Before the worker can beat, or its first beat would be taken for none.
  const SharedRing& shared = GetSharedRing();
  launcher.watch.Start(shared.reader_page->heartbeats, shared.shards, launcher.started);
  if (!launcher.process.Start(program, launcher.config.fd(), launcher.tls.fd())) {
    ReportStartFailure(program);
    RestartAfter(milliseconds(0));
    return;
  }
  launcher.start_errno = 0;
  launcher.state = State::kRunning;
  const int pid = launcher.process.pid();
  ereport(LOG,
          (errmsg("fraiseql_subs: worker started (pid %d), serving %s", pid, ListenAddress())));
  ShowActivity(psprintf("worker %d is running", pid));
}

// The overflow policies "wait" and "error" keep unread events for readers. They must not keep any
// for a reader that is gone, whose heartbeat must not seem to grow old either.
void DetachShards() {
  const SharedRing& shared = GetSharedRing();
  for (ShardSlot& slot : shared.reader_page->shards) {
    slot.attached.store(0);
    slot.sleeping.store(0);
  }
  for (std::atomic<uint64_t>& beat : shared.reader_page->heartbeats.shards) beat.store(0);
  shared.reader_page->heartbeats.control.store(0);
}

const char* DescribeEnd(int wait_status) {
  if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS) {
    return psprintf(
        "was ended by signal %d: it made a system call that fraiseql_subs.sandbox forbids", SIGSYS);
  }
  if (WIFEXITED(wait_status)) return psprintf("exited with code %d", WEXITSTATUS(wait_status));
  return psprintf("was ended by signal %d: %s", WTERMSIG(wait_status),
                  pg_strsignal(WTERMSIG(wait_status)));
}

void ReadLog() {
  if (launcher.process.log_fd() < 0) return;
  if (launcher.log.Read(launcher.process.log_fd()) == WorkerLog::Result::kClosed) {
    launcher.log.Finish();
    launcher.process.CloseLog();
  }
}

// The socket at which the worker served clients, unless another server listens there by now.
void RemoveUnixSocket() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strlcpy(address.sun_path, settings::unix_socket, sizeof(address.sun_path));
  struct stat file {};
  if (lstat(address.sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) return;
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return;
  if (connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 &&
      errno == ECONNREFUSED) {
    unlink(address.sun_path);
  }
  close(probe);
}

// What is left to do for a worker that runs no more.
void NoteEnd() {
  DetachShards();
  unlink(side_door::kSocketPath);
  RemoveUnixSocket();
  ReadLog();
  launcher.log.Finish();
  launcher.process.CloseLog();
}

void ReapWorker() {
  const int pid = launcher.process.pid();
  int wait_status;
  if (!launcher.process.TryReap(&wait_status)) return;
  NoteEnd();
  const char* const end = DescribeEnd(wait_status);
  const bool ended_by_itself =
      launcher.state == State::kRunning || launcher.state == State::kAborted;
  if (ended_by_itself && !ShutdownRequestPending) {
    const int delay_ms = RestartAfter(Since(launcher.started));
    ereport(LOG,
            (errmsg("fraiseql_subs: worker (pid %d) %s; restarting in %d ms", pid, end, delay_ms)));
  } else {
    launcher.state = State::kStopped;
    launcher.due = Clock::now();
    ereport(LOG, (errmsg("fraiseql_subs: worker (pid %d) %s", pid, end)));
  }
}

void DrainWorker() {
  launcher.process.Signal(SIGTERM);
  launcher.state = State::kDraining;
  launcher.due = Clock::now() + milliseconds(settings::drain_timeout_ms) + kDrainGrace;
  ShowActivity(psprintf("stopping worker %d", static_cast<int>(launcher.process.pid())));
}

void Reload() {
  ConfigReloadPending = false;
  ProcessConfigFile(PGC_SIGHUP);
  if (launcher.state != State::kRunning) return;
  if (launcher.config.TryReplace(ConfigText()) &&
      (!settings::ssl || launcher.tls.TryReplace(TlsText()))) {
    launcher.process.Signal(SIGHUP);
  } else {
    // The next one gets a file of another size.
    DrainWorker();
  }
}

void AbortWorkerIfStuck() {
  if (launcher.state != State::kRunning) return;
  const std::optional<StuckWatch::Standstill> stuck =
      launcher.watch.Look(GetSharedRing().reader_page->heartbeats,
                          milliseconds(settings::stuck_timeout_ms), Clock::now());
  if (!stuck) return;
  launcher.process.Signal(SIGABRT);
  // A process that was stopped takes no other signal but SIGKILL.
  launcher.process.Signal(SIGCONT);
  launcher.state = State::kAborted;
  launcher.due = Clock::now() + kAbortGrace;
  const int pid = launcher.process.pid();
  const char* const thread = stuck->shard ? psprintf("shard %zu", *stuck->shard) : "control thread";
  const int lasted_ms =
      static_cast<int>(std::chrono::duration_cast<milliseconds>(stuck->lasted).count());
  ereport(WARNING,
          (errmsg("fraiseql_subs: %s of worker (pid %d) has stood still for %d ms; aborting the "
                  "worker",
                  thread, pid, lasted_ms),
           errhint("Set fraiseql_subs.stuck_timeout to 0 while a debugger stops the worker.")));
  ShowActivity(psprintf("aborting worker %d", pid));
}

void KillWorkerIfDue() {
  const bool aborted = launcher.state == State::kAborted;
  if ((!aborted && launcher.state != State::kDraining) || Clock::now() < launcher.due) return;
  const char* const what =
      aborted ? "did not end when it was aborted" : "did not end within its drain timeout";
  launcher.process.Signal(SIGKILL);
  launcher.state = State::kKilled;
  launcher.due = Clock::now() + kKillGrace;
  ereport(WARNING, (errmsg("fraiseql_subs: worker (pid %d) %s; killing it",
                           static_cast<int>(launcher.process.pid()), what)));
}

// The server must be able to stop whatever the worker did to itself.
void ForgetWorkerIfDue() {
  if (launcher.state != State::kKilled || Clock::now() < launcher.due) return;
  ereport(WARNING, (errmsg("fraiseql_subs: worker (pid %d) is not gone though it was killed",
                           static_cast<int>(launcher.process.pid()))));
  launcher.process.Forget();
  NoteEnd();
  launcher.state = State::kStopped;
}

void TellServerState() {
  const uint64_t recovery = RecoveryInProgress() ? kServerInRecovery : 0;
  // When the state says that recovery is over, this is how far it went.
  GetSharedRing().ring->replayed_lsn.store(GetXLogReplayRecPtr(nullptr));
  const uint64_t done = launcher.is_server_done ? kServerDone : 0;
  GetSharedRing().ring->server_state.store(recovery | done | launcher.executor.server_state() |
                                           launcher.authenticator.server_state() |
                                           launcher.resolvers.front().server_state());
}

// From now on the events of this server's own ring are served.
void RestartWorkerIfPromoted() {
  if (launcher.state != State::kRunning || !launcher.reads_bus || RecoveryInProgress()) return;
  ereport(LOG, (errmsg("fraiseql_subs: the server was promoted; restarting worker (pid %d)",
                       static_cast<int>(launcher.process.pid()))));
  DrainWorker();
}

// For how long a server in recovery may be left alone.
milliseconds RecoveryInterval() {
  const bool is_awaited =
      launcher.reads_bus && settings::standby_waits_for_replay && launcher.state == State::kRunning;
  return is_awaited ? kReplayInterval : kRecoveryInterval;
}

// Returns as ExecutorKeeper::Keep.
milliseconds KeepResolvers() {
  milliseconds due = milliseconds::max();
  const size_t wanted = IsResolverDemanded() ? settings::resolver_processes : 0;
  for (size_t i = wanted; i < launcher.resolvers.size(); ++i) launcher.resolvers[i].Dismiss();
  for (size_t i = 0; i < wanted; ++i) {
    due = std::min(due, launcher.resolvers[i].Keep());
    // It is told once, and not for each of those that it keeps from starting, too.
    if (launcher.resolvers[i].is_obstructed()) break;
  }
  return due;
}

// The same. Those that all log-ins wait for come first, in case that there are not slots for all.
milliseconds KeepExecutors() {
  milliseconds due = launcher.executor.Keep();
  if (settings::authenticate[0] != '\0') {
    due = std::min(due, launcher.authenticator.Keep());
  } else {
    launcher.authenticator.Dismiss();
  }
  return std::min(due, KeepResolvers());
}

// Whether the worker is still wanted though the launcher was told to end. When a server shuts down,
// what its sessions are committing at that moment is to get to clients and to the bus as well.
bool IsWorkerAwaited() {
  if (!launcher.asked_to_end) launcher.asked_to_end = Clock::now();
  launcher.is_server_done = !HasSessions();
  return !launcher.is_server_done && Since(*launcher.asked_to_end) < kSessionGrace;
}

// Returns for how long there is nothing to do but wait for signals and log lines; -1: for ever.
long Turn() {
  CHECK_FOR_INTERRUPTS();
  if (ConfigReloadPending) Reload();
  ReadLog();
  ReapWorker();
  AbortWorkerIfStuck();
  KillWorkerIfDue();
  ForgetWorkerIfDue();
  bool is_awaited = false;
  if (ShutdownRequestPending) {
    if (launcher.state == State::kRunning) {
      is_awaited = IsWorkerAwaited();
      // The worker learns of it before it is told to end.
      TellServerState();
      if (!is_awaited) DrainWorker();
    }
    // Nothing but a code other than 0 makes the postmaster start the launcher again after
    // pg_terminate_backend(); while it shuts down, it starts nothing.
    if (launcher.state == State::kStopped) proc_exit(1);
  } else if (launcher.state == State::kStopped && Clock::now() >= launcher.due) {
    TellServerState();
    StartWorker();
  }

  milliseconds wait = launcher.log.TellLeftOut();
  if (launcher.log.is_flooded()) wait = std::min(wait, kFloodedLogInterval);
  if (!ShutdownRequestPending) wait = std::min(wait, KeepExecutors());
  if (is_awaited) wait = std::min(wait, kSessionLook);
  TellServerState();
  RestartWorkerIfPromoted();
  if (RecoveryInProgress()) wait = std::min(wait, RecoveryInterval());
  if (launcher.state != State::kRunning) {
    wait = std::min(wait, -Since(launcher.due));
  } else if (settings::stuck_timeout_ms > 0) {
    wait = std::min<milliseconds>(wait, StuckWatch::kInterval);
  }
  if (wait == milliseconds::max()) return -1;
  // A millisecond more, because the clock is finer than the wait.
  return std::max<long>(wait.count(), 0) + 1;
}

void WaitForWork(long timeout_ms) {
  const int log_fd = launcher.log.is_flooded() ? -1 : launcher.process.log_fd();
  int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
  if (timeout_ms >= 0) events |= WL_TIMEOUT;
  if (log_fd >= 0) events |= WL_SOCKET_READABLE;
  const int happened = WaitLatchOrSocket(MyLatch, events, log_fd < 0 ? PGINVALID_SOCKET : log_fd,
                                         timeout_ms, WaitEventOf(Wait::kLauncher));
  if ((happened & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
}

// PostgreSQL's macros for walking its lists are not C++.
template <typename Node>
bool IsLauncher(const Node* node) {
  constexpr size_t kOffset = offsetof(RegisteredBgWorker, rw_lnode);
  const char* const worker = reinterpret_cast<const char*>(node) - kOffset;
  return strcmp(reinterpret_cast<const RegisteredBgWorker*>(worker)->rw_worker.bgw_name, kName) ==
         0;
}

bool IsLauncherRegistered() {
#if PG_VERSION_NUM >= 180000
  const dlist_node* const end = &BackgroundWorkerList.head;
#else
  const slist_node* const end = nullptr;
#endif
  const auto* node = BackgroundWorkerList.head.next;
  while (node != nullptr && node != end && !IsLauncher(node)) node = node->next;
  return node != nullptr && node != end;
}

// The postmaster tells nobody whom it refused a slot. Registering is over when it makes the shared
// memory.
void CheckLauncher() {
  if (previous_startup_hook != nullptr) previous_startup_hook();
  // The server of a single user has no background workers.
  if (!IsPostmasterEnvironment || IsLauncherRegistered()) return;
  GetSharedRing().ring->server_state.store(kServerNoLauncher);
  ereport(WARNING,
          (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
           errmsg("fraiseql_subs: no background worker slot was left for the launcher; nobody is "
                  "served"),
           errhint("Increase max_worker_processes, by two for fraiseql_subs, and restart the "
                   "server.")));
}

}  // namespace

void RegisterLauncher() {
  BackgroundWorker worker{};
  // The connection reaches the shared catalogs only; it makes the launcher visible in
  // pg_stat_activity and lets it see whether the served database exists.
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_ConsistentState;
  worker.bgw_restart_time = kLauncherRestartSeconds;
  strlcpy(worker.bgw_library_name, "fraiseql_subs", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, "fsubs_launcher_main", sizeof(worker.bgw_function_name));
  strlcpy(worker.bgw_name, kName, sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, kName, sizeof(worker.bgw_type));
  RegisterBackgroundWorker(&worker);
  RegisterResolverDemand();
  previous_startup_hook = shmem_startup_hook;
  shmem_startup_hook = CheckLauncher;
}

}  // namespace fsubs

void fsubs_launcher_main(Datum) {
  using namespace fsubs;
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  pqsignal(SIGCHLD, WakeAtChildEnd);
  // There is never a query to cancel.
  pqsignal(SIGINT, SIG_IGN);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
  pgstat_report_appname(kName);

  AwaitResolverDemand();
  before_shmem_exit(StopEverything, static_cast<Datum>(0));
  // A launcher before this one may have ended without noting the end of its worker.
  DetachShards();
  const MemoryContext turn_context =
      AllocSetContextCreate(TopMemoryContext, "fraiseql_subs launcher", ALLOCSET_DEFAULT_SIZES);
  for (;;) {
    MemoryContextSwitchTo(turn_context);
    const long timeout_ms = Turn();
    MemoryContextReset(turn_context);
    WaitForWork(timeout_ms);
  }
}
