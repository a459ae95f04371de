#include "worker/key_fetch/key_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/key_fetch/fetch_protocol.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr uint64_t kSecond = 1000;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kHour = 60 * kMinute;

constexpr char kUrl[] = "https://a.example/keys";
constexpr char kOtherUrl[] = "https://b.example/keys";

// A store on a clock of the test's own, whose documents are keys unless they are "bad".
class KeyStoreTest : public testing::Test, public KeyStoreHost {
 protected:
  KeyStoreTest()
      : store_(this, [](std::string_view document, std::string* error) {
          *error = document == "bad" ? "no keys" : "";
          return document == "bad" ? nullptr : std::make_shared<const KeySet>();
        }) {
    store_.SetUrls({{kUrl, "\"a\""}}, now_);
  }

  void StartFetch(uint32_t id, const std::string& url) override { started_.push_back({id, url}); }
  void OnKeysTried(const std::string& url, KeysTried outcome) override {
    tried_.push_back({url, outcome});
  }
  void OnTrouble(const std::string& users, const std::string& error) override {
    told_.push_back(users + ": " + error);
  }
  void OnTroubleOver(const std::string& users) override { told_.push_back(users + ": over"); }

  void Turn() { next_ = store_.Turn(now_); }

  // Let time go by as the owner of the store does. Returns the URLs that were fetched meanwhile.
  std::vector<std::string> Pass(uint64_t ms) {
    const size_t before = started_.size();
    const uint64_t end = now_ + ms;
    Turn();
    while (next_ && *next_ <= end) {
      now_ = std::max(now_, *next_);
      Turn();
    }
    now_ = end;
    Turn();
    std::vector<std::string> urls;
    for (size_t i = before; i < started_.size(); ++i) urls.push_back(started_[i].url);
    return urls;
  }

  void PassUntilDue() { Pass(store_.Look(kUrl)->due_ms - now_); }

  void Answer(FetchResult result) {
    store_.OnFetched(started_.back().id, std::move(result), now_);
    Turn();
  }
  void Succeed(std::string cache_control = "") {
    Answer({.document = "good", .cache_control = std::move(cache_control)});
  }
  void Fail(std::string error = "no route") { Answer({.error = std::move(error)}); }

  std::optional<KeysTried> Refresh() {
    const auto tried = store_.Refresh(kUrl, now_);
    Turn();
    return tried;
  }

  struct Started {
    uint32_t id;
    std::string url;
  };

  KeyStore store_;
  uint64_t now_ = 1'000'000;
  std::optional<uint64_t> next_;
  std::vector<Started> started_;
  std::vector<std::pair<std::string, KeysTried>> tried_;
  std::vector<std::string> told_;
};

TEST_F(KeyStoreTest, KeysAreFetchedAsSoonAsTheirUrlIsKnown) {
  EXPECT_EQ(store_.Find(kUrl), nullptr);
  EXPECT_THAT(Pass(0), ElementsAre(kUrl));
  EXPECT_THAT(tried_, IsEmpty());
  Succeed();
  EXPECT_NE(store_.Find(kUrl), nullptr);
  EXPECT_THAT(tried_, ElementsAre(Pair(kUrl, KeysTried::kFetched)));
  EXPECT_EQ(store_.Look(kUrl)->fetched_ms, now_);
}

TEST_F(KeyStoreTest, KeysAreFetchedAgainBeforeTheyAreNeeded) {
  Pass(0);
  Succeed();
  EXPECT_THAT(Pass(10 * kMinute - 1), IsEmpty());
  EXPECT_THAT(Pass(1), ElementsAre(kUrl));
}

TEST_F(KeyStoreTest, TheServerSaysForHowLongKeysAreKeptWithinLimits) {
  struct Case {
    const char* cache_control;
    uint64_t kept;
  };
  Pass(0);
  for (const Case& one : {Case{"max-age=300", 5 * kMinute}, Case{"max-age=1", kMinute},
                          Case{"no-store", kMinute}, Case{"max-age=100000000", 24 * kHour}}) {
    Succeed(one.cache_control);
    EXPECT_EQ(store_.Look(kUrl)->due_ms, now_ + one.kept) << one.cache_control;
    EXPECT_THAT(Pass(one.kept - 1), IsEmpty()) << one.cache_control;
    EXPECT_THAT(Pass(1), ElementsAre(kUrl)) << one.cache_control;
  }
}

TEST_F(KeyStoreTest, KeysStayWhenTheyCannotBeFetchedAgain) {
  Pass(0);
  Succeed();
  const auto keys = store_.Find(kUrl);
  Pass(10 * kMinute);
  Fail();
  EXPECT_EQ(store_.Find(kUrl), keys);
  EXPECT_EQ(store_.Look(kUrl)->error, "no route");
  EXPECT_EQ(tried_.back().second, KeysTried::kFailed);
  Pass(2 * kSecond);
  Answer({.document = "bad"});
  EXPECT_EQ(tried_.back().second, KeysTried::kFailed);
  EXPECT_EQ(store_.Find(kUrl), keys);
  EXPECT_EQ(store_.Look(kUrl)->error, "no keys");
  EXPECT_EQ(store_.failures(), 2);
  EXPECT_EQ(store_.fetches(), 3);
}

TEST_F(KeyStoreTest, FailuresAreFollowedByEverLongerWaits) {
  Pass(0);
  for (const uint64_t wait : {2, 4, 8, 16, 32, 60, 60}) {
    Fail();
    EXPECT_THAT(Pass(wait * kSecond - 1), IsEmpty()) << wait;
    EXPECT_THAT(Pass(1), ElementsAre(kUrl)) << wait;
  }
  Succeed();
  Pass(10 * kMinute);
  Fail();
  EXPECT_EQ(store_.Look(kUrl)->due_ms, now_ + 2 * kSecond);
}

TEST_F(KeyStoreTest, AFailureIsToldOnceUnlessItChangesOrLasts) {
  Pass(0);
  Fail("one");
  Pass(2 * kSecond);
  Fail("one");
  EXPECT_THAT(told_, ElementsAre("\"a\": one"));
  Pass(4 * kSecond);
  Fail("two");
  EXPECT_THAT(told_, ElementsAre("\"a\": one", "\"a\": two"));
  for (int i = 0; i < 20; ++i) {
    PassUntilDue();
    Fail("two");
  }
  EXPECT_THAT(told_, ElementsAre("\"a\": one", "\"a\": two", "\"a\": two")) << "in 18 minutes";
  PassUntilDue();
  Succeed();
  EXPECT_EQ(told_.back(), "\"a\": over");
  EXPECT_EQ(store_.Look(kUrl)->error, "");
}

TEST_F(KeyStoreTest, AnUnknownKeyHasThemFetchedAtOnce) {
  Pass(0);
  Succeed();
  Pass(kSecond);
  store_.Refresh(kUrl, now_);
  EXPECT_THAT(Pass(0), ElementsAre(kUrl));
}

TEST_F(KeyStoreTest, UnknownKeysCauseOneFetchInThirtySeconds) {
  Pass(0);
  Succeed();
  size_t fetched = 0;
  for (int i = 0; i < 300; ++i) {
    const size_t before = started_.size();
    Refresh();
    if (started_.size() > before) Succeed();
    fetched += started_.size() - before;
    Pass(kSecond / 10);
  }
  EXPECT_EQ(fetched, 1);
  Refresh();
  EXPECT_EQ(started_.size(), 3);
}

TEST_F(KeyStoreTest, WhoAsksTooEarlyAloneIsToldWhatCameOfTheLastFetch) {
  Pass(0);
  Succeed();
  EXPECT_EQ(Refresh(), std::nullopt);
  Fail();
  EXPECT_EQ(Refresh(), KeysTried::kFailed);
  Pass(2 * kSecond);
  Succeed();
  const size_t before = tried_.size();
  EXPECT_EQ(Refresh(), KeysTried::kFetched);
  EXPECT_EQ(tried_.size(), before);
  EXPECT_EQ(started_.size(), 3);
}

TEST_F(KeyStoreTest, WhoAsksBeforeADueFetchHasBegunWaitsForIt) {
  Pass(0);
  Succeed();
  Pass(kMinute);
  EXPECT_EQ(store_.Refresh(kUrl, now_), std::nullopt);
  EXPECT_EQ(store_.Refresh(kUrl, now_), std::nullopt);
  const size_t before = tried_.size();
  EXPECT_THAT(Pass(0), ElementsAre(kUrl));
  Succeed();
  EXPECT_EQ(tried_.size(), before + 1);
}

TEST_F(KeyStoreTest, WhoAsksForAFetchThatWaitsForOthersWaitsToo) {
  Pass(0);
  Succeed();
  std::map<std::string, std::string> urls{{kUrl, "\"a\""}};
  for (size_t i = 0; i < kMaxFetches; ++i) urls["https://x.example/" + std::to_string(i)] = "\"x\"";
  store_.SetUrls(urls, now_);
  EXPECT_EQ(Pass(0).size(), kMaxFetches);
  EXPECT_EQ(Refresh(), std::nullopt);
  EXPECT_EQ(Refresh(), std::nullopt);
  Pass(kSecond);
  EXPECT_EQ(Refresh(), std::nullopt);
  EXPECT_EQ(started_.size(), 1 + kMaxFetches);
}

TEST_F(KeyStoreTest, WhoAsksDuringAFetchWaitsForIt) {
  Pass(0);
  for (int i = 0; i < 5; ++i) Refresh();
  EXPECT_EQ(started_.size(), 1);
  EXPECT_THAT(tried_, IsEmpty());
  Succeed();
  EXPECT_EQ(tried_.size(), 1);
}

TEST_F(KeyStoreTest, AnUnknownKeyDoesNotWaitForTheNextRetry) {
  Pass(0);
  for (int i = 0; i < 6; ++i) {
    Fail();
    PassUntilDue();
  }
  Fail();
  Refresh();
  EXPECT_EQ(started_.size(), 8);
}

TEST_F(KeyStoreTest, NothingButUrlsOfIssuersIsFetched) {
  Pass(0);
  Succeed();
  EXPECT_EQ(store_.Refresh(kOtherUrl, now_), KeysTried::kUnwanted);
  EXPECT_THAT(Pass(kMinute), IsEmpty());
  EXPECT_EQ(store_.Find(kOtherUrl), nullptr);
}

TEST_F(KeyStoreTest, KeysGoWithTheirIssuer) {
  Pass(0);
  Succeed();
  Pass(10 * kMinute);
  store_.SetUrls({{kOtherUrl, "\"b\""}}, now_);
  EXPECT_EQ(store_.Find(kUrl), nullptr);
  EXPECT_THAT(tried_.back(), Pair(kUrl, KeysTried::kUnwanted));
  Succeed();  // of the fetch that was under way
  EXPECT_EQ(store_.Find(kUrl), nullptr);
  EXPECT_EQ(store_.Look(kUrl), nullptr);
  EXPECT_THAT(Pass(0), IsEmpty());
  Succeed();
  EXPECT_NE(store_.Find(kOtherUrl), nullptr);
}

TEST_F(KeyStoreTest, KeysOfUrlsThatStayAreKept) {
  Pass(0);
  Succeed();
  const auto keys = store_.Find(kUrl);
  store_.SetUrls({{kUrl, "\"a\", \"c\""}, {kOtherUrl, "\"b\""}}, now_);
  EXPECT_THAT(Pass(0), ElementsAre(kOtherUrl));
  EXPECT_EQ(store_.Find(kUrl), keys);
  store_.SetUrls({}, now_);
  EXPECT_EQ(store_.Find(kUrl), nullptr);
  Turn();
  EXPECT_EQ(next_, std::nullopt);
}

TEST_F(KeyStoreTest, AnAnswerThatDoesNotComeIsAFailure) {
  EXPECT_THAT(Pass(15 * kSecond - 1), ElementsAre(kUrl));
  EXPECT_EQ(store_.failures(), 0);
  Pass(1);
  EXPECT_EQ(store_.failures(), 1);
  EXPECT_THAT(tried_, ElementsAre(Pair(kUrl, KeysTried::kFailed)));
  Succeed();
  EXPECT_EQ(store_.Find(kUrl), nullptr) << "it came too late";
  EXPECT_THAT(Pass(2 * kSecond), ElementsAre(kUrl));
}

TEST_F(KeyStoreTest, WhatTheFetcherLostIsAFailure) {
  Pass(0);
  store_.AbandonFetches("crashed", now_);
  EXPECT_EQ(store_.Look(kUrl)->error, "crashed");
  EXPECT_THAT(tried_, ElementsAre(Pair(kUrl, KeysTried::kFailed)));
  EXPECT_THAT(Pass(2 * kSecond), ElementsAre(kUrl));
  Succeed();
  store_.AbandonFetches("crashed", now_);
  EXPECT_EQ(store_.Look(kUrl)->error, "");
}

TEST_F(KeyStoreTest, OnlySoManyAreFetchedAtATime) {
  std::map<std::string, std::string> urls;
  for (char c = 'a'; c < 'a' + 20; ++c) urls[std::string("https://x.example/") + c] = "\"x\"";
  store_.SetUrls(urls, now_);
  EXPECT_EQ(Pass(0).size(), kMaxFetches);
  for (size_t i = 0; i < 20; ++i) {
    ASSERT_LT(i, started_.size());
    store_.OnFetched(started_[i].id, {.document = "good"}, now_);
    Turn();
  }
  EXPECT_EQ(started_.size(), 20);
  for (const auto& [url, users] : urls) EXPECT_NE(store_.Find(url), nullptr) << url;
}

}  // namespace
}  // namespace fsubs
