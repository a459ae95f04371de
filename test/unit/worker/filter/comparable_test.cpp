#include "worker/filter/comparable.hpp"

#include <gtest/gtest.h>

#include <vector>

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

// docs/filters.md has the types; that PostgreSQL says the same is proven against a server.
TEST(ComparableTest, SpellingsOfOneValueHaveOneForm) {
  struct {
    Comparison comparison;
    const char* a;
    const char* b;
    bool equal;
  } const pairs[] = {
      {Comparison::kUuid, R"("A0EEBC999C0B4EF8BB6D6BB9BD380A11")",
       R"("{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}")", true},
      {Comparison::kNumber, R"(" +07.50 ")", "7.5", true},
      {Comparison::kNumber, R"("NaN")", R"("nan")", true},
      {Comparison::kNumber, R"("NaN")", R"("Infinity")", false},
      {Comparison::kFloat8, "0.30000000000000001", "0.3", true},
      {Comparison::kFloat8, "0.30000000000000004", "0.3", false},
      {Comparison::kFloat8, R"("-0")", "0", true},
      {Comparison::kFloat4, "16777217", "16777216", true},
      {Comparison::kTruth, R"("yes")", "true", true},
      {Comparison::kTruth, R"("t")", R"("of")", false},
      {Comparison::kPadded, R"("a  ")", R"("a")", true},
      {Comparison::kPadded, R"(" a")", R"("a")", false},
      {Comparison::kCaseless, R"("ÀÉ")", R"("àé")", true},
      {Comparison::kInterval, R"("P1DT2H")", R"("26:00:00")", true},
      {Comparison::kInterval, R"("1 mon")", R"("30 days")", true},
      {Comparison::kTimeTz, R"("10:00+01")", R"("09:00Z")", false},
      {Comparison::kInet, R"("::FFFF:1.2.3.4")", R"("::ffff:102:304/128")", true},
      {Comparison::kMacAddr8, R"("08002b:010203")", R"("08:00:2b:ff:fe:01:02:03")", true},
      {Comparison::kBytes, R"("\\xAB")", R"("\\253")", true},
      {Comparison::kBits, R"("X5")", R"("0101")", true},
      {Comparison::kMoney, R"j("($1,234.56)")j", R"j("-1234.555")j", true},
      {Comparison::kLsn, R"("0/b")", R"("00/0B")", true},
      {Comparison::kIntegerRange, R"j("[1,3]")j", R"j("(0,4)")j", true},
      {Comparison::kNumberRange, R"j("[1,3]")j", R"j("(0,4)")j", false},
      {Comparison::kDateMultirange, R"j("{[2026-01-02,2026-01-03),[2026-01-01,2026-01-01]}")j",
       R"j("{[2026-01-01,2026-01-02]}")j", true},
      {Comparison::kJson, R"({"a":[1.0,"x"],"b":null})", R"({"b":null, "a":[1, "\u0078"]})", true},
      {Comparison::kJson, R"({"a":2,"a":1})", R"({"a":1})", true},
      {Comparison::kJson, R"(["a","b"])", R"(["ab"])", false},
      {Comparison::kHstore, R"({"b":null,"a":"1"})", R"("a=>1, b=>NULL")", true},
      {Comparison::kHstore, R"({"a":"NULL"})", R"("a=>NULL")", false},
  };
  for (const auto& pair : pairs) {
    EXPECT_TRUE(Fits(pair.comparison, Form(pair.comparison, pair.a))) << pair.a;
    EXPECT_TRUE(Fits(pair.comparison, Form(pair.comparison, pair.b))) << pair.b;
    EXPECT_EQ(Form(pair.comparison, pair.a) == Form(pair.comparison, pair.b), pair.equal)
        << pair.a << " " << pair.b;
  }
}

TEST(ComparableTest, FormsOrderAsTheTypesDo) {
  const auto ordered = [](Comparison comparison, std::initializer_list<const char*> texts) {
    std::string last;
    for (const char* text : texts) {
      const std::string form = Form(comparison, "\"" + std::string(text) + "\"");
      EXPECT_TRUE(Fits(comparison, form)) << text;
      EXPECT_LT(last, form) << text;
      last = form;
    }
  };
  for (Comparison number : {Comparison::kNumber, Comparison::kFloat8, Comparison::kFloat4}) {
    ordered(number, {"-Infinity", "-1e30", "-2", "-1", "0", "0.5", "1", "1e30", "inf", "NaN"});
  }
  ordered(Comparison::kMoney, {"-92233720368547758.08", "-92233720368547758.07", "-0.01", "0",
                               "0.01", "000000000000000000.02", "92233720368547758.07"});
  ordered(Comparison::kInterval,
          {"-infinity", "-1 mon", "-1 day", "0", "23:59:59", "1 day", "1 mon", "infinity"});
  ordered(Comparison::kInet, {"10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/16", "10.5.0.0/16", "::/0"});
  ordered(Comparison::kIntegerRange, {"empty", "(,1)", "(,)", "[1,2)", "[1,3)", "[1,)", "[2,3)"});
  ordered(Comparison::kDate,
          {"-infinity", "0001-01-01 BC", "0001-01-01", "2026-01-01", "infinity"});
}

TEST(ComparableTest, WhatTheTypeDoesNotAllowDoesNotFit) {
  struct {
    Comparison comparison;
    std::vector<const char*> texts;
  } const types[] = {
      {Comparison::kNumber, {"", ".", "1e", "--1", "1 2", "0x1F"}},
      {Comparison::kFloat8, {"", "1e400", "x"}},
      {Comparison::kTruth, {"", "o", "truer", "2"}},
      {Comparison::kUuid,
       {"", "a0eebc99", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-"}},
      {Comparison::kInterval, {"", "1 parsec", "P", "P1H", "1:2", "ago", "1 day ago ago"}},
      {Comparison::kTime, {"", "24:00:01", "1", "10:00:00 x"}},
      {Comparison::kInet, {"", "10.0", "10.0.0.1/33", "::1/129", "10.0.0.1/", "1.2.3.4/-1"}},
      {Comparison::kMacAddr,
       {"", "08:00:2b:01:02", "08:00:2b:01:02:03:04", "0:", "08:00-2b:01:02:03"}},
      {Comparison::kBytes, {"\\\\x1", "\\\\xgg", "\\\\8"}},
      {Comparison::kBits, {"2", "Xg"}},
      {Comparison::kMoney,
       {"", "$", "1.2.3", "12-3", "92233720368547758.08", "-92233720368547758.09",
        "92233720368547758.075", "999999999999999999", "1e2"}},
      {Comparison::kLsn, {"", "1", "/1", "123456789/0"}},
      {Comparison::kIntegerRange, {"", "[1,2", "[2,1]", "[1.5,2)", "1,2", "[1,2) x"}},
      {Comparison::kNumberMultirange, {"", "{", "{[1,2)", "{[1,2),}", "[1,2)"}},
      {Comparison::kHstore, {"a", "a=>", "=>1", "a=>1,", "a=>1 b=>2"}},
  };
  for (const auto& type : types) {
    for (const char* text : type.texts) {
      EXPECT_FALSE(Fits(type.comparison, Form(type.comparison, "\"" + std::string(text) + "\"")))
          << text;
    }
  }
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
