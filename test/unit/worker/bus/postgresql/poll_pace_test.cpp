#include "worker/bus/postgresql/poll_pace.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

TEST(PollPace, PausesGrowWhileNothingComes) {
  PollPace pace;
  uint64_t before = pace.PauseMs(/*is_listening=*/false);
  for (int i = 0; i < 20; ++i) {
    pace.OnRead(/*found=*/false, /*told=*/false);
    EXPECT_GE(pace.PauseMs(false), before);
    before = pace.PauseMs(false);
  }
  EXPECT_EQ(pace.PauseMs(false), PollPace::kMostUntoldMs);
  EXPECT_EQ(pace.PauseMs(true), PollPace::kMostToldMs);
}

TEST(PollPace, EventsThatNothingToldOfAreLookedForSoon) {
  PollPace pace;
  for (int i = 0; i < 20; ++i) pace.OnRead(/*found=*/false, /*told=*/false);
  pace.OnRead(/*found=*/true, /*told=*/false);
  EXPECT_EQ(pace.PauseMs(true), PollPace::kLeastMs);
}

TEST(PollPace, NothingIsLookedForWhereItIsTold) {
  PollPace pace;
  pace.OnRead(/*found=*/true, /*told=*/true);
  EXPECT_EQ(pace.PauseMs(true), PollPace::kMostToldMs);
}

}  // namespace
}  // namespace fsubs
