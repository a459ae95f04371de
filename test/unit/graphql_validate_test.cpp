#include "graphql/validate.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "graphql/parser.hpp"

namespace fsubs::graphql {
namespace {

constexpr char kSchema[] = R"(
  type Query { dog: Dog }
  type Subscription { newMessage(id: ID, filter: Filter, required: Int! = 1): Message pet: Pet other(n: Int!): Int }
  type Message { body: String sender: Dog tags: [String!] }
  interface Pet { name(surname: Boolean): String }
  type Dog implements Pet { name(surname: Boolean): String nickname: String barkVolume: Int doesKnow(cmd: Command!): Boolean owner: Dog }
  type Cat implements Pet { name(surname: Boolean): String meowVolume: Int }
  union CatOrDog = Cat | Dog
  enum Command { SIT DOWN }
  input Filter { a: Int! b: [String] c: Command }
)";

class GraphqlValidateTest : public testing::Test {
 protected:
  // Each error as "message @line:column ...", joined by newlines.
  std::string Errors(std::string_view source, const ValidationLimits& limits = {}) {
    static const SchemaResult schema = BuildSchema(kSchema);
    const ParseResult parsed = ParseDocument(source);
    if (parsed.error) return parsed.error->message;
    std::string text;
    for (const Error& error : Validate(*schema.schema, *parsed.document, limits)) {
      if (!text.empty()) text += "\n";
      text += error.message;
      for (const SourceLocation& at : error.locations) {
        text += " @" + std::to_string(at.line) + ":" + std::to_string(at.column);
      }
    }
    return text;
  }
};

TEST_F(GraphqlValidateTest, AValidDocumentHasNoErrors) {
  EXPECT_EQ(
      Errors("subscription S($id: ID, $f: Filter) { m: newMessage(id: $id, filter: $f) { body "
             "__typename sender { ...D } tags } } fragment D on Dog { name owner { nickname } }"),
      "");
  EXPECT_EQ(
      Errors("subscription { pet { name ... on Dog { barkVolume } ... on Cat { meowVolume } } }"),
      "");
}

TEST_F(GraphqlValidateTest, SubscriptionsHaveOneRootField) {
  EXPECT_EQ(Errors("subscription S { newMessage { body } pet { name } }"),
            "Subscription \"S\" must select only one top level field. @1:38");
  EXPECT_EQ(
      Errors(
          "subscription { ...F } fragment F on Subscription { newMessage { body } pet { name } }"),
      "Anonymous Subscription must select only one top level field. @1:72");
  EXPECT_EQ(Errors("subscription { __typename }"),
            "Anonymous Subscription must not select an introspection top level field. @1:16");
}

TEST_F(GraphqlValidateTest, OperationNamesAreUniqueAndAnonymousOnesAlone) {
  EXPECT_EQ(Errors("query A { dog { name } } query A { dog { name } }"),
            "There can be only one operation named \"A\". @1:7 @1:32");
  EXPECT_EQ(Errors("{ dog { name } } query A { dog { name } }"),
            "This anonymous operation must be the only defined operation. @1:1");
}

TEST_F(GraphqlValidateTest, FieldsExistOnTheirType) {
  EXPECT_EQ(Errors("subscription { newMessage { bdy } }"),
            "Cannot query field \"bdy\" on type \"Message\". Did you mean \"body\"? @1:29");
  EXPECT_EQ(
      Errors("subscription { pet { barkVolume } }"),
      "Cannot query field \"barkVolume\" on type \"Pet\". Did you mean to use an inline fragment "
      "on \"Dog\"? @1:22");
}

TEST_F(GraphqlValidateTest, LeavesHaveNoSelectionAndObjectsHaveOne) {
  EXPECT_EQ(
      Errors("subscription { newMessage }"),
      "Field \"newMessage\" of type \"Message\" must have a selection of subfields. Did you mean "
      "\"newMessage { ... }\"? @1:16");
  EXPECT_EQ(
      Errors("subscription { newMessage { body { x } } }"),
      "Field \"body\" must not have a selection since type \"String\" has no subfields. @1:34");
}

TEST_F(GraphqlValidateTest, ArgumentsAreKnownUniqueAndComplete) {
  EXPECT_EQ(
      Errors("subscription { newMessage(idd: 1) { body } }"),
      "Unknown argument \"idd\" on field \"Subscription.newMessage\". Did you mean \"id\"? @1:27");
  EXPECT_EQ(Errors("subscription { newMessage(id: 1, id: 2) { body } }"),
            "There can be only one argument named \"id\". @1:27 @1:34");
  EXPECT_EQ(Errors("subscription { other }"),
            "Field \"other\" argument \"n\" of type \"Int!\" is required, but it was not provided. "
            "@1:16");
}

TEST_F(GraphqlValidateTest, LiteralsFitTheirTypes) {
  EXPECT_EQ(Errors("subscription { other(n: \"1\") }"),
            "Int cannot represent non-integer value: \"1\" @1:25");
  EXPECT_EQ(Errors("subscription { other(n: 3000000000) }"),
            "Int cannot represent non 32-bit signed integer value: 3000000000 @1:25");
  EXPECT_EQ(Errors("subscription { other(n: null) }"),
            "Expected value of type \"Int!\", found null. @1:25");
  EXPECT_EQ(Errors("subscription { newMessage(id: 1.5) { body } }"),
            "ID cannot represent a non-string and non-integer value: 1.5 @1:31");
  EXPECT_EQ(Errors("subscription { newMessage(filter: {b: \"x\"}) { body } }"),
            "Field \"Filter.a\" of required type \"Int!\" was not provided. @1:35");
  EXPECT_EQ(
      Errors("subscription { newMessage(filter: {a: 1, d: 1}) { body } }"),
      "Field \"d\" is not defined by type \"Filter\". Did you mean \"a\", \"b\", or \"c\"? @1:42");
  EXPECT_EQ(Errors("subscription { newMessage(filter: {a: 1, c: SAT}) { body } }"),
            "Value \"SAT\" does not exist in \"Command\" enum. Did you mean the enum value "
            "\"SIT\"? @1:45");
}

TEST_F(GraphqlValidateTest, VariablesAreDefinedUsedAndFit) {
  EXPECT_EQ(Errors("subscription S { newMessage(id: $id) { body } }"),
            "Variable \"$id\" is not defined by operation \"S\". @1:33 @1:1");
  EXPECT_EQ(Errors("subscription S($id: ID) { newMessage { body } }"),
            "Variable \"$id\" is never used in operation \"S\". @1:16");
  EXPECT_EQ(Errors("subscription($id: Int) { newMessage(id: $id) { body } }"),
            "Variable \"$id\" of type \"Int\" used in position expecting type \"ID\". @1:14 @1:41");
  EXPECT_EQ(
      Errors("subscription($n: Int) { other(n: $n) }"),
      "Variable \"$n\" of type \"Int\" used in position expecting type \"Int!\". @1:14 @1:34");
  EXPECT_EQ(Errors("subscription($n: Int = 1) { other(n: $n) }"), "");
  EXPECT_EQ(
      Errors("subscription($n: Dog) { newMessage(filter: $n) { body } }"),
      "Variable \"$n\" cannot be non-input type \"Dog\". @1:18\n"
      "Variable \"$n\" of type \"Dog\" used in position expecting type \"Filter\". @1:14 @1:44");
}

TEST_F(GraphqlValidateTest, FragmentsAreKnownUsedAcyclicAndPossible) {
  EXPECT_EQ(Errors("subscription { pet { ...Nope } }"), "Unknown fragment \"Nope\". @1:25");
  EXPECT_EQ(Errors("subscription { pet { name } } fragment F on Dog { name }"),
            "Fragment \"F\" is never used. @1:31");
  EXPECT_EQ(
      Errors("subscription { pet { ...A } } fragment A on Pet { ...B } fragment B on Pet { ...A }"),
      "Cannot spread fragment \"A\" within itself via \"B\". @1:51 @1:78");
  EXPECT_EQ(
      Errors("subscription { newMessage { ... on Cat { name } } }"),
      "Fragment cannot be spread here as objects of type \"Message\" can never be of type \"Cat\". "
      "@1:29");
  EXPECT_EQ(Errors("subscription { pet { ... on Command { x } } }"),
            "Fragment cannot condition on non composite type \"Command\". @1:29");
}

TEST_F(GraphqlValidateTest, DirectivesAreKnownAndInTheirPlace) {
  EXPECT_EQ(Errors("subscription { pet { name @nope } }"), "Unknown directive \"@nope\". @1:27");
  EXPECT_EQ(Errors("subscription @skip(if: true) { pet { name } }"),
            "Directive \"@skip\" may not be used on SUBSCRIPTION. @1:14");
  EXPECT_EQ(Errors("subscription { pet { name @skip } }"),
            "Directive \"@skip\" argument \"if\" of type \"Boolean!\" is required, but it was not "
            "provided. @1:27");
}

TEST_F(GraphqlValidateTest, FieldsOfOneNameMustMerge) {
  EXPECT_EQ(
      Errors("subscription { newMessage { x: body x: tags } }"),
      "Fields \"x\" conflict because \"body\" and \"tags\" are different fields. Use different "
      "aliases on the fields to fetch both if this was intentional. @1:29 @1:37");
  EXPECT_EQ(
      Errors("subscription { pet { name(surname: true) name } }"),
      "Fields \"name\" conflict because they have differing arguments. Use different aliases on "
      "the fields to fetch both if this was intentional. @1:22 @1:42");
}

TEST_F(GraphqlValidateTest, DepthIsLimitedWithFragmentsExpanded) {
  EXPECT_EQ(
      Errors("subscription { newMessage { sender { ...F } } } fragment F on Dog { owner { name } }",
             {.max_depth = 3}),
      "Operation is nested more than 3 levels deep. @1:1");
}

TEST_F(GraphqlValidateTest, ExplodingFragmentsAreRefusedInBoundedTime) {
  std::string source = "subscription { pet { ...F0 } }";
  for (int i = 0; i < 25; ++i) {
    const std::string next = "...F" + std::to_string(i + 1);
    source += " fragment F" + std::to_string(i) + " on Dog { a" + std::to_string(i) + ": owner { " +
              next + " } b" + std::to_string(i) + ": owner { " + next + " } }";
  }
  source += " fragment F25 on Dog { nickname }";
  EXPECT_NE(Errors(source, {.max_depth = 100}), "");
}

TEST_F(GraphqlValidateTest, ErrorsAreLimited) {
  std::string source = "subscription { newMessage {";
  for (int i = 0; i < 1000; ++i) source += " x" + std::to_string(i);
  const std::string errors = Errors(source + " } }", {.max_errors = 10});
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 10);
  EXPECT_TRUE(
      errors.ends_with("\nToo many validation errors, error limit reached. Validation aborted."));
}

}  // namespace
}  // namespace fsubs::graphql
