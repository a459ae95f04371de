// Fields (specification, sections 5.3.1 and 5.3.3).
#include <gtest/gtest.h>

#include "test/unit/graphql/validation/validated.hpp"

namespace fsubs::graphql {
namespace {

TEST(GraphqlValidateFieldsTest, FieldsAreOfTheirType) {
  ExpectErrors({
      {"{ reader { __typename name other: name friends { __typename } } work { title ... on Book { "
       "pages } } }",
       {}},
      {"{ reader { nme { anything } } }",
       {R"(Cannot query field "nme" on type "Reader". Did you mean "name"? @1:12)"}},
      {"{ reader { title: isbn { pges } ... { bo } } }",
       {R"(Cannot query field "isbn" on type "Reader". @1:12)",
        R"(Cannot query field "bo" on type "Reader". @1:39)"}},
      {"fragment F on Nope { whatever { at { all } } }",
       {R"(Unknown type "Nope". @1:15)", R"(Fragment "F" is never used. @1:1)"}},
      {"{ book(id: 1) { isbn11 isbn1 STATE shelff } }",
       {"Cannot query field \"isbn11\" on type \"Book\". Did you mean \"isbn10\" or \"isbn13\"? "
        "@1:17",
        "Cannot query field \"isbn1\" on type \"Book\". Did you mean \"isbn10\" or \"isbn13\"? "
        "@1:24",
        "Cannot query field \"STATE\" on type \"Book\". Did you mean \"state\" or \"title\"? @1:30",
        R"(Cannot query field "shelff" on type "Book". Did you mean "shelf"? @1:36)"}},
      {"fragment F on Book { volume: pagez }",
       {R"(Cannot query field "pagez" on type "Book". Did you mean "pages"? @1:22)",
        R"(Fragment "F" is never used. @1:1)"}},
  });
}

TEST(GraphqlValidateFieldsTest, AFieldOfSomeImplementationsIsSuggestedThere) {
  ExpectErrors({
      {"{ work { pages } }",
       {"Cannot query field \"pages\" on type \"Work\". Did you mean to use an inline fragment on "
        "\"Book\" or \"Film\"? @1:10"}},
      {"{ work { shelf } }",
       {"Cannot query field \"shelf\" on type \"Work\". Did you mean to use an inline fragment on "
        "\"Item\" or \"Book\"? @1:10"}},
      {"{ item { sequel } }",
       {"Cannot query field \"sequel\" on type \"Item\". Did you mean to use an inline fragment on "
        "\"Book\"? @1:10"}},
      {"{ work { nope ... on Film { minits } } }",
       {R"(Cannot query field "nope" on type "Work". @1:10)",
        R"(Cannot query field "minits" on type "Film". Did you mean "minutes"? @1:29)"}},
  });
}

TEST(GraphqlValidateFieldsTest, AUnionHasNoFieldsButTypename) {
  ExpectErrors({
      {"{ thing { __typename ... on Reader { name } } }", {}},
      {"{ thing { name } }",
       {"Cannot query field \"name\" on type \"Thing\". Did you mean to use an inline fragment on "
        "\"Reader\"? @1:11"}},
      {"{ thing { title pages } }",
       {"Cannot query field \"title\" on type \"Thing\". Did you mean to use an inline fragment on "
        "\"Work\", \"Item\", or \"Book\"? @1:11",
        "Cannot query field \"pages\" on type \"Thing\". Did you mean to use an inline fragment on "
        "\"Book\"? @1:17"}},
  });
}

TEST(GraphqlValidateFieldsTest, MetaFieldsAreThereWhereTheyBelong) {
  ExpectErrors({
      {"{ __schema { types { name } } __type(name: \"Book\") { fields { name } } __typename }", {}},
      {R"({ reader { __schema { types { name } } __type(name: "Book") { name } } })",
       {R"(Cannot query field "__schema" on type "Reader". @1:12)",
        R"(Cannot query field "__type" on type "Reader". @1:40)"}},
      {"mutation { __schema { types { name } } }",
       {R"(Cannot query field "__schema" on type "Mutation". @1:12)"}},
      {"{ __type { name } __schema __typename { a } }",
       {"Field \"__type\" argument \"name\" of type \"String!\" is required, but it was not "
        "provided. @1:3",
        "Field \"__schema\" of type \"__Schema!\" must have a selection of subfields. Did you mean "
        "\"__schema { ... }\"? @1:19",
        "Field \"__typename\" must not have a selection since type \"String!\" has no subfields. "
        "@1:39"}},
      {R"({ __type(nam: "Book", name: 3) { name } })",
       {R"(Unknown argument "nam" on field "Query.__type". Did you mean "name"? @1:10)",
        "String cannot represent a non string value: 3 @1:29"}},
  });
}

TEST(GraphqlValidateFieldsTest, LeavesHaveNoSelectionAndOthersHaveOne) {
  ExpectErrors({
      {"{ reader }",
       {"Field \"reader\" of type \"Reader\" must have a selection of subfields. Did you mean "
        "\"reader { ... }\"? @1:3"}},
      {"{ books thing }",
       {"Field \"books\" of type \"[Book!]!\" must have a selection of subfields. Did you mean "
        "\"books { ... }\"? @1:3",
        "Field \"thing\" of type \"Thing\" must have a selection of subfields. Did you mean "
        "\"thing { ... }\"? @1:9"}},
      {"{ reader { name { first } } }",
       {"Field \"name\" must not have a selection since type \"String\" has no subfields. @1:17"}},
      {"{ book(id: 1) { title(short: true) { a } state { b } } }",
       {"Field \"title\" must not have a selection since type \"String\" has no subfields. @1:36",
        "Field \"state\" must not have a selection since type \"State\" has no subfields. @1:48"}},
      {"{ book(id: 1) { author @once } }",
       {"Field \"author\" of type \"Author\" must have a selection of subfields. Did you mean "
        "\"author { ... }\"? @1:17"}},
  });
}

}  // namespace
}  // namespace fsubs::graphql
