#include "worker/operation/introspection.hpp"

#include <gtest/gtest.h>
#include "graphql/schema/visibility.hpp"
#include "graphql/sdl/schema_builder.hpp"

namespace fsubs {
namespace {

constexpr char kSdl[] = R"(
  """Where it is.""" scalar Place @specifiedBy(url: "https://places.example")
  directive @tag(name: String! = "x") repeatable on OBJECT | FIELD_DEFINITION
  interface Node { id: ID! }
  type A implements Node { id: ID! old: Int @deprecated place(in: In = { a: 1.50 }): Place }
  type B implements Node { id: ID! }
  union U = A | B
  enum E { X Y @deprecated(reason: "no more") }
  input In { a: Float b: [Int!] = 3 c: ID = 7 d: In gone: Int @deprecated }
  type Query { u: U e: E }
)";

class IntrospectionTest : public testing::Test {
 protected:
  template <typename T>
  static T Get(const IntrospectionObject& object, std::string_view field, bool deprecated = false) {
    return std::get<T>(Introspect(object, field, deprecated, graphql::Visibility()));
  }
  static std::string Text(const IntrospectionObject& object, std::string_view field) {
    return Get<std::string>(object, field);
  }
  static bool IsNull(const IntrospectionObject& object, std::string_view field) {
    return std::holds_alternative<std::monostate>(
        Introspect(object, field, false, graphql::Visibility()));
  }
  static std::string Names(const IntrospectionObject& object, std::string_view list,
                           bool deprecated = false) {
    std::string names;
    for (const auto& item : Get<std::vector<IntrospectionObject>>(object, list, deprecated)) {
      names += (names.empty() ? "" : " ") + Text(item, "name");
    }
    return names;
  }
  const graphql::Type* Find(const char* name) const { return schema_->FindType(name); }

  std::shared_ptr<const graphql::Schema> schema_ = graphql::BuildSchema(kSdl).schema;
};

TEST_F(IntrospectionTest, TypesAreListedAsGraphqlJsListsThem) {
  EXPECT_EQ(Names(schema_.get(), "types"),
            "Place Node ID A Int B U E In Float Query String Boolean __Schema __Type __TypeKind "
            "__Field __InputValue __EnumValue __Directive __DirectiveLocation");
}

TEST_F(IntrospectionTest, DefinedDirectivesComeFirst) {
  EXPECT_EQ(Names(schema_.get(), "directives"), "tag include skip deprecated specifiedBy");
  const graphql::DirectiveType* const tag = schema_->FindDirective("tag");
  EXPECT_TRUE(Get<bool>(tag, "isRepeatable"));
  EXPECT_EQ(Get<std::vector<std::string>>(tag, "locations"),
            (std::vector<std::string>{"OBJECT", "FIELD_DEFINITION"}));
}

TEST_F(IntrospectionTest, EachKindHasWhatIsItsOwn) {
  EXPECT_EQ(Text(Find("Place"), "specifiedByURL"), "https://places.example");
  EXPECT_EQ(Text(Find("Place"), "description"), "Where it is.");
  EXPECT_EQ(Names(Find("Node"), "possibleTypes"), "A B");
  EXPECT_EQ(Names(Find("A"), "interfaces"), "Node");
  EXPECT_EQ(Names(Find("U"), "possibleTypes"), "A B");
  for (const char* list : {"fields", "interfaces", "enumValues", "inputFields"}) {
    EXPECT_TRUE(IsNull(Find("U"), list)) << list;
  }
  EXPECT_TRUE(IsNull(schema_.get(), "mutationType"));
}

TEST_F(IntrospectionTest, WhatIsDeprecatedIsListedOnlyOnRequest) {
  EXPECT_EQ(Names(Find("A"), "fields"), "id place");
  EXPECT_EQ(Names(Find("A"), "fields", true), "id old place");
  EXPECT_EQ(Names(Find("E"), "enumValues"), "X");
  EXPECT_EQ(Names(Find("In"), "inputFields"), "a b c d");
  EXPECT_EQ(Text(Find("A")->FindField("old"), "deprecationReason"), "No longer supported");
  EXPECT_EQ(Text(Find("E")->FindValue("Y"), "deprecationReason"), "no more");
}

TEST_F(IntrospectionTest, DefaultValuesAreShownAfterCoercion) {
  const graphql::Type* const input = Find("In");
  EXPECT_EQ(Text(input->FindInputField("b"), "defaultValue"), "[3]");
  EXPECT_EQ(Text(input->FindInputField("c"), "defaultValue"), "7");
  EXPECT_TRUE(IsNull(input->FindInputField("a"), "defaultValue"));
  EXPECT_EQ(Text(Find("A")->FindField("place")->FindArgument("in"), "defaultValue"),
            "{a: 1.5, b: [3], c: 7}");
}

TEST_F(IntrospectionTest, WhatIsRequiredSinceItsDefaultIsHiddenIsNotDeprecated) {
  const auto schema = graphql::BuildSchema(R"(
    enum E { X Y }
    input In { a: E! = X @deprecated b: E = X @deprecated }
    type Query { f(in: In, e: E! = X @deprecated): Int }
  )")
                          .schema;
  const graphql::VisibilityRules rules(*schema, {});
  const auto hidden = schema->FindType("E")->FindValue("X")->id;
  const std::pair<graphql::ElementId, graphql::HidingReason> hide[] = {{hidden, 1}};
  const graphql::Visibility visibility = rules.Hide(hide);
  const graphql::Type* const input = schema->FindType("In");
  const auto is_deprecated = [](const auto* node, const graphql::Visibility& seen) {
    return std::get<bool>(Introspect(node, "isDeprecated", true, seen));
  };
  const auto listed = [&](const auto* node, const char* list) {
    return std::get<std::vector<IntrospectionObject>>(Introspect(node, list, false, visibility))
        .size();
  };
  EXPECT_TRUE(is_deprecated(input->FindInputField("a"), graphql::Visibility()));
  EXPECT_FALSE(is_deprecated(input->FindInputField("a"), visibility));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(
      Introspect(input->FindInputField("a"), "deprecationReason", true, visibility)));
  EXPECT_TRUE(is_deprecated(input->FindInputField("b"), visibility));
  EXPECT_EQ(listed(input, "inputFields"), 1u);
  EXPECT_EQ(listed(schema->FindType("Query")->FindField("f"), "args"), 2u);
}

TEST_F(IntrospectionTest, WrappersAreTypesOfTheirOwn) {
  const IntrospectionObject id = Get<IntrospectionObject>(Find("A")->FindField("id"), "type");
  EXPECT_EQ(Text(id, "kind"), "NON_NULL");
  EXPECT_TRUE(IsNull(id, "name"));
  EXPECT_EQ(Text(Get<IntrospectionObject>(id, "ofType"), "name"), "ID");
}

}  // namespace
}  // namespace fsubs
