#include "worker/base/task_queue.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

class TaskQueueTest : public testing::Test {
 protected:
  TaskQueueTest() { tasks_.Attach(loop_.get()); }

  TaskQueue tasks_{"test"};
  TestLoop loop_;
};

TEST_F(TaskQueueTest, TasksRunInTheOrderOfTheirPosting) {
  std::vector<int> ran;
  for (int i = 0; i < 3; ++i) tasks_.Post([&ran, i] { ran.push_back(i); });
  loop_.RunUntil([&] { return ran.size() == 3; });
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2}));
}

TEST_F(TaskQueueTest, ATaskThatThrowsDoesNotKeepTheNextFromRunning) {
  bool ran = false;
  tasks_.Post([] { throw std::runtime_error("no"); });
  tasks_.Post([&ran] { ran = true; });
  loop_.RunUntil([&] { return ran; });
}

TEST_F(TaskQueueTest, ATaskMayPostAnother) {
  bool ran = false;
  tasks_.Post([&] { tasks_.Post([&ran] { ran = true; }); });
  loop_.RunUntil([&] { return ran; });
}

TEST_F(TaskQueueTest, TasksOfOtherThreadsRunOnTheLoopsThread) {
  constexpr size_t kThreads = 4;
  constexpr size_t kTasks = 1000;
  const std::thread::id own = std::this_thread::get_id();
  size_t ran = 0;
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (size_t task = 0; task < kTasks; ++task) {
          tasks_.Post([&] {
            EXPECT_EQ(std::this_thread::get_id(), own);
            ++ran;
          });
        }
      });
    }
    loop_.RunUntil([&] { return ran == kThreads * kTasks; });
  }
  EXPECT_EQ(ran, kThreads * kTasks);
}

}  // namespace
}  // namespace fsubs
