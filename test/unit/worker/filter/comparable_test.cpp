#include "worker/filter/comparable.hpp"

#include <gtest/gtest.h>

#include "worker/filter/filter.hpp"

namespace fsubs {
namespace {

std::string Form(Comparison comparison, const std::string& json) {
  JsonTree tree;
  EXPECT_TRUE(tree.ParseCopy(json)) << json;
  std::string form;
  AppendForm(comparison, tree.root(), &form);
  return form;
}

TEST(ComparableTest, NumbersCompareByValueWithAnyNumberOfDigits) {
  const auto number = [](const char* json) { return Form(Comparison::kNumber, json); };
  EXPECT_EQ(number("42.5"), number("42.50"));
  EXPECT_EQ(number("42.5"), number("4.25e1"));
  EXPECT_EQ(number("42.5"), number("0.425E+2"));
  EXPECT_EQ(number("0"), number("-0.00"));
  EXPECT_EQ(number("100"), number("1e2"));
  EXPECT_NE(number("1"), number("-1"));
  EXPECT_NE(number("1"), number("10"));
  EXPECT_NE(number("12345678901234567890123"), number("12345678901234567890124"));
}

TEST(ComparableTest, TextComparesWithNumbersByTheirText) {
  EXPECT_EQ(Form(Comparison::kText, "1"), Form(Comparison::kText, "\"1\""));
  EXPECT_NE(Form(Comparison::kText, "1"), Form(Comparison::kText, "\"1.0\""));
  EXPECT_EQ(Form(Comparison::kText, "\"\\u0061\""), Form(Comparison::kText, "\"a\""));
}

TEST(ComparableTest, NothingEqualsNullAndNothingElse) {
  std::string absent;
  AppendForm(Comparison::kText, std::nullopt, &absent);
  EXPECT_EQ(absent, Form(Comparison::kText, "null"));
  EXPECT_NE(absent, Form(Comparison::kText, "\"\""));
  EXPECT_NE(absent, Form(Comparison::kText, "\"null\""));
}

TEST(ComparableTest, JoinedFormsAreEqualOnlyIfEachPairIs) {
  const auto joined = [](const char* a, const char* b) {
    std::string key;
    AppendKeyPart(Form(Comparison::kText, a), &key);
    AppendKeyPart(Form(Comparison::kText, b), &key);
    return key;
  };
  EXPECT_NE(joined("\"a\"", "\"bc\""), joined("\"ab\"", "\"c\""));
  EXPECT_NE(joined("null", "\"x\""), joined("\"x\"", "null"));
}

TEST(ComparableTest, LiteralsHaveTheFormOfTheirJson) {
  graphql::Value literal;
  const auto form = [&](Comparison comparison) {
    std::string text;
    AppendForm(comparison, literal, &text);
    return text;
  };
  literal.kind = graphql::ValueKind::kInt;
  literal.text = "42";
  EXPECT_EQ(form(Comparison::kText), Form(Comparison::kText, "\"42\""));
  EXPECT_EQ(form(Comparison::kNumber), Form(Comparison::kNumber, "42.0"));
  literal.kind = graphql::ValueKind::kBoolean;
  literal.boolean = true;
  EXPECT_EQ(form(Comparison::kBoolean), Form(Comparison::kBoolean, "true"));
  literal.kind = graphql::ValueKind::kNull;
  EXPECT_EQ(form(Comparison::kText), Form(Comparison::kText, "null"));
}

}  // namespace
}  // namespace fsubs
