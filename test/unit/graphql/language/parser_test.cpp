#include "graphql/language/parser.hpp"

#include <gtest/gtest.h>

#include "graphql/language/print.hpp"

namespace fsubs::graphql {
namespace {

std::string ErrorOf(std::string_view source, const ParseLimits& limits = {}) {
  const ParseResult result = ParseDocument(source, limits);
  if (!result.error) return "(none)";
  const SourceLocation at = result.error->locations.at(0);
  return result.error->message + " " + std::to_string(at.line) + ":" + std::to_string(at.column);
}

TEST(GraphqlParserTest, SyntaxErrorsReadAndPointAsGraphqlJsDoes) {
  EXPECT_EQ(ErrorOf("{"), "Syntax Error: Expected Name, found <EOF>. 1:2");
  EXPECT_EQ(ErrorOf(""), "Syntax Error: Unexpected <EOF>. 1:1");
  EXPECT_EQ(ErrorOf("\n      { ...MissingOn }\n      fragment MissingOn Type"),
            "Syntax Error: Expected \"on\", found Name \"Type\". 3:26");
  EXPECT_EQ(ErrorOf("{ field: {} }"), "Syntax Error: Expected Name, found \"{\". 1:10");
  EXPECT_EQ(ErrorOf("notAnOperation Foo { field }"),
            "Syntax Error: Unexpected Name \"notAnOperation\". 1:1");
  EXPECT_EQ(ErrorOf("..."), "Syntax Error: Unexpected \"...\". 1:1");
  EXPECT_EQ(ErrorOf("{ \"\""), "Syntax Error: Expected Name, found String \"\". 1:3");
  EXPECT_EQ(ErrorOf("query Foo($x: Complex = { a: { b: [ $var ] } }) { field }"),
            "Syntax Error: Unexpected variable \"$var\" in constant value. 1:37");
  EXPECT_EQ(ErrorOf("fragment on on on { on }"), "Syntax Error: Unexpected Name \"on\". 1:10");
  EXPECT_EQ(ErrorOf("{ ...on }"), "Syntax Error: Expected Name, found \"}\". 1:9");
}

TEST(GraphqlParserTest, LexicalErrorsReadAndPointAsGraphqlJsDoes) {
  EXPECT_EQ(ErrorOf("{ a(b: \"x\n\") }"), "Syntax Error: Unterminated string. 1:10");
  EXPECT_EQ(ErrorOf("{ a(b: 01) }"),
            "Syntax Error: Invalid number, unexpected digit after 0: \"1\". 1:9");
  EXPECT_EQ(ErrorOf("{ a(b: 1.) }"),
            "Syntax Error: Invalid number, expected digit but got: \")\". 1:10");
  EXPECT_EQ(ErrorOf("{ a(b: 1e) }"),
            "Syntax Error: Invalid number, expected digit but got: \")\". 1:10");
  EXPECT_EQ(ErrorOf("{ a(b: \"\\x\") }"),
            "Syntax Error: Invalid character escape sequence: \"\\x\". 1:9");
  EXPECT_EQ(ErrorOf("{ a(b: \"\\u12\") }"),
            "Syntax Error: Invalid Unicode escape sequence: \"\\u12\")\". 1:9");
  EXPECT_EQ(ErrorOf("?"), "Syntax Error: Unexpected character: \"?\". 1:1");
  EXPECT_EQ(
      ErrorOf("'"),
      "Syntax Error: Unexpected single quote character ('), did you mean to use a double quote "
      "(\")? 1:1");
  EXPECT_NE(ErrorOf("\xff"), "(none)");
  EXPECT_NE(ErrorOf("{ a(b: \"\xff\") }"), "(none)");
}

TEST(GraphqlParserTest, OfTwoErrorsTheFirstIsReported) {
  EXPECT_EQ(ErrorOf("{ a } } ?"), "Syntax Error: Unexpected \"}\". 1:7");
  EXPECT_EQ(ErrorOf("{ a( ) \"open"), "Syntax Error: Expected Name, found \")\". 1:6");
  EXPECT_EQ(ErrorOf("{ a ) } b c", {.max_tokens = 4}),
            "Syntax Error: Expected Name, found \")\". 1:5");
  // Behind a description and `extend` one token more is read.
  EXPECT_EQ(ErrorOf("\"d\" ? query { a }"), "Syntax Error: Unexpected character: \"?\". 1:5");
  EXPECT_EQ(ErrorOf("extend 01"),
            "Syntax Error: Invalid number, unexpected digit after 0: \"1\". 1:9");
}

TEST(GraphqlParserTest, DescriptionsStandOnDefinitionsOnly) {
  EXPECT_EQ(
      ErrorOf(
          "\"d\" query Q(\"v\" $a: Int, \"\"\"w\"\"\" $b: Int) { a } \"f\" fragment F on T { a }"),
      "(none)");
  EXPECT_EQ(ErrorOf("\"d\" { a }"),
            "Syntax Error: Unexpected description, descriptions are not supported on shorthand "
            "queries. 1:1");
  EXPECT_EQ(ErrorOf("\"d\" extend type T @a"),
            "Syntax Error: Unexpected description, only GraphQL definitions support descriptions. "
            "1:1");
  EXPECT_EQ(ErrorOf("\"d\" \"e\""), "Syntax Error: Unexpected String \"e\". 1:5");
}

TEST(GraphqlParserTest, ReservedNamesAreToldByTheirText) {
  EXPECT_EQ(ErrorOf("fragment \"on\" on T { a }"), "Syntax Error: Unexpected String \"on\". 1:10");
  EXPECT_EQ(ErrorOf("enum E { A \"d\" \"true\" }"),
            "Syntax Error: String \"true\" is reserved and cannot be used for an enum value. 1:16");
}

TEST(GraphqlParserTest, StringsTakeAnyCharacterButTheEndOfALine) {
  const char source[] = "{ a(b: \"\x01\t\x7f\", c: \"\"\"\0\"\"\") } # \x02";
  EXPECT_EQ(ErrorOf({source, sizeof(source) - 1}), "(none)");
  EXPECT_EQ(ErrorOf("{ a(b: \"\\u{1F60\u00e9}\") }"),
            "Syntax Error: Invalid Unicode escape sequence: \"\\u{1F60\u00e9\". 1:9");
  EXPECT_EQ(ErrorOf("{ a(b: \"\\u{110000}\") }"),
            "Syntax Error: Invalid Unicode escape sequence: \"\\u{110000}\". 1:9");
  EXPECT_EQ(ErrorOf("{ a(b: \"\\uD83D\\u0041\") }"),
            "Syntax Error: Invalid Unicode escape sequence: \"\\uD83D\". 1:9");
  EXPECT_EQ(ErrorOf("{ a(b: \"\\uDE00\") }"),
            "Syntax Error: Invalid Unicode escape sequence: \"\\uDE00\". 1:9");
}

TEST(GraphqlParserTest, ValuesArePrintedAsGraphqlJsPrintsThem) {
  const auto printed = [](const std::string& value) {
    const ParseResult result = ParseDocument("{ a(b: " + value + ") }");
    return Print(*result.document->operations[0].selection_set->selections[0].arguments[0].value);
  };
  EXPECT_EQ(printed("{ a : [1 ,2.50] b:{} , c: $d }"), "{a: [1, 2.50], b: {}, c: $d}");
  EXPECT_EQ(printed("\"\\u0007\\u007f\\u0085\\n\u00e9\""), "\"\\u0007\\u007F\\u0085\\n\u00e9\"");
  EXPECT_EQ(printed("\"\"\"block\"\"\""), "\"\"\"block\"\"\"");
  EXPECT_EQ(printed("\"\"\"\n  two\n    lines\n\"\"\""), "\"\"\"\ntwo\n  lines\n\"\"\"");
  EXPECT_EQ(printed("\"\"\"ends in a slash\\\n\"\"\""), "\"\"\"\nends in a slash\\\n\"\"\"");
  EXPECT_EQ(printed("\"\"\"a \\\"\"\" b\"\"\""), "\"\"\"a \\\"\"\" b\"\"\"");
}

TEST(GraphqlParserTest, TheWholeExecutableGrammarIsAccepted) {
  EXPECT_EQ(ErrorOf(R"(
    query queryName($foo: ComplexType = {a: [1, -2.5e3]}, $site: Site = MOBILE) @onQuery {
      whoever123is: node(id: [123, 456]) {
        id, ... on User @onInlineFragment { field2 { id alias: field1(first: 10, after: $foo) @include(if: $foo) { id ...frag @onFragmentSpread } } }
        ... @skip(unless: $foo) { id } ... { id }
      }
    }
    mutation likeStory @onMutation { like(story: 123) @onField { story { id @onField } } }
    subscription S($input: StoryLikeSubscribeInput @onVariableDefinition) { s(input: $input) { x } }
    fragment frag on Friend @onFragmentDefinition { foo(size: $size, bar: $b, obj: {key: "value", block: """
      block string uses \"""
    """}) }
    { unnamed(truthy: true, falsy: false, nullish: null) query }
    # comment
  )"),
            "(none)");
}

TEST(GraphqlParserTest, TheWholeTypeSystemGrammarIsAccepted) {
  EXPECT_EQ(ErrorOf(R"(
    """This is a description""" schema { query: QueryType mutation: MutationType }
    "d" type Foo implements Bar & Baz & Two @onType {
      "field" one: Type two("a" argument: InputType! = 1 @d): Type
      five(argument: [String] = ["string", "string"]): String
    }
    type AnnotatedObject @onObject(arg: "value") { annotatedField(arg: Type = "default" @onArg): Type @onField }
    type UndefinedType  extend type Foo { seven(argument: [String]): Type } extend type Foo @onType
    interface Bar implements Node { one: Type } extend interface Bar @onInterface
    union Feed = | Story | Article  union AnnotatedUnion @onUnion = A | B  extend union Feed = Photo
    scalar CustomScalar @specifiedBy(url: "x") extend scalar CustomScalar @onScalar
    enum Site { "v" DESKTOP MOBILE @deprecated } extend enum Site { VR }
    input InputType { key: String! answer: Int = 42 } extend input InputType { other: Float = 1.23e4 }
    directive @skip2(if: Boolean!) repeatable on | FIELD | FRAGMENT_SPREAD
    extend schema @onSchema { subscription: SubscriptionType }
  )"),
            "(none)");
}

TEST(GraphqlParserTest, StringsAreDecoded) {
  const ParseResult result = ParseDocument(
      "{ f(a: \"\\u00e9\\n\\uD83D\\uDE00\\u{1F600}\", b: \"\"\"\n    Hello,\n      World!\n\n    "
      "Yours\n  \"\"\") }");
  ASSERT_FALSE(result.error);
  const Selection& field = result.document->operations[0].selection_set->selections[0];
  EXPECT_EQ(field.arguments[0].value->text, "\u00e9\n\U0001F600\U0001F600");
  EXPECT_EQ(field.arguments[1].value->text, "Hello,\n  World!\n\nYours");
}

TEST(GraphqlParserTest, ColumnsCountUtf16UnitsAndAllLineEndings) {
  EXPECT_EQ(ErrorOf("# \xF0\x9F\x98\x80\r\n# \xC3\xA9\r\"\xF0\x9F\x98\x80\" ?"),
            "Syntax Error: Unexpected character: \"?\". 3:6");
}

TEST(GraphqlParserTest, TokensAreLimited) {
  EXPECT_EQ(ErrorOf("{ a b c }", {.max_tokens = 4}),
            "Syntax Error: Document contains more that 4 tokens. Parsing aborted. 1:9");
  EXPECT_EQ(ErrorOf("{ a b c }", {.max_tokens = 5}), "(none)");
}

TEST(GraphqlParserTest, NestingIsLimitedWhateverNests) {
  const auto nested = [](std::string open, std::string close, size_t depth) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += open;
    for (size_t i = 0; i < depth; ++i) text += close;
    return text;
  };
  const size_t deep = 100000;
  const ParseLimits limits{.max_tokens = 1000000, .max_depth = 200};
  for (const std::string& source :
       {nested("{a", "}", deep), "{a(b:" + nested("[", "]", deep) + ")}",
        "{a(b:" + nested("{c:", "}", deep) + ")}", "query($a:" + nested("[", "]", deep) + "){a}"}) {
    EXPECT_NE(ErrorOf(source, limits).find("nested more than 200 levels deep"), std::string::npos);
  }
  EXPECT_EQ(ErrorOf(nested("{a", "}", 150), limits), "(none)");
}

TEST(GraphqlParserTest, AFieldDefinitionStandsAlone) {
  const FieldParseResult result =
      ParseFieldDefinition("orderUpdated(id: ID = \"1\", where: [F!]!): [Order!] @deprecated");
  ASSERT_FALSE(result.error);
  EXPECT_EQ(Print(*result.field),
            "orderUpdated(id: ID = \"1\", where: [F!]!): [Order!] @deprecated");
  EXPECT_TRUE(ParseFieldDefinition("a: B c: D").error);
  EXPECT_TRUE(ParseFieldDefinition("a: B }").error);
  EXPECT_TRUE(ParseFieldDefinition("").error);
}

}  // namespace
}  // namespace fsubs::graphql
