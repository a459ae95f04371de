#include "src/worker_process/restart_delay.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirst{100};
constexpr milliseconds kLongest{1000};
constexpr milliseconds kHealthy{10000};

TEST(RestartDelayTest, DoublesUpToTheLongestWhileTheProcessEndsEarly) {
  RestartDelay delay(kFirst, kLongest, kHealthy);
  for (const int expected : {100, 200, 400, 800, 1000, 1000}) {
    EXPECT_EQ(delay.Next(kHealthy - milliseconds(1)), milliseconds(expected));
  }
}

TEST(RestartDelayTest, StartsOverAfterAHealthyLife) {
  RestartDelay delay(kFirst, kLongest, kHealthy);
  EXPECT_EQ(delay.Next(milliseconds(0)), kFirst);
  EXPECT_EQ(delay.Next(milliseconds(0)), kFirst * 2);
  EXPECT_EQ(delay.Next(kHealthy), kFirst);
  EXPECT_EQ(delay.Next(milliseconds(0)), kFirst * 2);
}

}  // namespace
}  // namespace fsubs
