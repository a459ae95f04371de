#include "worker/filter/predicate_trial.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fsubs {
namespace {

using graphql::FilterMember;

Predicate Compares(FilterMember operation, FieldPath path, std::string operand) {
  Predicate predicate;
  predicate.kind = Predicate::Kind::kCompare;
  predicate.operation = operation;
  predicate.path = std::move(path);
  predicate.operands.push_back("t" + operand);
  return predicate;
}

Predicate Of(Predicate::Kind kind, std::vector<Predicate> inner, FieldPath path = {}) {
  Predicate predicate;
  predicate.kind = kind;
  predicate.path = std::move(path);
  predicate.inner = std::move(inner);
  return predicate;
}

// Whether it holds, and in how many slices that was found out.
struct Tried {
  bool holds;
  size_t slices;
};

Tried Try(const Predicate& predicate, const std::string& json, size_t units_per_slice) {
  JsonTree tree;
  EXPECT_TRUE(tree.ParseCopy(json));
  PredicateTrial trial;
  trial.Start(predicate, tree.root());
  for (size_t slices = 1;; ++slices) {
    WorkBudget budget(units_per_slice);
    if (const auto holds = trial.Continue(&budget)) return {*holds, slices};
  }
}

std::string ListOf(size_t count, const std::string& element, const std::string& last) {
  std::string json = R"({"l":[)";
  for (size_t i = 0; i < count; ++i) json += element + ",";
  return json + last + "]}";
}

TEST(PredicateTrialTest, SlicesDoNotChangeWhatHolds) {
  const Predicate is_a = Compares(FilterMember::kEq, {"s"}, "a");
  const Predicate is_b = Compares(FilterMember::kEq, {"s"}, "b");
  using Kind = Predicate::Kind;
  const struct {
    Predicate predicate;
    bool of_a;
  } kCases[] = {
      {Of(Kind::kAll, {is_a, is_b}), false},
      {Of(Kind::kAll, {}), true},
      {Of(Kind::kAny, {is_a, is_b}), true},
      {Of(Kind::kAny, {}), false},
      {Of(Kind::kNot, {is_a}), false},
      {Of(Kind::kNot, {Of(Kind::kNot, {is_a})}), true},
      {Of(Kind::kAny, {Of(Kind::kAll, {is_b}), Of(Kind::kNot, {is_b})}), true},
  };
  for (const auto& [predicate, of_a] : kCases) {
    for (const size_t units : {1, 2, 1000}) {
      EXPECT_EQ(Try(predicate, R"({"s":"a"})", units).holds, of_a);
    }
  }
}

TEST(PredicateTrialTest, ListsAreAskedElementByElement) {
  const Predicate is_a = Compares(FilterMember::kEq, {"s"}, "a");
  using Kind = Predicate::Kind;
  const Predicate some = Of(Kind::kSome, {is_a}, {"l"});
  const Predicate every = Of(Kind::kEvery, {is_a}, {"l"});
  const Predicate none = Of(Kind::kNone, {is_a}, {"l"});
  const struct {
    const char* json;
    bool some, every, none;
  } kCases[] = {
      {R"({"l":[]})", false, true, true},
      {R"({"l":null})", false, true, true},
      {R"({})", false, true, true},
      {R"({"l":[{"s":"a"}]})", true, true, false},
      {R"({"l":[{"s":"a"},{"s":"b"}]})", true, false, false},
      {R"({"l":[{"s":"b"},{"s":"b"}]})", false, false, true},
  };
  for (const auto& expected : kCases) {
    for (const size_t units : {1, 1000}) {
      EXPECT_EQ(Try(some, expected.json, units).holds, expected.some) << expected.json;
      EXPECT_EQ(Try(every, expected.json, units).holds, expected.every) << expected.json;
      EXPECT_EQ(Try(none, expected.json, units).holds, expected.none) << expected.json;
    }
  }
}

TEST(PredicateTrialTest, ALongListTakesSeveralSlices) {
  const Predicate some =
      Of(Predicate::Kind::kSome, {Compares(FilterMember::kEq, {"s"}, "a")}, {"l"});
  const Tried tried = Try(some, ListOf(1000, R"({"s":"b"})", R"({"s":"a"})"), 10);
  EXPECT_TRUE(tried.holds);
  EXPECT_GT(tried.slices, 10u);
}

TEST(PredicateTrialTest, AnElementThatDecidesEndsTheTrial) {
  using Kind = Predicate::Kind;
  const Predicate is_a = Compares(FilterMember::kEq, {"s"}, "a");
  std::string json = R"({"l":[{"s":"a"})";
  for (int i = 0; i < 1000; ++i) json += R"(,{"s":"b"})";
  json += "]}";
  for (const Kind kind : {Kind::kSome, Kind::kNone}) {
    EXPECT_EQ(Try(Of(kind, {is_a}, {"l"}), json, 100).slices, 1u);
  }
  const Predicate is_b = Compares(FilterMember::kEq, {"s"}, "b");
  EXPECT_EQ(Try(Of(Kind::kEvery, {is_b}, {"l"}), json, 100).slices, 1u);
}

TEST(PredicateTrialTest, LongTextsAreWork) {
  std::vector<Predicate> conditions;
  for (int i = 0; i < 50; ++i) {
    conditions.push_back(Compares(FilterMember::kContains, {"s"}, "q" + std::to_string(i)));
  }
  const std::string json = R"({"s":")" + std::string(100 * 1024, 'a') + "\"}";
  const Tried tried = Try(Of(Predicate::Kind::kAny, conditions), json, 1000);
  EXPECT_FALSE(tried.holds);
  EXPECT_GE(tried.slices, 5u);
}

}  // namespace
}  // namespace fsubs
