#include "worker/resolve/resolve_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "contract/ring_layout.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr uint64_t kFarOff = UINT64_MAX;

class ResolveQueueTest : public testing::Test {
 protected:
  // A call of the shard 1. Its number is returned.
  uint64_t Add(const std::string& field, ResolverRule rule = {}, uint64_t deadline_ms = kFarOff) {
    rule.field = field;
    auto audience = std::make_shared<ResolveCall::Audience>();
    audience->plan = "p";
    audience->variables = "{}";
    const uint64_t number = ++last_ * kMaxShards + 1;
    queue_.Add({.calls = {{.number = number,
                           .rule = std::make_shared<const ResolverRule>(rule),
                           .event = std::make_shared<const std::string>(R"({"id":"e"})"),
                           .audience = audience,
                           .deadline_ms = deadline_ms}}});
    return number;
  }

  uint64_t AddLink(ResolveQueue::LinkKind kind = ResolveQueue::LinkKind::kOutside) {
    const uint64_t link = queue_.AddLink(
        kind, [this, index = sent_.size()](std::string_view json) { OnSent(index, json); });
    sent_.resize(links_.size() + 1);
    links_.push_back(link);
    return link;
  }

  // One that resolves these fields and takes so many calls.
  uint64_t AddOutside(const std::string& fields, int credits) {
    const uint64_t link = AddLink();
    EXPECT_TRUE(
        Say(link, R"("fields":)" + fields + R"(,"seen":0,"credits":)" + std::to_string(credits)));
    return link;
  }

  bool Say(uint64_t link, const std::string& members) {
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy("{" + members + "}")) << tree.error();
    return queue_.OnMessage(link, tree.root());
  }

  // Hand in beside a link's own connection.
  bool SendFor(const std::string& link, const std::string& members) {
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy(R"({"link":")" + link + R"(",)" + members + "}")) << tree.error();
    return queue_.OnSend(tree.root());
  }

  void OnSent(size_t index, std::string_view json) {
    JsonTree tree;
    ASSERT_TRUE(tree.ParseCopy(json)) << json;
    if (index >= sent_.size()) sent_.resize(index + 1);
    std::string numbers;
    const auto add = [&](const JsonValue& call, std::string_view key) {
      numbers += (numbers.empty() ? "" : " ") + std::string(call.Find(key)->raw());
      const auto attempt = call.Find("attempt");
      if (attempt) attempts_.push_back(std::string(attempt->raw()));
    };
    tree.root().ForEachElement([&](const JsonValue& call) { add(call, "call"); });
    if (tree.root().type() == JsonType::kObject) add(tree.root(), "request");
    sent_[index].push_back(numbers);
  }

  // Messages that a link was sent, each with the numbers of its calls.
  const std::vector<std::string>& Sent(uint64_t link) { return sent_[link - 1]; }

  static std::string Seen(int messages, int credits, const std::string& results = "[]") {
    return R"("seen":)" + std::to_string(messages) + R"(,"credits":)" + std::to_string(credits) +
           R"(,"results":)" + results;
  }

  static std::string Value(uint64_t call, const std::string& value) {
    return R"({"call":)" + std::to_string(call) + R"(,"value":)" + value + "}";
  }

  uint64_t last_ = 0;
  std::vector<uint64_t> links_;
  std::vector<std::vector<std::string>> sent_;
  std::vector<std::string> attempts_;  // of all calls that were sent outside
  std::vector<ResolveResult> told_;
  ResolveQueue queue_{[this](size_t shard, std::vector<ResolveResult> results) {
    EXPECT_EQ(shard, 1u);
    for (ResolveResult& result : results) told_.push_back(std::move(result));
  }};
};

MATCHER_P3(Result, number, kind, text, "") {
  return arg.number == number && arg.kind == kind && arg.text == text;
}

using Kind = ResolveResult::Kind;

std::string Text(uint64_t number) {
  return std::to_string(number);
}

TEST_F(ResolveQueueTest, AProcessGetsCallsOfItsFieldsAloneAndAnswersThem) {
  const uint64_t link = AddOutside(R"(["a"])", 10);
  const uint64_t other = Add("b");
  const uint64_t call = Add("a");
  EXPECT_THAT(Sent(link), ElementsAre(Text(call)));
  EXPECT_TRUE(Say(link, Seen(1, 10, "[" + Value(call, R"({"x": 1.50})") + "]")));
  EXPECT_THAT(told_, ElementsAre(Result(call, Kind::kValue, R"({"x": 1.50})")));
  EXPECT_FALSE(queue_.empty());
  EXPECT_TRUE(Say(link, R"("fields":["b"],)" + Seen(1, 10)));
  EXPECT_THAT(Sent(link), ElementsAre(Text(call), Text(other)));
}

TEST_F(ResolveQueueTest, WhatIsSentAndNotYetSeenCountsAgainstTheCredits) {
  const uint64_t link = AddOutside(R"(["a"])", 2);
  for (int i = 0; i < 5; ++i) Add("a");
  EXPECT_THAT(Sent(link), ElementsAre("65", "129"));
  // It has seen one of them, and takes two more than that.
  EXPECT_TRUE(Say(link, Seen(1, 2)));
  EXPECT_THAT(Sent(link), ElementsAre("65", "129", "193"));
  EXPECT_TRUE(Say(link, Seen(3, 2)));
  EXPECT_THAT(Sent(link), ElementsAre("65", "129", "193", "257 321"));
}

TEST_F(ResolveQueueTest, ResultsAreTakenBesideTheConnectionOfTheLinkThatIsNamed) {
  const uint64_t link = AddLink();
  EXPECT_TRUE(Say(link, R"("link":"x","fields":["a"],)" + Seen(0, 2)));
  const uint64_t first = Add("a");
  const uint64_t second = Add("a");
  const uint64_t third = Add("a");
  EXPECT_THAT(Sent(link), ElementsAre(Text(first), Text(second)));
  EXPECT_TRUE(SendFor("x", R"("results":[)" + Value(first, "1") + "]"));
  EXPECT_THAT(told_, ElementsAre(Result(first, Kind::kValue, "1")));
  // Messages that it has not told to have seen count against its room as ever.
  EXPECT_THAT(Sent(link), SizeIs(2));
  EXPECT_TRUE(SendFor("x", R"("credits":3)"));
  EXPECT_THAT(Sent(link), ElementsAre(Text(first), Text(second), Text(third)));
}

TEST_F(ResolveQueueTest, WhoSendsThatItTakesNoMoreGetsAnEmptyMessage) {
  const uint64_t link = AddLink();
  EXPECT_TRUE(Say(link, R"("link":"x","fields":["a"],)" + Seen(0, 2)));
  EXPECT_TRUE(SendFor("x", R"("credits":0)"));
  Add("a");
  EXPECT_THAT(Sent(link), ElementsAre(""));
  EXPECT_TRUE(Say(link, Seen(1, 1)));
  EXPECT_THAT(Sent(link), SizeIs(2));
}

TEST_F(ResolveQueueTest, NothingIsTakenForALinkThatIsUnknownOrGone) {
  const uint64_t link = AddLink();
  EXPECT_TRUE(Say(link, R"("link":"x","fields":["a"],)" + Seen(0, 2)));
  const uint64_t call = Add("a");
  const std::string results = R"("results":[)" + Value(call, "1") + "]";
  EXPECT_FALSE(SendFor("y", results));
  EXPECT_FALSE(SendFor("", results));
  EXPECT_THAT(told_, IsEmpty());
  queue_.RemoveLink(link);
  told_.clear();
  EXPECT_FALSE(SendFor("x", results));
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(ResolveQueueTest, ALinkHasOneNameAndSharesItWithNone) {
  const uint64_t link = AddLink();
  EXPECT_TRUE(Say(link, R"("link":"x",)" + Seen(0, 1)));
  EXPECT_FALSE(Say(link, R"("link":"y",)" + Seen(0, 1)));
  EXPECT_FALSE(Say(AddLink(), R"("link":"x",)" + Seen(0, 1)));
  EXPECT_FALSE(Say(AddLink(), R"("link":1,)" + Seen(0, 1)));
}

TEST_F(ResolveQueueTest, TheProcessWithTheMostRoomGetsTheNextCall) {
  const uint64_t small = AddOutside(R"(["a"])", 1);
  const uint64_t large = AddOutside(R"(["a"])", 3);
  for (int i = 0; i < 4; ++i) Add("a");
  EXPECT_THAT(Sent(large), SizeIs(3));
  EXPECT_THAT(Sent(small), SizeIs(1));
}

TEST_F(ResolveQueueTest, FieldsTakeTurns) {
  for (int i = 0; i < 3; ++i) Add("a");
  Add("b");
  const uint64_t link = AddOutside(R"(["a","b"])", 2);
  EXPECT_THAT(Sent(link), ElementsAre("65 257"));
}

TEST_F(ResolveQueueTest, AFieldHasNoMoreCallsUnderWayThanItMay) {
  const uint64_t link = AddOutside(R"(["a"])", 10);
  const uint64_t first = Add("a", {.concurrency = 2});
  Add("a", {.concurrency = 2});
  const uint64_t third = Add("a", {.concurrency = 2});
  EXPECT_THAT(Sent(link), SizeIs(2));
  EXPECT_TRUE(Say(link, Seen(2, 10, "[" + Value(first, "1") + "]")));
  EXPECT_EQ(Sent(link).back(), Text(third));
}

TEST_F(ResolveQueueTest, TheExecutorGetsFunctionsAloneAndOneCallAtATime) {
  const uint64_t link = AddLink(ResolveQueue::LinkKind::kExecutor);
  const uint64_t outside = AddOutside(R"(["a"])", 10);
  const uint64_t first = Add("a", {.function = "app.f"});
  const uint64_t second = Add("b", {.function = "app.f"});
  Add("c");
  EXPECT_THAT(Sent(link), ElementsAre(Text(first)));
  EXPECT_TRUE(Say(link, R"("results":[)" + Value(first, "1") + "]"));
  EXPECT_THAT(Sent(link), ElementsAre(Text(first), Text(second)));
  EXPECT_THAT(Sent(outside), IsEmpty());
}

TEST_F(ResolveQueueTest, EveryKindOfResultIsTold) {
  const uint64_t link = AddOutside(R"(["a"])", 10);
  for (int i = 0; i < 5; ++i) Add("a");
  EXPECT_TRUE(Say(link, Seen(5, 10,
                             R"([{"call":65,"skip":true},)"
                             R"({"call":129,"error":{"message":"m","extensions":{"code":"C"}}},)"
                             R"({"call":193,"error":{"message":"n"}},)"
                             R"({"call":257,"masked_error":"id"},)"
                             R"({"call":321,"timeout":true}])")));
  EXPECT_THAT(told_,
              ElementsAre(Result(65u, Kind::kSkip, ""), Result(129u, Kind::kError, "m"),
                          Result(193u, Kind::kError, "n"), Result(257u, Kind::kMaskedError, "id"),
                          Result(321u, Kind::kTimeout, "call-321")));
  EXPECT_EQ(told_[1].extensions, R"({"code":"C"})");
  EXPECT_EQ(told_[2].extensions, "");
}

TEST_F(ResolveQueueTest, AnAnswerToACallOfAnotherIsNone) {
  const uint64_t link = AddOutside(R"(["a"])", 10);
  const uint64_t thief = AddOutside("[]", 10);
  const uint64_t call = Add("a");
  EXPECT_TRUE(Say(thief, Seen(0, 10, "[" + Value(call, "1") + "]")));
  EXPECT_TRUE(Say(link, Seen(1, 10, "[" + Value(call, "2") + "," + Value(call, "3") + "]")));
  EXPECT_THAT(told_, ElementsAre(Result(call, Kind::kValue, "2")));
}

TEST_F(ResolveQueueTest, ACallThatMayBeDoneOnceFailsWithItsProcess) {
  const uint64_t link = AddOutside(R"(["a"])", 10);
  const uint64_t call = Add("a");
  const uint64_t other = AddOutside(R"(["a"])", 10);
  queue_.RemoveLink(link);
  EXPECT_THAT(told_, ElementsAre(Result(call, Kind::kMaskedError, "call-" + Text(call))));
  EXPECT_THAT(Sent(other), IsEmpty());
  EXPECT_TRUE(queue_.empty());
}

TEST_F(ResolveQueueTest, ACallThatWasNotBegunGoesToAnotherThoughItMayBeDoneOnce) {
  const uint64_t leaving = AddLink(ResolveQueue::LinkKind::kExecutor);
  const uint64_t call = Add("f", {.function = "public.f"});
  EXPECT_THAT(Sent(leaving), ElementsAre(std::to_string(call)));
  queue_.Leave(leaving);
  queue_.RemoveLink(leaving);
  EXPECT_THAT(told_, IsEmpty());
  const uint64_t other = AddLink(ResolveQueue::LinkKind::kExecutor);
  EXPECT_THAT(Sent(other), ElementsAre(std::to_string(call)));
}

TEST_F(ResolveQueueTest, OneThatMayBeDoneAgainGoesToAnotherInItsOldPlace) {
  const uint64_t link = AddOutside(R"(["a"])", 2);
  for (int i = 0; i < 4; ++i) Add("a", {.retries = 1});
  EXPECT_THAT(Sent(link), ElementsAre("65", "129"));
  queue_.RemoveLink(link);
  const uint64_t other = AddOutside(R"(["a"])", 10);
  EXPECT_THAT(Sent(other), ElementsAre("65 129 193 257"));
  EXPECT_THAT(attempts_, ElementsAre("1", "1", "2", "2", "1", "1"));
  queue_.RemoveLink(other);
  EXPECT_THAT(told_, ElementsAre(Result(65u, Kind::kMaskedError, "call-65"),
                                 Result(129u, Kind::kMaskedError, "call-129")));
  EXPECT_THAT(Sent(AddOutside(R"(["a"])", 10)), ElementsAre("193 257"));
}

TEST_F(ResolveQueueTest, EvenOneThatMayAlwaysBeDoneAgainDoesNotEndAllProcesses) {
  const uint64_t call = Add("a", {.idempotent = true});
  size_t ended = 0;
  while (told_.empty()) {
    queue_.RemoveLink(AddOutside(R"(["a"])", 1));
    ++ended;
  }
  EXPECT_EQ(ended, 4u);
  EXPECT_EQ(told_.front().number, call);
}

TEST_F(ResolveQueueTest, CallsWhoseTimeIsOverAreAnsweredWhereverTheyAre) {
  const uint64_t link = AddOutside(R"(["a"])", 1);
  const uint64_t given = Add("a", {}, 100);
  const uint64_t waiting = Add("a", {}, 100);
  const uint64_t later = Add("a", {}, 200);
  queue_.Expire(99);
  EXPECT_THAT(told_, IsEmpty());
  queue_.Expire(100);
  EXPECT_THAT(told_, ElementsAre(Result(given, Kind::kTimeout, "call-" + Text(given)),
                                 Result(waiting, Kind::kTimeout, "call-" + Text(waiting))));
  EXPECT_TRUE(Say(link, Seen(1, 1, "[" + Value(given, "1") + "]")));
  EXPECT_THAT(told_, SizeIs(2));
  EXPECT_EQ(Sent(link).back(), Text(later));
}

TEST_F(ResolveQueueTest, WhatIsCancelledIsNotGivenAndItsAnswerIsNone) {
  const uint64_t link = AddOutside(R"(["a"])", 1);
  const uint64_t given = Add("a");
  const uint64_t waiting = Add("a");
  queue_.Add({.cancelled = {given, waiting, 12345}});
  EXPECT_TRUE(queue_.empty());
  EXPECT_TRUE(Say(link, Seen(1, 1, "[" + Value(given, "1") + "]")));
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_THAT(Sent(link), SizeIs(1));
}

TEST_F(ResolveQueueTest, AMessageThatMakesNoSenseIsRefused) {
  const uint64_t link = AddOutside(R"(["a"])", 1);
  Add("a");
  for (
      const char* members : {
          R"("credits":1)",
          R"("seen":0)",
          R"("seen":2,"credits":1)",
          R"("seen":-1,"credits":1)",
          R"("seen":0,"credits":"1")",
          R"("seen":0,"credits":1,"fields":{})",
          R"("seen":0,"credits":1,"fields":[1])",
          R"("seen":0,"credits":1,"results":{})",
          R"("seen":0,"credits":1,"results":[{"value":1}])",
          R"("seen":0,"credits":1,"results":[{"call":65}])",
          R"("seen":0,"credits":1,"results":[{"call":65,"skip":1}])",
          R"("seen":0,"credits":1,"results":[{"call":65,"error":"no"}])",
          R"("seen":0,"credits":1,"results":[{"call":65,"error":{"message":"m","extensions":[]}}])",
          R"("seen":0,"credits":1,"results":[{"call":65,"masked_error":1}])",
      }) {
    EXPECT_FALSE(Say(link, members)) << members;
  }
  EXPECT_FALSE(queue_.OnMessage(99, JsonTree().root())) << "no such process";
}

TEST_F(ResolveQueueTest, RowsTellWhatEachFieldsCallsDo) {
  const uint64_t link = AddOutside(R"(["a","b"])", 1);
  AddLink(ResolveQueue::LinkKind::kExecutor);
  const uint64_t call = Add("a");
  Add("a");
  EXPECT_TRUE(Say(link, Seen(1, 1, R"([{"call":)" + Text(call) + R"(,"masked_error":"x"}])")));
  const std::string rows = queue_.Rows();
  EXPECT_THAT(rows, HasSubstr(R"({"field":"a","processes":1,"under_way":1,"waiting":0,)"
                              R"("calls":2,"failures":1})"));
  EXPECT_THAT(rows, HasSubstr(R"({"field":"b","processes":1,"under_way":0,"waiting":0,)"
                              R"("calls":0,"failures":0})"));
  EXPECT_THAT(rows, HasSubstr(R"({"field":"","processes":1,)"));
}

}  // namespace
}  // namespace fsubs
