// What a document may cost, how many errors are told, and what they and introspection may give
// away.
#include <gtest/gtest.h>

#include <string>

#include "graphql/sdl/schema_builder.hpp"
#include "test/unit/graphql/validation/validated.hpp"

namespace fsubs::graphql {
namespace {

using Texts = std::vector<std::string>;

TEST(GraphqlValidateLimitsTest, DepthCountsNestedFieldsWithFragmentsExpanded) {
  const char* const source =
      "subscription { borrowed { ... { sequel { ...F } } } } fragment F on Book { author { name } "
      "}";
  EXPECT_EQ(ErrorsOf(source, {.max_depth = 4}), Texts{});
  EXPECT_EQ(ErrorsOf(source, {.max_depth = 3}),
            Texts{"Operation is nested more than 3 levels deep. @1:1"});
}

TEST(GraphqlValidateLimitsTest, AliasesCountForEachUseOfAFragment) {
  const char* const source =
      "{ reader { ...F } } query B { reader { ...F a: name friends { ...F } } } "
      "fragment F on Reader { n: name name }";
  EXPECT_EQ(ErrorsOf(source, {.max_aliases = 3}),
            Texts{"This anonymous operation must be the only defined operation. @1:1"});
  EXPECT_EQ(ErrorsOf(source, {.max_aliases = 2}),
            Texts{"Operation has more than 2 aliases. @1:21"});
}

TEST(GraphqlValidateLimitsTest, SelectionsCountForEachUseOfAFragment) {
  const char* const source =
      "{ reader { ...F friends { ...F } } } fragment F on Reader { name ... { name } }";
  EXPECT_EQ(ErrorsOf(source, {.max_selections = 6}), Texts{});
  EXPECT_EQ(ErrorsOf(source, {.max_selections = 5}),
            Texts{"Operation selects more than 5 fields. @1:1"});
}

TEST(GraphqlValidateLimitsTest, ADocumentBeyondALimitHasNoOtherErrors) {
  EXPECT_EQ(ErrorsOf("{ nope { nope { a: nope } } }",
                     {.max_depth = 2, .max_aliases = 0, .max_selections = 2}),
            (Texts{"Operation is nested more than 2 levels deep. @1:1",
                   "Operation has more than 0 aliases. @1:1",
                   "Operation selects more than 2 fields. @1:1"}));
}

TEST(GraphqlValidateLimitsTest, AFragmentWithinItselfIsNoEndlessDepth) {
  EXPECT_EQ(ErrorsOf("{ reader { ...A } } fragment A on Reader { friends { ...A } }"),
            Texts{"Cannot spread fragment \"A\" within itself. @1:54"});
}

// Each doubles the next: expanded, they are more than could ever be counted.
std::string Doubling(int levels) {
  std::string source = "subscription { borrowed { ...F0 } }";
  for (int i = 0; i < levels; ++i) {
    const std::string next = "{ ...F" + std::to_string(i + 1) + " }";
    source += " fragment F" + std::to_string(i) + " on Book { sequel " + next + " s: sequel " +
              next + " }";
  }
  return source + " fragment F" + std::to_string(levels) + " on Book { pages }";
}

TEST(GraphqlValidateLimitsTest, ExplodingFragmentsAreCountedWithoutExpandingThem) {
  EXPECT_EQ(ErrorsOf(Doubling(150), {.max_aliases = 100, .max_selections = 10000}),
            (Texts{"Operation has more than 100 aliases. @1:1",
                   "Operation selects more than 10000 fields. @1:1"}));
}

TEST(GraphqlValidateLimitsTest, ExplodingFragmentsAreMergedWithoutExpandingThem) {
  EXPECT_EQ(ErrorsOf(Doubling(150)), Texts{});
}

TEST(GraphqlValidateLimitsTest, ComparingFieldsEndsWhenItsBudgetIsSpent) {
  std::string source = "{ reader {";
  for (int i = 0; i < 800; ++i) source += " name(a: 1)";
  const Texts errors = ErrorsOf(source + " } }");
  ASSERT_EQ(errors.size(), 1);
  EXPECT_EQ(errors.front(), "Validation aborted.");
}

TEST(GraphqlValidateLimitsTest, FragmentsWithinFragmentsAreFollowedSoFar) {
  const auto chain = [](int length) {
    std::string source = "{ reader { a: name ...F0 } }";
    for (int i = 0; i < length; ++i) {
      source += " fragment F" + std::to_string(i) + " on Reader { ...F" + std::to_string(i + 1) +
                " a: books { pages } }";
    }
    return source + " fragment F" + std::to_string(length) + " on Reader { name }";
  };
  EXPECT_EQ(ErrorsOf(chain(20)).size(), 20);
  EXPECT_EQ(ErrorsOf(chain(5000)), Texts{"Validation aborted."});
}

TEST(GraphqlValidateLimitsTest, ErrorsAreCutOffAndSaySo) {
  std::string source = "{ reader {";
  for (int i = 0; i < 1000; ++i) source += " x" + std::to_string(i);
  const Texts errors = ErrorsOf(source + " } }", {.max_errors = 10});
  ASSERT_EQ(errors.size(), 11);
  EXPECT_EQ(errors.back(), "Too many validation errors, error limit reached. Validation aborted.");
  EXPECT_EQ(ErrorsOf("{ reader { a b } }", {.max_errors = 2}).size(), 2);
}

TEST(GraphqlValidateLimitsTest, WithoutSuggestionsErrorsNameNothingOfTheSchema) {
  EXPECT_EQ(ErrorsOf("query ($r: Readr) { reader { nme } work { pages } scalars(ii: 1, state: LOS) "
                     "book(id: 1) @skp { pages @skip(iff: true, if: true) } "
                     "books(filter: {titl: 1, title: \"\"}) { pages } }",
                     {.suggestions = false}),
            (Texts{"Unknown type \"Readr\". @1:12",
                   "Cannot query field \"nme\" on type \"Reader\". @1:30",
                   "Cannot query field \"pages\" on type \"Work\". @1:43",
                   "Unknown argument \"ii\" on field \"Query.scalars\". @1:59",
                   "Value \"LOS\" does not exist in \"State\" enum. @1:73",
                   "Unknown directive \"@skp\". @1:90",
                   "Unknown argument \"iff\" on directive \"@skip\". @1:109",
                   "Field \"titl\" is not defined by type \"BookFilter\". @1:147",
                   "Variable \"$r\" is never used. @1:8"}));
}

TEST(GraphqlValidateLimitsTest, WithoutIntrospectionNoFieldTellsTheSchema) {
  const auto refused = [](const std::string& field) {
    return "GraphQL introspection has been disabled, but the requested query contained the field "
           "\"" +
           field + "\".";
  };
  EXPECT_EQ(ErrorsOf("{ __typename __schema { types { name } } __type(name: \"Book\") { name } }",
                     {.introspection = false}),
            (Texts{refused("__schema") + " @1:14", refused("types") + " @1:25",
                   refused("__type") + " @1:42"}));
}

TEST(GraphqlValidateLimitsTest, WithoutIntrospectionTheServersOwnTellTalesAreRefused) {
  const SchemaResult schema = BuildSchema(
      "type Query { subscriptions: [Int] _service: Service serverVersion: String } "
      "type Service { subscriptions: String }");
  const ParseResult parsed =
      ParseDocument("{ serverVersion subscriptions _service { subscriptions } }");
  EXPECT_EQ(Validate(*schema.schema, *parsed.document, {.introspection = false}).size(), 2);
  EXPECT_TRUE(Validate(*schema.schema, *parsed.document).empty());
}

TEST(GraphqlValidateLimitsTest, IntrospectionIsBounded) {
  const std::string message = "Maximum introspection depth exceeded";
  EXPECT_EQ(ErrorsOf("{ __type(name: \"Book\") { fields { type { fields { name } } } } }"),
            Texts{});
  EXPECT_EQ(ErrorsOf("{ __schema { types { fields { type { interfaces { possibleTypes { name } } } "
                     "} } } }"),
            Texts{message + " @1:3"});
  EXPECT_EQ(ErrorsOf("{ __schema { types { ...A } } } fragment A on __Type { fields { type { ...B "
                     "} } } fragment B on __Type { fields { type { ofType { inputFields { name } } "
                     "} } }"),
            Texts{message + " @1:3"});
}

TEST(GraphqlValidateLimitsTest, IntrospectionInACycleIsBounded) {
  EXPECT_EQ(ErrorsOf("{ __schema { types { ...A } } } fragment A on __Type { fields { type { ...A "
                     "} } }"),
            (Texts{"Maximum introspection depth exceeded @1:3",
                   "Cannot spread fragment \"A\" within itself. @1:72"}));
  EXPECT_EQ(ErrorsOf("{ __schema { types { ...A } } } fragment A on __Type { ofType { ...A } }"),
            Texts{"Cannot spread fragment \"A\" within itself. @1:65"});
}

}  // namespace
}  // namespace fsubs::graphql
