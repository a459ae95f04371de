#include "worker/operation/arguments_json.hpp"

#include <gtest/gtest.h>

#include <string>

#include "test/operation_limits.hpp"
#include "worker/operation/catalog.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {
namespace {

constexpr char kSnapshot[] = R"json({
  "extension_version": "0.1.0", "server_version": "15.1",
  "types": "type Order { id: ID! status: Status total: Float quantity: Int paid: Boolean note: String extra: JSON tags: [ID!] } enum Status { NEW PAID } scalar JSON",
  "subscriptions": [{"name": "order", "channel": "orders", "event_types": null,
    "field": "order(id: ID, status: Status = NEW, total: Float, quantity: Int, paid: Boolean, note: String, extra: JSON, where: OrderFilter): Order"}],
  "resolvers": [{"field": "order", "function": null, "per": "plan", "timeout_ms": 1, "retries": 0,
                 "idempotent": false, "on_error": "null", "concurrency": null}]})json";

std::string ArgumentsOf(const std::string& operation, const std::string& variables = "{}") {
  std::string error;
  const auto catalog = Catalog::FromSnapshot(kSnapshot, &error);
  EXPECT_TRUE(catalog) << error;
  PlanCache plans;
  OperationRequest request;
  request.query = operation;
  JsonTree tree;
  EXPECT_TRUE(tree.ParseCopy(variables));
  request.variables = tree.root();
  const PrepareResult result = Prepare(catalog, &plans, request, catalog->anonymous(), kTestLimits);
  if (!result.subscription) return result.errors.front().message;
  return result.subscription->arguments;
}

TEST(ArgumentsJsonTest, DefaultsOfTheSchemaAreGivenAndWhatHasNoneIsLeftOut) {
  EXPECT_EQ(ArgumentsOf("subscription { order { id } }"), R"({"status":"NEW"})");
}

TEST(ArgumentsJsonTest, LiteralsAreWrittenAsTheirTypesSay) {
  EXPECT_EQ(ArgumentsOf(R"(subscription { order(note: "a\"b", id: 7, paid: true, total: 1.50,
                          quantity: 3, status: PAID) { id } })"),
            R"({"id":"7","status":"PAID","total":1.50,"quantity":3,"paid":true,"note":"a\"b"})");
}

TEST(ArgumentsJsonTest, NullIsGiven) {
  EXPECT_EQ(ArgumentsOf("subscription { order(id: null, status: null) { id } }"),
            R"({"id":null,"status":null})");
}

TEST(ArgumentsJsonTest, VariablesAreNamedAsTheArgumentsAre) {
  EXPECT_EQ(ArgumentsOf("subscription ($x: ID, $y: Float = 2.5, $z: Boolean) "
                        "{ order(id: $x, total: $y, paid: $z) { id } }",
                        R"({"x": 5})"),
            R"({"id":"5","status":"NEW","total":2.5})");
}

TEST(ArgumentsJsonTest, FiltersAreWrittenInTheOrderOfTheirDefinition) {
  const std::string expected =
      R"({"status":"NEW","where":{"id":{"in":["1","2"]},"total":{"gt":1}}})";
  EXPECT_EQ(ArgumentsOf("subscription { order(where: { total: { gt: 1 }, id: { in: [1, \"2\"] } })"
                        " { id } }"),
            expected);
  EXPECT_EQ(ArgumentsOf("subscription ($w: OrderFilter) { order(where: $w) { id } }",
                        R"({"w": {"total": {"gt": 1}, "id": {"in": ["1", 2]}}})"),
            expected);
  EXPECT_EQ(ArgumentsOf("subscription ($g: Float, $i: [ID!]) "
                        "{ order(where: { total: { gt: $g }, id: { in: $i } }) { id } }",
                        R"({"g": 1, "i": [1, 2]})"),
            expected);
}

TEST(ArgumentsJsonTest, ALoneValueIsAListOfOne) {
  EXPECT_EQ(ArgumentsOf("subscription { order(where: { id: { in: 1 } }) { id } }"),
            R"({"status":"NEW","where":{"id":{"in":["1"]}}})");
}

TEST(ArgumentsJsonTest, CustomScalarsAreWrittenAsTheyAre) {
  EXPECT_EQ(ArgumentsOf(R"(subscription { order(extra: {a: [1, "x", ENUM, null, 2.50]}) { id } })"),
            R"({"status":"NEW","extra":{"a":[1,"x","ENUM",null,2.50]}})");
  EXPECT_EQ(ArgumentsOf("subscription ($v: JSON) { order(extra: $v) { id } }",
                        R"({"v": {"deep": [true]}})"),
            R"({"status":"NEW","extra":{"deep": [true]}})");
}

}  // namespace
}  // namespace fsubs
