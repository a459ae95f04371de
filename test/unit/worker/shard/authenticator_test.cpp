#include "worker/shard/authenticator.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

constexpr uint64_t kLong = 3'600'000;
constexpr uint64_t kClient = 7;
constexpr char kUrl[] = "https://i/keys";
constexpr char kOtherUrl[] = "https://o/keys";

using Ends = std::vector<std::string>;

// Knows the tokens "good" and "bad", and "key" and "other", whose keys are missing.
class AuthenticatorTest : public testing::Test, private Authenticator::Host {
 protected:
  AuthenticatorTest() {
    authenticator_.Attach(loop_.get());
    authenticator_.SetRules({.init_timeout_ms = kLong, .function_timeout_ms = kLong});
  }

  void AskFunction(uint64_t timeout_ms = kLong) {
    authenticator_.SetRules(
        {.asks_function = true, .init_timeout_ms = 0, .function_timeout_ms = timeout_ms});
  }

  void Begin(const std::string& token, uint64_t client = kClient) {
    authenticator_.Begin(client, {.token = token, .init_payload = "{\"a\":1}"});
  }

  void Retry(KeysTried outcome = KeysTried::kFetched, const std::string& url = kUrl) {
    authenticator_.Retry(url, outcome);
    WorkBudget budget(1000);
    EXPECT_TRUE(authenticator_.Continue(&budget));
  }

  Authenticator::Host* host() { return this; }  // the base is private

  static std::shared_ptr<const Identity> Make(const std::string& claims) {
    auto identity = std::make_shared<Identity>();
    EXPECT_TRUE(identity->claims.ParseCopy(claims));
    return identity;
  }

  Authenticator authenticator_{{.max_waiting = 3, .max_bytes = 100}, this};
  Ends ends_;  // "client claims", or "client !reason"
  bool has_catalog_ = true;
  bool allows_anonymous_ = false;
  bool has_keys_ = false;
  bool keys_fit_ = false;
  std::string url_ = kUrl;  // of the issuer of "key"
  std::vector<std::string> refreshed_;
  size_t verified_ = 0;
  size_t wants_turns_ = 0;
  std::vector<std::string> calls_;
  std::vector<std::function<void(Authenticator::FunctionAnswer)>> replies_;
  TestLoop loop_;

 private:
  bool HasCatalog() override { return has_catalog_; }
  std::shared_ptr<const Identity> Anonymous() override {
    EXPECT_TRUE(has_catalog_);
    return allows_anonymous_ ? Make(R"("anonymous")") : nullptr;
  }
  Verification Verify(const Credentials& credentials) override {
    EXPECT_TRUE(has_catalog_);
    ++verified_;
    const bool is_other = credentials.token == "other";
    if ((credentials.token == "key" || is_other) && !keys_fit_) {
      return {.outcome = Verification::Outcome::kNeedsKeys,
              .reason = "no key fits",
              .url = is_other ? kOtherUrl : url_};
    }
    if (credentials.token == "bad") return {.reason = "it is bad"};
    return {.outcome = Verification::Outcome::kAccepted, .identity = Make(R"({"sub":"u"})")};
  }
  bool HasKeys(const std::string&) override { return has_keys_; }
  void RefreshKeys(const std::string& url) override { refreshed_.push_back(url); }
  void CallFunction(Authenticator::FunctionCall call,
                    std::function<void(Authenticator::FunctionAnswer)> reply) override {
    calls_.push_back((call.claims.empty() ? "null" : call.claims) + call.init_payload +
                     call.headers);
    replies_.push_back(std::move(reply));
  }
  std::shared_ptr<const Identity> Map(const Identity* verified, const std::string&,
                                      const std::string& claims, std::string* reason) override {
    if (claims == "bad") {
      *reason = "these are no claims";
      return nullptr;
    }
    return Make(claims + (verified != nullptr ? "" : " "));
  }
  void OnIdentified(uint64_t client, std::shared_ptr<const Identity> identity) override {
    ends_.push_back(std::to_string(client) + " " + std::string(identity->claims.root().raw()));
  }
  void OnRefused(uint64_t client, LoginRefusal why, const std::string& reason) override {
    ends_.push_back(std::to_string(client) + " !" + kLoginRefusalNames[static_cast<size_t>(why)] +
                    " " + reason);
  }
  void OnMore() override { ++wants_turns_; }
};

TEST_F(AuthenticatorTest, WithoutATokenItDependsOnWhetherAnonymousClientsAreLetIn) {
  Begin("");
  allows_anonymous_ = true;
  Begin("");
  EXPECT_EQ(ends_, (Ends{"7 !no_token there is no token", R"(7 "anonymous")"}));
}

TEST_F(AuthenticatorTest, ABadTokenIsRefusedAlsoWhereAnonymousClientsAreLetIn) {
  allows_anonymous_ = true;
  Begin("bad");
  Begin("good");
  EXPECT_EQ(ends_, (Ends{"7 !token it is bad", R"(7 {"sub":"u"})"}));
}

TEST_F(AuthenticatorTest, AMissingKeyIsWaitedFor) {
  Begin("key");
  EXPECT_EQ(ends_, Ends());
  EXPECT_EQ(refreshed_, std::vector<std::string>{kUrl});
  has_keys_ = keys_fit_ = true;
  Retry();
  EXPECT_EQ(ends_, Ends{R"(7 {"sub":"u"})"});
  EXPECT_EQ(wants_turns_, 1u);
  EXPECT_EQ(authenticator_.waiting(), 0u);
}

TEST_F(AuthenticatorTest, KeysThatCameAndLackTheTokensAreNotWaitedForAgain) {
  Begin("key");
  has_keys_ = true;
  Retry();
  EXPECT_EQ(ends_, Ends{"7 !token no key fits"});
  EXPECT_EQ(refreshed_.size(), 1u);
}

TEST_F(AuthenticatorTest, WhereNoKeysHaveComeTheWaitGoesOn) {
  Begin("key");
  Retry(KeysTried::kFailed);
  EXPECT_EQ(ends_, Ends());
  EXPECT_EQ(refreshed_.size(), 1u);
  EXPECT_EQ(verified_, 1u);
  has_keys_ = keys_fit_ = true;
  Retry();
  EXPECT_EQ(ends_, Ends{R"(7 {"sub":"u"})"});
}

TEST_F(AuthenticatorTest, ATokenIsNotBadBecauseKeysCouldNotBeFetched) {
  has_keys_ = true;
  Begin("key");
  Retry(KeysTried::kFailed);
  EXPECT_EQ(ends_, Ends{"7 !no_keys the keys of its issuer are not there"});
}

TEST_F(AuthenticatorTest, KeysOfAnotherIssuerSayNothingOfAToken) {
  has_keys_ = true;
  Begin("key", 1);
  Begin("other", 2);
  EXPECT_EQ(refreshed_, (std::vector<std::string>{kUrl, kOtherUrl}));
  Retry(KeysTried::kFetched, kOtherUrl);
  EXPECT_EQ(ends_, Ends{"2 !token no key fits"});
  EXPECT_EQ(verified_, 3u);
  Retry();
  EXPECT_EQ(ends_.back(), "1 !token no key fits");
}

TEST_F(AuthenticatorTest, AnIssuerWhoseUrlChangedIsAskedAtTheNewOne) {
  has_keys_ = true;
  Begin("key");
  url_ = "https://new/keys";
  Retry(KeysTried::kUnwanted);
  EXPECT_EQ(ends_, Ends());
  EXPECT_EQ(refreshed_, (std::vector<std::string>{kUrl, url_}));
  Retry(KeysTried::kFetched, url_);
  EXPECT_EQ(ends_, Ends{"7 !token no key fits"});
}

TEST_F(AuthenticatorTest, KeysAreAskedForOnceUntilThatIsAnswered) {
  Begin("key", 1);
  Begin("key", 2);
  EXPECT_EQ(refreshed_.size(), 1u);
  Retry(KeysTried::kFailed);
  Begin("key", 3);
  EXPECT_EQ(refreshed_.size(), 2u);
  authenticator_.Forget(1);
  authenticator_.Forget(2);
  authenticator_.Forget(3);
  Begin("key", 4);
  EXPECT_EQ(refreshed_.size(), 3u);
}

TEST_F(AuthenticatorTest, AnotherAnswerDoesNotMoveThoseToTheEndWhoseTurnIsNear) {
  Begin("key", 1);
  Begin("key", 2);
  has_keys_ = true;
  authenticator_.Retry(kUrl, KeysTried::kFetched);
  WorkBudget small(1);
  EXPECT_FALSE(authenticator_.Continue(&small));
  ASSERT_EQ(ends_.size(), 1u);
  Begin("key", 3);
  authenticator_.Retry(kUrl, KeysTried::kFetched);
  WorkBudget one(1);
  EXPECT_FALSE(authenticator_.Continue(&one));
  EXPECT_NE(ends_.back().front(), '3');
  Retry();
  EXPECT_EQ(ends_.size(), 3u);
  EXPECT_EQ(verified_, 6u) << "each once more";
}

TEST_F(AuthenticatorTest, WithoutACatalogNothingIsDecided) {
  allows_anonymous_ = true;
  Begin("key", 1);
  AskFunction();
  Begin("good", 2);
  authenticator_.SetRules({.init_timeout_ms = kLong, .function_timeout_ms = kLong});
  has_catalog_ = false;
  Begin("", 3);
  Begin("good", 4);
  Retry(KeysTried::kUnwanted);
  replies_[0]({.claims = "{}"});
  Ends ends;
  for (const char* client : {"3", "4", "1", "2"}) {
    ends.push_back(std::string(client) + " !no_catalog there is no catalog");
  }
  EXPECT_EQ(ends_, ends);
}

TEST_F(AuthenticatorTest, NobodyWaitsForKeysLongerThanTheirTime) {
  authenticator_.SetRules({.init_timeout_ms = 1});
  Begin("key");
  Begin("key", 8);
  loop_.RunUntil([&] { return ends_.size() == 2; });
  EXPECT_EQ(ends_[0], "7 !no_keys the keys of its issuer are not there");
  EXPECT_EQ(authenticator_.waiting(), 0u);
}

TEST_F(AuthenticatorTest, ARetryDoesNotExtendTheTime) {
  authenticator_.SetRules({.init_timeout_ms = 1});
  Begin("key");
  url_ = "https://new/keys";
  Retry(KeysTried::kUnwanted);
  loop_.RunUntil([&] { return !ends_.empty(); });
  EXPECT_EQ(ends_, Ends{"7 !no_keys the keys of its issuer are not there"});
}

TEST_F(AuthenticatorTest, ThoseWhoWaitedAreVerifiedInSlices) {
  Begin("key", 1);
  Begin("key", 2);
  has_keys_ = keys_fit_ = true;
  authenticator_.Retry(kUrl, KeysTried::kFetched);
  WorkBudget small(1);
  EXPECT_FALSE(authenticator_.Continue(&small));
  EXPECT_EQ(ends_.size(), 1u);
  WorkBudget large(1000);
  EXPECT_TRUE(authenticator_.Continue(&large));
  EXPECT_EQ(ends_.size(), 2u);
}

TEST_F(AuthenticatorTest, NoMoreWaitThanMay) {
  for (uint64_t client = 1; client <= 4; ++client) Begin("key", client);
  EXPECT_EQ(ends_, Ends{"4 !busy too many wait to be let in"});
  authenticator_.Forget(1);
  authenticator_.Begin(5, {.token = "key", .init_payload = std::string(100, ' ')});
  EXPECT_EQ(ends_.back(), "5 !busy too many wait to be let in");
  Begin("key", 6);
  EXPECT_EQ(ends_.size(), 2u);
}

TEST_F(AuthenticatorTest, OneThatLeftIsForgotten) {
  Begin("key");
  authenticator_.Forget(kClient);
  has_keys_ = keys_fit_ = true;
  Retry();
  EXPECT_EQ(ends_, Ends());
  EXPECT_EQ(authenticator_.waiting(), 0u);
}

TEST_F(AuthenticatorTest, TheFunctionIsAskedAlsoWithoutAToken) {
  AskFunction();
  allows_anonymous_ = true;
  Begin("");
  Begin("good", 8);
  EXPECT_EQ(calls_, (std::vector<std::string>{R"(null{"a":1}{})", R"({"sub":"u"}{"a":1}{})"}));
  EXPECT_EQ(ends_, Ends());
  replies_[0]({.claims = R"({"sub":"v"})"});
  replies_[1]({.claims = R"({"sub":"w"})"});
  EXPECT_EQ(ends_, (Ends{R"(7 {"sub":"v"})", R"(8 {"sub":"w"})"}));
}

TEST_F(AuthenticatorTest, TheFunctionIsNotAskedAboutARefusedToken) {
  AskFunction();
  Begin("bad");
  EXPECT_EQ(ends_, Ends{"7 !token it is bad"});
  EXPECT_TRUE(calls_.empty());
}

TEST_F(AuthenticatorTest, WhateverTheFunctionDoesNotVouchForIsRefused) {
  AskFunction();
  Begin("good", 1);
  Begin("good", 2);
  Begin("good", 3);
  replies_[0]({});
  replies_[1]({.error = "division by zero in \"secret\""});
  replies_[2]({.claims = "bad"});
  EXPECT_EQ(ends_, (Ends{"1 !function ", "2 !function_failed it could not be asked who this is",
                         "3 !function these are no claims"}));
}

TEST_F(AuthenticatorTest, AFunctionThatDoesNotAnswerRefuses) {
  AskFunction(1);
  Begin("good");
  loop_.RunUntil([&] { return !ends_.empty(); });
  EXPECT_EQ(ends_, Ends{"7 !function_failed it could not be asked who this is"});
  replies_[0]({.claims = "{}"});
  EXPECT_EQ(ends_.size(), 1u);
}

TEST_F(AuthenticatorTest, OnlySoManyAreRefusedInATurn) {
  Authenticator hanging({.max_waiting = 300, .max_bytes = 100'000}, host());
  TestLoop loop;
  hanging.Attach(loop.get());
  hanging.SetRules({.asks_function = true, .init_timeout_ms = 1});
  for (uint64_t client = 0; client < 300; ++client) hanging.Begin(client, {.token = "good"});
  while (ends_.empty()) loop.Turn();
  EXPECT_EQ(ends_.size(), 200u);
  loop.RunUntil([&] { return ends_.size() == 300; });
  EXPECT_EQ(hanging.waiting(), 0u);
}

TEST_F(AuthenticatorTest, WhatTheFunctionIsAskedCountsUntilItHasAnswered) {
  AskFunction();
  authenticator_.Begin(1, {.token = "good", .init_payload = std::string(80, ' ')});
  EXPECT_EQ(ends_, Ends());
  Begin("good", 2);
  EXPECT_EQ(ends_, Ends{"2 !busy too many wait to be let in"});
  replies_[0]({.claims = R"({"sub":"v"})"});
  Begin("good", 3);
  EXPECT_EQ(ends_.size(), 2u);
}

TEST_F(AuthenticatorTest, AnAnswerForAnEarlierLoginMeansNothing) {
  AskFunction();
  Begin("good");
  authenticator_.Forget(kClient);
  Begin("good");
  replies_[0]({.claims = R"({"sub":"old"})"});
  EXPECT_EQ(ends_, Ends());
  replies_[1]({.claims = R"({"sub":"new"})"});
  EXPECT_EQ(ends_, Ends{R"(7 {"sub":"new"})"});
}

TEST_F(AuthenticatorTest, OneThatWaitsForTheFunctionIsNotVerifiedAgain) {
  AskFunction();
  Begin("good");
  Retry();
  EXPECT_EQ(verified_, 1u);
  EXPECT_EQ(wants_turns_, 0u);
}

TEST_F(AuthenticatorTest, AfterADrainNobodyWaits) {
  AskFunction();
  Begin("good");
  authenticator_.Clear();
  replies_[0]({.claims = "{}"});
  EXPECT_EQ(ends_, Ends());
}

}  // namespace
}  // namespace fsubs
