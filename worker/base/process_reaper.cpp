#include "worker/base/process_reaper.hpp"

#include <sys/wait.h>

#include <csignal>

namespace fsubs {

void ProcessReaper::Attach(uv_loop_t* loop) {
  if (pid_ <= 0) return;
  uv_signal_init(loop, &child_ended_);
  child_ended_.data = this;
  uv_signal_start(
      &child_ended_,
      [](uv_signal_t* handle, int) { static_cast<ProcessReaper*>(handle->data)->Look(); }, SIGCHLD);
  // It may have ended before.
  Look();
}

void ProcessReaper::Look() {
  if (waitpid(pid_, nullptr, WNOHANG) == 0) return;
  // Another process may get its number.
  pid_ = -1;
  uv_signal_stop(&child_ended_);
}

}  // namespace fsubs
