// Work that any thread hands to the thread of one loop.
#pragma once

#include <uv.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace fsubs {

// Tasks run in the order of their posting, on the loop's thread. A task that throws is logged, and
// those behind it run. The queue lives as long as its loop.
class TaskQueue {
 public:
  using Task = std::function<void()>;

  // `owner` names the loop's thread in the log.
  explicit TaskQueue(std::string owner) : owner_(std::move(owner)) {}
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  // Run tasks on `loop`. Tasks may be posted once this has returned.
  void Attach(uv_loop_t* loop);

  // Any thread.
  void Post(Task task);

  // On the loop's thread: run no more tasks. The handle is closed by a later turn of the loop, and
  // nothing may be posted any more.
  void Close() { uv_close(reinterpret_cast<uv_handle_t*>(&posted_), nullptr); }

 private:
  void Run();

  const std::string owner_;
  uv_async_t posted_{};
  std::mutex mutex_;
  std::vector<Task> tasks_;  // guarded by mutex_
};

}  // namespace fsubs
