#include "worker/key_fetch/cache_control.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace fsubs {
namespace {

TEST(CacheControlTest, MaxAgeIsFoundAmongDirectives) {
  EXPECT_EQ(FreshSeconds("max-age=60"), 60);
  EXPECT_EQ(FreshSeconds("public, max-age=3600, must-revalidate"), 3600);
  EXPECT_EQ(FreshSeconds("\tPublic ,  MAX-AGE=7 ,"), 7);
  EXPECT_EQ(FreshSeconds("max-age=\"5\""), 5);
}

TEST(CacheControlTest, NothingIsSaidByOtherDirectives) {
  for (const char* header : {"", ",", "public", "s-maxage=60", "max-age", "x-max-age=60",
                             "stale-if-error=60", "extension=\"max-age=60, max-age=61\""}) {
    EXPECT_EQ(FreshSeconds(header), std::nullopt) << header;
  }
}

TEST(CacheControlTest, WhatMustNotBeKeptIsStaleAtOnce) {
  EXPECT_EQ(FreshSeconds("no-store"), 0);
  EXPECT_EQ(FreshSeconds("max-age=60, No-Cache"), 0);
  EXPECT_EQ(FreshSeconds("no-cache=\"Set-Cookie\", max-age=60"), 0);
}

TEST(CacheControlTest, ANumberThatIsNoneSaysNothing) {
  for (const char* header :
       {"max-age=", "max-age=-1", "max-age=+1", "max-age=1.5", "max-age=1s", "max-age= 1"}) {
    EXPECT_EQ(FreshSeconds(header), std::nullopt) << header;
  }
}

TEST(CacheControlTest, ANumberThatIsTooLargeIsTheLargest) {
  EXPECT_EQ(FreshSeconds("max-age=99999999999999999999999"), std::numeric_limits<uint64_t>::max());
}

TEST(CacheControlTest, TheShorterOfTwoAgesCounts) {
  EXPECT_EQ(FreshSeconds("max-age=60, max-age=10"), 10);
}

}  // namespace
}  // namespace fsubs
