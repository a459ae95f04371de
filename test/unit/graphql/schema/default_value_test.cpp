// Every expected text is what graphql-js 16 prints for the same default, except where it says
// otherwise.
#include "graphql/schema/default_value.hpp"

#include <gtest/gtest.h>

#include "graphql/sdl/schema_builder.hpp"

namespace fsubs::graphql {
namespace {

// The default value `literal` of an argument of type `type`, as introspection tells it.
std::string Printed(const std::string& type, const std::string& literal) {
  const SchemaResult result =
      BuildSchema("type Query { f(a: " + type + " = " + literal +
                  "): Int } enum E { A B } scalar S "
                  "input In { a: Int = 3 b: [E!] = A c: Deep = { d: true } e: String }"
                  "input Deep { d: Boolean! f: ID! = 7 }");
  if (!result.schema) return result.errors.at(0).message;
  const Field& field = *result.schema->Root(OperationKind::kQuery)->FindField("f");
  return field.FindArgument("a")->default_text.value_or("(none)");
}

TEST(DefaultValueTest, NumbersAreWrittenAsJavascriptWritesThem) {
  const std::pair<const char*, const char*> cases[] = {
      {"1.50", "1.5"},
      {"1.0", "1"},
      {"-0.0", "0"},
      {"5", "5"},
      {"1e3", "1000"},
      {"1e21", "1e+21"},
      {"100000000000000000000", "100000000000000000000"},
      {"123456789012345678901234", "1.2345678901234569e+23"},
      {"0.000001", "0.000001"},
      {"1e-7", "1e-7"},
      {"-1234567.125e-10", "-0.0001234567125"},
      {"5e-324", "5e-324"},
      {"1.7976931348623157e308", "1.7976931348623157e+308"}};
  for (const auto& [literal, printed] : cases) EXPECT_EQ(Printed("Float", literal), printed);
  EXPECT_EQ(Printed("Int", "-0"), "0");
  EXPECT_EQ(Printed("Int!", "-2147483648"), "-2147483648");
}

TEST(DefaultValueTest, AnIdThatIsAnIntegerIsWrittenAsOne) {
  EXPECT_EQ(Printed("ID", "\"7\""), "7");
  EXPECT_EQ(Printed("ID", "7"), "7");
  EXPECT_EQ(Printed("ID", "\"-5\""), "-5");
  EXPECT_EQ(Printed("ID", "\"007\""), "\"007\"");
  EXPECT_EQ(Printed("ID", "\"x\""), "\"x\"");
}

TEST(DefaultValueTest, StringsAreWrittenOnOneLine) {
  EXPECT_EQ(Printed("String", "\"\"\"\n  a \"b\"\n    c\n\"\"\""), R"("a \"b\"\n  c")");
  EXPECT_EQ(Printed("String", R"("\u0001\u007F\u0085")"), R"("\u0001\u007F\u0085")");
}

TEST(DefaultValueTest, OneValueOfAListIsAListOfOne) {
  EXPECT_EQ(Printed("[E]", "A"), "[A]");
  EXPECT_EQ(Printed("[[Int]]", "[1, [2, null]]"), "[[1], [2, null]]");
  EXPECT_EQ(Printed("[Int]", "null"), "null");
  EXPECT_EQ(Printed("[Int]", "[]"), "[]");
}

TEST(DefaultValueTest, FieldsComeInTheOrderOfTheirTypeWithTheirDefaults) {
  EXPECT_EQ(Printed("In", "{}"), "{a: 3, b: [A], c: {d: true, f: 7}}");
  EXPECT_EQ(Printed("In", "{ e: \"x\", c: null, a: 1 }"), "{a: 1, b: [A], c: null, e: \"x\"}");
}

// graphql-js prints these as it does values of JavaScript, and has an error for lists and objects.
TEST(DefaultValueTest, ADefinedScalarsLiteralIsKept) {
  EXPECT_EQ(Printed("S", "12345678901234567890"), "12345678901234567890");
  EXPECT_EQ(Printed("S", "{ a: [1.50, X] }"), "{a: [1.50, X]}");
  EXPECT_EQ(Printed("S", "X"), "\"X\"");  // as graphql-js does
}

}  // namespace
}  // namespace fsubs::graphql
