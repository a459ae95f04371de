// A loop for tests of what runs on one.
#pragma once

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

  // Run until `holds`. Something on the loop must bring that about.
  void RunUntil(const std::function<bool()>& holds) {
    while (!holds()) uv_run(&loop_, UV_RUN_ONCE);
  }

  // One turn that waits for nothing.
  void Turn() { uv_run(&loop_, UV_RUN_NOWAIT); }

 private:
  uv_loop_t loop_;
};

}  // namespace fsubs
