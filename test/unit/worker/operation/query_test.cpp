#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/worker/served_catalog.hpp"
#include "worker/operation/errors_json.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;

class QueryTest : public testing::Test {
 protected:
  std::string ResponseTo(const std::string& query, const std::string& variables = {}) {
    const PrepareResult result = served_.Prepare(query, variables);
    return result.response.empty() ? ErrorsJson(result.errors) : result.response;
  }

  ServedCatalog served_;
};

TEST_F(QueryTest, TheServerTellsItsVersionAndItsSubscriptions) {
  EXPECT_EQ(ResponseTo("{ v: serverVersion __typename }"),
            R"({"data":{"v":"fraiseql_subs 0.1.0, PostgreSQL 15.1","__typename":"Query"}})");
  EXPECT_THAT(ResponseTo("{ subscriptions { name definition description eventTypes } }"),
              HasSubstr(R"({"name":"orderPaid","definition":"orderPaid: Order!",)"));
}

TEST_F(QueryTest, TheSubgraphLeavesOutTheServersOwnQueries) {
  const std::string response = ResponseTo("{ _service { sdl } }");
  EXPECT_THAT(response, HasSubstr("type Subscription {"));
  EXPECT_THAT(response, testing::Not(HasSubstr("type Query")));
  EXPECT_THAT(response, testing::Not(HasSubstr("_Service")));
}

TEST_F(QueryTest, ATypeIsFoundByItsName) {
  EXPECT_EQ(ResponseTo(R"({ __type(name: "Order") { kind name } })"),
            R"({"data":{"__type":{"kind":"OBJECT","name":"Order"}}})");
  EXPECT_EQ(ResponseTo("query ($n: String!) { __type(name: $n) { name } }", R"({"n":"Nope"})"),
            R"({"data":{"__type":null}})");
  EXPECT_EQ(ResponseTo(R"({ __type(name: "__Meta") { name } })"), R"({"data":{"__type":null}})");
}

TEST_F(QueryTest, ANullForANonNullArgumentIsAnErrorOfItsField) {
  EXPECT_EQ(
      ResponseTo(R"(query ($n: String = "x") { t: __type(name: $n) { name } })", R"({"n":null})"),
      R"({"data":{"t":null},"errors":[{"message":"Argument \"name\" of non-null type )"
      R"(\"String!\" must not be null.","locations":[{"line":1,"column":44}],"path":["t"],)"
      R"("extensions":{"code":"BAD_USER_INPUT"}}]})");
}

TEST_F(QueryTest, DirectivesAndFragmentsApply) {
  EXPECT_EQ(ResponseTo("query ($y: Boolean!) { a: serverVersion @skip(if: $y) ...F } "
                       "fragment F on Query { __typename @include(if: $y) }",
                       R"({"y":true})"),
            R"({"data":{"__typename":"Query"}})");
}

TEST_F(QueryTest, AMutationIsRefused) {
  EXPECT_THAT(ResponseTo("mutation { x }"), HasSubstr("Mutations are not served here"));
}

TEST_F(QueryTest, AResponseThatIsTooLargeIsRefused) {
  served_.limits.max_response = 2000;
  EXPECT_THAT(ResponseTo("{ __schema { types { name fields { name type { kind name } } } } }"),
              HasSubstr("RESPONSE_TOO_LARGE"));
}

}  // namespace
}  // namespace fsubs
