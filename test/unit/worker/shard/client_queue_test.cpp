#include "worker/shard/client_queue.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

TEST(ClientQueueTest, OneThatWaitsIsThereOnce) {
  ClientQueue queue;
  for (const uint64_t client : {1, 2, 1, 1}) queue.Push(client);
  EXPECT_EQ(queue.Pop(), 1u);
  queue.Push(1);
  EXPECT_EQ(queue.Pop(), 2u);
  EXPECT_EQ(queue.Pop(), 1u);
  EXPECT_TRUE(queue.is_empty());
}

TEST(ClientQueueTest, OneThatWasClearedMayWaitAgain) {
  ClientQueue queue;
  queue.Push(1);
  queue.Clear();
  EXPECT_TRUE(queue.is_empty());
  queue.Push(1);
  EXPECT_EQ(queue.front(), 1u);
}

}  // namespace
}  // namespace fsubs
