#include "src/worker_process/worker_process.hpp"

#include <algorithm>
#include <chrono>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/side_door_protocol.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

constexpr int kFirstPassedFd = STDERR_FILENO + 1;

constexpr char kOomScoreFile[] = "/proc/self/oom_score_adj";
constexpr int kLeastOomScore = 500;
constexpr int kOomScoreStep = 100;
constexpr int kMaxOomScore = 1000;

// How long a child that was killed may take to be gone.
constexpr std::chrono::milliseconds kKillPatience{1000};

// What the child needs between fork and exec, where it may neither allocate nor lock.
struct ChildSetup {
  pid_t parent;
  int stdin_fd;
  int log_fd;
  int status_fd;  // takes errno if the program cannot be executed; closed by a successful exec
  int passed_fds[kMaxShards + 4];
  int passed_count;
  char** arguments;
  char oom_score_adj[8];
};

void ResetSignals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &action, nullptr);
}

// Raising it needs no privilege. A kernel without the file has no use for it either.
void OfferToOomKiller(const ChildSetup& setup) {
  const int fd = open(kOomScoreFile, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written =
      write(fd, setup.oom_score_adj, strlen(setup.oom_score_adj));
  close(fd);
}

bool PassOnly(const ChildSetup& setup) {
  if (dup2(setup.stdin_fd, STDIN_FILENO) < 0 || dup2(setup.log_fd, STDOUT_FILENO) < 0 ||
      dup2(setup.log_fd, STDERR_FILENO) < 0) {
    return false;
  }
  // PostgreSQL 15 does not mark its own descriptors.
  if (close_range(kFirstPassedFd, ~0u, CLOSE_RANGE_CLOEXEC) != 0) return false;
  for (int i = 0; i < setup.passed_count; ++i) {
    if (fcntl(setup.passed_fds[i], F_SETFD, 0) != 0) return false;
  }
  return true;
}

// Async-signal-safe calls only.
[[noreturn]] void RunChild(const ChildSetup& setup) {
  ResetSignals();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have ended before it was asked for.
  if (getppid() != setup.parent) _exit(EXIT_FAILURE);
  // The postmaster and pg_cancel_backend() signal a process with its group. What reaches the worker
  // is for the launcher to decide.
  setpgid(0, 0);
  OfferToOomKiller(setup);
  if (PassOnly(setup)) {
    // A reload may be announced before the worker has a handler for it. It waits until then.
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGHUP);
    sigprocmask(SIG_SETMASK, &blocked, nullptr);
    execv(setup.arguments[0], setup.arguments);
  }
  const int error = errno;
  if (write(setup.status_fd, &error, sizeof(error)) < 0) _exit(EXIT_FAILURE);
  _exit(EXIT_FAILURE);
}

// What makes the kernel end the worker, which is started again and holds nothing that lasts, rather
// than a session, with which all sessions go.
int OomScoreOfWorker() {
  int own = 0;
  FILE* const file = fopen(kOomScoreFile, "re");
  if (file != nullptr) {
    if (fscanf(file, "%d", &own) != 1) own = 0;
    fclose(file);
  }
  return std::max(kLeastOomScore, std::min(own + kOomScoreStep, kMaxOomScore));
}

void AddPassedFd(ChildSetup* setup, int fd) {
  setup->passed_fds[setup->passed_count++] = fd;
}

char** WorkerArguments(const char* program, int config_fd, int tls_fd, const SharedRing& shared) {
  StringInfoData wake_fds;
  initStringInfo(&wake_fds);
  for (int i = 0; i < shared.shards; ++i) {
    appendStringInfo(&wake_fds, i == 0 ? "%d" : ",%d", shared.wake_queues[i].receive_fd);
  }
  const char* const arguments[] = {
      program,
      "--launched",
      "--config",
      psprintf("/dev/fd/%d", config_fd),
      "--tls-fd",
      psprintf("%d", tls_fd),
      "--ring-fd",
      psprintf("%d", shared.ring_fd),
      "--reader-page-fd",
      psprintf("%d", shared.reader_page_fd),
      "--wake-fds",
      wake_fds.data,
      "--socket",
      side_door::kSocketPath,
      nullptr,
  };
  char** const copy = static_cast<char**>(palloc(sizeof(arguments)));
  memcpy(copy, arguments, sizeof(arguments));
  return copy;
}

// No handler of PostgreSQL's may run in the child.
pid_t ForkWithSignalsBlocked(const ChildSetup& setup) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) RunChild(setup);
  const int error = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

// Returns 0 once the program runs, else the child's errno.
int ReadExecStatus(int fd) {
  int error = 0;
  ssize_t length;
  do {
    length = read(fd, &error, sizeof(error));
  } while (length < 0 && errno == EINTR);
  return length == sizeof(error) ? error : 0;
}

pid_t WaitForChild(pid_t pid, int* wait_status, int options) {
  pid_t ended;
  do {
    ended = waitpid(pid, wait_status, options);
  } while (ended < 0 && errno == EINTR);
  return ended;
}

void CloseFd(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

}  // namespace

char* WorkerProgramPath() {
  char directory[MAXPGPATH];
  strlcpy(directory, my_exec_path, sizeof(directory));
  get_parent_directory(directory);
  return psprintf("%s/fraiseql-worker", directory);
}

bool WorkerProcess::Start(const char* program, int config_fd, int tls_fd) {
  Assert(!running());
  const SharedRing& shared = GetSharedRing();
  ChildSetup setup{};
  setup.parent = getpid();
  snprintf(setup.oom_score_adj, sizeof(setup.oom_score_adj), "%d", OomScoreOfWorker());
  setup.arguments = WorkerArguments(program, config_fd, tls_fd, shared);
  AddPassedFd(&setup, config_fd);
  if (tls_fd >= 0) AddPassedFd(&setup, tls_fd);
  AddPassedFd(&setup, shared.ring_fd);
  AddPassedFd(&setup, shared.reader_page_fd);
  for (int i = 0; i < shared.shards; ++i) AddPassedFd(&setup, shared.wake_queues[i].receive_fd);

  // Not a pipe, whose writer can hold its lock, and with it the reader, for ever: a hostile writer
  // has the kernel copy from memory that it never delivers.
  int log[2] = {-1, -1};
  int status_pipe[2] = {-1, -1};
  setup.stdin_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  pid_t pid = -1;
  if (setup.stdin_fd >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, log) == 0 &&
      fcntl(log[0], F_SETFL, O_NONBLOCK) == 0 && pipe2(status_pipe, O_CLOEXEC) == 0) {
    setup.log_fd = log[1];
    setup.status_fd = status_pipe[1];
    pid = ForkWithSignalsBlocked(setup);
  }
  int error = pid < 0 ? errno : 0;
  CloseFd(&setup.stdin_fd);
  CloseFd(&log[1]);
  CloseFd(&status_pipe[1]);
  if (pid > 0) {
    error = ReadExecStatus(status_pipe[0]);
    if (error != 0) {
      int wait_status;
      WaitForChild(pid, &wait_status, 0);
    }
  }
  CloseFd(&status_pipe[0]);
  if (error != 0) {
    CloseFd(&log[0]);
    errno = error;
    return false;
  }
  CloseLog();
  pid_ = pid;
  log_fd_ = log[0];
  return true;
}

bool WorkerProcess::TryReap(int* wait_status) {
  if (!running() || WaitForChild(pid_, wait_status, WNOHANG) != pid_) return false;
  pid_ = 0;
  return true;
}

void WorkerProcess::Signal(int signal_number) const {
  Assert(running());
  kill(pid_, signal_number);
}

void WorkerProcess::Kill() {
  if (!running()) return;
  Signal(SIGKILL);
  const auto end = std::chrono::steady_clock::now() + kKillPatience;
  int wait_status;
  while (!TryReap(&wait_status) && std::chrono::steady_clock::now() < end) pg_usleep(1000);
  Forget();
}

void WorkerProcess::CloseLog() {
  CloseFd(&log_fd_);
}

}  // namespace fsubs
