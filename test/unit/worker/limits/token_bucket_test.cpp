#include "worker/limits/token_bucket.hpp"

#include <gtest/gtest.h>

#include "test/unit/worker/limits/rate.hpp"

namespace fsubs {
namespace {

constexpr uint64_t kStart = 5'000'000;

size_t TakeAll(TokenBucket* bucket, uint64_t now_us, size_t most = 10000) {
  size_t taken = 0;
  while (taken < most && bucket->Take(now_us)) ++taken;
  return taken;
}

TEST(TokenBucketTest, IsFullAtFirstAndHoldsItsBurst) {
  TokenBucket bucket(Rate("10/s burst 25"), kStart);
  EXPECT_TRUE(bucket.IsFull(kStart));
  EXPECT_EQ(TakeAll(&bucket, kStart), 25u);
  EXPECT_FALSE(bucket.IsFull(kStart));
}

TEST(TokenBucketTest, TokensComeBackAtTheRate) {
  TokenBucket bucket(Rate("10/s burst 25"), kStart);
  TakeAll(&bucket, kStart);
  EXPECT_FALSE(bucket.Take(kStart + 99'999));
  EXPECT_TRUE(bucket.Take(kStart + 100'000));
  EXPECT_FALSE(bucket.Take(kStart + 100'000));
  EXPECT_EQ(TakeAll(&bucket, kStart + 1'100'000), 10u);
}

TEST(TokenBucketTest, ALongRestBringsNoMoreThanTheBurst) {
  TokenBucket bucket(Rate("10/s burst 25"), kStart);
  TakeAll(&bucket, kStart);
  EXPECT_EQ(TakeAll(&bucket, kStart + 10 * 365 * 86'400 * kSecondUs), 25u);
  EXPECT_EQ(TakeAll(&bucket, UINT64_MAX), 25u);
}

TEST(TokenBucketTest, NothingIsLostOrGainedByAskingOften) {
  TokenBucket bucket(Rate("3/s burst 1"), 0);
  EXPECT_TRUE(bucket.Take(0));
  size_t taken = 0;
  // 3 a second is no whole number of microseconds.
  for (uint64_t now_us = 0; now_us <= 1000 * kSecondUs; now_us += 7) taken += bucket.Take(now_us);
  EXPECT_EQ(taken, 2999u) << "each waits up to 7 us, and what came meanwhile is kept";
}

TEST(TokenBucketTest, OneInAnHourTakesAnHour) {
  TokenBucket bucket(Rate("1/h"), kStart);
  EXPECT_TRUE(bucket.Take(kStart));
  for (uint64_t second = 1; second < 3600; ++second) {
    ASSERT_FALSE(bucket.Take(kStart + second * kSecondUs)) << second;
  }
  EXPECT_FALSE(bucket.Take(kStart + 3600 * kSecondUs - 1));
  EXPECT_TRUE(bucket.Take(kStart + 3600 * kSecondUs));
}

TEST(TokenBucketTest, TheLargestRateIsCountedExactly) {
  TokenBucket bucket(Rate("1000000000/s burst 3"), kStart);
  EXPECT_EQ(TakeAll(&bucket, kStart), 3u);
  EXPECT_EQ(TakeAll(&bucket, kStart + 1), 3u) << "1000 came, of which 3 find room";
  TokenBucket widest(Rate("1000000000/h burst 1000000000"), kStart);
  EXPECT_EQ(TakeAll(&widest, kStart, 1000), 1000u);
  EXPECT_FALSE(widest.IsFull(kStart + 3599));
  EXPECT_TRUE(widest.IsFull(kStart + 3600)) << "3.6 us each";
}

TEST(TokenBucketTest, ARateOfNoneNeverHasOne) {
  TokenBucket bucket(Rate("0/s"), kStart);
  EXPECT_FALSE(bucket.Take(kStart));
  EXPECT_FALSE(bucket.Take(UINT64_MAX));
  EXPECT_EQ(bucket.WaitUs(UINT64_MAX), UINT64_MAX);
  EXPECT_TRUE(bucket.IsFull(kStart)) << "it remembers nothing";
}

TEST(TokenBucketTest, ATimeThatRunsBackBringsNothing) {
  TokenBucket bucket(Rate("1/s"), kStart);
  EXPECT_TRUE(bucket.Take(kStart));
  EXPECT_FALSE(bucket.Take(0));
  EXPECT_FALSE(bucket.Take(kStart + kSecondUs - 1));
  EXPECT_TRUE(bucket.Take(kStart + kSecondUs));
}

TEST(TokenBucketTest, WhatIsPutBackCanBeTakenAgainAndOnlyOnce) {
  TokenBucket bucket(Rate("1/h burst 2"), kStart);
  TakeAll(&bucket, kStart);
  bucket.PutBack();
  EXPECT_EQ(TakeAll(&bucket, kStart), 1u);
  for (int i = 0; i < 5; ++i) bucket.PutBack();
  EXPECT_EQ(TakeAll(&bucket, kStart), 2u);
}

TEST(TokenBucketTest, AnotherRateFindsItAsFullAsItWas) {
  TokenBucket bucket(Rate("10/s burst 100"), kStart);
  for (int i = 0; i < 75; ++i) bucket.Take(kStart);
  bucket.SetRate(Rate("600/h burst 1000"), kStart);
  EXPECT_EQ(TakeAll(&bucket, kStart), 250u);
  bucket.SetRate(Rate("1000/s burst 4"), kStart);
  EXPECT_FALSE(bucket.Take(kStart)) << "an empty one stays empty";
  EXPECT_TRUE(bucket.Take(kStart + 1000)) << "and fills by the new rate";
  TokenBucket full(Rate("1/s burst 3"), kStart);
  full.SetRate(Rate("1/h burst 7"), kStart);
  EXPECT_EQ(TakeAll(&full, kStart), 7u) << "a full one stays full";
}

TEST(TokenBucketTest, WhatCameByTheOldRateIsKept) {
  TokenBucket bucket(Rate("1/s burst 10"), kStart);
  TakeAll(&bucket, kStart);
  bucket.SetRate(Rate("1/h burst 10"), kStart + 5 * kSecondUs);
  EXPECT_EQ(TakeAll(&bucket, kStart + 5 * kSecondUs), 5u);
}

TEST(TokenBucketTest, ChangingRatesToAndFroMakesNoToken) {
  TokenBucket bucket(Rate("1/h burst 7"), kStart);
  TakeAll(&bucket, kStart);
  for (int i = 0; i < 1000; ++i) {
    bucket.SetRate(Rate(i % 2 == 0 ? "1/h burst 3" : "1/h burst 7"), kStart);
  }
  EXPECT_FALSE(bucket.Take(kStart));
}

TEST(TokenBucketTest, WhatWasNeverAllowedBeginsEmpty) {
  TokenBucket bucket(Rate("0/s"), kStart);
  bucket.SetRate(Rate("10/s"), kStart);
  EXPECT_FALSE(bucket.Take(kStart));
  EXPECT_TRUE(bucket.Take(kStart + 100'000));
}

TEST(TokenBucketTest, TellsHowLongToWait) {
  TokenBucket bucket(Rate("4/s burst 1"), kStart);
  EXPECT_EQ(bucket.WaitUs(kStart), 0u);
  bucket.Take(kStart);
  EXPECT_EQ(bucket.WaitUs(kStart), 250'000u);
  EXPECT_EQ(bucket.WaitUs(kStart + 249'999), 1u);
  EXPECT_EQ(bucket.WaitUs(kStart + 250'000), 0u);
}

TEST(TokenBucketTest, TellsAClientToWaitForWholeSecondsAndAnHourAtMost) {
  TokenBucket bucket(Rate("1/min"), kStart);
  bucket.Take(kStart);
  EXPECT_EQ(bucket.RetryAfterS(kStart + 1), 60u);
  TokenBucket never(Rate("0/s"), kStart);
  EXPECT_EQ(never.RetryAfterS(kStart), 3600u);
}

}  // namespace
}  // namespace fsubs
