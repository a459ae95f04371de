#include "worker/json/json_tree.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

std::string Raw(const JsonTree& tree, std::string_view name) {
  const auto value = tree.root().Find(name);
  return value ? std::string(value->raw()) : "(none)";
}

TEST(JsonTreeTest, ValuesKeepTheirSourceText) {
  JsonTree tree;
  ASSERT_TRUE(tree.ParseCopy(
      R"( {"a": 12345678901234567890.1234567890 , "b" : [1, {"c":null} ] , "d":"x\u00e9" ,"e":{ }, "f": [ ]} )"))
      << tree.error();
  EXPECT_EQ(Raw(tree, "a"), "12345678901234567890.1234567890");
  EXPECT_EQ(Raw(tree, "b"), R"([1, {"c":null} ])");
  EXPECT_EQ(Raw(tree, "d"), R"("x\u00e9")");
  EXPECT_EQ(tree.root().Find("d")->text(), "x\u00e9");
  EXPECT_EQ(Raw(tree, "e"), "{ }");
  EXPECT_EQ(Raw(tree, "f"), "[ ]");
}

TEST(JsonTreeTest, ElementsAndMembersAreVisitedInOrder) {
  JsonTree tree;
  ASSERT_TRUE(tree.ParseCopy(R"([[1,[2]],"x",{"k":3,"l":4}])"));
  std::string seen;
  tree.root().ForEachElement([&](JsonValue value) { seen += std::string(value.raw()) + ";"; });
  EXPECT_EQ(seen, R"([1,[2]];"x";{"k":3,"l":4};)");
}

TEST(JsonTreeTest, TheLastOfEqualNamesWins) {
  JsonTree tree;
  ASSERT_TRUE(tree.ParseCopy(R"({"a":1,"a":2})"));
  EXPECT_EQ(Raw(tree, "a"), "2");
}

TEST(JsonTreeTest, EscapedNamesAreFoundByTheirValue) {
  JsonTree tree;
  ASSERT_TRUE(tree.ParseCopy(R"({"\u0061\"b":1})"));
  EXPECT_EQ(Raw(tree, "a\"b"), "1");
}

TEST(JsonTreeTest, ARootMayBeAnyValue) {
  JsonTree tree;
  for (const char* text :
       {"1", " -0.5e+10 ", "\"x\"", "\"a\\nb\"", "true", "false", "null", "[]", "{}"}) {
    EXPECT_TRUE(tree.ParseCopy(text)) << text << ": " << tree.error();
  }
}

TEST(JsonTreeTest, WhatIsNotJsonIsRefused) {
  JsonTree tree;
  for (const char* text :
       {"",           " ",          "{",           "}",     "[1",       "[1,]",       "{\"a\"}",
        "{\"a\":}",   "{\"a\":1,}", "01",          "1.",    "1e",       "+1",         "-",
        "tru",        "truex",      "nulll",       "\"",    "\"\\x\"",  "\"\\u12\"",  "1 2",
        "{} {}",      "[] x",       "\"a\" \"b\"", "{a:1}", "[1 2]",    "[\"a\nb\"]", "\xff",
        "[\"\xc3\"]", "{\"a\":1}}", "nan",         "[1]]",  "[\"a\"b]", "{\"\\x\":1}"}) {
    EXPECT_FALSE(tree.ParseCopy(text)) << text;
  }
}

TEST(JsonTreeTest, MemoryOfLargeTextsIsGivenBack) {
  JsonTree tree;
  std::string list = "[1";
  for (int i = 0; i < 100'000; ++i) list += ",1";
  ASSERT_TRUE(tree.ParseCopy(list + "]"));
  EXPECT_GT(tree.Shrink(1000), 10 * list.size());
  ASSERT_TRUE(tree.ParseCopy(R"({"a":["x"]})"));
  EXPECT_EQ(Raw(tree, "a"), R"(["x"])");
  EXPECT_EQ(tree.Shrink(1000), 0u);
}

TEST(JsonTreeTest, NestingIsBounded) {
  JsonTree tree;
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(tree.ParseCopy(nested(kMaxDataDepth)));
  EXPECT_FALSE(tree.ParseCopy(nested(kMaxDataDepth + 1)));
  EXPECT_FALSE(tree.ParseCopy(nested(100000)));
}

TEST(JsonTreeTest, ATreeIsReusable) {
  JsonTree tree;
  EXPECT_FALSE(tree.ParseCopy("["));
  EXPECT_TRUE(tree.ParseCopy("[1]"));
  EXPECT_EQ(tree.root().raw(), "[1]");
}

// What a tree's values say, escapes resolved.
std::string Written(const JsonValue& value) {
  std::string out;
  switch (value.type()) {
    case JsonType::kString:
      return "<" + value.ToString() + ">";
    case JsonType::kArray:
      value.ForEachElement([&](const JsonValue& element) { out += Written(element) + ","; });
      return "[" + out + "]";
    case JsonType::kObject:
      value.ForEachMember([&](std::string_view name, const JsonValue& member) {
        out += std::string(name) + ":" + Written(member) + ",";
      });
      return "{" + out + "}";
    default:
      return std::string(value.raw());
  }
}

TEST(JsonTreeTest, KeepsItsValuesWhenItIsCompacted) {
  JsonTree tree;
  for (const char* text : {R"({"a":"b","c\n":["\u00e4","plain",""],"d":{"e":1}})",
                           R"(["\u0041\u0042, which is long enough to lie on the heap", "\n"])",
                           "\"\\n\"", "1", "{}"}) {
    ASSERT_TRUE(tree.ParseCopy(text)) << text;  // also behind a Compact
    const std::string before = Written(tree.root());
    tree.Compact();
    EXPECT_EQ(Written(tree.root()), before) << text;
    tree.Compact();
    EXPECT_EQ(Written(tree.root()), before) << text;
  }
}

}  // namespace
}  // namespace fsubs
