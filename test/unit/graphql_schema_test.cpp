#include "graphql/schema.hpp"

#include <gtest/gtest.h>

#include "graphql/compose.hpp"

namespace fsubs::graphql {
namespace {

std::string FirstError(std::string_view sdl) {
  const SchemaResult result = BuildSchema(sdl);
  return result.schema ? "(none)" : result.errors.at(0).message;
}

constexpr std::string_view kQuery = "type Query { a: Int } ";

std::string FirstErrorWithQuery(const std::string& sdl) {
  return FirstError(std::string(kQuery) + sdl);
}

TEST(GraphqlSchemaTest, TypesFieldsAndWrappersAreFound) {
  const SchemaResult result = BuildSchema(
      "type Query { orders(first: Int = 1): [Order!]! } type Order { id: ID! } "
      "enum E { A B } input I { x: [Int] } interface N { id: ID! } union U = Order");
  ASSERT_TRUE(result.schema) << result.errors.at(0).message;
  const Field* const orders = result.schema->Root(OperationKind::kQuery)->FindField("orders");
  ASSERT_NE(orders, nullptr);
  EXPECT_EQ(ToString(*orders->type), "[Order!]!");
  EXPECT_FALSE(orders->FindArgument("first")->required());
  EXPECT_NE(result.schema->FindType("E")->FindValue("B"), nullptr);
  EXPECT_NE(result.schema->FindType("I")->FindInputField("x"), nullptr);
  EXPECT_TRUE(result.schema->FindType("U")->Includes(result.schema->FindType("Order")));
  EXPECT_NE(result.schema->FindType("__Schema"), nullptr);
  EXPECT_EQ(result.schema->Root(OperationKind::kMutation), nullptr);
}

TEST(GraphqlSchemaTest, ExtensionsAreMerged) {
  const SchemaResult result = BuildSchema("type Query { a: Int } extend type Query { b: Int }");
  ASSERT_TRUE(result.schema);
  EXPECT_NE(result.schema->FindType("Query")->FindField("b"), nullptr);
}

TEST(GraphqlSchemaTest, EachMistakeHasItsMessage) {
  EXPECT_EQ(FirstErrorWithQuery("type A { b: Oder } type Order { id: ID }"),
            "Unknown type \"Oder\". Did you mean \"Order\"?");
  EXPECT_EQ(FirstErrorWithQuery("type A { b: Int } type A { c: Int }"),
            "There can be only one type named \"A\".");
  EXPECT_EQ(FirstErrorWithQuery("type A { b: Int b: Int }"),
            "Field \"A.b\" can only be defined once.");
  EXPECT_EQ(FirstErrorWithQuery("type A"), "Type A must define one or more fields.");
  EXPECT_EQ(FirstErrorWithQuery("type __A { b: Int }"),
            "Name \"__A\" must not begin with \"__\", which is reserved by GraphQL introspection.");
  EXPECT_EQ(FirstErrorWithQuery("input I { a: Int } type A { b: I }"),
            "The type of A.b must be Output Type but got: I.");
  EXPECT_EQ(FirstErrorWithQuery("type A { b(c: A): Int }"),
            "The type of A.b(c:) must be Input Type but got: A.");
  EXPECT_EQ(FirstErrorWithQuery("interface I { a: Int } type A implements I { b: Int }"),
            "Interface field I.a expected but A does not provide it.");
  EXPECT_EQ(FirstErrorWithQuery("union U = Int"),
            "Union type U can only include Object types, it cannot include Int.");
  EXPECT_EQ(FirstErrorWithQuery("enum E { A A }"), "Enum value \"E.A\" can only be defined once.");
  EXPECT_EQ(FirstErrorWithQuery("type Int { a: Float }"),
            "Type \"Int\" is defined by GraphQL itself and cannot be redefined.");
}

TEST(GraphqlSchemaTest, DefinitionsAreSplitByName) {
  std::optional<Error> error;
  const auto split = SplitDefinitions(
      "\"An order\" type Order { id: ID! }\n# note\nenum E { A }  directive @d on FIELD", &error);
  ASSERT_FALSE(error);
  ASSERT_EQ(split.size(), 3u);
  EXPECT_EQ(split[0].name, "Order");
  EXPECT_EQ(split[0].text, "\"An order\" type Order { id: ID! }");
  EXPECT_EQ(split[1].text, "enum E { A }");
  EXPECT_EQ(split[2].name, "@d");
}

TEST(GraphqlSchemaTest, WhatIsComposedCannotBeRegistered) {
  for (const char* sdl :
       {"type Query { a: Int }", "type Subscription { a: Int }", "schema { query: Q }", "{ a }",
        "fragment F on A { b }", "extend type Order { a: Int }", "type {"}) {
    std::optional<Error> error;
    EXPECT_TRUE(SplitDefinitions(sdl, &error).empty());
    EXPECT_TRUE(error) << sdl;
  }
}

TEST(GraphqlSchemaTest, AComposedSchemaBuilds) {
  const std::string_view fields[] = {"orderUpdated(id: ID): Order"};
  EXPECT_EQ(FirstError(ComposeSchema("type Order { id: ID! }", fields)), "(none)");
  EXPECT_EQ(FirstError(ComposeSchema("", {})), "(none)");
}

TEST(GraphqlSchemaTest, AnArgumentNamesAFieldOfTheTypeOrOfItsRow) {
  const SchemaResult result = BuildSchema(
      "type Query { order(id: ID, nope: ID, tags: String, owner: ID, operation: String): Order "
      "change(id: ID!, operation: String, owner: Int): Change } "
      "type Order { id: ID! tags: [String] owner: Order } "
      "type Change { operation: String row: Order }");
  ASSERT_TRUE(result.schema);
  ArgumentTarget target;
  const auto problem = [&](const char* field, const char* argument) {
    const Field& definition = *result.schema->Root(OperationKind::kQuery)->FindField(field);
    return FindArgumentTarget(*definition.type, *definition.FindArgument(argument), &target);
  };
  EXPECT_EQ(problem("order", "id"), "");
  EXPECT_FALSE(target.in_row);
  EXPECT_EQ(problem("change", "id"), "");
  EXPECT_TRUE(target.in_row);
  EXPECT_EQ(problem("change", "operation"), "");
  EXPECT_FALSE(target.in_row);
  EXPECT_NE(problem("order", "nope"), "");
  EXPECT_NE(problem("order", "tags"), "");    // a list
  EXPECT_NE(problem("order", "owner"), "");   // an object
  EXPECT_NE(problem("change", "owner"), "");  // of another type
}

}  // namespace
}  // namespace fsubs::graphql
