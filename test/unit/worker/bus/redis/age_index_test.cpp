#include "worker/bus/redis/age_index.hpp"

#include <gtest/gtest.h>

#include "worker/bus/backoff.hpp"

namespace fsubs {
namespace {

TEST(AgeIndex, TellsWhatIsOlderOnce) {
  AgeIndex ages;
  ages.Note(0, 10);
  ages.Note(1000, 20);
  ages.Note(2000, 20);
  EXPECT_EQ(ages.TakeOlder(1000, 1000), std::nullopt);
  EXPECT_EQ(ages.TakeOlder(2500, 1000), 20u);
  EXPECT_EQ(ages.TakeOlder(2500, 1000), std::nullopt);
  ages.Note(3000, 30);
  EXPECT_EQ(ages.TakeOlder(9000, 1000), 30u);
}

TEST(Backoff, DoublesUpToItsMostAndStartsAgain) {
  Backoff backoff(100, 1000, 1);
  for (const uint64_t full : {100, 200, 400, 800, 1000, 1000}) {
    const uint64_t delay = backoff.Next();
    EXPECT_GE(delay, full / 2);
    EXPECT_LE(delay, full);
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(), 100u);
}

}  // namespace
}  // namespace fsubs
