#include "graphql/schema/filter_types.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graphql/sdl/compose.hpp"
#include "graphql/sdl/schema_builder.hpp"

namespace fsubs::graphql {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kTypes[] =
    "type Order { id: ID! status: Status total: Money note: String! paid: Boolean at: DateTime "
    "tags: [String!]! lines: [Line] customer: Customer! party: Party grid: [[Int]] and: Int } "
    "type Line { sku: String order: Order } type Customer { name: String } "
    "enum Status { NEW PAID } scalar Money scalar DateTime union Party = Customer | Line";

std::string Composed(const std::string& field, const std::string& types = kTypes) {
  const std::string_view fields[] = {field};
  return ComposeSchema(types, fields);
}

// One generated input, from its name to its end.
std::string InputOf(const std::string& sdl, const std::string& name) {
  const size_t start = sdl.find("input " + name + " {");
  if (start == std::string::npos) return "(none)";
  return sdl.substr(start, sdl.find('}', start) + 1 - start);
}

TEST(FilterTypesTest, OnlyWhatIsReferredToIsGenerated) {
  const std::string sdl = Composed("customerAdded(where: CustomerFilter): Customer");
  EXPECT_NE(InputOf(sdl, "CustomerFilter"), "(none)");
  EXPECT_NE(InputOf(sdl, "StringFilter"), "(none)");
  EXPECT_EQ(InputOf(sdl, "OrderFilter"), "(none)");
  EXPECT_THAT(Composed("customerAdded: Customer"), Not(HasSubstr("Filter")));
}

TEST(FilterTypesTest, AnObjectIsFilteredByItsFieldsAndOperators) {
  const std::string sdl = Composed("orderUpdated(where: OrderFilter): Order");
  EXPECT_EQ(InputOf(sdl, "OrderFilter"),
            "input OrderFilter {\n  id: IDFilter\n  status: StatusFilter\n  total: MoneyFilter\n"
            "  note: StringFilter\n  paid: BooleanFilter\n  at: DateTimeFilter\n"
            "  tags: StringListFilter\n  lines: LineListFilter\n  customer: CustomerFilter\n"
            "  and: [OrderFilter!]\n  or: [OrderFilter!]\n  not: OrderFilter\n"
            "  exists: Boolean\n}");
  EXPECT_TRUE(BuildSchema(sdl).schema) << sdl;
}

TEST(FilterTypesTest, ALeafHasTheOperatorsThatItsTypeKnows) {
  const std::string sdl = Composed("orderUpdated(where: OrderFilter): Order");
  EXPECT_EQ(InputOf(sdl, "StatusFilter"),
            "input StatusFilter {\n  eq: Status\n  ne: Status\n  in: [Status!]\n"
            "  notIn: [Status!]\n  exists: Boolean\n}");
  EXPECT_EQ(InputOf(sdl, "BooleanFilter"),
            "input BooleanFilter {\n  eq: Boolean\n  ne: Boolean\n  exists: Boolean\n}");
  EXPECT_THAT(InputOf(sdl, "StringFilter"), HasSubstr("startsWith: String"));
  EXPECT_THAT(InputOf(sdl, "DateTimeFilter"), HasSubstr("gte: DateTime"));
  EXPECT_THAT(InputOf(sdl, "DateTimeFilter"), Not(HasSubstr("contains")));
}

TEST(FilterTypesTest, AListIsFilteredByItsElements) {
  const std::string sdl = Composed("orderUpdated(where: OrderFilter): Order");
  EXPECT_EQ(InputOf(sdl, "StringListFilter"),
            "input StringListFilter {\n  some: StringFilter\n  every: StringFilter\n"
            "  none: StringFilter\n  contains: String\n  exists: Boolean\n}");
  EXPECT_EQ(InputOf(sdl, "LineListFilter"),
            "input LineListFilter {\n  some: LineFilter\n  every: LineFilter\n"
            "  none: LineFilter\n  exists: Boolean\n}");
}

std::string ProblemOf(const std::string& field, const std::string& types) {
  const SchemaResult result = BuildSchema(Composed(field, types));
  if (!result.schema) return result.errors.front().message;
  const Field& root = result.schema->Root(OperationKind::kSubscription)->fields.front();
  ArgumentTarget target;
  FilterChecks filters;
  return FindArgumentTarget(*root.type, root.arguments.front(), &filters, &target);
}

TEST(FilterTypesTest, ARegisteredFilterMayOfferLess) {
  const std::string types = "type O { id: ID n: Int o: O } ";
  EXPECT_EQ(ProblemOf("o(where: OFilter): O", types), "");
  EXPECT_EQ(
      ProblemOf("o(where: OFilter!): O", types + "input OFilter { id: IDFilter or: [OFilter!] }"),
      "");
  EXPECT_EQ(ProblemOf("o(only: Mine): O", types + "input Mine { n: Few } input Few { in: [Int] }"),
            "");
}

TEST(FilterTypesTest, AnInputThatIsNoFilterIsRefused) {
  const std::string types = "type O { id: ID n: Int tags: [String] } ";
  for (const char* input : {"nope: Int", "n: Int", "n: IDFilter", "tags: StringFilter",
                            "or: OFilter", "not: [OFilter]", "exists: Int", "n: [IntFilter]"}) {
    EXPECT_NE(
        ProblemOf("o(where: OFilter): O", types + "input OFilter { " + std::string(input) + " }"),
        "")
        << input;
  }
  EXPECT_NE(ProblemOf("o(where: [OFilter]): O", types), "");
}

}  // namespace
}  // namespace fsubs::graphql
