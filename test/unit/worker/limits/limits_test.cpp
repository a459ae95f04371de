#include "worker/limits/limits.hpp"

#include <gtest/gtest.h>

#include "test/unit/worker/limits/rate.hpp"

namespace fsubs {
namespace {

constexpr auto kUser = LimitKey::kConnectionsPerUser;
constexpr auto kEvents = LimitKey::kEventsPerUser;

LimitRules RulesOf(const Options& options, std::string_view rows) {
  JsonTree tree;
  EXPECT_TRUE(tree.ParseCopy(rows));
  std::vector<RoleLimits> read;
  tree.root().ForEachElement([&](const JsonValue& row) {
    std::vector<std::string> problems;
    auto limits = ReadRoleLimits(row, &problems);
    EXPECT_TRUE(problems.empty()) << row.raw();
    if (limits) read.push_back(std::move(*limits));
  });
  return LimitRules(Limits::FromOptions(options), read);
}

LimitRules RulesOf(std::string_view rows) {
  return RulesOf(Options(), rows);
}

std::shared_ptr<const Limits> For(const LimitRules& rules, std::vector<std::string> roles) {
  return rules.For(roles);
}

std::optional<LimitValue> Number(uint32_t count) {
  return LimitValue{.count = count};
}

TEST(LimitsTest, NothingIsLimitedByDefault) {
  EXPECT_EQ(Limits::FromOptions(Options()), Limits());
}

TEST(LimitsTest, EverySettingIsRead) {
  Options options;
  options.limit_connections_per_user = "1";
  options.limit_connections_per_address = "2";
  options.limit_connections_per_tenant = "3";
  options.limit_new_connections_per_address = "4/s";
  options.limit_subscriptions_per_user = "5";
  options.limit_subscriptions_created_per_user = "6/s";
  options.limit_events_per_subscription = "7/s";
  options.limit_events_per_user = "8/s";
  options.limit_messages_per_connection = "9/s";
  const Limits limits = Limits::FromOptions(options);
  for (uint32_t i = 0; i < IndexOf(LimitKey::kRateLimit); ++i) {
    const auto key = static_cast<LimitKey>(i);
    ASSERT_TRUE(limits.of(key)) << KindOf(key).key;
    EXPECT_EQ(limits.of(key)->count, i + 1) << KindOf(key).key;
    EXPECT_EQ(limits.of(key)->period_us != 0, KindOf(key).form == LimitForm::kRate);
  }
}

TEST(LimitsTest, EverybodysRowTakesThePlaceOfTheSettingsThatItNames) {
  Options options;
  options.limit_connections_per_user = "5";
  options.limit_events_per_user = "100/s";
  const auto rules = RulesOf(options, R"([{"role": null, "limits": {"connections_per_user": 9}}])");
  EXPECT_EQ(rules.everybody()->of(kUser), Number(9));
  EXPECT_EQ(rules.everybody()->of(kEvents), Rate("100/s"));
  const auto lifted =
      RulesOf(options, R"([{"role": null, "limits": {"connections_per_user": null}}])");
  EXPECT_EQ(lifted.everybody()->of(kUser), std::nullopt) << "null is no limit, not nothing said";
}

TEST(LimitsTest, ARolesValueTakesThePlaceOfEverybodysAlsoIfItIsSmaller) {
  const auto rules = RulesOf(R"([
      {"role": null, "limits": {"connections_per_user": 9, "events_per_user": "5/s"}},
      {"role": "guest", "limits": {"connections_per_user": 1}}])");
  EXPECT_EQ(For(rules, {"guest"})->of(kUser), Number(1));
  EXPECT_EQ(For(rules, {"guest"})->of(kEvents), Rate("5/s")) << "what it does not name stays";
  EXPECT_EQ(For(rules, {"guest", "unknown"})->of(kUser), Number(1));
  EXPECT_EQ(For(rules, {"unknown"}), rules.everybody());
  EXPECT_EQ(For(rules, {}), rules.everybody());
}

TEST(LimitsTest, OfSeveralRolesTheLargestValueCounts) {
  const auto rules = RulesOf(R"([
      {"role": null, "limits": {"connections_per_user": 100}},
      {"role": "a", "limits": {"connections_per_user": 3, "events_per_user": "1/s"}},
      {"role": "b", "limits": {"connections_per_user": 7, "events_per_user": "59/min"}},
      {"role": "c", "limits": {"subscriptions_per_user": 2}},
      {"role": "none", "limits": {"connections_per_user": 0}},
      {"role": "free", "limits": {"connections_per_user": null}}])");
  EXPECT_EQ(For(rules, {"a", "b"})->of(kUser), Number(7));
  EXPECT_EQ(For(rules, {"b", "a"})->of(kUser), Number(7));
  EXPECT_EQ(For(rules, {"a", "b"})->of(kEvents), Rate("1/s"));
  EXPECT_EQ(For(rules, {"a", "c"})->of(kUser), Number(3)) << "one that says nothing does not count";
  EXPECT_EQ(For(rules, {"a", "none"})->of(kUser), Number(3));
  EXPECT_EQ(For(rules, {"none", "c"})->of(kUser), Number(0));
  EXPECT_EQ(For(rules, {"a", "free", "b"})->of(kUser), std::nullopt);
  EXPECT_EQ(For(rules, {"free", "a"})->of(kUser), std::nullopt);
}

TEST(LimitsTest, ValuesAreNumbersTextsOrNull) {
  const auto rules = RulesOf(R"([{"role": null, "limits": {
      "connections_per_user": "8", "subscriptions_per_user": "", "events_per_user": 0}}])");
  EXPECT_EQ(rules.everybody()->of(kUser), Number(8));
  EXPECT_EQ(rules.everybody()->of(LimitKey::kSubscriptionsPerUser), std::nullopt);
  EXPECT_EQ(rules.everybody()->of(kEvents), Rate("0"));
}

TEST(LimitsTest, WhatIsNoLimitIsTold) {
  for (const char* const row :
       {R"({})", R"({"role": null})", R"({"role": 1, "limits": {}})",
        R"({"role": "a", "limits": []})", R"({"role": "a", "limits": {"unknown": 1}})",
        R"({"role": "a", "limits": {"connections_per_user": -1}})",
        R"({"role": "a", "limits": {"connections_per_user": true}})",
        R"({"role": "a", "limits": {"events_per_user": 5}})",
        R"({"role": "a", "limits": {"events_per_user": ["5/s"]}})",
        R"({"role": "a", "limits": {"rate_limit": "5/s"}})"}) {
    JsonTree tree;
    ASSERT_TRUE(tree.ParseCopy(row));
    std::vector<std::string> problems;
    const auto read = ReadRoleLimits(tree.root(), &problems);
    EXPECT_EQ(problems.size(), 1u) << row;
    const bool is_of_role = read && read->role;
    EXPECT_TRUE(!is_of_role || read->values.empty()) << row;
  }
}

}  // namespace
}  // namespace fsubs
