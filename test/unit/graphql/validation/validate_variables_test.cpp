// Variables (specification, section 5.8).
#include <gtest/gtest.h>

#include "test/unit/graphql/validation/validated.hpp"

namespace fsubs::graphql {
namespace {

TEST(GraphqlValidateVariablesTest, VariableNamesAreUnique) {
  ExpectErrors({
      {"query ($a: Int, $b: Int, $a: Int, $a: String) { scalars(i: $a) x: scalars(i: $b) }",
       {R"(There can be only one variable named "$a". @1:9 @1:27 @1:36)",
        "Variable \"$a\" of type \"String\" used in position expecting type \"Int\". @1:35 @1:60"}},
  });
}

TEST(GraphqlValidateVariablesTest, VariablesAreOfInputTypes) {
  ExpectErrors({
      {"query ($a: Book, $b: [Thing!], $c: Work!, $d: BookFilter, $e: State, $f: Any) { "
       "books(filter: $d) { pages } scalars(state: $e, any: $f) }",
       {R"(Variable "$a" cannot be non-input type "Book". @1:12)",
        R"(Variable "$b" cannot be non-input type "[Thing!]". @1:22)",
        R"(Variable "$c" cannot be non-input type "Work!". @1:36)",
        R"(Variable "$a" is never used. @1:8)", R"(Variable "$b" is never used. @1:18)",
        R"(Variable "$c" is never used. @1:32)"}},
  });
}

TEST(GraphqlValidateVariablesTest, VariablesAreDefined) {
  ExpectErrors({
      {"query Q { scalars(i: $a, any: [$b, {c: $d}]) }",
       {R"(Variable "$a" is not defined by operation "Q". @1:22 @1:1)",
        R"(Variable "$b" is not defined by operation "Q". @1:32 @1:1)",
        R"(Variable "$d" is not defined by operation "Q". @1:40 @1:1)"}},
      {"{ scalars(i: $a) }", {R"(Variable "$a" is not defined. @1:14 @1:1)"}},
      {"query A($a: Int) { ...F } query B { ...F } fragment F on Query { scalars(i: $a) ...G } "
       "fragment G on Query { x: scalars(s: $g) @skip(if: $h) }",
       {R"(Variable "$g" is not defined by operation "A". @1:124 @1:1)",
        R"(Variable "$h" is not defined by operation "A". @1:138 @1:1)",
        R"(Variable "$a" is not defined by operation "B". @1:77 @1:27)",
        R"(Variable "$g" is not defined by operation "B". @1:124 @1:27)",
        R"(Variable "$h" is not defined by operation "B". @1:138 @1:27)"}},
      {"query A { nope(a: $a) @nope(b: $b) }",
       {R"(Cannot query field "nope" on type "Query". @1:11)",
        R"(Unknown directive "@nope". @1:23)",
        R"(Variable "$a" is not defined by operation "A". @1:19 @1:1)",
        R"(Variable "$b" is not defined by operation "A". @1:32 @1:1)"}},
  });
}

TEST(GraphqlValidateVariablesTest, VariablesAreUsed) {
  ExpectErrors({
      {"query Q($a: Int, $b: Int) { scalars(i: $a) }",
       {R"(Variable "$b" is never used in operation "Q". @1:18)"}},
      {"query ($a: Int) { scalars }", {R"(Variable "$a" is never used. @1:8)"}},
      {"query A($a: Int) { ...F } query B($a: Int, $b: Int) { scalars(i: $b) } fragment F on Query "
       "{ scalars(i: $a) }",
       {R"(Variable "$a" is never used in operation "B". @1:35)"}},
      {"query Q($a: Int @note(text: \"x\"), $b: Boolean!) @note(text: \"y\") { reader { name "
       "@skip(if: $b) } }",
       {R"(Variable "$a" is never used in operation "Q". @1:9)"}},
  });
}

TEST(GraphqlValidateVariablesTest, VariablesFitTheirPlaces) {
  ExpectErrors({
      {"query ($i: Int!, $f: Float, $b: Boolean!, $l: [Int!]!, $g: [[Int]]) { scalars(i: $i, f: "
       "$f, b: $b) lists(ints: $l, strict: $l, grid: $g) }",
       {}},
      {"query ($i: Int, $s: String) { scalars(i: $s, f: $i) required(a: $i, b: 1) }",
       {"Variable \"$s\" of type \"String\" used in position expecting type \"Int\". @1:17 @1:42",
        R"(Variable "$i" of type "Int" used in position expecting type "Float". @1:8 @1:49)",
        R"(Variable "$i" of type "Int" used in position expecting type "Int!". @1:8 @1:65)"}},
      {"query ($l: [Int], $i: Int!, $g: [Int]) { scalars(i: $l) lists(ints: $i, strict: $l, grid: "
       "$g) }",
       {R"(Variable "$l" of type "[Int]" used in position expecting type "Int". @1:8 @1:53)",
        "Variable \"$i\" of type \"Int!\" used in position expecting type \"[Int]\". @1:19 @1:69",
        "Variable \"$l\" of type \"[Int]\" used in position expecting type \"[Int!]\". @1:8 @1:81",
        "Variable \"$g\" of type \"[Int]\" used in position expecting type \"[[Int]]\". @1:29 "
        "@1:91"}},
      {"query ($i: Int, $j: Int!) { lists(ints: [$i, $j], strict: [$i, $j], grid: [[$j], $i]) }",
       {R"(Variable "$i" of type "Int" used in position expecting type "Int!". @1:8 @1:60)",
        R"(Variable "$i" of type "Int" used in position expecting type "[Int]". @1:8 @1:82)"}},
      {"query ($t: String, $f: BookFilter) { books(filter: {title: $t, not: $f, strict: $t}) { "
       "pages } }",
       {"Variable \"$t\" of type \"String\" used in position expecting type \"String!\". @1:8 "
        "@1:60",
        "Variable \"$t\" of type \"String\" used in position expecting type \"Boolean!\". @1:8 "
        "@1:81"}},
      {"query ($b: Boolean) { reader { name @skip(if: $b) } }",
       {"Variable \"$b\" of type \"Boolean\" used in position expecting type \"Boolean!\". @1:8 "
        "@1:47"}},
      {"query Q($b: Boolean) { ...F } fragment F on Query { reader { name @include(if: $b) } }",
       {"Variable \"$b\" of type \"Boolean\" used in position expecting type \"Boolean!\". @1:9 "
        "@1:80"}},
      {R"(query ($f: [BookFilter]) { books(filter: {title: "a", not: $f}) { pages } })",
       {"Variable \"$f\" of type \"[BookFilter]\" used in position expecting type \"BookFilter\". "
        "@1:8 @1:60"}},
      {"query ($a: Nope, $b: Book) { scalars(i: $a, s: $b) }",
       {R"(Unknown type "Nope". @1:12)", R"(Variable "$b" cannot be non-input type "Book". @1:22)",
        "Variable \"$b\" of type \"Book\" used in position expecting type \"String\". @1:18 "
        "@1:48"}},
  });
}

TEST(GraphqlValidateVariablesTest, ADefaultMakesUpForNull) {
  ExpectErrors({
      {"query ($i: Int = 1) { required(a: $i, b: $i) }", {}},
      {"query ($i: Int = null) { required(a: $i, b: 1) }",
       {R"(Variable "$i" of type "Int" used in position expecting type "Int!". @1:8 @1:38)"}},
      {"query ($i: Int) { required(a: 1, b: 2, c: $i) }", {}},
      {"query ($s: Boolean, $t: String = \"x\") { books(filter: {title: $t, strict: $s}) { pages } "
       "}",
       {}},
      {"query ($i: Int = 1) { lists(strict: [$i]) }", {}},
  });
}

}  // namespace
}  // namespace fsubs::graphql
