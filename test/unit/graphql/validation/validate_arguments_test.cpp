// Arguments (specification, section 5.4).
#include <gtest/gtest.h>

#include "test/unit/graphql/validation/validated.hpp"

namespace fsubs::graphql {
namespace {

TEST(GraphqlValidateArgumentsTest, ArgumentsAreKnown) {
  ExpectErrors({
      {"{ book(id: 1) { title(short: true) } required(a: 1, b: 2) }", {}},
      {"{ book(idd: 1, id: 2) { pages } }",
       {R"(Unknown argument "idd" on field "Query.book". Did you mean "id"? @1:8)"}},
      {"{ work { title(shrt: true, long: false) } }",
       {R"(Unknown argument "shrt" on field "Work.title". Did you mean "short"? @1:16)",
        R"(Unknown argument "long" on field "Work.title". @1:28)"}},
      {"{ reader { nope(a: 1) name(a: $b) } }",
       {R"(Cannot query field "nope" on type "Reader". Did you mean "name"? @1:12)",
        R"(Unknown argument "a" on field "Reader.name". @1:28)",
        R"(Variable "$b" is not defined. @1:31 @1:1)"}},
      {"{ __typename(a: 1) }", {R"(Unknown argument "a" on field "Query.__typename". @1:14)"}},
  });
}

TEST(GraphqlValidateArgumentsTest, ArgumentsAreGivenOnce) {
  ExpectErrors({
      {"{ a: book(id: 1) { pages } b: book(id: 1) { pages } }", {}},
      {"{ book(id: 1, id: 2) { pages } }",
       {R"(There can be only one argument named "id". @1:8 @1:15)"}},
      {"{ required(b: 1, a: 1, b: 2, a: 2, b: 3) }",
       {R"(There can be only one argument named "b". @1:12 @1:24 @1:36)",
        R"(There can be only one argument named "a". @1:18 @1:30)"}},
      {R"({ reader { name @note(text: "a", text: "b") nope(x: 1, x: 2) } })",
       {R"(There can be only one argument named "text". @1:23 @1:34)",
        R"(Cannot query field "nope" on type "Reader". Did you mean "name"? @1:45)",
        R"(There can be only one argument named "x". @1:50 @1:56)"}},
  });
}

TEST(GraphqlValidateArgumentsTest, RequiredArgumentsAreGiven) {
  ExpectErrors({
      {"{ book { pages } }",
       {"Field \"book\" argument \"id\" of type \"ID!\" is required, but it was not provided. "
        "@1:3"}},
      {"{ required }",
       {"Field \"required\" argument \"a\" of type \"Int!\" is required, but it was not provided. "
        "@1:3",
        "Field \"required\" argument \"b\" of type \"Int!\" is required, but it was not provided. "
        "@1:3"}},
      {"{ required(a: 1) }",
       {"Field \"required\" argument \"b\" of type \"Int!\" is required, but it was not provided. "
        "@1:3"}},
      {"{ required(b: 1, c: 2, a: 0) }", {}},
      {"{ required(a: null, b: 1, c: null) }",
       {R"(Expected value of type "Int!", found null. @1:15)",
        R"(Expected value of type "Int!", found null. @1:30)"}},
      {"{ reader { name @note } }",
       {"Directive \"@note\" argument \"text\" of type \"String!\" is required, but it was not "
        "provided. @1:17"}},
      {"{ reader { name @note(times: 1) @skip @include(if: true) } }",
       {"Directive \"@note\" argument \"text\" of type \"String!\" is required, but it was not "
        "provided. @1:17",
        "Directive \"@skip\" argument \"if\" of type \"Boolean!\" is required, but it was not "
        "provided. @1:33"}},
  });
}

}  // namespace
}  // namespace fsubs::graphql
