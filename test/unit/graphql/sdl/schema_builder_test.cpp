#include "graphql/sdl/schema_builder.hpp"

#include <gtest/gtest.h>

#include "graphql/sdl/compose.hpp"

namespace fsubs::graphql {
namespace {

std::string FirstError(std::string_view sdl) {
  const SchemaResult result = BuildSchema(sdl);
  return result.schema ? "(none)" : result.errors.at(0).message;
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

TEST(GraphqlSchemaTest, MetaFieldsAreFoundWithoutBeingListed) {
  const SchemaResult result = BuildSchema("type Query { a: A } type A { b: Int }");
  ASSERT_TRUE(result.schema);
  const Type& query = *result.schema->FindType("Query");
  const Type& other = *result.schema->FindType("A");
  EXPECT_EQ(query.fields.size(), 1u);
  EXPECT_EQ(ToString(*result.schema->FieldOf(query, "__schema")->type), "__Schema!");
  EXPECT_NE(result.schema->FieldOf(query, "__type"), nullptr);
  EXPECT_NE(result.schema->FieldOf(other, "__typename"), nullptr);
  EXPECT_EQ(result.schema->FieldOf(other, "__schema"), nullptr);
}

TEST(GraphqlSchemaTest, ScalarsThatNothingUsesAreNotPartOfTheSchema) {
  const SchemaResult result = BuildSchema("type Query { a: Float }");
  ASSERT_TRUE(result.schema);
  EXPECT_NE(result.schema->FindType("Float"), nullptr);
  EXPECT_EQ(result.schema->FindType("Int"), nullptr);
  EXPECT_NE(result.schema->FindType("String"), nullptr);  // introspection uses it
}

TEST(GraphqlSchemaTest, ADescriptionThatIsEmptyIsNotAbsent) {
  const SchemaResult result = BuildSchema("\"\" type Query { a: Int }");
  ASSERT_TRUE(result.schema);
  const Type& query = *result.schema->FindType("Query");
  EXPECT_EQ(query.description, "");
  EXPECT_NE(query.description.data(), nullptr);
  EXPECT_EQ(query.fields.front().description.data(), nullptr);
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

TEST(GraphqlSchemaTest, TheSchemasOwnDirectivesAreSplitUnderTheNameSchema) {
  std::optional<Error> error;
  const auto split = SplitDefinitions(
      "extend schema @link(url: \"u\") @link(url: \"v\") type A { b: Int }", &error);
  ASSERT_FALSE(error);
  ASSERT_EQ(split.size(), 2u);
  EXPECT_EQ(split[0].name, "schema");
  EXPECT_EQ(split[0].text, "extend schema @link(url: \"u\") @link(url: \"v\")");
  EXPECT_EQ(FirstError(ComposeSchema(split[0].text, {})), "(none)");
}

TEST(GraphqlSchemaTest, WhatIsComposedCannotBeRegistered) {
  for (const char* sdl :
       {"type Query { a: Int }", "type Subscription { a: Int }", "schema { query: Q }", "{ a }",
        "extend schema { query: Q }", "type schema { a: Int }", "fragment F on A { b }",
        "extend type Order { a: Int }", "type {"}) {
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
    FilterChecks filters;
    return FindArgumentTarget(*definition.type, *definition.FindArgument(argument), &filters,
                              &target);
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

TEST(GraphqlSchemaTest, AnArgumentMaySayWhatItFiltersBy) {
  const std::string_view fields[] = {
      "orderUpdated(customerId: ID @filters(by: \"customer_id\"), tags: [String] @filtersNothing, "
      "list: [ID] @filters(by: \"id\")): Order"};
  const SchemaResult result = BuildSchema(ComposeSchema("type Order { id: ID! }", fields));
  ASSERT_TRUE(result.schema) << result.errors.front().message;
  const Field& field = result.schema->Root(OperationKind::kSubscription)->fields.front();
  ArgumentTarget target;
  const auto problem = [&](const char* argument) {
    FilterChecks filters;
    return FindArgumentTarget(*field.type, *field.FindArgument(argument), &filters, &target);
  };
  EXPECT_EQ(problem("customerId"), "");
  EXPECT_EQ(target.kind, ArgumentTarget::Kind::kKey);
  EXPECT_EQ(target.key, "customer_id");
  EXPECT_EQ(problem("tags"), "");
  EXPECT_EQ(target.kind, ArgumentTarget::Kind::kNothing);
  EXPECT_EQ(problem("list"), "a list cannot equal a value");
  EXPECT_TRUE(CanFilterBy(field, "customerId"));
  EXPECT_FALSE(CanFilterBy(field, "tags"));
}

}  // namespace
}  // namespace fsubs::graphql
