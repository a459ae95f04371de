#include "worker/access/claim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/worker/access/somebody.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Claim::Values Of(const std::string& claim, const Somebody& client,
                 Comparison comparison = Comparison::kIdentity) {
  return Claim::Parse(claim)->Of(*static_cast<std::shared_ptr<const Identity>>(client), comparison);
}

// Whether a claim of that JSON value matches a value of an event.
bool Matches(Comparison comparison, const std::string& claim, const std::string& value) {
  const Claim::Values values = Of("$.c", {.claims = "{\"c\":" + claim + "}"}, comparison);
  JsonTree tree;
  EXPECT_TRUE(tree.ParseCopy(value));
  std::string form;
  AppendForm(comparison, tree.root(), &form);
  return std::find(values.forms.begin(), values.forms.end(), form) != values.forms.end();
}

TEST(ClaimTest, IsOneOfTheKnownOrAPath) {
  for (const char* known : {"user", "tenant", "roles", "scopes", "subgraphs", "role", "$.a.b"}) {
    EXPECT_TRUE(Claim::Parse(known)) << known;
  }
  for (const char* unknown : {"", "User", "users", "$", "$.", "a.b", "$.a[0]", "$ .a"}) {
    EXPECT_FALSE(Claim::Parse(unknown)) << unknown;
  }
}

TEST(ClaimTest, OneAndEachOfAListAreItsValues) {
  EXPECT_THAT(Of("user", {.user = "u1"}).forms, ElementsAre("tu1"));
  EXPECT_THAT(Of("tenant", {.tenant = "a"}).forms, ElementsAre("ta"));
  EXPECT_THAT(Of("roles", {.roles = {"a", "b"}}).forms, ElementsAre("ta", "tb"));
  EXPECT_THAT(Of("$.r.x", {.claims = R"({"r": {"x": ["b", 7, "a", "b", true]}})"}).forms,
              ElementsAre("t7", "ta", "tb", "ttrue"));
}

TEST(ClaimTest, NullAnEmptyListAndObjectsAreNone) {
  EXPECT_FALSE(Of("user", {.user = std::nullopt}).given);
  EXPECT_FALSE(Of("tenant", {}).given);
  EXPECT_FALSE(Of("roles", {}).given);
  EXPECT_FALSE(Of("role", {}).given);
  for (const char* value : {"null", "[]", "[null]", "{}", "{\"a\":1}", "[[1]]", "[{}]"}) {
    EXPECT_FALSE(Of("$.c", {.claims = std::string("{\"c\":") + value + "}"}).given) << value;
  }
  EXPECT_FALSE(Of("$.d.e", {.claims = R"({"d": 1})"}).given);
  EXPECT_THAT(Of("$.c", {.claims = R"({"c": [null, "a", {}]})"}).forms, ElementsAre("ta"));
}

TEST(ClaimTest, ATextMatchesTheNumberThatItIs) {
  EXPECT_TRUE(Matches(Comparison::kNumber, R"("7")", "7"));
  EXPECT_TRUE(Matches(Comparison::kNumber, R"("7")", "7.0"));
  EXPECT_TRUE(Matches(Comparison::kNumber, "7.0", "7"));
  EXPECT_TRUE(Matches(Comparison::kNumber, R"("9007199254740993")", "9007199254740993"));
  EXPECT_FALSE(Matches(Comparison::kNumber, R"("9007199254740993")", "9007199254740992"));
  EXPECT_TRUE(Matches(Comparison::kNumber, R"("007")", "7"));  // as SQL reads it
}

TEST(ClaimTest, ComparesAsAnIdWhereTheTypeIsNotKnown) {
  EXPECT_TRUE(Matches(Comparison::kIdentity, R"("7")", "7"));
  EXPECT_TRUE(Matches(Comparison::kIdentity, "7", R"("7")"));
  EXPECT_TRUE(Matches(Comparison::kIdentity, R"("9007199254740993")", "9007199254740993"));
  EXPECT_FALSE(Matches(Comparison::kIdentity, R"("9007199254740993")", "9007199254740992"));
  EXPECT_FALSE(Matches(Comparison::kIdentity, R"("007")", "7"));
  EXPECT_FALSE(Matches(Comparison::kIdentity, R"("a")", R"("A")"));
}

TEST(ClaimTest, AUuidMatchesInAnyCase) {
  EXPECT_TRUE(Matches(Comparison::kUuid, R"("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")",
                      R"("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")"));
}

TEST(ClaimTest, AValueOfAnotherTypeThanTheFieldsMatchesNothing) {
  EXPECT_FALSE(Matches(Comparison::kUuid, R"("none")", R"("none")"));
  EXPECT_FALSE(Matches(Comparison::kNumber, R"("x")", R"("x")"));
  const Claim::Values values = Of("user", {.user = "x"}, Comparison::kNumber);
  EXPECT_TRUE(values.given);
  EXPECT_THAT(values.forms, IsEmpty());
}

TEST(ClaimTest, NullOfAnEventMatchesNoClaim) {
  for (const char* claim : {"null", "[null]", R"("null")", R"("")", "0", "false"}) {
    EXPECT_FALSE(Matches(Comparison::kIdentity, claim, "null")) << claim;
  }
}

}  // namespace
}  // namespace fsubs
