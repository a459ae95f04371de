// Every expected message and location is what graphql-js 16 says of the same document, except in
// the tests that say otherwise.
#include <gtest/gtest.h>

#include "graphql/sdl/schema_builder.hpp"

namespace fsubs::graphql {
namespace {

using Strings = std::vector<std::string>;

// Each error with its locations, in the order of the document.
Strings ErrorsOf(std::string_view sdl) {
  Strings errors;
  for (const Error& error : BuildSchema(sdl).errors) {
    errors.push_back(error.message);
    for (const SourceLocation& location : error.locations) {
      errors.back() += " " + std::to_string(location.line) + ":" + std::to_string(location.column);
    }
  }
  return errors;
}

// The same for definitions that follow a line with a query root.
Strings ErrorsIn(const std::string& definitions) {
  return ErrorsOf("type Query { a: Int }\n" + definitions);
}

TEST(GraphqlSchemaRulesTest, OneSchemaIsDefinedWithOneTypePerOperation) {
  EXPECT_EQ(
      ErrorsOf("schema { query: Q }\nschema { query: R }\ntype Q { a: Int } type R { a: Int }"),
      (Strings{"There can be only one query type in schema. 1:10 2:10",
               "Must provide only one schema definition. 2:1"}));
  EXPECT_EQ(ErrorsOf("type A { a: Int }"), Strings{"Query root type must be provided."});
  EXPECT_EQ(ErrorsOf("schema { mutation: M } type M { a: Int }"),
            Strings{"Query root type must be provided. 1:1"});
  EXPECT_EQ(ErrorsOf("input Query { a: Int }"),
            Strings{"Query root type must be Object type, it cannot be Query. 1:1"});
  EXPECT_EQ(
      ErrorsIn("schema { query: Query subscription: U } union U = Query"),
      Strings{"Subscription root type must be Object type if provided, it cannot be U. 2:37"});
}

TEST(GraphqlSchemaRulesTest, NamesAreGivenOnce) {
  EXPECT_EQ(ErrorsIn("type A { b: Int } enum A { B }"),
            Strings{"There can be only one type named \"A\". 2:6 2:24"});
  EXPECT_EQ(ErrorsIn("type A { b: Int b: Int } extend type A { b: Int }"),
            (Strings{"Field \"A.b\" can only be defined once. 2:10 2:17",
                     "Field \"A.b\" can only be defined once. 2:10 2:42"}));
  EXPECT_EQ(ErrorsIn("enum E { A B A }"),
            Strings{"Enum value \"E.A\" can only be defined once. 2:10 2:14"});
  EXPECT_EQ(ErrorsIn("type A { b(c: Int, c: Int, c: Int): Int }"),
            Strings{"Argument \"A.b(c:)\" can only be defined once. 2:12 2:20 2:28"});
  EXPECT_EQ(ErrorsIn("directive @d on FIELD directive @d on QUERY"),
            Strings{"There can be only one directive named \"@d\". 2:12 2:34"});
  EXPECT_EQ(ErrorsIn("union U = Query | Query"),
            Strings{"Union type U can only include type Query once. 2:11 2:19"});
}

TEST(GraphqlSchemaRulesTest, NamesOfIntrospectionAreReserved) {
  EXPECT_EQ(ErrorsIn("type __A { b: Int }"),
            Strings{"Name \"__A\" must not begin with \"__\", which is reserved by GraphQL "
                    "introspection. 2:1"});
  EXPECT_EQ(ErrorsIn("enum E { __A }").size(), 1u);
  EXPECT_EQ(ErrorsIn("type A { __b(__c: Int): Int }").size(), 2u);
  EXPECT_EQ(ErrorsIn("directive @__d(__a: Int) on FIELD").size(), 2u);
}

// graphql-js ignores such a definition.
TEST(GraphqlSchemaRulesTest, WhatGraphqlDefinesCannotBeRedefined) {
  EXPECT_EQ(ErrorsIn("scalar ID"),
            Strings{"Type \"ID\" is defined by GraphQL itself and cannot be redefined. 2:8"});
}

TEST(GraphqlSchemaRulesTest, ATypeIsKnownWhereItIsUsed) {
  EXPECT_EQ(ErrorsIn("type Order implements Nood { b(c: Xray): Qery } union Unio = Yonder"),
            (Strings{"Unknown type \"Nood\". 2:23", "Unknown type \"Xray\". 2:35",
                     "Unknown type \"Qery\". Did you mean \"Query\"? 2:42",
                     "Unknown type \"Yonder\". Did you mean \"Order\"? 2:62"}));
}

TEST(GraphqlSchemaRulesTest, ExtensionsExtendATypeOfTheirKind) {
  EXPECT_EQ(
      ErrorsIn("extend type Qery { b: Int }"),
      Strings{"Cannot extend type \"Qery\" because it is not defined. Did you mean \"Query\"? "
              "2:13"});
  EXPECT_EQ(ErrorsIn("extend input Query { b: Int }"),
            Strings{"Cannot extend non-input object type \"Query\". 1:1 2:1"});
}

TEST(GraphqlSchemaRulesTest, ExtensionsOfEveryKindAddToTheirType) {
  const SchemaResult result = BuildSchema(
      "extend type T implements I { b: Int } type Query { t: T } type T { a: Int } "
      "interface I { b: Int } extend interface I @d union U = T extend union U = Query "
      "enum E { A } extend enum E { B } input In { a: Int } extend input In { b: Int } scalar S "
      "extend scalar S @specifiedBy(url: \"s\") directive @d on INTERFACE | SCHEMA "
      "extend schema @d");
  ASSERT_TRUE(result.schema) << result.errors.at(0).message;
  const Type& object = *result.schema->FindType("T");
  EXPECT_EQ(object.fields.at(0).name, "a");  // a definition comes before its extensions
  EXPECT_EQ(object.fields.at(1).name, "b");
  EXPECT_TRUE(result.schema->FindType("I")->Includes(&object));
  EXPECT_EQ(result.schema->FindType("U")->possible.size(), 2u);
  EXPECT_NE(result.schema->FindType("E")->FindValue("B"), nullptr);
  EXPECT_NE(result.schema->FindType("In")->FindInputField("b"), nullptr);
  EXPECT_EQ(result.schema->FindType("S")->specified_by, "s");
}

TEST(GraphqlSchemaRulesTest, TypesHaveParts) {
  EXPECT_EQ(ErrorsIn("type A\ninterface B\nunion C\nenum D\ninput E"),
            (Strings{"Type A must define one or more fields. 2:1",
                     "Type B must define one or more fields. 3:1",
                     "Union type C must define one or more member types. 4:1",
                     "Enum type D must define one or more values. 5:1",
                     "Input Object type E must define one or more fields. 6:1"}));
}

TEST(GraphqlSchemaRulesTest, FieldsReturnOutputsAndArgumentsTakeInputs) {
  EXPECT_EQ(ErrorsIn("input I { a: Int b: [Query] } type A { b: [I!] c(d: A!): Int }"),
            (Strings{"The type of I.b must be Input Type but got: [Query]. 2:21",
                     "The type of A.b must be Output Type but got: [I!]. 2:43",
                     "The type of A.c(d:) must be Input Type but got: A!. 2:53"}));
  EXPECT_EQ(ErrorsIn("union U = Int"),
            Strings{"Union type U can only include Object types, it cannot include Int. 2:11"});
  EXPECT_EQ(ErrorsIn("type A implements Query { a: Int }"),
            Strings{"Type A must only implement Interface types, it cannot implement Query. 2:19"});
}

// Specification, section 3.6.1 and 3.7.1.
TEST(GraphqlSchemaRulesTest, FieldsOfAnInterfaceAreImplementedCovariantly) {
  EXPECT_EQ(ErrorsIn("interface I { a: I b: [I] c: U } union U = T | Query\n"
                     "type T implements I { a: T! b: [T!]! c: Query }"),
            Strings{});
  EXPECT_EQ(
      ErrorsIn("interface I { a: Int! b: Int c: [Int] }\ntype T implements I { a: Int b: [Int] }"),
      (Strings{"Interface field I.a expects type Int! but T.a is type Int. 2:18 3:26",
               "Interface field I.b expects type Int but T.b is type [Int]. 2:26 3:33",
               "Interface field I.c expected but T does not provide it. 2:30 3:1"}));
}

TEST(GraphqlSchemaRulesTest, AnImplementationTakesTheInterfacesArgumentsAndRequiresNoOthers) {
  EXPECT_EQ(
      ErrorsIn("interface I { f(a: Int, b: Int): Int }\n"
               "type T implements I { f(a: Int!, c: Int!, d: Int! = 1, e: Int): Int }"),
      (Strings{"Interface field argument I.f(a:) expects type Int but T.f(a:) is type Int!. "
               "2:20 3:28",
               "Interface field argument I.f(b:) expected but T.f does not provide it. 2:25 3:23",
               "Object field T.f includes required argument c that is missing from the "
               "Interface field I.f. 3:34 2:15"}));
}

TEST(GraphqlSchemaRulesTest, WhatAnInterfaceImplementsItsImplementationsDeclare) {
  EXPECT_EQ(ErrorsIn("interface A { a: Int } interface B implements A { a: Int }\n"
                     "type T implements B { a: Int }"),
            Strings{"Type T must implement A because it is implemented by B. 2:47 3:19"});
  EXPECT_EQ(ErrorsIn("interface A implements B { a: Int }\ninterface B implements A { a: Int }"),
            (Strings{"Type B cannot implement A because it would create a circular reference. "
                     "2:24 3:24",
                     "Type A cannot implement B because it would create a circular reference. "
                     "3:24 2:24"}));
  EXPECT_EQ(
      ErrorsIn("interface A implements A { a: Int }"),
      Strings{"Type A cannot implement itself because it would create a circular reference. 2:24"});
  EXPECT_EQ(ErrorsIn("interface A { a: Int } type T implements A & A { a: Int }"),
            Strings{"Type T can only implement A once. 2:42 2:46"});
}

// Specification, section 3.10.1.
TEST(GraphqlSchemaRulesTest, AnInputObjectDoesNotNeedItself) {
  EXPECT_EQ(ErrorsIn("input A { self: A list: [A!]! name: String }"), Strings{});
  EXPECT_EQ(
      ErrorsIn("input A { b: B! } input B { c: C! x: Int } input C { a: A! }"),
      Strings{"Cannot reference Input Object \"A\" within itself through a series of non-null "
              "fields: \"b.c.a\". 2:11 2:29 2:54"});
}

TEST(GraphqlSchemaRulesTest, ALongChainOfInputObjectsIsFollowedWithoutRecursion) {
  std::string sdl;
  for (int i = 0; i < 20000; ++i) {
    sdl += "input I" + std::to_string(i) + " { a: I" + std::to_string((i + 1) % 20000) + "! } ";
  }
  EXPECT_EQ(ErrorsIn(sdl).size(), 1u);
}

TEST(GraphqlSchemaRulesTest, WhatIsRequiredIsNotDeprecated) {
  EXPECT_EQ(ErrorsIn("type A { f(x: Int! @deprecated, y: Int! = 1 @deprecated): Int }\n"
                     "input I { a: Int! @deprecated b: Int @deprecated }"),
            (Strings{"Required argument A.f(x:) cannot be deprecated. 2:20 2:15",
                     "Required input field I.a cannot be deprecated. 3:19 3:14"}));
}

TEST(GraphqlSchemaRulesTest, DirectivesStandWhereTheirDefinitionsAllow) {
  EXPECT_EQ(ErrorsIn("type A @nope @skip(if: true) { b: Int @specifiedBy(url: \"x\") }"),
            (Strings{"Unknown directive \"@nope\". 2:8",
                     "Directive \"@skip\" may not be used on OBJECT. 2:14",
                     "Directive \"@specifiedBy\" may not be used on FIELD_DEFINITION. 2:39"}));
  EXPECT_EQ(ErrorsIn("directive @d on OBJECT directive @r repeatable on OBJECT\n"
                     "type A @d @r @r { b: Int } extend type A @d"),
            Strings{"The directive \"@d\" can only be used once at this location. 3:8 3:42"});
}

TEST(GraphqlSchemaRulesTest, DirectivesTakeTheArgumentsOfTheirDefinitions) {
  EXPECT_EQ(
      ErrorsIn("directive @d(limit: Int!, b: Int! = 1) on OBJECT\n"
               "type A @d(limt: 3, b: 1, b: 2) { b: Int }"),
      (Strings{"Directive \"@d\" argument \"limit\" of type \"Int!\" is required, but it was not "
               "provided. 3:8",
               "Unknown argument \"limt\" on directive \"@d\". Did you mean \"limit\"? 3:11",
               "There can be only one argument named \"b\". 3:20 3:26"}));
}

// graphql-js 16 does not look.
TEST(GraphqlSchemaRulesTest, LiteralsFitTheirTypes) {
  EXPECT_EQ(ErrorsIn("input I { a: Int = \"x\" e: E = NONE } enum E { SOME }"),
            (Strings{"Int cannot represent non-integer value: \"x\" 2:20",
                     "Value \"NONE\" does not exist in \"E\" enum. Did you mean the enum value "
                     "\"SOME\"? 2:31"}));
  EXPECT_EQ(ErrorsIn("scalar S @specifiedBy(url: 5)"),
            Strings{"String cannot represent a non string value: 5 2:28"});
  EXPECT_EQ(ErrorsIn("directive @d(a: [In]) on OBJECT input In { a: Int! }\n"
                     "type A @d(a: {a: null}) { b: Int }"),
            Strings{"Expected value of type \"Int!\", found null. 3:18"});
  EXPECT_EQ(ErrorsIn("scalar S type A { f(a: S = {x: 1, x: 2}): Int }"),
            Strings{"There can be only one input field named \"x\". 2:29 2:35"});
}

// graphql-js recurses until its stack is full.
TEST(GraphqlSchemaRulesTest, ADefaultValueEndsWithTheDefaultsOfItsFields) {
  EXPECT_EQ(
      ErrorsIn("input I { a: I = {} }"),
      Strings{"The default value of \"a\" is too long with the defaults of its fields. 2:18"});
  std::string sdl = "input I0 { a: Int = 1 } ";
  for (int i = 1; i < 40; ++i) {
    const std::string below = "I" + std::to_string(i - 1);
    sdl += "input I" + std::to_string(i) + " { a: " + below + " = {} b: " + below + " = {} } ";
  }
  EXPECT_FALSE(ErrorsIn(sdl).empty());
}

TEST(GraphqlSchemaRulesTest, FederationsDirectivesNeedNoDefinition) {
  EXPECT_EQ(ErrorsIn("extend schema @link(url: \"https://specs.apollo.dev/federation/v2.3\", "
                     "import: [\"@key\", \"@shareable\"])\n"
                     "type A @key(fields: \"id\") @key(fields: \"b\") { id: ID! b: Int @shareable "
                     "c: Int @federation__external }"),
            Strings{});
  // One that is defined is checked as any other.
  EXPECT_EQ(ErrorsIn("directive @key(fields: String!) on OBJECT type A @key { b: Int }").size(),
            1u);
}

TEST(GraphqlSchemaRulesTest, ADefinedDirectiveReplacesTheSpecifications) {
  const SchemaResult result = BuildSchema(
      "directive @deprecated(reason: String) on OBJECT type Query @deprecated { a: Int }");
  ASSERT_TRUE(result.schema) << result.errors.at(0).message;
  EXPECT_FALSE(result.schema->FindDirective("deprecated")->builtin);
}

TEST(GraphqlSchemaRulesTest, TheNumberOfErrorsIsBounded) {
  std::string fields;
  for (int i = 0; i < 1000; ++i) fields += " f" + std::to_string(i) + ": Nope";
  EXPECT_EQ(ErrorsIn("type A {" + fields + " }").size(), 100u);
}

}  // namespace
}  // namespace fsubs::graphql
