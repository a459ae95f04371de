#include "graphql/sdl/access_definitions.hpp"

#include <gmock/gmock.h>

#include "graphql/sdl/compose.hpp"
#include "graphql/sdl/growing_schema.hpp"
#include "graphql/sdl/schema_builder.hpp"

namespace fsubs::graphql {
namespace {

using testing::HasSubstr;
using testing::Not;

// The first error of a schema that begins so; empty if there is none.
std::string ErrorOf(const std::string& sdl) {
  const SchemaResult result = BuildSchema(sdl + "\ntype Query { a: Int }");
  return result.schema ? "" : result.errors.front().message;
}

TEST(AccessDirectivesTest, MayBeUsedWithoutBeingDefined) {
  EXPECT_EQ(ErrorOf(R"(
    type A @authenticated @requiresRole(roles: ["a"]) {
      b(c: Int @authenticated): Int @requiresScopes(scopes: [["a", "b"], ["c"]])
    }
    interface I @requiresRole(roles: "lone") { b: Int }
    union U @authenticated = A
    scalar S @federation__authenticated
    enum E @authenticated { X @requiresScopes(scopes: "lone") }
    input In @authenticated { a: Int @authenticated }
  )"),
            "");
}

TEST(AccessDirectivesTest, StandNowhereElse) {
  EXPECT_EQ(ErrorOf("extend schema @authenticated type A { b: Int }"),
            "Directive \"@authenticated\" may not be used on SCHEMA.");
}

TEST(AccessDirectivesTest, AnEmptyDemandIsRefused) {
  const auto refused = [](const std::string& directive) {
    return ErrorOf("type A { b: Int @" + directive + " }");
  };
  EXPECT_EQ(refused("requiresRole(roles: [])"),
            "Argument \"roles\" of directive \"@requiresRole\" must be a list of names, and not "
            "empty, not [].");
  const std::string scopes =
      "Argument \"scopes\" of directive \"@requiresScopes\" must be a list of lists of names, none "
      "of them empty";
  EXPECT_EQ(refused("requiresScopes(scopes: [])"), scopes + ", not [].");
  EXPECT_EQ(refused("requiresScopes(scopes: [[\"a\"], []])"), scopes + ", not [[\"a\"], []].");
  EXPECT_EQ(refused("requiresScopes(scopes: [[\"a\", \"\"]])"), scopes + ", not [[\"a\", \"\"]].");
  EXPECT_EQ(refused("requiresScopes(scopes: [[1]])"), scopes + ", not [[1]].");
  EXPECT_EQ(refused("federation__requiresScopes(scopes: null)"),
            "Argument \"scopes\" of directive \"@federation__requiresScopes\" must be a list of "
            "lists of names, none of them empty, not null.");
  EXPECT_EQ(refused("requiresScopes"), scopes + ".");
  EXPECT_EQ(refused("requiresRole(role: \"a\")"),
            "Unknown argument \"role\" on directive \"@requiresRole\".");
  EXPECT_EQ(refused("authenticated(as: 1)"),
            "Unknown argument \"as\" on directive \"@authenticated\".");
  EXPECT_EQ(refused("authenticated @authenticated"),
            "The directive \"@authenticated\" can only be used once at this location.");
}

TEST(AccessDirectivesTest, ADefinitionOfTheSameMeaningIsTaken) {
  EXPECT_EQ(
      ErrorOf("directive @authenticated on FIELD_DEFINITION type A { b: Int @authenticated }"), "");
  EXPECT_EQ(ErrorOf("scalar Scope "
                    "directive @requiresScopes(scopes: [[Scope!]!]!) on OBJECT | FIELD_DEFINITION "
                    "type A { b: Int @requiresScopes(scopes: [[\"a\"]]) }"),
            "");
}

TEST(AccessDirectivesTest, ADefinitionOfAnotherMeaningIsRefused) {
  for (const char* definition : {
           "directive @authenticated(by: String) on OBJECT",
           "directive @authenticated on FIELD",
           "directive @requiresRole(roles: [String!]) on OBJECT",
           "directive @requiresRole(roles: [String!]! = [\"a\"]) on OBJECT",
           "directive @requiresScopes(scopes: [String!]!) on OBJECT",
           "directive @requiresScopes(names: [[String!]!]!) on OBJECT",
       }) {
    EXPECT_THAT(ErrorOf(definition), HasSubstr("says who may see what.")) << definition;
  }
}

TEST(AccessDirectivesTest, AComposedSchemaDefinesThoseThatItUses) {
  const auto composed = [](std::string_view sdl) { return ComposeSubgraph(sdl, {}); };
  const std::string type = "type A { b: Int @authenticated }";
  EXPECT_THAT(composed(type), HasSubstr("\ndirective @authenticated on OBJECT | INTERFACE"));
  EXPECT_THAT(composed(type), Not(HasSubstr("@requires")));
  EXPECT_THAT(composed("type A { b: Int }"), Not(HasSubstr("directive")));
  EXPECT_THAT(composed("directive @authenticated on FIELD_DEFINITION " + type),
              Not(HasSubstr("on OBJECT")));
  const std::string link = "extend schema @link(url: \"https://specs.apollo.dev/";
  EXPECT_THAT(composed(link + "federation/v2.5\", import: [\"@authenticated\"]) " + type),
              Not(HasSubstr("directive")));
  EXPECT_THAT(composed(link + "authenticated/v0.1\") " + type), Not(HasSubstr("directive")));
  EXPECT_THAT(composed(link + "federation/v2.5\", import: [\"@key\"]) " + type),
              HasSubstr("directive @authenticated"));
  EXPECT_EQ(BuildSchema(ComposeSchema(type, {})).errors.size(), 0u);
}

TEST(AccessDirectivesTest, ASchemaThatGrowsTakesThem) {
  GrowingSchema schema;
  ASSERT_TRUE(schema.Build(ComposeSchema("type A { b: Int }", {})).empty());
  EXPECT_EQ(schema.Add("type B { c: Int @requiresRole(roles: [\"a\"]) }", {}), "");
  EXPECT_THAT(schema.Add("type C { c: Int @requiresRole(roles: []) }", {}),
              HasSubstr("must be a list of names, and not empty"));
}

}  // namespace
}  // namespace fsubs::graphql
