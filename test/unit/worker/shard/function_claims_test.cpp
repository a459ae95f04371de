#include "worker/shard/function_claims.hpp"

#include <gtest/gtest.h>

#include "test/unit/worker/identity/issuers_of.hpp"

namespace fsubs {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kNow = 1'700'000'000 * kSecond;

class FunctionClaimsTest : public testing::Test {
 protected:
  FunctionClaimsTest() { Register("i"); }

  void Register(const std::string& name) {
    issuers_ = IssuersOf(R"({"name":")" + name + R"(","secret":")" + std::string(64, 's') + "\"}");
  }

  // When the client with these claims expires, its user, or "!" and why there is none.
  std::string By(const std::string& claims, const Identity* verified = nullptr) {
    std::string reason;
    const auto identity = IdentityByFunction(*issuers_, verified, {}, claims, kNow, &reason);
    if (!identity) return "!" + reason;
    const auto& expires = identity->expires_at_us;
    return identity->user.value_or("nobody") +
           (expires ? " " + std::to_string((*expires - kNow) / kSecond) : "");
  }

  // By a token that expires in so many seconds, and has ten of leeway.
  static std::unique_ptr<const Identity> Verified(int64_t seconds) {
    auto identity = std::make_unique<Identity>();
    identity->is_anonymous = false;
    identity->issuer = "i";
    identity->expires_at_us = kNow + (seconds + 10) * kSecond;
    EXPECT_TRUE(
        identity->claims.ParseCopy(R"({"exp":)" + std::to_string(kNow / kSecond + seconds) + "}"));
    return identity;
  }

  std::shared_ptr<const Issuers> issuers_;
};

TEST_F(FunctionClaimsTest, TheClaimsAreTheClient) {
  const auto verified = Verified(60);
  EXPECT_EQ(By(R"({"sub":"u"})"), "u");
  EXPECT_EQ(By(R"({"sub":"u"})", verified.get()), "u 70");
  EXPECT_EQ(By("[]"), "!these are no claims");
}

TEST_F(FunctionClaimsTest, TheyMayEndWhatTheTokenAllowsEarlierAndNotLater) {
  const auto verified = Verified(60);
  EXPECT_EQ(By(R"({"exp":1700000030.5})", verified.get()), "nobody 30");
  EXPECT_EQ(By(R"({"exp":1700000060})", verified.get()), "nobody 70");
  EXPECT_EQ(By(R"({"exp":1700000600})", verified.get()), "nobody 70");
  EXPECT_EQ(By(R"({"exp":1700000600})"), "nobody 600");
  EXPECT_EQ(By(R"({"exp":1700000000})"), "!the claims have expired");
  EXPECT_EQ(By(R"({"exp":-1e300})"), "!the claims have expired");
}

TEST_F(FunctionClaimsTest, AnEndThatIsNoTimeRefuses) {
  for (const char* exp : {R"("1700000600")", "null", "true", "{}", "1e999"}) {
    EXPECT_EQ(By(R"({"exp":)" + std::string(exp) + "}"), "!the claims' `exp` is no time") << exp;
  }
}

TEST_F(FunctionClaimsTest, AnIssuerThatWasUnregisteredMeanwhileRefuses) {
  const auto verified = Verified(60);
  Register("another");
  EXPECT_EQ(By(R"({"sub":"u"})", verified.get()),
            "!the issuer of its token is not registered any more");
  EXPECT_EQ(By(R"({"sub":"u"})"), "u");
}

}  // namespace
}  // namespace fsubs
