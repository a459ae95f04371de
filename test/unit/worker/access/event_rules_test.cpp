#include "worker/access/event_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/worker/access/access_catalog.hpp"
#include "worker/operation/errors_json.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

IndexedField TenantOf(const std::string& tenant_field, const std::string& field,
                      const std::string& setting = "") {
  const AccessCatalog catalog(R"("tenant_field": ")" + tenant_field + "\"", setting);
  return *catalog.catalog().FindField(field)->rules.tenant;
}

TEST(EventRulesTest, AFieldIsFoundInTheDataOrInItsRow) {
  EXPECT_THAT(TenantOf("tenant", "order").path, ElementsAre("tenant"));
  EXPECT_THAT(TenantOf("tenant", "change").path, ElementsAre("row", "tenant"));
  EXPECT_THAT(TenantOf("org", "change").path, ElementsAre("row", "org")) << "a column alone";
  EXPECT_THAT(TenantOf("hidden", "change").path, ElementsAre("row", "hidden"));
  EXPECT_THAT(TenantOf("org", "order").path, ElementsAre("org"));
  EXPECT_THAT(TenantOf("operation", "change").path, ElementsAre("row", "operation"))
      << "a column, though the type has a field of that name";
  EXPECT_THAT(TenantOf("old.tenant", "change").path, ElementsAre("old", "tenant"));
  EXPECT_THAT(TenantOf("meta.org.id", "order").path, ElementsAre("meta", "org", "id"));
}

TEST(EventRulesTest, AFieldComparesAsItsColumnOrItsTypeDoes) {
  EXPECT_EQ(TenantOf("org", "change").comparison, Comparison::kUuid);
  EXPECT_EQ(TenantOf("row.org", "change").comparison, Comparison::kUuid);
  EXPECT_EQ(TenantOf("id", "change").comparison, Comparison::kNumber) << "the column's";
  EXPECT_EQ(TenantOf("owners", "change").comparison, Comparison::kNumber) << "its elements'";
  EXPECT_EQ(TenantOf("hidden", "change").comparison, Comparison::kIdentity);
  EXPECT_EQ(TenantOf("tenant", "order").comparison, Comparison::kText);
  EXPECT_EQ(TenantOf("count", "order").comparison, Comparison::kNumber);
  EXPECT_EQ(TenantOf("customer.userId", "order").comparison, Comparison::kIdentity);
  EXPECT_EQ(TenantOf("unknown", "order").comparison, Comparison::kIdentity);
  EXPECT_EQ(TenantOf("customer", "order").comparison, Comparison::kIdentity);
}

TEST(EventRulesTest, WhereAnEventMayHaveAnyValueItIsNotNull) {
  const auto leaves_open = [](const char* data, const FieldPath& path) {
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy(data));
    return LeavesOpen(tree.root(), path);
  };
  EXPECT_TRUE(leaves_open(R"({"row": {}})", {"row", "tenant"}));
  EXPECT_TRUE(leaves_open(R"({"row": {}})", {"tenant"})) << "misspelt, or renamed";
  EXPECT_TRUE(leaves_open(R"({"id": 1})", {"row", "tenant"}));
  EXPECT_TRUE(leaves_open(R"({"meta": 7})", {"meta", "tenant"}));
  EXPECT_FALSE(leaves_open(R"({"row": null})", {"row", "tenant"}));
  EXPECT_FALSE(leaves_open(R"({"row": null})", {"tenant"}));
  EXPECT_FALSE(leaves_open(R"({"row": {"tenant": null}})", {"row", "tenant"}));
  EXPECT_FALSE(leaves_open(R"({"id": 1})", {"tenant"})) << "published without a tenant";
}

TEST(EventRulesTest, TheSettingIsTheTenantFieldOfThoseWithoutOne) {
  const auto tenant = [](const std::string& access) {
    const AccessCatalog catalog(access, "region");
    return catalog.catalog().FindField("order")->rules.tenant;
  };
  EXPECT_THAT(tenant("")->path, ElementsAre("region"));
  EXPECT_THAT(tenant(R"("tenant_field": null)")->path, ElementsAre("region"));
  EXPECT_THAT(tenant(R"("tenant_field": "owner")")->path, ElementsAre("owner"));
  EXPECT_FALSE(tenant(R"("tenant_field": "")"));
}

TEST(EventRulesTest, WhatCannotBeTiedToTheSchemaIsLeftOut) {
  const AccessCatalog catalog(R"("row_filter": {"owner": "nobody"})");
  EXPECT_TRUE(catalog.catalog().fields().empty());
  EXPECT_THAT(catalog.catalog().left_out(), testing::Contains(HasSubstr("names no claim")));
  const AccessCatalog scoped(R"("scope": {"userId": "user"})");
  EXPECT_EQ(scoped.catalog().fields().size(), 2u) << "conditions on a field of that name do";
  const AccessCatalog unknown(R"("scope": {"other": "user"})");
  EXPECT_TRUE(unknown.catalog().fields().empty());
}

constexpr char kAny[] = "subscription { order { id } }";

TEST(EventRulesTest, WhoLacksWhatAModuleNeedsIsRefused) {
  AccessCatalog rows(R"("row_filter": {"owner": "user", "region": "$.regions"})");
  EXPECT_EQ(rows.DenialOf(kAny, Somebody{}), "CLAIM_REQUIRED");
  EXPECT_EQ(rows.DenialOf(kAny, Somebody{.claims = R"({"regions": []})"}), "CLAIM_REQUIRED");
  EXPECT_EQ(rows.DenialOf(kAny, Somebody{.claims = R"({"regions": null})"}), "CLAIM_REQUIRED");
  EXPECT_EQ(rows.DenialOf(kAny, Somebody{.claims = R"({"regions": ["eu"]})"}), "");
  EXPECT_EQ(rows.DenialOf(kAny, Somebody{.user = {}, .claims = R"({"regions": "eu"})"}),
            "CLAIM_REQUIRED");

  AccessCatalog tenant(R"("tenant_field": "tenant")");
  EXPECT_EQ(tenant.DenialOf(kAny, Somebody{}), "TENANT_REQUIRED");
  EXPECT_EQ(tenant.DenialOf(kAny, Somebody{.tenant = "a"}), "");

  AccessCatalog shared(R"("tenant_field": "tenant", "shared": true)");
  EXPECT_EQ(shared.DenialOf(kAny, Somebody{}), "");

  AccessCatalog subgraph(R"("subgraph": "s")");
  EXPECT_EQ(subgraph.DenialOf(kAny, Somebody{}), "SUBGRAPH_REQUIRED");
  EXPECT_EQ(subgraph.DenialOf(kAny, Somebody{.subgraphs = {"r", "s"}}), "");
}

TEST(EventRulesTest, OfSeveralReasonsTheFirstCounts) {
  AccessCatalog all(R"("row_filter": {"region": "$.r"}, "tenant_field": "tenant", "subgraph": "s",)"
                    R"( "scope": {"owner": "user"})");
  Somebody client;
  EXPECT_EQ(all.DenialOf(kAny, client), "SUBGRAPH_REQUIRED");
  client.subgraphs = {"s"};
  EXPECT_EQ(all.DenialOf(kAny, client), "TENANT_REQUIRED");
  client.tenant = "a";
  EXPECT_EQ(all.DenialOf(kAny, client), "CLAIM_REQUIRED");
  client.claims = R"({"r": 1})";
  EXPECT_EQ(all.DenialOf(kAny, client), "SCOPE_MISMATCH");
  EXPECT_EQ(all.DenialOf("subscription { order(owner: \"u1\") { id } }", client), "");
}

TEST(EventRulesTest, WhoHasNoTokenIsTold) {
  AccessCatalog tenant(R"("tenant_field": "tenant")");
  EXPECT_EQ(tenant.DenialOf(kAny, Somebody{.is_anonymous = true}), "UNAUTHENTICATED");
  EXPECT_EQ(tenant.DenialOf(kAny, Somebody{.is_anonymous = true, .tenant = "a"}), "");
  AccessCatalog scope(R"("scope": {"owner": "user"})");
  EXPECT_EQ(scope.DenialOf(kAny, Somebody{.is_anonymous = true}), "UNAUTHENTICATED");
}

TEST(EventRulesTest, ADenialSaysWhereAndWhy) {
  AccessCatalog tenant(R"("tenant_field": "tenant")");
  const PrepareResult result = tenant.Prepare("subscription { mine: order { id } }", Somebody{});
  EXPECT_EQ(ErrorsJson(result.errors),
            R"([{"message":"This needs a tenant, and the client has none.",)"
            R"("locations":[{"line":1,"column":16}],"path":["mine"],)"
            R"("extensions":{"code":"FORBIDDEN","reason":"TENANT_REQUIRED"}}])");
}

// -- Scope: docs/access.md has this table.

class ScopeTest : public testing::Test {
 protected:
  // Whether a client, u1, may subscribe with these arguments.
  bool Allows(const std::string& arguments, const std::string& variables = "{}",
              const std::string& declared = "") {
    return Allows(&order_, "order", arguments, variables, declared);
  }
  bool AllowsChange(const std::string& arguments) {
    return Allows(&order_, "change", arguments, "{}", "");
  }

  static bool Allows(AccessCatalog* catalog, const std::string& field, const std::string& arguments,
                     const std::string& variables, const std::string& declared) {
    const std::string list = arguments.empty() ? "" : "(" + arguments + ")";
    const std::string selection = field == "order" ? " { id } }" : " { operation } }";
    const std::string denial = catalog->DenialOf(
        "subscription " + declared + " { " + field + list + selection, Somebody{}, variables);
    EXPECT_TRUE(denial.empty() || denial == "SCOPE_MISMATCH") << arguments << ": " << denial;
    return denial.empty();
  }

  AccessCatalog order_{R"("scope": {"owner": "user"})"};
};

TEST_F(ScopeTest, AnArgumentNamesAnOwnValue) {
  EXPECT_TRUE(Allows(R"(owner: "u1")"));
  EXPECT_FALSE(Allows(R"(owner: "u2")"));
  EXPECT_FALSE(Allows(R"(owner: "")"));
  EXPECT_FALSE(Allows("owner: null"));
  EXPECT_FALSE(Allows(""));
  EXPECT_FALSE(Allows("id: 7"));
}

TEST_F(ScopeTest, SoDoVariablesAndTheirDefaults) {
  EXPECT_TRUE(Allows("owner: $o", R"({"o": "u1"})", "($o: ID)"));
  EXPECT_FALSE(Allows("owner: $o", R"({"o": "u2"})", "($o: ID)"));
  EXPECT_FALSE(Allows("owner: $o", R"({"o": null})", "($o: ID)"));
  EXPECT_FALSE(Allows("owner: $o", "{}", "($o: ID)")) << "left out";
  EXPECT_TRUE(Allows("owner: $o", "{}", R"(($o: ID = "u1"))"));
  EXPECT_FALSE(Allows("owner: $o", "{}", R"(($o: ID = "u2"))"));
  EXPECT_TRUE(Allows("where: $w", R"({"w": {"owner": {"eq": "u1"}}})", "($w: OrderFilter)"));
  EXPECT_FALSE(Allows("where: $w", R"({"w": {"owner": {"eq": "u2"}}})", "($w: OrderFilter)"));
  EXPECT_FALSE(Allows("where: {owner: {eq: $o}}", "{}", "($o: ID)")) << "left out";
}

TEST_F(ScopeTest, AConditionThatConfinesTheFieldDoesWithoutTheArgument) {
  EXPECT_TRUE(Allows(R"(where: {owner: {eq: "u1"}})"));
  EXPECT_TRUE(Allows(R"(where: {owner: {in: ["u1"]}})"));
  EXPECT_TRUE(Allows(R"(where: {owner: {in: "u1"}})")) << "a list of one";
  EXPECT_TRUE(Allows(R"(where: {and: [{owner: {eq: "u1"}}, {count: {gt: 1}}]})"));
  EXPECT_TRUE(Allows(R"(where: {and: {owner: {eq: "u1"}}, or: [{count: {gt: 1}}]})"));
  EXPECT_FALSE(Allows(R"(where: {owner: {eq: "u2"}})"));
  EXPECT_FALSE(Allows(R"(where: {owner: {in: ["u1", "u2"]}})"));
  EXPECT_FALSE(Allows("where: {owner: {eq: null}}"));
  EXPECT_FALSE(Allows("where: {owner: {}}"));
  EXPECT_FALSE(Allows("where: {count: {gt: 1}}"));
}

TEST_F(ScopeTest, NoOtherOperatorMayLookAtTheField) {
  for (const char* condition :
       {R"(ne: "u2")", R"(notIn: ["u2"])", R"(startsWith: "u1")", R"(contains: "u1")", R"(gt: "u")",
        R"(lte: "u1")", "exists: true", "exists: false"}) {
    EXPECT_FALSE(Allows(std::string("where: {owner: {") + condition + "}}")) << condition;
    EXPECT_FALSE(Allows(std::string(R"(owner: "u1", where: {owner: {)") + condition + "}}"))
        << condition;
    EXPECT_FALSE(Allows(std::string(R"(where: {owner: {eq: "u1", )") + condition + "}}"))
        << condition;
  }
}

TEST_F(ScopeTest, NothingBelowNotOrOrNoneMayLookAtTheField) {
  for (const char* where :
       {R"(or: [{owner: {eq: "u1"}}])", R"(not: {owner: {eq: "u1"}})",
        R"(not: {not: {owner: {eq: "u1"}}})", R"(and: [{or: [{owner: {eq: "u1"}}]}])",
        R"(or: [{owner: {eq: "u1"}}, {count: {eq: 1}}])", R"(not: {owner: {ne: "u1"}})",
        R"(lines: {none: {owner: {eq: "u1"}}})"}) {
    EXPECT_FALSE(Allows(std::string("where: {") + where + "}")) << where;
    EXPECT_FALSE(Allows(std::string(R"(owner: "u1", where: {)") + where + "}")) << where;
  }
}

TEST_F(ScopeTest, AFieldOfThatNameElsewhereConfinesNothingButIsLookedAt) {
  EXPECT_FALSE(Allows(R"(where: {customer: {owner: {eq: "u1"}}})"));
  EXPECT_TRUE(Allows(R"(owner: "u1", where: {customer: {owner: {eq: "u1"}}})"));
  EXPECT_FALSE(Allows(R"(owner: "u1", where: {customer: {owner: {eq: "u2"}}})"));
  EXPECT_FALSE(Allows(R"(where: {lines: {some: {owner: {eq: "u1"}}}})"));
  EXPECT_FALSE(Allows(R"(where: {lines: {every: {owner: {eq: "u1"}}}})"));
  EXPECT_TRUE(Allows(R"(owner: "u1", where: {lines: {some: {owner: {eq: "u1"}}}})"));
  EXPECT_FALSE(Allows(R"(owner: "u1", where: {lines: {some: {owner: {eq: "u2"}}}})"));
  EXPECT_FALSE(Allows(R"(owner: "u1", where: {lines: {every: {owner: {eq: "u2"}}}})"));
  EXPECT_TRUE(Allows(R"(owner: "u1", where: {lines: {some: {sku: {ne: "x"}}}})"));
}

TEST_F(ScopeTest, TheRowOfAChangeIsWhatIsConfined) {
  EXPECT_TRUE(AllowsChange(R"(owner: "u1")"));
  EXPECT_TRUE(AllowsChange(R"(where: {row: {owner: {eq: "u1"}}})"));
  EXPECT_FALSE(AllowsChange(R"(where: {old: {owner: {eq: "u1"}}})"));
  EXPECT_TRUE(AllowsChange(R"(where: {row: {owner: {eq: "u1"}}, old: {owner: {eq: "u1"}}})"));
  EXPECT_FALSE(AllowsChange(R"(where: {row: {owner: {eq: "u1"}}, old: {owner: {eq: "u2"}}})"));
  EXPECT_FALSE(AllowsChange(R"(where: {row: {owner: {eq: "u1"}}, old: {owner: {ne: "u1"}}})"));
}

TEST_F(ScopeTest, ANameThatIsOnlyDeeperDownIsConfinedThere) {
  AccessCatalog deep(R"("scope": {"userId": "user"})");
  EXPECT_TRUE(Allows(&deep, "order", R"(where: {customer: {userId: {eq: "u1"}}})", "{}", ""));
  EXPECT_FALSE(Allows(&deep, "order", R"(where: {customer: {userId: {eq: "u2"}}})", "{}", ""));
  EXPECT_FALSE(Allows(&deep, "order", "", "{}", ""));
  EXPECT_FALSE(Allows(&deep, "change", R"(where: {old: {userId: {eq: "u1"}}})", "{}", ""));
}

TEST_F(ScopeTest, AListClaimAllowsEachOfItsMembers) {
  AccessCatalog list(R"("scope": {"owner": "$.teams"})");
  const Somebody client{.claims = R"({"teams": ["a", 7]})"};
  const auto denial = [&](const std::string& arguments) {
    return list.DenialOf("subscription { order(" + arguments + ") { id } }", client);
  };
  EXPECT_EQ(denial(R"(owner: "a")"), "");
  EXPECT_EQ(denial("owner: 7"), "");
  EXPECT_EQ(denial(R"(owner: "7")"), "");
  EXPECT_EQ(denial(R"(owner: "b")"), "SCOPE_MISMATCH");
  EXPECT_EQ(denial(R"(where: {owner: {in: ["a", "7"]}})"), "");
  EXPECT_EQ(denial(R"(where: {owner: {in: ["a", "b"]}})"), "SCOPE_MISMATCH");
}

TEST_F(ScopeTest, WhoLacksTheClaimCanNameNothing) {
  AccessCatalog list(R"("scope": {"owner": "$.teams"})");
  EXPECT_EQ(list.DenialOf(R"(subscription { order(owner: "a") { id } })", Somebody{}),
            "SCOPE_MISMATCH");
  EXPECT_EQ(list.DenialOf("subscription { order(owner: null) { id } }", Somebody{}),
            "SCOPE_MISMATCH");
}

TEST_F(ScopeTest, ArgumentsCompareAsTheyFilter) {
  AccessCatalog count(R"("scope": {"count": "user"})");
  const auto denial = [&](const std::string& user, const std::string& value) {
    return count.DenialOf("subscription { order(count: " + value + ") { id } }",
                          Somebody{.user = user});
  };
  EXPECT_EQ(denial("7", "7"), "");
  EXPECT_EQ(denial("007", "7"), "");
  EXPECT_EQ(denial("8", "7"), "SCOPE_MISMATCH");
  EXPECT_EQ(denial("u", "7"), "SCOPE_MISMATCH");
  AccessCatalog key(R"("scope": {"key": "user"})");
  EXPECT_EQ(
      key.DenialOf(R"(subscription { order(key: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11") { id } })",
                   Somebody{.user = "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"}),
      "");
}

TEST_F(ScopeTest, EachNameOfAScopeIsDemanded) {
  AccessCatalog two(R"("scope": {"owner": "user", "region": "$.region"})");
  const Somebody client{.claims = R"({"region": "eu"})"};
  const auto denial = [&](const std::string& arguments) {
    return two.DenialOf("subscription { order(" + arguments + ") { id } }", client);
  };
  EXPECT_EQ(denial(R"(owner: "u1", region: "eu")"), "");
  EXPECT_EQ(denial(R"(owner: "u1")"), "SCOPE_MISMATCH");
  EXPECT_EQ(denial(R"(owner: "u1", region: "us")"), "SCOPE_MISMATCH");
}

// -- The row before an UPDATE

bool OldIsHidden(const std::string& access, const std::string& data) {
  const AccessCatalog catalog(access);
  JsonTree tree;
  EXPECT_TRUE(tree.ParseCopy(data));
  return OldIsOfOthers(catalog.catalog().FindField("change")->rules, tree.root());
}

TEST(OldRowTest, IsOfOthersIfAModulesFieldHasAnotherValueThere) {
  const std::string tenant = R"("tenant_field": "tenant")";
  EXPECT_FALSE(OldIsHidden(tenant, R"({"row": {"tenant": "a"}, "old": {"tenant": "a"}})"));
  EXPECT_TRUE(OldIsHidden(tenant, R"({"row": {"tenant": "a"}, "old": {"tenant": "b"}})"));
  EXPECT_TRUE(OldIsHidden(tenant, R"({"row": {"tenant": "a"}, "old": {"tenant": null}})"));
  EXPECT_TRUE(OldIsHidden(tenant, R"({"row": {"tenant": "a"}, "old": {}})")) << "left out";
  EXPECT_TRUE(OldIsHidden(tenant, R"({"row": {"tenant": null}, "old": {"tenant": "b"}})"));
  EXPECT_FALSE(OldIsHidden(tenant, R"({"row": {"tenant": "a"}, "old": null})"));
  EXPECT_FALSE(OldIsHidden(tenant, R"({"row": {"tenant": "a"}})"));
  EXPECT_TRUE(OldIsHidden(tenant, R"({"row": {"tenant": "a"}, "old": "b"})"));
  const std::string rows = R"("row_filter": {"owner": "user", "row.id": "$.ids"})";
  EXPECT_FALSE(
      OldIsHidden(rows, R"({"row": {"owner": 1, "id": 7}, "old": {"owner": "1", "id": 7.0}})"))
      << "compared as filters compare";
  EXPECT_TRUE(OldIsHidden(rows, R"({"row": {"owner": 1, "id": 7}, "old": {"owner": 1, "id": 8}})"));
  EXPECT_FALSE(OldIsHidden("", R"({"row": {"tenant": "a"}, "old": {"tenant": "b"}})"));
}

TEST(OldRowTest, IsOfOthersIfTheScopesFieldHasAnotherValueThere) {
  const std::string scope = R"("scope": {"owner": "user"})";
  EXPECT_FALSE(OldIsHidden(scope, R"({"row": {"owner": "u1"}, "old": {"owner": "u1"}})"));
  EXPECT_TRUE(OldIsHidden(scope, R"({"row": {"owner": "u1"}, "old": {"owner": "u2"}})"));
  EXPECT_TRUE(OldIsHidden(scope, R"({"row": {"owner": "u1"}, "old": {}})")) << "left out";
  EXPECT_FALSE(OldIsHidden(scope, R"({"row": {"owner": "u1"}, "old": null})"));
}

TEST(OldRowTest, MayBeOfOthersWhereAScopesFieldIsDeeperDown) {
  const AccessCatalog catalog(R"("scope": {"sku": "user"})");
  const SubscriptionField* const order = catalog.catalog().FindField("order");
  ASSERT_TRUE(order);
  JsonTree tree;
  ASSERT_TRUE(
      tree.ParseCopy(R"({"row": {"meta": {"sku": "u1"}}, "old": {"meta": {"sku": "u1"}}})"));
  EXPECT_TRUE(OldIsOfOthers(order->rules, tree.root()));
}

}  // namespace
}  // namespace fsubs
