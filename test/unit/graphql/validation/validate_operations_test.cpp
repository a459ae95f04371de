// Documents and operations (specification, sections 5.1 and 5.2).
#include <gtest/gtest.h>

#include "test/unit/graphql/validation/validated.hpp"

namespace fsubs::graphql {
namespace {

TEST(GraphqlValidateOperationsTest, OnlyOperationsAndFragmentsAreExecutable) {
  ExpectErrors({
      {"query A { reader { name } } fragment F on Reader { name } query B { reader { ...F } }", {}},
      {"query A { reader { name } } type Cow { name: String } extend type Reader { cow: Cow }",
       {R"(The "Cow" definition is not executable. @1:29)",
        R"(The "Reader" definition is not executable. @1:55)"}},
      {"schema { query: Query } extend schema @note(text: \"x\") directive @d on FIELD scalar S",
       {"The schema definition is not executable. @1:1",
        "The schema definition is not executable. @1:25",
        R"(The "d" definition is not executable. @1:56)",
        R"(The "S" definition is not executable. @1:78)",
        R"(Directive "@note" may not be used on SCHEMA. @1:39)"}},
      {"\"what\" query A { reader { name } } \"why\" fragment F on Reader { name } query "
       "B(\"which\" $b: ID!) { book(id: $b) { author { works { title } } } reader { ...F } }",
       {}},
  });
}

TEST(GraphqlValidateOperationsTest, TypeDefinitionsAreJudgedAllTheSame) {
  ExpectErrors({
      {"{ reader { name } } type T implements Nope { a(b: Nop = {c: 1, c: 2}): [Strin!] "
       "@deprecated @deprecated(reasn: \"x\") }",
       {R"(The "T" definition is not executable. @1:21)", R"(Unknown type "Nope". @1:39)",
        R"(The directive "@deprecated" can only be used once at this location. @1:81 @1:93)",
        R"(Unknown type "Nop". Did you mean "Box"? @1:51)",
        R"(There can be only one input field named "c". @1:58 @1:64)",
        R"(Unknown type "Strin". Did you mean "String", "State", or "Thing"? @1:73)",
        "Unknown argument \"reasn\" on directive \"@deprecated\". Did you mean \"reason\"? "
        "@1:105"}},
      {"query ($t: T) { reader { name } } input T { a: Int @skip } extend input T { b: Int "
       "@skip(if: true, if: false) } extend input T @note",
       {R"(The "T" definition is not executable. @1:35)",
        R"(The "T" definition is not executable. @1:60)",
        R"(The "T" definition is not executable. @1:113)", R"(Variable "$t" is never used. @1:8)",
        R"(Directive "@skip" may not be used on INPUT_FIELD_DEFINITION. @1:52)",
        "Directive \"@skip\" argument \"if\" of type \"Boolean!\" is required, but it was not "
        "provided. @1:52",
        R"(Directive "@skip" may not be used on ARGUMENT_DEFINITION. @1:84)",
        R"(There can be only one argument named "if". @1:90 @1:100)",
        R"(Directive "@note" may not be used on INPUT_OBJECT. @1:128)",
        "Directive \"@note\" argument \"text\" of type \"String!\" is required, but it was not "
        "provided. @1:128"}},
      {"{ reader { name @mine(b: 1) @mine(a: 2) } } directive @mine(a: Int!) on FIELD union U "
       "@deprecated = Book enum E @once { A @once }",
       {R"(The "mine" definition is not executable. @1:45)",
        R"(The "U" definition is not executable. @1:79)",
        R"(The "E" definition is not executable. @1:106)",
        R"(The directive "@mine" can only be used once at this location. @1:17 @1:29)",
        R"(Unknown argument "b" on directive "@mine". Did you mean "a"? @1:23)",
        "Directive \"@mine\" argument \"a\" of type \"Int!\" is required, but it was not provided. "
        "@1:17",
        R"(Directive "@deprecated" may not be used on UNION. @1:87)",
        R"(Directive "@once" may not be used on ENUM. @1:113)",
        R"(Directive "@once" may not be used on ENUM_VALUE. @1:123)"}},
  });
}

TEST(GraphqlValidateOperationsTest, OperationNamesAreUnique) {
  ExpectErrors({
      {"query A { reader { name } } mutation B { borrow(book: 1) { pages } } fragment A on Reader "
       "{ name } query C { reader { ...A } }",
       {}},
      {"query A { reader { name } } query A { thing { __typename } } mutation A { borrow(book: 1) "
       "{ pages } }",
       {R"(There can be only one operation named "A". @1:7 @1:35)",
        R"(There can be only one operation named "A". @1:7 @1:71)"}},
  });
}

TEST(GraphqlValidateOperationsTest, AnAnonymousOperationIsAlone) {
  ExpectErrors({
      {"{ reader { ...F } } fragment F on Reader { name }", {}},
      {"{ reader { name } }\n{ thing { __typename } }",
       {"This anonymous operation must be the only defined operation. @1:1",
        "This anonymous operation must be the only defined operation. @2:1"}},
      {"{ reader { name } } mutation B { borrow(book: 1) { pages } }",
       {"This anonymous operation must be the only defined operation. @1:1"}},
  });
}

TEST(GraphqlValidateOperationsTest, ASubscriptionHasOneRootField) {
  ExpectErrors({
      {"subscription S { borrowed { pages } }", {}},
      {"subscription S { borrowed { pages } returned { name } }",
       {R"(Subscription "S" must select only one top level field. @1:37)"}},
      {"subscription { borrowed { pages } a: borrowed { pages } b: returned { name } }",
       {"Anonymous Subscription must select only one top level field. @1:35 @1:57"}},
      {"subscription { borrowed { pages } borrowed { shelf } }", {}},
      {"subscription S { ...F } fragment F on Subscription { borrowed { pages } ... { returned { "
       "name } } ...F }",
       {R"(Subscription "S" must select only one top level field. @1:79)",
        R"(Cannot spread fragment "F" within itself. @1:99)"}},
      {"subscription S { __typename }",
       {R"(Subscription "S" must not select an introspection top level field. @1:18)"}},
      {"subscription { borrowed { pages } t: __typename t: __typename }",
       {"Anonymous Subscription must select only one top level field. @1:35 @1:49",
        "Anonymous Subscription must not select an introspection top level field. @1:35 @1:49"}},
      {"query S { __typename reader { name } }", {}},
  });
}

TEST(GraphqlValidateOperationsTest, RootFieldsOfASubscriptionThatAreNotIncludedDoNotCount) {
  ExpectErrors({
      {"subscription { borrowed { pages } returned @skip(if: true) { name } }", {}},
      {"subscription { borrowed { pages } ...F @include(if: false) } fragment F on Subscription { "
       "returned { name } }",
       {}},
      {"subscription { borrowed @skip(if: true) { pages } __typename @include(if: false) }", {}},
      {"subscription { borrowed { pages } returned @include(if: true) { name } }",
       {"Anonymous Subscription must select only one top level field. @1:35"}},
  });
}

TEST(GraphqlValidateOperationsTest, WhatDecidesOnTheRootOfASubscriptionIsNoVariable) {
  ExpectErrors({
      {"subscription ($b: Boolean!) { borrowed @include(if: $b) { pages } nope }",
       {"Argument \"if\" of required type \"Boolean!\" was provided the variable \"$b\" which was "
        "not provided a runtime value. @1:53"}},
      {"subscription { borrowed @skip { pages } }",
       {R"(Argument "if" of required type "Boolean!" was not provided. @1:25)"}},
      {"subscription { borrowed @skip(if: null) { pages } }",
       {R"(Argument "if" of non-null type "Boolean!" must not be null. @1:35)"}},
      {R"(subscription { borrowed @include(if: "yes") { pages } })",
       {R"(Argument "if" has invalid value "yes". @1:38)"}},
  });
}

}  // namespace
}  // namespace fsubs::graphql
