#include "worker/bus/redis/age_index.hpp"

#include <gtest/gtest.h>

#include "worker/bus/backoff.hpp"

namespace fsubs {
namespace {

TEST(AgeIndex, TellsWhatIsOlderOnce) {
  AgeIndex ages(1000);
  ages.Note(1000, 10);
  ages.Note(2000, 20);
  ages.Note(3000, 20);
  EXPECT_EQ(ages.TakeOld(2000), std::nullopt);
  EXPECT_EQ(ages.TakeOld(3500), 20u);
  EXPECT_EQ(ages.TakeOld(3500), std::nullopt);
  ages.Note(4000, 30);
  EXPECT_EQ(ages.TakeOld(9000), 30u);
}

TEST(AgeIndex, AgesAreToldApartByAThousandthOfTheLongest) {
  AgeIndex ages(10'000'000);
  ages.Note(20'000, 1);
  ages.Note(29'999, 2);
  EXPECT_EQ(ages.TakeOld(20'000'000), 1u);
  ages.Note(30'000, 3);
  EXPECT_EQ(ages.TakeOld(20'000'000), 3u);
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
