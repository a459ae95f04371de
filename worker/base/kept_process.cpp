#include "worker/base/kept_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace fsubs {
namespace {

constexpr int kRestartDelayMs = 1000;

// Orphans become children of process 1, which in a container is often PostgreSQL's postmaster: it
// takes one that a signal has ended for a session that crashed, and restarts the server. So they
// end by themselves.
void EndQuietly(int) {
  _exit(EXIT_SUCCESS);
}

// Have this process end when its parent does.
void EndWith(pid_t parent) {
  std::signal(SIGTERM, EndQuietly);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // It may have ended before it was asked for.
  if (getppid() != parent) _exit(EXIT_SUCCESS);
}

// Nothing of what the worker has inherited is for these processes, but the log for what a crashing
// program writes there.
void KeepOnly(int* channel) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
    _exit(EXIT_FAILURE);
  constexpr int kChannel = STDERR_FILENO + 1;
  if (*channel != kChannel && dup2(*channel, kChannel) < 0) _exit(EXIT_FAILURE);
  if (close_range(kChannel + 1, ~0u, 0) != 0 || chdir("/") != 0) _exit(EXIT_FAILURE);
  *channel = kChannel;
}

[[noreturn]] void Keep(pid_t worker, int channel, const char* name,
                       const std::function<void(int channel)>& body) {
  EndWith(worker);
  KeepOnly(&channel);
  // In ps and top, where each would be one more "fraiseql-worker".
  prctl(PR_SET_NAME, name);
  const pid_t own = getpid();
  for (;;) {
    const pid_t pid = fork();
    if (pid == 0) {
      EndWith(own);
      body(channel);
      _exit(EXIT_SUCCESS);
    }
    while (pid > 0 && waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    pollfd worker_end{channel, 0, 0};
    if (poll(&worker_end, 1, kRestartDelayMs) > 0) _exit(EXIT_SUCCESS);  // it is closed
  }
}

}  // namespace

KeptProcess StartKeptProcess(const char* name, const std::function<void(int channel)>& body,
                             std::string* error) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    *error = std::strerror(errno);
    return {};
  }
  const pid_t worker = getpid();
  const pid_t pid = fork();
  if (pid == 0) Keep(worker, ends[1], name, body);
  const int fork_error = errno;
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    *error = std::strerror(fork_error);
    return {};
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {pid, ends[0]};
}

}  // namespace fsubs
