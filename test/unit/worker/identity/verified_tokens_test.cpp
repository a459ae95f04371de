#include "worker/identity/verified_tokens.hpp"

#include <gtest/gtest.h>

#include "worker/identity/claim_mapping.hpp"

namespace fsubs {
namespace {

VerifiedToken Verified(const std::string& user, int64_t until_us = 1000) {
  std::string reason;
  return {.identity = IdentityOf(ClaimMapping(), "{\"sub\":\"" + user + "\"}", {}, &reason),
          .until_us = until_us};
}

TEST(VerifiedTokens, AreSharedByAllWhoBringThem) {
  VerifiedTokens tokens(10, 1'000'000);
  tokens.Add("a", Verified("a"));
  const auto first = tokens.Find("a", 0)->identity;
  EXPECT_EQ(tokens.Find("a", 0)->identity, first);
  EXPECT_EQ(first->user, "a");
  EXPECT_EQ(tokens.Find("b", 0), nullptr);
}

TEST(VerifiedTokens, AreForgottenAtTheirEnd) {
  VerifiedTokens tokens(10, 1'000'000);
  tokens.Add("a", Verified("a", 1000));
  EXPECT_NE(tokens.Find("a", 999), nullptr);
  EXPECT_EQ(tokens.Find("a", 1000), nullptr);
  EXPECT_EQ(tokens.Find("a", 999), nullptr);
  EXPECT_EQ(tokens.bytes(), 0u);
}

TEST(VerifiedTokens, LeastRecentlyUsedGoesFirst) {
  VerifiedTokens tokens(2, 1'000'000);
  tokens.Add("a", Verified("a"));
  tokens.Add("b", Verified("b"));
  EXPECT_NE(tokens.Find("a", 0), nullptr);
  tokens.Add("c", Verified("c"));
  EXPECT_EQ(tokens.Find("b", 0), nullptr);
  EXPECT_NE(tokens.Find("a", 0), nullptr);
  EXPECT_NE(tokens.Find("c", 0), nullptr);
}

TEST(VerifiedTokens, TakeNoMoreThanTheirBytes) {
  VerifiedTokens tokens(1000, 50'000);
  for (int i = 0; i < 1000; ++i) {
    tokens.Add(std::to_string(i), Verified(std::string(1000, 'u')));
    EXPECT_LE(tokens.bytes(), 50'000u);
  }
  EXPECT_GT(tokens.size(), 1u);
  EXPECT_NE(tokens.Find("999", 0), nullptr);
  tokens.Add("larger", Verified(std::string(60'000, 'u')));
  EXPECT_EQ(tokens.size(), 0u);
  EXPECT_EQ(tokens.bytes(), 0u);
}

TEST(VerifiedTokens, SameDigestAgainReplacesTheFirst) {
  VerifiedTokens tokens(10, 1'000'000);
  tokens.Add("a", Verified("first"));
  tokens.Add("a", Verified("second"));
  EXPECT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens.Find("a", 0)->identity->user, "second");
  tokens.Clear();
  EXPECT_EQ(tokens.Find("a", 0), nullptr);
}

}  // namespace
}  // namespace fsubs
