#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/worker/served_catalog.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/renewal.hpp"

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

TEST_F(QueryTest, AMutationPublishesNothing) {
  EXPECT_THAT(ResponseTo("mutation { x }"), HasSubstr("Cannot query field"));
  EXPECT_EQ(ResponseTo("mutation { __typename }"), R"({"data":{"__typename":"Mutation"}})");
}

TEST_F(QueryTest, AMutationRenews) {
  const auto renewal = [&](const std::string& query, const std::string& variables = "") {
    return served_.Prepare(query, variables).renewal;
  };
  const auto literal = renewal(R"(mutation { fraiseqlRenew(token: "a") { expiresAt } })");
  ASSERT_TRUE(literal);
  EXPECT_EQ(literal->token, "a");
  const auto variable = renewal(
      "mutation ($t: String!) { __typename r: fraiseqlRenew(token: $t) { x: expiresAt __typename } "
      "}",
      R"({"t":"b"})");
  ASSERT_TRUE(variable);
  EXPECT_EQ(variable->token, "b");
  EXPECT_EQ(RenewalResponse(*variable->plan, 0),
            R"({"data":{"__typename":"Mutation","r":{"x":"1970-01-01T00:00:00.000000Z",)"
            R"("__typename":"FraiseqlRenewal"}}})");
  EXPECT_EQ(RenewalResponse(*literal->plan, std::nullopt),
            R"({"data":{"fraiseqlRenew":{"expiresAt":null}}})");
  EXPECT_EQ(RefusedRenewalResponse(*variable->plan, "it is old"),
            R"({"data":null,"errors":[{"message":"The token is refused: it is old.",)"
            R"("locations":[{"line":1,"column":37}],"path":["r"],"extensions":)"
            R"({"code":"FORBIDDEN"}}]})");
}

TEST_F(QueryTest, AMutationRenewsOnce) {
  EXPECT_THAT(ResponseTo(R"(mutation { a: fraiseqlRenew(token: "a") { expiresAt })"
                         R"( b: fraiseqlRenew(token: "b") { expiresAt } })"),
              HasSubstr("An operation renews once."));
  EXPECT_THAT(
      ResponseTo(R"(mutation ($t: String = "x") { fraiseqlRenew(token: $t) { expiresAt } })",
                 R"({"t":null})"),
      HasSubstr("must not be null"));
}

TEST_F(QueryTest, AResponseThatIsTooLargeIsRefused) {
  served_.limits.max_response = 2000;
  EXPECT_THAT(ResponseTo("{ __schema { types { name fields { name type { kind name } } } } }"),
              HasSubstr("RESPONSE_TOO_LARGE"));
}

}  // namespace
}  // namespace fsubs
