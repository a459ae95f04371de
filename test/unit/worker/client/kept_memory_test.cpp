#include "worker/client/kept_memory.hpp"

#include <gtest/gtest.h>

#include <malloc.h>

#include <functional>

#include "test/unit/worker/client/fake_host.hpp"

#if defined(__SANITIZE_ADDRESS__)
extern "C" size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace fsubs {
namespace {

constexpr char kSnapshot[] = R"json({"extension_version": "1", "server_version": "15",
  "types": "type O { id: ID n: Int s: String t: String o: O l: [O] }",
  "subscriptions": [{"name": "o", "field": "o(id: ID, where: OFilter): O", "channel": "c"}]})json";

constexpr char kWhere[] = "subscription($w: OFilter) { o(where: $w) { id } }";

// Bytes of the heap that are in use.
size_t HeapInUse() {
#if defined(__SANITIZE_ADDRESS__)
  return __sanitizer_get_current_allocated_bytes();
#else
  return mallinfo2().uordblks;
#endif
}

std::string Items(size_t count, const std::string& before, const std::string& behind) {
  std::string items;
  for (size_t i = 0; i < count; ++i) {
    items += (i == 0 ? "" : ",") + before + std::to_string(i) + behind;
  }
  return items;
}

class KeptMemoryTest : public testing::Test {
 protected:
  KeptMemoryTest() {
    host_.Serve(kSnapshot);
    host_.mutable_options()->max_connection_memory = SIZE_MAX;
  }

  StartResult Subscribe(const std::string& id, const std::string& query,
                        const std::string& variables = "{}") {
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy(variables)) << variables;
    OperationRequest request;
    request.query = query;
    request.variables = tree.root();
    return client_.Subscribe(id, request);
  }

  size_t Counted() { return host_.counters()->memory.get(); }

  FakeHost host_;
  FakeClient client_{&host_, 1};
};

// What is counted against what the heap grows by.
TEST_F(KeptMemoryTest, TheCountIsWithinAFactorOfTwoOfWhatTheHeapHolds) {
  const struct {
    const char* what;
    std::function<StartResult(const std::string& number)> subscribe;
  } kCases[] = {
      {"equal requests",
       [&](const std::string& i) { return Subscribe(i, "subscription { o { id } }"); }},
      {"another value each",
       [&](const std::string& i) {
         return Subscribe(i, "subscription($i: ID) { o(id: $i) { id } }", "{\"i\":" + i + "}");
       }},
      {"a long id each",
       [&](const std::string& i) {
         return Subscribe(i + std::string(20'000, 'x'), "subscription { o { id } }");
       }},
      {"a long value each",
       [&](const std::string& i) {
         return Subscribe(i, kWhere,
                          R"({"w":{"s":{"contains":")" + i + std::string(20'000, 'x') + "\"}}}");
       }},
      {"many keys each",
       [&](const std::string& i) {
         return Subscribe(i, kWhere,
                          R"({"w":{"s":{"in":[)" + Items(200, "\"" + i + "-", "\"") + "]}}}");
       }},
      {"long keys each",
       [&](const std::string& i) {
         return Subscribe(
             i, kWhere,
             R"({"w":{"s":{"in":[)" + Items(200, "\"" + i + std::string(200, 'x'), "\"") + "]}}}");
       }},
      {"a range each",
       [&](const std::string& i) {
         return Subscribe(i, kWhere, R"({"w":{"n":{"gt":)" + i + "}}}");
       }},
      {"many conditions each",
       [&](const std::string& i) {
         return Subscribe(
             i, kWhere,
             R"({"w":{"or":[)" + Items(200, R"({"s":{"contains":")" + i + "-", "\"}}") + "]}}");
       }},
      {"deep conditions each",
       [&](const std::string& i) {
         return Subscribe(i, kWhere,
                          R"({"w":{"o":{"o":{"o":{"o":{"or":[)" +
                              Items(100, R"({"s":{"ne":")" + i + "-", "\"}}") + "]}}}}}}");
       }},
      {"another document each",
       [&](const std::string& i) {
         return Subscribe(i, "subscription { o { a" + i + ": id s t o { id n s t l { id n } } } }");
       }},
      {"a long document each",
       [&](const std::string& i) {
         std::string fields;
         for (int field = 0; field < 90; ++field) fields += " f" + std::to_string(field) + ": n";
         return Subscribe(i, "subscription { o { a" + i + ": id" + fields + " } }");
       }},
  };
  constexpr size_t kSubscriptions = 64;
  for (const auto& [what, subscribe] : kCases) {
    const size_t before = HeapInUse();
    ASSERT_EQ(Counted(), 0u);
    for (size_t i = 0; i < kSubscriptions; ++i) {
      ASSERT_EQ(subscribe(std::to_string(i)).kind, StartResult::Kind::kSubscribed) << what;
    }
    const size_t held = HeapInUse() - before;
    EXPECT_GT(2 * Counted(), held) << what;
    EXPECT_LT(Counted(), 2 * held) << what;
    RecordProperty(what, std::to_string(Counted()) + " of " + std::to_string(held));
    client_.StopAll();
  }
}

TEST_F(KeptMemoryTest, WhatIsSharedCountsOnceForEachClientThatUsesIt) {
  const std::string query = "subscription { o { id s t } }";
  Subscribe("a", query);
  const size_t first = Counted();
  Subscribe("b", query);
  const size_t second = Counted() - first;
  EXPECT_LT(second, first);
  FakeClient other(&host_, 2);
  OperationRequest request;
  request.query = query;
  other.Subscribe("a", request);
  EXPECT_EQ(Counted(), 2 * first + second);
  // The one that came first may go.
  client_.StopAll();
  EXPECT_EQ(Counted(), first);
}

TEST_F(KeptMemoryTest, WhatEndsIsNotCountedAnyMore) {
  for (const char* id : {"a", "b", "c"}) Subscribe(id, "subscription { o { id } }");
  EXPECT_GT(Counted(), 0u);
  client_.StopAll();
  EXPECT_EQ(Counted(), 0u);
  EXPECT_GT(host_.counters()->memory_peak.get(), 0u);
}

TEST_F(KeptMemoryTest, OnlyVariablesOfTheOperationAreKept) {
  const std::string query = "subscription($i: ID) { o(id: $i) { id } }";
  Subscribe("a", query, R"({"i":1})");
  const size_t counted = Counted();
  client_.StopAll();
  Subscribe("a", query, R"({"i":1,"other":")" + std::string(50'000, 'x') + "\"}");
  EXPECT_EQ(Counted(), counted);
}

TEST_F(KeptMemoryTest, ASubscriptionBeyondTheLimitIsRefusedAndTheOthersStay) {
  Subscribe("a", "subscription { o { id } }");
  const size_t counted = Counted();
  host_.mutable_options()->max_connection_memory = counted + 10'000;
  const StartResult refused =
      Subscribe("long" + std::string(20'000, 'x'), "subscription { o { id } }");
  ASSERT_EQ(refused.kind, StartResult::Kind::kRefused);
  EXPECT_EQ(refused.errors[0].code, kErrorMemoryLimit);
  EXPECT_NE(refused.errors[0].message.find("fraiseql_subs.max_connection_memory"),
            std::string::npos);
  EXPECT_EQ(refused.errors[0].locations.size(), 1u);
  EXPECT_EQ(Counted(), counted);
  EXPECT_EQ(client_.subscriptions()->size(), 1u);
  EXPECT_EQ(Subscribe("short", "subscription { o { id } }").kind, StartResult::Kind::kSubscribed);
}

TEST_F(KeptMemoryTest, AChangedCatalogChangesTheCountWithIt) {
  for (const char* id : {"a", "b"}) Subscribe(id, "subscription { o { id s } }");
  const size_t counted = Counted();
  host_.Serve(kSnapshot);
  WorkBudget budget(1'000'000);
  EXPECT_TRUE(client_.Revalidate(host_.catalog(), &budget));
  EXPECT_EQ(Counted(), counted);
  client_.StopAll();
  EXPECT_EQ(Counted(), 0u);
}

}  // namespace
}  // namespace fsubs
