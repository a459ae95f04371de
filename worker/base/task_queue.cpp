#include "worker/base/task_queue.hpp"

#include <exception>
#include <utility>

#include "worker/base/log.hpp"

namespace fsubs {

void TaskQueue::Attach(uv_loop_t* loop) {
  uv_async_init(loop, &posted_,
                [](uv_async_t* handle) { static_cast<TaskQueue*>(handle->data)->Run(); });
  posted_.data = this;
}

void TaskQueue::Post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  uv_async_send(&posted_);
}

void TaskQueue::Run() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const Task& task : tasks) {
    try {
      task();
    } catch (const std::exception& error) {
      Log(LogLevel::kError, "%s: %s", owner_.c_str(), error.what());
    }
  }
}

}  // namespace fsubs
