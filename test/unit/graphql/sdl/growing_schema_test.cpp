#include "graphql/sdl/growing_schema.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "graphql/sdl/compose.hpp"

namespace fsubs::graphql {
namespace {

using Fields = std::vector<std::string_view>;

size_t passed;

void CountPass() {
  ++passed;
}

struct GivenUp {};

void GiveUp() {
  throw GivenUp();
}

// Types that lead to each other, a field for each, and so a filter for each.
struct Many {
  explicit Many(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      types += "type T" + number + " implements Node { id: ID! next: [T" +
               std::to_string((i + 1) % count) + "!] }\n";
      texts.push_back("f" + number + "(where: T" + number + "Filter): T" + number);
    }
    for (const std::string& text : texts) fields.push_back(text);
  }

  std::string types = "interface Node { id: ID! }\n";
  std::vector<std::string> texts;
  Fields fields;
};

bool IsValid(const std::string& types, const Fields& fields) {
  const SchemaResult built = BuildSchema(ComposeSchema(types, fields));
  if (!built.schema) return false;
  FilterChecks filters;
  for (const Field& field : built.schema->Root(OperationKind::kSubscription)->fields) {
    for (const InputValue& argument : field.arguments) {
      ArgumentTarget target;
      if (!FindArgumentTarget(*field.type, argument, &filters, &target).empty()) return false;
    }
  }
  return true;
}

constexpr char kBase[] =
    "interface Node { id: ID! } type Item { id: ID! } type Order implements Node { id: ID! items: "
    "[Item] tags: [String] } input Place { x: Int! = 1 } enum Color { RED } union Any = Order | "
    "Item scalar Date type Sub { s: Subscription }";

const Fields kBaseFields = {"order(id: ID, where: OrderFilter): Order"};

struct Added {
  std::string types;
  Fields fields;
};

class GrowingSchemaTest : public testing::Test {
 protected:
  GrowingSchemaTest() { EXPECT_TRUE(schema_.Build(ComposeSchema(kBase, kBaseFields)).empty()); }

  GrowingSchema schema_;
};

TEST_F(GrowingSchemaTest, WhatIsValidIsAdded) {
  for (const Added& added : std::vector<Added>{
           {"type A { order: Order any: Any }", {}},
           {"type B implements Node { id: ID! of(place: Place = { x: 2 }): B }", {}},
           {"input C { place: Place = {}, color: Color = RED }", {}},
           {"union D = Order | Sub", {}},
           {"extend type Subscription { e: Order }", {}},
           {"", {"f(where: OrderFilter, id: ID): Order", "g: Any"}},
           {"type H { at: Date b: B }", {"h(at: Date, where: HFilter): H"}},
           {"", {"b(where: BFilter): B"}},
           {"input IFilter { id: IDFilter } type I { id: ID }", {"i(where: IFilter): I"}}}) {
    EXPECT_EQ(schema_.Add(added.types, added.fields), "") << added.types;
  }
  EXPECT_EQ(schema_.schema().Root(OperationKind::kSubscription)->fields.size(), 7u);
}

TEST_F(GrowingSchemaTest, WhatIsNotValidIsNotAdded) {
  for (const Added& added : std::vector<Added>{{"type A { b: Missing }", {}},
                                               {"type A { b: Place }", {}},
                                               {"type A implements Node { a: Int }", {}},
                                               {"type A implements Order { id: ID! }", {}},
                                               {"type Order { id: ID! }", {}},
                                               {"input A { a: A! }", {}},
                                               {"input A { color: Color = BLUE }", {}},
                                               {"union A = Color", {}},
                                               {"type __A { a: Int }", {}},
                                               {"type A { a: Int @what }", {}},
                                               {"type A", {}},
                                               {"type A {", {}},
                                               {"", {"order: Order"}},
                                               {"", {"a: Int", "a: Int"}},
                                               {"", {"a(b: Order): Order"}},
                                               {"", {"a(where: MissingFilter): Order"}},
                                               {"type A { b: Int }", {"a: B"}}}) {
    EXPECT_FALSE(IsValid(kBase + added.types,
                         [&] {
                           Fields fields = kBaseFields;
                           fields.insert(fields.end(), added.fields.begin(), added.fields.end());
                           return fields;
                         }()))
        << added.types;
    EXPECT_NE(schema_.Add(added.types, added.fields), "") << added.types;
  }
}

TEST_F(GrowingSchemaTest, WhatIsNotAddedLeavesNothingBehind) {
  EXPECT_NE(schema_.Add("type A implements Node { id: ID! } type B { p: Place }", {}), "");
  EXPECT_NE(schema_.Add("type C { a: A }", {}), "");
  EXPECT_TRUE(schema_.schema().FindType("Node")->possible.size() == 1);
  EXPECT_NE(schema_.Add("type D { at: Date }", Fields{"d(where: DFilter): D", "e: Place"}), "");
  EXPECT_EQ(schema_.schema().FindType("DFilter"), nullptr);
  EXPECT_EQ(schema_.schema().Root(OperationKind::kSubscription)->FindField("d"), nullptr);
  EXPECT_EQ(schema_.Add("type D { a: Int }", Fields{"d(where: DFilter): D"}), "");
}

// Each changes what the schema makes of what it has.
TEST_F(GrowingSchemaTest, WhatConcernsOthersIsNotAdded) {
  for (const char* types :
       {"directive @d on OBJECT", "extend schema @link(url: \"u\")", "extend type Order { a: Int }",
        "type StringList { a: Int }", "input OrderFilter { id: IDFilter }"}) {
    EXPECT_NE(schema_.Add(types, {}), "") << types;
  }
}

TEST_F(GrowingSchemaTest, TheFirstFieldsMakeTheSubscriptionType) {
  GrowingSchema schema;
  ASSERT_TRUE(schema.Build(ComposeSchema("type A { b: Int }", {})).empty());
  EXPECT_NE(schema.Add("", Fields{"c: C"}), "");
  EXPECT_EQ(schema.schema().Root(OperationKind::kSubscription), nullptr);
  EXPECT_EQ(schema.Add("", Fields{"a: A"}), "");
  EXPECT_EQ(schema.Add("", Fields{"b: A"}), "");
}

TEST(GrowingSchemaCostTest, AnAdditionCostsNoMoreIfTheSchemaIsLarge) {
  std::vector<size_t> costs;
  for (const int size : {10, 1000}) {
    const Many many(size);
    GrowingSchema schema(CountPass);
    ASSERT_TRUE(schema.Build(ComposeSchema(many.types, many.fields)).empty());
    passed = 0;
    EXPECT_EQ(schema.Add("type A { t: T1 }", Fields{"a(where: AFilter): A"}), "");
    costs.push_back(passed);
  }
  EXPECT_EQ(costs[0], costs[1]);
}

TEST(SchemaCostTest, ManyTypesThatLeadToEachOtherAreChecked) {
  const Many many(3000);
  EXPECT_TRUE(IsValid(many.types, many.fields));
}

TEST(SchemaCostTest, ManyErrorsAreFoundAsFastAsFew) {
  std::string types;
  for (int i = 0; i < 8000; ++i) {
    types += "type T" + std::to_string(i) + " { a: M" + std::to_string(i) + " }\n";
  }
  EXPECT_EQ(BuildSchema(types).errors.size(), 100u);
}

TEST(SchemaCostTest, AUnionOfManyTypesIsChecked) {
  std::string types;
  std::string members = "union U =";
  for (int i = 0; i < 20000; ++i) {
    types += "type T" + std::to_string(i) + " { a: U }\n";
    members += " | T" + std::to_string(i);
  }
  EXPECT_TRUE(BuildSchema(ComposeSchema(types + members, {})).schema);
}

TEST(CheckpointTest, LongWorkCanBeGivenUpAtEachStep) {
  const Many many(2000);
  const std::string sdl = ComposeSchema(many.types, many.fields);
  std::optional<Error> error;
  EXPECT_THROW((void)SplitDefinitions(many.types, &error, GiveUp), GivenUp);
  EXPECT_THROW((void)ComposeSchema(many.types, many.fields, GiveUp), GivenUp);
  EXPECT_THROW((void)BuildSchema(sdl, GiveUp), GivenUp);
}

TEST(CheckpointTest, TheyAreAsManyAsTheDefinitions) {
  for (const int size : {100, 1000}) {
    const Many many(size);
    passed = 0;
    ASSERT_TRUE(BuildSchema(ComposeSchema(many.types, many.fields, CountPass), CountPass).schema);
    EXPECT_GT(passed, 10u * size);
  }
}

}  // namespace
}  // namespace fsubs::graphql
