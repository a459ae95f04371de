// Values (specification, section 5.6).
#include <gtest/gtest.h>

#include "test/unit/graphql/validation/validated.hpp"

namespace fsubs::graphql {
namespace {

TEST(GraphqlValidateValuesTest, ScalarsTakeTheirLiterals) {
  ExpectErrors({
      {R"({ scalars(i: 1, f: 1, s: "a", b: true, id: 7, any: {a: [1, B, {c: null}]}) })", {}},
      {R"({ scalars(i: null, f: -1.5e3, s: """a""", b: false, id: "a", any: "x") })", {}},
  });
}

TEST(GraphqlValidateValuesTest, IntTakesIntegersOf32Bits) {
  ExpectErrors({
      {R"({ scalars(i: "1") })", {R"(Int cannot represent non-integer value: "1" @1:14)"}},
      {"{ scalars(i: 2147483648) }",
       {"Int cannot represent non 32-bit signed integer value: 2147483648 @1:14"}},
      {"{ scalars(i: -2147483649) }",
       {"Int cannot represent non 32-bit signed integer value: -2147483649 @1:14"}},
      {"{ scalars(i: 1.0) }", {"Int cannot represent non-integer value: 1.0 @1:14"}},
      {"{ scalars(i: true) }", {"Int cannot represent non-integer value: true @1:14"}},
      {"{ scalars(i: FOO) }", {"Int cannot represent non-integer value: FOO @1:14"}},
      {"{ scalars(i: [1]) }", {"Int cannot represent non-integer value: [1] @1:14"}},
      {"{ scalars(i: {a: 1}) }", {"Int cannot represent non-integer value: {a: 1} @1:14"}},
  });
}

TEST(GraphqlValidateValuesTest, FloatTakesNumbers) {
  ExpectErrors({
      {R"({ scalars(f: "1") })", {R"(Float cannot represent non numeric value: "1" @1:14)"}},
      {"{ scalars(f: true) }", {"Float cannot represent non numeric value: true @1:14"}},
      {"{ scalars(f: FOO) }", {"Float cannot represent non numeric value: FOO @1:14"}},
      {R"({ scalars(f: [1.5, {a: "b"}]) })",
       {R"(Float cannot represent non numeric value: [1.5, {a: "b"}] @1:14)"}},
  });
}

TEST(GraphqlValidateValuesTest, StringTakesStrings) {
  ExpectErrors({
      {"{ scalars(s: 1) }", {"String cannot represent a non string value: 1 @1:14"}},
      {"{ scalars(s: 1.0) }", {"String cannot represent a non string value: 1.0 @1:14"}},
      {"{ scalars(s: true) }", {"String cannot represent a non string value: true @1:14"}},
      {"{ scalars(s: BAR) }", {"String cannot represent a non string value: BAR @1:14"}},
      {"{ scalars(s: {a: 1, b: [1, 2]}) }",
       {"String cannot represent a non string value: {a: 1, b: [1, 2]} @1:14"}},
  });
}

TEST(GraphqlValidateValuesTest, BooleanTakesTrueAndFalse) {
  ExpectErrors({
      {"{ scalars(b: 2) }", {"Boolean cannot represent a non boolean value: 2 @1:14"}},
      {R"({ scalars(b: "true") })",
       {R"(Boolean cannot represent a non boolean value: "true" @1:14)"}},
      {"{ scalars(b: TRUE) }", {"Boolean cannot represent a non boolean value: TRUE @1:14"}},
      {"{ scalars(b: \"\"\"a\n  b\"\"\") }", {R"(Boolean cannot represent a non boolean value: """
a
b
""" @1:14)"}},
  });
}

TEST(GraphqlValidateValuesTest, IdTakesStringsAndIntegers) {
  ExpectErrors({
      {"{ scalars(id: 1.0) }",
       {"ID cannot represent a non-string and non-integer value: 1.0 @1:15"}},
      {"{ scalars(id: true) }",
       {"ID cannot represent a non-string and non-integer value: true @1:15"}},
      {"{ scalars(id: SOMETHING) }",
       {"ID cannot represent a non-string and non-integer value: SOMETHING @1:15"}},
  });
}

TEST(GraphqlValidateValuesTest, EnumsTakeTheirValues) {
  ExpectErrors({
      {"{ scalars(state: LENT) }", {}},
      {R"({ scalars(state: "LENT") })",
       {"Enum \"State\" cannot represent non-enum value: \"LENT\". Did you mean the enum value "
        "\"LENT\"? @1:18"}},
      {"{ scalars(state: LOAN) }",
       {"Value \"LOAN\" does not exist in \"State\" enum. Did you mean the enum value \"LOST\"? "
        "@1:18"}},
      {"{ scalars(state: lost) }",
       {"Value \"lost\" does not exist in \"State\" enum. Did you mean the enum value \"LOST\" or "
        "\"LENT\"? @1:18"}},
      {"{ scalars(state: 1) }", {R"(Enum "State" cannot represent non-enum value: 1. @1:18)"}},
      {"{ scalars(state: true) }",
       {R"(Enum "State" cannot represent non-enum value: true. @1:18)"}},
      {"{ scalars(state: [LENT]) }",
       {"Enum \"State\" cannot represent non-enum value: [LENT]. Did you mean the enum value "
        "\"LENT\"? @1:18"}},
      {"{ scalars(state: {a: LENT}) }",
       {R"(Enum "State" cannot represent non-enum value: {a: LENT}. @1:18)"}},
  });
}

TEST(GraphqlValidateValuesTest, ListsTakeListsAndSingleItems) {
  ExpectErrors({
      {"{ lists(ints: [1, null], strict: 1, grid: [[1], 2, null]) }", {}},
      {R"({ lists(ints: [1, "2", 3]) })", {R"(Int cannot represent non-integer value: "2" @1:19)"}},
      {R"({ lists(ints: "1") })", {R"(Int cannot represent non-integer value: "1" @1:15)"}},
      {"{ lists(strict: [1, null]) }", {R"(Expected value of type "Int!", found null. @1:21)"}},
      {R"({ lists(grid: [[1, "a"], ["b"]]) })",
       {R"(Int cannot represent non-integer value: "a" @1:20)",
        R"(Int cannot represent non-integer value: "b" @1:27)"}},
      {"{ lists(strict: null, grid: {a: 1}) }",
       {"Int cannot represent non-integer value: {a: 1} @1:29"}},
  });
}

TEST(GraphqlValidateValuesTest, NullIsNoValueOfANonNullType) {
  ExpectErrors({
      {"{ book(id: null) { pages } }", {R"(Expected value of type "ID!", found null. @1:12)"}},
      {"{ required(a: null, b: 1) }", {R"(Expected value of type "Int!", found null. @1:15)"}},
      {"query ($a: Int! = null) { required(a: $a, b: 1) }",
       {R"(Expected value of type "Int!", found null. @1:19)"}},
  });
}

TEST(GraphqlValidateValuesTest, InputObjectsHaveTheirFields) {
  ExpectErrors({
      {"{ books(filter: {title: \"a\", states: LENT, not: {title: \"b\", strict: true}}) { pages } "
       "}",
       {}},
      {"{ books(filter: {}) { pages } }",
       {R"(Field "BookFilter.title" of required type "String!" was not provided. @1:17)"}},
      {"{ books(filter: {pages: 1, not: {strict: null}}) { pages } }",
       {R"(Field "BookFilter.title" of required type "String!" was not provided. @1:17)",
        R"(Field "BookFilter.title" of required type "String!" was not provided. @1:33)",
        R"(Expected value of type "Boolean!", found null. @1:42)"}},
      {R"({ books(filter: {title: "a", titel: "b", pagess: 1}) { pages } })",
       {"Field \"titel\" is not defined by type \"BookFilter\". Did you mean \"title\" or "
        "\"states\"? @1:30",
        R"(Field "pagess" is not defined by type "BookFilter". Did you mean "pages"? @1:42)"}},
      {R"({ books(filter: {title: 1, states: ["LENT", LOSTT]}) { pages } })",
       {"String cannot represent a non string value: 1 @1:25",
        "Enum \"State\" cannot represent non-enum value: \"LENT\". Did you mean the enum value "
        "\"LENT\"? @1:37",
        "Value \"LOSTT\" does not exist in \"State\" enum. Did you mean the enum value \"LOST\" or "
        "\"LENT\"? @1:45"}},
      {"{ books(filter: 3) { pages } }",
       {R"(Expected value of type "BookFilter", found 3. @1:17)"}},
      {R"({ books(filter: [{title: "a"}]) { pages } })",
       {R"(Expected value of type "BookFilter", found [{title: "a"}]. @1:17)"}},
      {"{ books(filter: LENT) { pages } }",
       {R"(Expected value of type "BookFilter", found LENT. @1:17)"}},
  });
}

TEST(GraphqlValidateValuesTest, InputFieldsAreGivenOnce) {
  ExpectErrors({
      {"{ books(filter: {title: \"a\", title: \"b\", not: {title: \"c\", title: \"d\", title: "
       "\"e\"}}) { pages } }",
       {R"(There can be only one input field named "title". @1:18 @1:30)",
        R"(There can be only one input field named "title". @1:48 @1:60)",
        R"(There can be only one input field named "title". @1:48 @1:72)"}},
      {"{ scalars(any: {a: 1, a: 2, b: [{c: 1, c: 2}]}) }",
       {R"(There can be only one input field named "a". @1:17 @1:23)",
        R"(There can be only one input field named "c". @1:34 @1:40)"}},
      {"{ scalars(nope: {a: 1, a: 2}) }",
       {R"(Unknown argument "nope" on field "Query.scalars". @1:11)",
        R"(There can be only one input field named "a". @1:18 @1:24)"}},
  });
}

TEST(GraphqlValidateValuesTest, DefaultsOfVariablesFitToo) {
  ExpectErrors({
      {"query ($a: Int = \"1\", $b: [Int!] = [1, null], $c: BookFilter = {titel: 1}, $d: Nope = "
       "{a: 1, a: 2}) { scalars(i: $a) lists(strict: $b) books(filter: $c) { pages } }",
       {R"(Int cannot represent non-integer value: "1" @1:18)",
        R"(Expected value of type "Int!", found null. @1:40)",
        R"(Field "BookFilter.title" of required type "String!" was not provided. @1:64)",
        "Field \"titel\" is not defined by type \"BookFilter\". Did you mean \"title\" or "
        "\"states\"? @1:65",
        R"(Unknown type "Nope". @1:80)",
        R"(There can be only one input field named "a". @1:88 @1:94)",
        R"(Variable "$d" is never used. @1:76)"}},
  });
}

TEST(GraphqlValidateValuesTest, ArgumentsOfAnUnknownDirectiveAreThoseOfTheField) {
  ExpectErrors({
      {R"({ scalars(i: 1) @nope(i: "1", s: 2, z: 3) })",
       {R"(Unknown directive "@nope". @1:17)",
        R"(Int cannot represent non-integer value: "1" @1:26)",
        "String cannot represent a non string value: 2 @1:34"}},
      {R"({ reader { ... @nope(i: "1") { name } } })", {R"(Unknown directive "@nope". @1:16)"}},
  });
}

}  // namespace
}  // namespace fsubs::graphql
