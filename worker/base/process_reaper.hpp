// Waits for a child once it has ended.
//
// One that nobody has waited for when the worker ends becomes a child of process 1, which could
// take it for a session that crashed (kept_process.cpp).
//
// One loop's thread only.
#pragma once

#include <sys/types.h>
#include <uv.h>

namespace fsubs {

class ProcessReaper {
 public:
  // `pid` may be -1, of a child that could not be started.
  explicit ProcessReaper(pid_t pid) : pid_(pid) {}
  ProcessReaper(const ProcessReaper&) = delete;
  ProcessReaper& operator=(const ProcessReaper&) = delete;

  // Wait on `loop`, which the reaper does not outlive. Call once.
  void Attach(uv_loop_t* loop);

 private:
  void Look();

  pid_t pid_;
  uv_signal_t child_ended_{};
};

}  // namespace fsubs
