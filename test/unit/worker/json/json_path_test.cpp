#include "worker/json/json_path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

TEST(JsonPath, NamesMembersByWordsOrInQuotes) {
  EXPECT_THAT(ParseJsonPath("$"), Optional(IsEmpty()));
  EXPECT_THAT(ParseJsonPath("$.a.b_2"), Optional(ElementsAre("a", "b_2")));
  EXPECT_THAT(ParseJsonPath(R"($."https://hasura.io/jwt/claims"."x-hasura-user-id")"),
              Optional(ElementsAre("https://hasura.io/jwt/claims", "x-hasura-user-id")));
  EXPECT_THAT(ParseJsonPath(R"($."a\"b\\".c)"), Optional(ElementsAre(R"(a"b\)", "c")));
  EXPECT_THAT(ParseJsonPath(R"($."")"), Optional(ElementsAre("")));
}

TEST(JsonPath, RefusesEverythingElse) {
  for (const char* text : {"", "a", "$.", "$a", "$..a", "$.a.", "$.\"a", "$.\"a\\\"", "$.a-b",
                           "$[0]", "$.a[*]", "$.*", "$.a ", " $.a", "$.\"\\x\"", "$.\"a\nb\""}) {
    EXPECT_EQ(ParseJsonPath(text), std::nullopt) << text;
  }
}

TEST(JsonPath, LeadsToTheValueOrNowhere) {
  JsonTree data;
  ASSERT_TRUE(data.ParseCopy(R"({"a": {"b c": [1, 2]}, "n": null, "s": "text"})"));
  const auto at = [&](const char* path) {
    const auto value = ValueAtPath(data.root(), *ParseJsonPath(path));
    return value ? std::string(value->raw()) : "nowhere";
  };
  EXPECT_EQ(at("$.a.\"b c\""), "[1, 2]");
  EXPECT_EQ(at("$.n"), "null");
  EXPECT_EQ(at("$.n.x"), "nowhere");
  EXPECT_EQ(at("$.s.x"), "nowhere");
  EXPECT_EQ(at("$.x"), "nowhere");
}

}  // namespace
}  // namespace fsubs
