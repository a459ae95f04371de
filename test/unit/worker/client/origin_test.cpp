#include "worker/client/origin.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

TEST(OriginTest, ClientsThatAreNotPagesAreAllowed) {
  EXPECT_TRUE(OriginAllowed("", "", "127.0.0.1:4000"));
}

TEST(OriginTest, AStarAllowsEveryPage) {
  EXPECT_TRUE(OriginAllowed("*", "https://anywhere.example", "h"));
  EXPECT_TRUE(OriginAllowed("*", "null", "h"));
}

TEST(OriginTest, AListAllowsItsOriginsInAnyCaseAndNoOthers) {
  constexpr char kList[] = "https://app.example.com , http://localhost:3000";
  EXPECT_TRUE(OriginAllowed(kList, "https://app.example.com", "h"));
  EXPECT_TRUE(OriginAllowed(kList, "HTTPS://APP.example.com", "h"));
  EXPECT_TRUE(OriginAllowed(kList, "http://localhost:3000", "h"));
  for (const char* other : {"https://app.example.com.evil.example", "http://app.example.com",
                            "http://localhost", "null", "https://evil.example"}) {
    EXPECT_FALSE(OriginAllowed(kList, other, "h")) << other;
  }
}

TEST(OriginTest, ThePageThatTheWorkerServesIsAllowed) {
  EXPECT_TRUE(OriginAllowed("", "http://127.0.0.1:4000", "127.0.0.1:4000"));
  EXPECT_FALSE(OriginAllowed("", "http://127.0.0.1:3000", "127.0.0.1:4000"));
  EXPECT_FALSE(OriginAllowed("", "http://", ""));
}

}  // namespace
}  // namespace fsubs
