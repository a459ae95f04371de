// A loop for tests of what runs on one.
#pragma once

#include <poll.h>
#include <uv.h>

#include <functional>

namespace fsubs {

// Closes the handles on it when it is destroyed, which must be before they are: declare it behind
// what runs on it.
class TestLoop {
 public:
  TestLoop() { uv_loop_init(&loop_); }
  ~TestLoop() {
    uv_walk(
        &loop_,
        [](uv_handle_t* handle, void*) {
          if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
        },
        nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
  }
  TestLoop(const TestLoop&) = delete;
  TestLoop& operator=(const TestLoop&) = delete;

  uv_loop_t* get() { return &loop_; }

  // Run until `holds`. Something on the loop must bring that about. UV_RUN_ONCE may run timers
  // twice, and so past the moment at which it holds.
  void RunUntil(const std::function<bool()>& holds) {
    while (!holds()) {
      Wait();
      Turn();
    }
  }

  // One turn that waits for nothing.
  void Turn() { uv_run(&loop_, UV_RUN_NOWAIT); }

 private:
  // What the last turn began to watch is not in the set yet, so this never waits for long.
  void Wait() {
    pollfd events{uv_backend_fd(&loop_), POLLIN, 0};
    poll(&events, 1, 1);
  }

  uv_loop_t loop_;
};

}  // namespace fsubs
