// Directives (specification, section 5.7).
#include <gtest/gtest.h>

#include "test/unit/graphql/validation/validated.hpp"

namespace fsubs::graphql {
namespace {

TEST(GraphqlValidateDirectivesTest, DirectivesAreKnown) {
  ExpectErrors({
      {"{ reader @nope { name @skip(if: false) @neither } }",
       {R"(Unknown directive "@nope". @1:10)", R"(Unknown directive "@neither". @1:40)"}},
      {"query ($a: Int @huh) @what { scalars(i: $a) }",
       {R"(Unknown directive "@huh". @1:16)", R"(Unknown directive "@what". @1:22)"}},
  });
}

TEST(GraphqlValidateDirectivesTest, DirectivesAreInTheirPlace) {
  ExpectErrors({
      {"query ($a: Int @note(text: \"a\")) @note(text: \"b\") { scalars(i: $a) @note(text: \"c\") "
       "}",
       {}},
      {"query @once { reader { name } }", {R"(Directive "@once" may not be used on QUERY. @1:7)"}},
      {"subscription @once { borrowed { pages } }", {}},
      {"mutation @skip(if: true) { borrow(book: 1) { pages } }",
       {R"(Directive "@skip" may not be used on MUTATION. @1:10)"}},
      {"{ reader { ...F @note(text: \"a\") ... @note(text: \"b\") { name } } } fragment F on "
       "Reader @note(text: \"c\") { name }",
       {R"(Directive "@note" may not be used on FRAGMENT_SPREAD. @1:17)",
        R"(Directive "@note" may not be used on INLINE_FRAGMENT. @1:38)",
        R"(Directive "@note" may not be used on FRAGMENT_DEFINITION. @1:89)"}},
      {"query ($a: Int @once) { scalars(i: $a) @deprecated }",
       {R"(Directive "@once" may not be used on VARIABLE_DEFINITION. @1:16)",
        R"(Directive "@deprecated" may not be used on FIELD. @1:40)"}},
  });
}

TEST(GraphqlValidateDirectivesTest, DirectivesAreUsedOnceUnlessRepeatable) {
  ExpectErrors({
      {R"({ reader { name @note(text: "a") @note(text: "b") } })", {}},
      {"{ reader @once @once @once { name } }",
       {R"(The directive "@once" can only be used once at this location. @1:10 @1:16)",
        R"(The directive "@once" can only be used once at this location. @1:10 @1:22)"}},
      {"{ reader { ...F @once @once ... @once @skip(if: true) @once @skip(if: false) { name } } } "
       "fragment F on Reader @once @once { name }",
       {R"(The directive "@once" can only be used once at this location. @1:17 @1:23)",
        R"(The directive "@once" can only be used once at this location. @1:33 @1:55)",
        R"(The directive "@skip" can only be used once at this location. @1:39 @1:61)",
        R"(The directive "@once" can only be used once at this location. @1:112 @1:118)"}},
      {"{ reader { name @nope @nope } }",
       {R"(Unknown directive "@nope". @1:17)", R"(Unknown directive "@nope". @1:23)"}},
  });
}

TEST(GraphqlValidateDirectivesTest, ArgumentsOfDirectivesAreKnown) {
  ExpectErrors({
      {"{ reader { name @note(text: \"a\", tims: 2) @skip(iff: true, if: true) @once(a: 1) } }",
       {R"(Unknown argument "tims" on directive "@note". Did you mean "times"? @1:34)",
        R"(Unknown argument "iff" on directive "@skip". Did you mean "if"? @1:49)",
        R"(Unknown argument "a" on directive "@once". @1:76)"}},
  });
}

}  // namespace
}  // namespace fsubs::graphql
