// Fragments (specification, section 5.5).
#include <gtest/gtest.h>

#include "test/unit/graphql/validation/validated.hpp"

namespace fsubs::graphql {
namespace {

TEST(GraphqlValidateFragmentsTest, FragmentNamesAreUnique) {
  ExpectErrors({
      {"{ reader { ...A } } fragment A on Reader { name } fragment A on Reader { friends { name } "
       "} fragment A on Reader { nme }",
       {R"(There can be only one fragment named "A". @1:30 @1:60)",
        R"(There can be only one fragment named "A". @1:30 @1:102)",
        R"(Cannot query field "nme" on type "Reader". Did you mean "name"? @1:116)"}},
  });
}

TEST(GraphqlValidateFragmentsTest, TypesOfConditionsExist) {
  ExpectErrors({
      {"{ reader { ...A ... on Readr { name } } } fragment A on Bok { pages }",
       {R"(Unknown type "Readr". Did you mean "Reader"? @1:24)",
        R"(Unknown type "Bok". Did you mean "Book", "Box", or "Work"? @1:57)"}},
      {"query ($a: Strng, $b: [Boks!]!, $c: Float) { scalars(f: $c) }",
       {R"(Unknown type "Strng". Did you mean "String", "State", or "Thing"? @1:12)",
        R"(Unknown type "Boks". Did you mean "Book" or "Box"? @1:24)",
        R"(Variable "$a" is never used. @1:8)", R"(Variable "$b" is never used. @1:19)"}},
  });
}

TEST(GraphqlValidateFragmentsTest, ConditionsAreOnCompositeTypes) {
  ExpectErrors({
      {"{ thing { ... on State { x } ... on BookFilter { title } ...A } } fragment A on Any { x }",
       {R"(Fragment cannot condition on non composite type "State". @1:18)",
        R"(Fragment cannot condition on non composite type "BookFilter". @1:37)",
        R"(Fragment "A" cannot condition on non composite type "Any". @1:81)"}},
  });
}

TEST(GraphqlValidateFragmentsTest, FragmentsAreUsed) {
  ExpectErrors({
      {"{ reader { ...A } } fragment A on Reader { ...B } fragment B on Reader { name }", {}},
      {"{ reader { name } } fragment A on Reader { ...B } fragment B on Reader { name }",
       {R"(Fragment "A" is never used. @1:21)", R"(Fragment "B" is never used. @1:51)"}},
      {"query A { reader { ...F } } query B { reader { name } } fragment F on Reader { name } "
       "fragment G on Reader { ...G }",
       {R"(Cannot spread fragment "G" within itself. @1:110)",
        R"(Fragment "G" is never used. @1:87)"}},
  });
}

TEST(GraphqlValidateFragmentsTest, SpreadsNameAFragment) {
  ExpectErrors({
      {"{ reader { ...Nope ... { ...Neither } } }",
       {R"(Unknown fragment "Nope". @1:15)", R"(Unknown fragment "Neither". @1:29)"}},
  });
}

TEST(GraphqlValidateFragmentsTest, FragmentsDoNotContainThemselves) {
  ExpectErrors({
      {"{ reader { ...A } } fragment A on Reader { ...A }",
       {R"(Cannot spread fragment "A" within itself. @1:44)"}},
      {"{ reader { ...A } } fragment A on Reader { friends { ...A } }",
       {R"(Cannot spread fragment "A" within itself. @1:54)"}},
      {"{ reader { ...A } } fragment A on Reader { ...B } fragment B on Reader { ...C } fragment C "
       "on Reader { ...A }",
       {R"(Cannot spread fragment "A" within itself via "B", "C". @1:44 @1:74 @1:104)"}},
      {"{ reader { ...A } } fragment A on Reader { ...B ...C } fragment B on Reader { ...A } "
       "fragment C on Reader { ...A ...C }",
       {R"(Cannot spread fragment "A" within itself via "B". @1:44 @1:79)",
        R"(Cannot spread fragment "A" within itself via "C". @1:49 @1:109)",
        R"(Cannot spread fragment "C" within itself. @1:114)"}},
      {"{ reader { ...A ...B } } fragment A on Reader { ...C } fragment B on Reader { ...C } "
       "fragment C on Reader { name ... { friends { name } } }",
       {}},
  });
}

TEST(GraphqlValidateFragmentsTest, SpreadsArePossible) {
  ExpectErrors({
      {"{ work { ... on Item { shelf } ... on Film { minutes } ... on Thing { __typename } } thing "
       "{ ... on Work { title } } }",
       {}},
      {"{ reader { ... on Book { pages } } }",
       {"Fragment cannot be spread here as objects of type \"Reader\" can never be of type "
        "\"Book\". @1:12"}},
      {"{ reader { ...A } } fragment A on Book { pages }",
       {"Fragment \"A\" cannot be spread here as objects of type \"Reader\" can never be of type "
        "\"Book\". @1:12"}},
      {"{ item { ... on Film { minutes } ...A } } fragment A on Film { minutes }",
       {"Fragment cannot be spread here as objects of type \"Item\" can never be of type \"Film\". "
        "@1:10",
        "Fragment \"A\" cannot be spread here as objects of type \"Item\" can never be of type "
        "\"Film\". @1:34"}},
      {"{ thing { ... on Film { minutes } ... on Author { name } } }",
       {"Fragment cannot be spread here as objects of type \"Thing\" can never be of type "
        "\"Film\". @1:11",
        "Fragment cannot be spread here as objects of type \"Thing\" can never be of type "
        "\"Author\". @1:35"}},
      {"{ reader { ... on Thing { __typename } ... on Work { title } } }",
       {"Fragment cannot be spread here as objects of type \"Reader\" can never be of type "
        "\"Work\". @1:40"}},
  });
}

}  // namespace
}  // namespace fsubs::graphql
