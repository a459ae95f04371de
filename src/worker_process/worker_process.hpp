// The worker program as a child process of the launcher.
#pragma once

#include <sys/types.h>

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Where the worker program is installed: beside the postgres program. Returns palloc'd text.
char* WorkerProgramPath();

// At most one child at a time. The child dies with this process, however that ends: the kernel
// sends it SIGKILL.
class WorkerProcess {
 public:
  // Start `program` with the event ring, the file `config_fd` as its configuration, the file
  // `tls_fd`, if there is one, for TLS, and a socket as its standard output and error. Returns
  // false, with errno set, if that fails. REQUIRES: not running.
  [[nodiscard]] bool Start(const char* program, int config_fd, int tls_fd);

  // Whether the child has ended; then `*wait_status` is as of waitpid and the child is gone. Never
  // waits.
  [[nodiscard]] bool TryReap(int* wait_status);

  // REQUIRES: running.
  void Signal(int signal_number) const;

  // End the child at once, and forget it. Does nothing if none runs.
  void Kill();

  // Take it for ended. For a child that was killed and cannot be reaped, which one can bring about
  // that has itself traced by another process.
  void Forget() { pid_ = 0; }

  void CloseLog();

  bool running() const { return pid_ != 0; }
  pid_t pid() const { return pid_; }

  // The other end of the child's output, non-blocking; stays open after the child's end until
  // CloseLog. -1: closed.
  int log_fd() const { return log_fd_; }

 private:
  pid_t pid_ = 0;
  int log_fd_ = -1;
};

}  // namespace fsubs
