#include "worker/operation/operation.hpp"

#include <gmock/gmock.h>

#include "test/unit/worker/served_catalog.hpp"
#include "worker/operation/errors_json.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;

class OperationTest : public testing::Test {
 protected:
  std::string ErrorsOf(const std::string& query, const std::string& variables = "",
                       std::optional<std::string> name = std::nullopt) {
    const PrepareResult result = served_.Prepare(query, variables, std::move(name));
    return result.subscription ? "(none)" : ErrorsJson(result.errors);
  }

  ServedCatalog served_;
};

TEST_F(OperationTest, EachKindOfErrorHasItsCode) {
  EXPECT_EQ(
      ErrorsOf("subscription { orderUpdated { id "),
      R"([{"message":"Syntax Error: Expected Name, found <EOF>.","locations":[{"line":1,"column":34}],)"
      R"("extensions":{"code":"GRAPHQL_PARSE_FAILED"}}])");
  EXPECT_THAT(ErrorsOf("subscription { orderUpdated { nope } }"),
              HasSubstr(R"("code":"GRAPHQL_VALIDATION_FAILED")"));
}

TEST_F(OperationTest, TheOperationIsChosenByName) {
  const std::string two =
      "subscription A { orderPaid { id } } subscription B { orderUpdated { id } }";
  EXPECT_THAT(ErrorsOf(two), HasSubstr("Must provide operation name if query contains multiple"));
  EXPECT_THAT(ErrorsOf(two, "", "C"), HasSubstr(R"(Unknown operation named \"C\".)"));
  const PrepareResult b = served_.Prepare(two, "", "B");
  ASSERT_TRUE(b.subscription);
  EXPECT_EQ(b.subscription->field->name, "orderUpdated");
  EXPECT_EQ(b.subscription->operation_name, "B");
}

TEST_F(OperationTest, VariablesAreCoercedWithMessagesOfGraphqlJs) {
  const auto error = [&](const std::string& type, const std::string& value) {
    return ErrorsOf("subscription($v: " + type + ") { orderUpdated(" +
                        (type[0] == 'I'   ? "id"
                         : type[0] == 'S' ? "status"
                                          : "total") +
                        ": $v) { id } }",
                    "{" + (value.empty() ? "" : "\"v\":" + value) + "}");
  };
  EXPECT_THAT(error("ID!", ""),
              HasSubstr(R"(Variable \"$v\" of required type \"ID!\" was not provided.)"));
  EXPECT_THAT(error("ID!", "null"),
              HasSubstr(R"(Variable \"$v\" of non-null type \"ID!\" must not be null.)"));
  EXPECT_THAT(
      error("ID", "true"),
      HasSubstr(R"(Variable \"$v\" got invalid value true; ID cannot represent value: true)"));
  EXPECT_THAT(
      error("Status", "\"PAD\""),
      HasSubstr(
          R"(Value \"PAD\" does not exist in \"Status\" enum. Did you mean the enum value \"PAID\"?)"));
  EXPECT_THAT(error("Float", "\"1\""), HasSubstr("Float cannot represent non numeric value"));
  EXPECT_THAT(error("ID", "true"), HasSubstr(R"("code":"BAD_USER_INPUT")"));
  EXPECT_EQ(error("ID", "7"), "(none)");
  EXPECT_EQ(error("ID = 3", ""), "(none)");
}

TEST_F(OperationTest, EqualRequestsShareOnePlan) {
  const std::string query = "subscription($id: ID) { orderUpdated(id: $id) { id } }";
  const PrepareResult a = served_.Prepare(query, R"({"id":1})");
  const PrepareResult b = served_.Prepare(query, R"({"id":2})");
  ASSERT_TRUE(a.subscription && b.subscription);
  EXPECT_EQ(a.subscription->plan, b.subscription->plan);
  EXPECT_NE(a.subscription->filter.keys, b.subscription->filter.keys);
  EXPECT_EQ(served_.plans.plans.size(), 1u);
}

TEST_F(OperationTest, VariablesOfDirectivesMakePlansDiffer) {
  const std::string query = "subscription($s: Boolean!) { orderUpdated { id note @skip(if: $s) } }";
  const PrepareResult a = served_.Prepare(query, R"({"s":true})");
  const PrepareResult b = served_.Prepare(query, R"({"s":false})");
  ASSERT_TRUE(a.subscription && b.subscription);
  EXPECT_NE(a.subscription->plan, b.subscription->plan);
}

TEST_F(OperationTest, PlansAndDocumentsLeaveWithTheirLastUser) {
  {
    const PrepareResult a = served_.Prepare("subscription { orderPaid { id } }");
    EXPECT_EQ(served_.plans.plans.size(), 1u);
    EXPECT_EQ(served_.plans.documents.size(), 1u);
  }
  EXPECT_EQ(served_.plans.plans.size(), 0u);
  EXPECT_EQ(served_.plans.documents.size(), 0u);
}

TEST_F(OperationTest, OnlyGivenArgumentsFilterAndNullIsGiven) {
  const auto filtered = [&](const std::string& query, const std::string& variables = "") {
    std::string names;
    const PrepareResult prepared = served_.Prepare(query, variables);
    for (const IndexedField& field : prepared.subscription->filter.equal) {
      names += field.path.back() + " ";
    }
    return names;
  };
  EXPECT_EQ(filtered("subscription { orderUpdated { id } }"), "");
  EXPECT_EQ(filtered("subscription { orderUpdated(status: null) { id } }"), "status ");
  const std::string optional = "subscription($id: ID) { orderUpdated(id: $id) { id } }";
  EXPECT_EQ(filtered(optional), "");
  EXPECT_EQ(filtered(optional, R"({"id":null})"), "id ");
}

TEST_F(OperationTest, ARootFieldThatDirectivesRemoveIsAnError) {
  EXPECT_NE(ErrorsOf("subscription { orderPaid @skip(if: true) { id } }"), "(none)");
}

TEST_F(OperationTest, TheSubscriptionIsTheRootFieldThatDirectivesLeave) {
  const PrepareResult left = served_.Prepare(
      "subscription { orderPaid @skip(if: true) { id } ...F @include(if: false) "
      "orderUpdated { id } } fragment F on Subscription { changed { operation } }");
  ASSERT_TRUE(left.subscription) << ErrorsJson(left.errors);
  EXPECT_EQ(left.subscription->field->name, "orderUpdated");
  EXPECT_THAT(ErrorsOf("subscription { ...F @skip(if: true) } fragment F on Subscription { "
                       "__typename orderPaid { id } }"),
              HasSubstr("The operation selects no field"));
}

TEST(CatalogTest, WithoutSubscriptionsASubscribeIsRefused) {
  std::string error;
  const auto catalog = Catalog::FromSnapshot(
      R"({"extension_version":"1","server_version":"15","types":"","subscriptions":[]})", &error);
  ASSERT_TRUE(catalog) << error;
  PlanCache cache;
  OperationRequest request;
  request.query = "subscription { a }";
  EXPECT_THAT(
      ErrorsJson(Prepare(catalog, &cache, request, catalog->anonymous(), kTestLimits).errors),
      HasSubstr("Schema is not configured to execute subscription operation."));
}

TEST(CatalogTest, ASnapshotThatCannotBeServedSaysWhy) {
  const auto error = [](const std::string& json) {
    std::string text;
    EXPECT_FALSE(Catalog::FromSnapshot(json, &text)) << json;
    return text;
  };
  EXPECT_THAT(error("{"), HasSubstr("not JSON"));
  EXPECT_THAT(error(R"({"extension_version":null})"), HasSubstr("not created"));
  EXPECT_THAT(error(R"({"extension_version":"1"})"), HasSubstr("not of this version"));
  const std::string head =
      R"({"extension_version":"1","server_version":"15","types":"type A { b: Int }",)";
  EXPECT_THAT(error(head + R"("issuers":[]})"), HasSubstr("not of this version"));
}

TEST(CatalogTest, ASubscriptionThatCannotBeServedIsLeftOutAlone) {
  const auto left_out = [](const std::string& bad) {
    std::string error;
    const auto catalog = Catalog::FromSnapshot(
        R"({"extension_version":"1","server_version":"15","types":"type A { b: Int }",)"
        R"("subscriptions":[{"name":"good","field":"good(b: Int): A","channel":"c"},)" +
            bad + "]}",
        &error);
    if (!catalog) return error;
    EXPECT_NE(catalog->FindField("good"), nullptr);
    EXPECT_EQ(catalog->FindField("x"), nullptr);
    return catalog->left_out().empty() ? std::string() : catalog->left_out().front();
  };
  EXPECT_THAT(left_out(R"({"name":"x","field":"x: B","channel":"c"})"),
              HasSubstr(R"(subscription "x": Unknown type "B")"));
  EXPECT_THAT(left_out(R"({"name":"x","field":"y: A","channel":"c"})"), HasSubstr("another name"));
  EXPECT_THAT(left_out(R"({"name":"x","field":"x(c: Int): A","channel":"c"})"),
              HasSubstr("has no scalar or enum field"));
}

}  // namespace
}  // namespace fsubs
