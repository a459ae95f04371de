// Who may see what: roles and scopes in the schema and at registration.
#include <gmock/gmock.h>

#include "test/operation_limits.hpp"
#include "worker/event/encode.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kSnapshot[] = R"json({
  "extension_version": "0.1.0", "server_version": "15.1",
  "types": "
    type Order {
      id: ID!
      total: Float @requiresRole(roles: [\"accounts\", \"admin\"])
      status: Status
      strict: Status!
      note(style: Style = PLAIN, raw: Boolean @authenticated): String
      margin: Margin
      owner: Party
      thing: Thing
      tags: [String!] @requiresScopes(scopes: [[\"read:tags\", \"read\"], [\"tags\"]])
    }
    enum Status { NEW PAID FRAUD @requiresRole(roles: [\"admin\"]) }
    enum Style { PLAIN SECRET @authenticated }
    type Margin @requiresScopes(scopes: [[\"margin\"]]) @requiresRole(roles: [\"admin\"]) { percent: Float }
    interface Party { name: String phone: String mail: String @authenticated }
    type Person implements Party { name: String phone: String mail: String }
    type Firm implements Party { name: String phone: String @requiresRole(roles: [\"admin\"]) mail: String }
    type Spy implements Party @requiresRole(roles: [\"admin\"]) { name: String phone: String mail: String }
    union Thing = Person | Spy
    type Change { operation: String row: Order }
    scalar Secret @requiresRole(roles: [\"admin\"])
    type Keys { id: ID key: Secret }
    type Locked { key: Secret }
    type Box { locked: Locked keys: Keys }
    input Pick { id: IDFilter total: FloatFilter note: StringFilter @requiresRole(roles: [\"admin\"]) }
    input PickMust { id: IDFilter! @requiresRole(roles: [\"admin\"]) }
    input Unused { money: Float secret: Secret }
    directive @trace(level: Int, secret: Int @requiresRole(roles: [\"admin\"])) on FIELD
  ",
  "subscriptions": [
    {"name": "order", "field": "order(id: ID, total: Float, status: Status, where: OrderFilter): Order", "channel": "c"},
    {"name": "changed", "field": "changed(id: ID, total: Float, where: ChangeFilter): Change", "channel": "c"},
    {"name": "mine", "field": "mine: Order @authenticated", "channel": "c"},
    {"name": "party", "field": "party(name: String, where: PartyFilter): Party", "channel": "c"},
    {"name": "open", "field": "open: Keys", "channel": "c"},
    {"name": "boxed", "field": "boxed: Box", "channel": "c"},
    {"name": "picked", "field": "picked(where: Pick, must: PickMust): Order", "channel": "c"},
    {"name": "picking", "field": "picking(must: PickMust!): Order", "channel": "c"},
    {"name": "byDefault", "field": "byDefault(status: Status = FRAUD): Order", "channel": "c"},
    {"name": "internal", "field": "internal: Order", "channel": "c", "roles": ["ops", "admin"], "scopes": ["b", "a"]}
  ]})json";

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    std::string json = kSnapshot;
    std::replace(json.begin(), json.end(), '\n', ' ');
    std::string error;
    catalog_ = Catalog::FromSnapshot(json, &error);
    EXPECT_TRUE(catalog_) << error;
    EXPECT_THAT(catalog_->left_out(), testing::IsEmpty());
  }

  static std::shared_ptr<const Identity> Anonymous() { return std::make_shared<Identity>(); }
  static std::shared_ptr<const Identity> Somebody(std::vector<std::string> roles = {},
                                                  std::vector<std::string> scopes = {}) {
    auto identity = std::make_shared<Identity>();
    identity->is_anonymous = false;
    identity->roles = std::move(roles);
    identity->scopes = std::move(scopes);
    return identity;
  }
  static std::shared_ptr<const Identity> Admin() {
    return Somebody({"admin"}, {"a", "b", "margin", "tags"});
  }

  PrepareResult Prepared(const std::shared_ptr<const Identity>& identity, const std::string& query,
                         const std::string& variables = "") {
    OperationRequest request;
    request.query = query;
    if (!variables.empty()) {
      EXPECT_TRUE(variables_.ParseCopy(variables)) << variables_.error();
      request.variables = variables_.root();
    }
    return Prepare(catalog_, &plans_, request, identity, kTestLimits);
  }

  // "ok", or of each error its code or reason, what it is about and its path.
  std::string Outcome(const std::shared_ptr<const Identity>& identity, const std::string& query,
                      const std::string& variables = "") {
    const PrepareResult result = Prepared(identity, query, variables);
    std::string text;
    for (const Error& error : result.errors) {
      if (!text.empty()) text += "; ";
      if (error.code != kErrorForbidden) {
        text.append(error.code).append(" ").append(error.message);
        continue;
      }
      text += std::get<std::string>(error.extensions.front().value) + " ";
      const size_t quote = error.message.find('"') + 1;
      text += error.message.substr(quote, error.message.find('"', quote) - quote) + " at";
      for (const PathItem& item : error.path) text += " " + std::get<std::string>(item);
    }
    return text.empty() ? "ok" : text;
  }

  std::string Subscribed(const std::shared_ptr<const Identity>& identity,
                         const std::string& selection) {
    return Outcome(identity, "subscription { " + selection + " }");
  }

  std::string ResponseTo(const std::shared_ptr<const Identity>& identity,
                         const std::string& query) {
    const PrepareResult result = Prepared(identity, query);
    return result.response.empty() ? ErrorsJson(result.errors) : result.response;
  }

  std::string Encoded(const std::shared_ptr<const Identity>& identity, const std::string& selection,
                      const std::string& event) {
    const PrepareResult result = Prepared(identity, "subscription { " + selection + " }");
    if (!result.subscription) return ErrorsJson(result.errors);
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy(event));
    std::string response;
    Encode(*result.subscription->plan, tree.root(), {"1-0", 0}, &response);
    return response;
  }

  std::shared_ptr<const Catalog> catalog_;
  PlanCache plans_;
  JsonTree variables_;
};

TEST_F(AccessTest, AFieldNeedsOneOfItsRoles) {
  const std::string total = "order { id total }";
  EXPECT_EQ(Subscribed(Anonymous(), total), "UNAUTHENTICATED Order.total at order total");
  EXPECT_EQ(Subscribed(Somebody({"user"}), total), "ROLE_REQUIRED Order.total at order total");
  EXPECT_EQ(Subscribed(Somebody({"accounts"}), total), "ok");
  EXPECT_EQ(Subscribed(Somebody({"admin"}), total), "ok");
  EXPECT_EQ(Subscribed(Anonymous(), "order { id }"), "ok");
}

TEST_F(AccessTest, AFieldNeedsAllScopesOfOneList) {
  const std::string tags = "order { tags }";
  const std::string refused = "SCOPE_REQUIRED Order.tags at order tags";
  EXPECT_EQ(Subscribed(Somebody({}, {"read"}), tags), refused);
  EXPECT_EQ(Subscribed(Somebody({}, {"read:tags"}), tags), refused);
  EXPECT_EQ(Subscribed(Somebody({}, {"read", "read:tags"}), tags), "ok");
  EXPECT_EQ(Subscribed(Somebody({}, {"tags"}), tags), "ok");
  // Whoever has no token is told so, whatever it lacks.
  EXPECT_EQ(Subscribed(Anonymous(), tags), "UNAUTHENTICATED Order.tags at order tags");
}

TEST_F(AccessTest, AnAnonymousClientHasTheRolesOfItsClaims) {
  auto identity = std::make_shared<Identity>();
  identity->roles = {"accounts"};
  EXPECT_EQ(Subscribed(identity, "order { total }"), "ok");
  EXPECT_EQ(Subscribed(identity, "mine { id }"), "UNAUTHENTICATED Subscription.mine at mine");
}

TEST_F(AccessTest, ATokenIsEnoughForAuthenticated) {
  EXPECT_EQ(Subscribed(Anonymous(), "mine { id }"), "UNAUTHENTICATED Subscription.mine at mine");
  EXPECT_EQ(Subscribed(Somebody(), "mine { id }"), "ok");
}

TEST_F(AccessTest, AFieldNeedsWhatItsTypeNeeds) {
  const std::string margin = "order { margin { percent } }";
  // Of several reasons the first in order counts.
  EXPECT_EQ(Subscribed(Somebody(), margin), "ROLE_REQUIRED Order.margin at order margin");
  EXPECT_EQ(Subscribed(Somebody({"admin"}), margin), "SCOPE_REQUIRED Order.margin at order margin");
  EXPECT_EQ(Subscribed(Somebody({}, {"margin"}), margin),
            "ROLE_REQUIRED Order.margin at order margin");
  EXPECT_EQ(Subscribed(Somebody({"admin"}, {"margin"}), margin), "ok");
  EXPECT_EQ(Subscribed(Somebody(), "open { id key }"), "ROLE_REQUIRED Keys.key at open key");
  EXPECT_EQ(Subscribed(Somebody(), "order { margin { __typename } }"),
            "ROLE_REQUIRED Order.margin at order margin");
}

TEST_F(AccessTest, ATypeOfWhichNothingIsLeftIsHidden) {
  EXPECT_EQ(Subscribed(Somebody(), "boxed { locked { __typename } }"),
            "ROLE_REQUIRED Box.locked at boxed locked");
  EXPECT_EQ(Subscribed(Somebody(), "boxed { keys { id } }"), "ok");
}

TEST_F(AccessTest, RegistrationsRolesAndScopesHoldForTheRootField) {
  EXPECT_EQ(Subscribed(Anonymous(), "internal { id }"),
            "UNAUTHENTICATED Subscription.internal at internal");
  EXPECT_EQ(Subscribed(Somebody({}, {"a", "b"}), "internal { id }"),
            "ROLE_REQUIRED Subscription.internal at internal");
  EXPECT_EQ(Subscribed(Somebody({"ops"}, {"a"}), "internal { id }"),
            "SCOPE_REQUIRED Subscription.internal at internal");
  EXPECT_EQ(Subscribed(Somebody({"ops"}, {"a", "b"}), "internal { id }"), "ok");
}

TEST_F(AccessTest, ThePathHasAliasesAndGoesThroughFragments) {
  EXPECT_EQ(Subscribed(Somebody(), "a: order { b: total }"), "ROLE_REQUIRED Order.total at a b");
  EXPECT_EQ(Outcome(Somebody(),
                    "subscription { ...F } fragment F on Subscription { a: order { ...G } } "
                    "fragment G on Order { ... on Order { id ... { c: total } } }"),
            "ROLE_REQUIRED Order.total at a c");
  EXPECT_EQ(Subscribed(Somebody(), "order { a: total b: margin { percent } }"),
            "ROLE_REQUIRED Order.total at order a; ROLE_REQUIRED Order.margin at order b");
}

TEST_F(AccessTest, WhatDirectivesLeaveOutIsRefusedAllTheSame) {
  EXPECT_EQ(Subscribed(Somebody(), "order { id total @skip(if: true) }"),
            "ROLE_REQUIRED Order.total at order total");
  EXPECT_EQ(
      Outcome(Somebody(), "subscription A { order { id } } subscription B { mine { total } }"),
      "ROLE_REQUIRED Order.total at mine total");
  EXPECT_EQ(Outcome(Somebody(), "subscription { order { id } } fragment F on Order { total }"),
            "ROLE_REQUIRED Order.total at total");
}

TEST_F(AccessTest, ARefusalIsAllThatIsSaidOfADocument) {
  EXPECT_EQ(Subscribed(Somebody(), "order { total { x } nope }"),
            "ROLE_REQUIRED Order.total at order total");
}

TEST_F(AccessTest, ADeniedArgumentMustNotBeGiven) {
  EXPECT_EQ(Subscribed(Anonymous(), "order { note(raw: true) }"),
            "UNAUTHENTICATED Order.note(raw:) at order note");
  EXPECT_EQ(Subscribed(Anonymous(), "order { note }"), "ok");
  EXPECT_EQ(Subscribed(Somebody(), "order { note(raw: true) }"), "ok");
  EXPECT_EQ(Subscribed(Somebody(), "order { note @trace(secret: 1) }"),
            "ROLE_REQUIRED @trace(secret:) at order note");
  EXPECT_EQ(Subscribed(Somebody(), "order { note @trace(level: 1) }"), "ok");
}

TEST_F(AccessTest, AnArgumentThatFiltersByADeniedFieldIsDenied) {
  EXPECT_EQ(Subscribed(Somebody(), "order(total: 1) { id }"),
            "ROLE_REQUIRED Subscription.order(total:) at order");
  EXPECT_EQ(Subscribed(Somebody(), "a: changed(total: 1) { operation }"),
            "ROLE_REQUIRED Subscription.changed(total:) at a");
  EXPECT_EQ(Subscribed(Somebody(), "changed(id: 1) { operation }"), "ok");
}

TEST_F(AccessTest, AFilterMustNotLookAtADeniedField) {
  const std::string refused = "ROLE_REQUIRED OrderFilter.total at order";
  EXPECT_EQ(Subscribed(Somebody(), "order(where: {total: {gt: 1}}) { id }"), refused);
  EXPECT_EQ(Subscribed(Somebody(), "order(where: {or: [{not: {total: {exists: true}}}]}) { id }"),
            refused);
  EXPECT_EQ(Subscribed(Somebody(), "changed(where: {row: {total: {gt: 1}}}) { operation }"),
            "ROLE_REQUIRED OrderFilter.total at changed");
  EXPECT_EQ(Subscribed(Somebody(), "order(where: {margin: {percent: {gt: 1}}}) { id }"),
            "ROLE_REQUIRED OrderFilter.margin at order");
  EXPECT_EQ(Subscribed(Somebody(), "order(where: {id: {eq: 1}}) { id }"), "ok");
  EXPECT_EQ(Subscribed(Somebody({"accounts"}), "order(where: {total: {gt: 1}}) { id }"), "ok");
}

TEST_F(AccessTest, ADeniedInputFieldMustNotBeGiven) {
  EXPECT_EQ(Subscribed(Somebody(), "picked(where: {note: {eq: 1}}) { id }"),
            "ROLE_REQUIRED Pick.note at picked");
  EXPECT_EQ(Subscribed(Somebody(), "picked(where: {total: {eq: 1}}) { id }"),
            "ROLE_REQUIRED Pick.total at picked");
  EXPECT_EQ(Subscribed(Somebody(), "picked(where: {id: {eq: 1}}) { id }"), "ok");
  // Without a field that it requires, an input cannot be given at all.
  EXPECT_EQ(Subscribed(Somebody(), "picked(must: {}) { id }"),
            "ROLE_REQUIRED Subscription.picked(must:) at picked");
  EXPECT_EQ(Subscribed(Somebody(), "picking { id }"),
            "ROLE_REQUIRED Subscription.picking at picking");
  EXPECT_EQ(Subscribed(Admin(), "picking(must: {id: {eq: 1}}) { id }"), "ok");
}

TEST_F(AccessTest, VariablesMustNotLookAtWhatIsDenied) {
  const std::string by_where = "subscription($w: OrderFilter) { a: order(where: $w) { id } }";
  EXPECT_EQ(Outcome(Somebody(), by_where, R"({"w":{"and":[{"total":{"gt":1}}]}})"),
            "ROLE_REQUIRED OrderFilter.total at a");
  EXPECT_EQ(Outcome(Somebody(), by_where, R"({"w":{"status":{"in":["NEW","FRAUD"]}}})"),
            "ROLE_REQUIRED Status.FRAUD at a");
  EXPECT_EQ(Outcome(Somebody(), by_where, R"({"w":{"status":{"in":["NEW"]}}})"), "ok");
  EXPECT_EQ(Outcome(Admin(), by_where, R"({"w":{"total":{"gt":1}}})"), "ok");
  EXPECT_EQ(Outcome(Somebody(), "subscription($t: Float) { order(total: $t) { id } }", "{}"),
            "ROLE_REQUIRED Subscription.order(total:) at order");
  EXPECT_EQ(Outcome(Somebody(), "subscription($s: Status = FRAUD) { b: order(status: $s) { id } }"),
            "ROLE_REQUIRED Status.FRAUD at b");
  EXPECT_EQ(
      Outcome(Somebody(), "subscription($w: MarginFilter) { order(where: {margin: $w}) {id} }"),
      "ROLE_REQUIRED MarginFilter at order; ROLE_REQUIRED OrderFilter.margin at order");
}

TEST_F(AccessTest, ADeniedEnumValueMustNotBeGiven) {
  EXPECT_EQ(Subscribed(Somebody(), "order(status: FRAUD) { id }"),
            "ROLE_REQUIRED Status.FRAUD at order");
  EXPECT_EQ(Subscribed(Somebody(), "order(where: {status: {in: [NEW, FRAUD]}}) { id }"),
            "ROLE_REQUIRED Status.FRAUD at order");
  EXPECT_EQ(Subscribed(Somebody(), "order(status: NEW) { id }"), "ok");
  EXPECT_EQ(Subscribed(Admin(), "order(status: FRAUD) { id }"), "ok");
}

TEST_F(AccessTest, ADefaultThatIsDeniedMustBeReplaced) {
  EXPECT_EQ(Subscribed(Somebody(), "byDefault { id }"),
            "ROLE_REQUIRED Subscription.byDefault(status:) at byDefault");
  EXPECT_EQ(Subscribed(Somebody(), "byDefault(status: NEW) { id }"), "ok");
  EXPECT_EQ(Subscribed(Admin(), "byDefault { id }"), "ok");
}

TEST_F(AccessTest, SoDoesOneWhoseVariableHasNoValue) {
  const std::string query = "subscription($s: Status) { mine: byDefault(status: $s) { id } }";
  const std::string denied = "ROLE_REQUIRED Subscription.byDefault(status:) at mine";
  EXPECT_EQ(Outcome(Somebody(), query), denied);
  EXPECT_EQ(Outcome(Somebody(), query, "{}"), denied);
  EXPECT_EQ(Outcome(Somebody(), query, R"({"s": "NEW"})"), "ok");
  EXPECT_EQ(Outcome(Somebody(), query, R"({"s": null})"), "ok");
  EXPECT_EQ(Outcome(Admin(), query), "ok");
  EXPECT_EQ(Outcome(Somebody(), "subscription($s: Status = NEW) { byDefault(status: $s) { id } }"),
            "ok");
  for (const char* around : {"... { mine: byDefault(status: $s) { id } } }",
                             "...F } fragment F on Subscription { mine: byDefault(status: $s) "
                             "{ id } }"}) {
    EXPECT_EQ(Outcome(Somebody(), std::string("subscription($s: Status) { ") + around), denied);
  }
}

TEST_F(AccessTest, AConditionOnAnInterfaceLooksIntoAllOfItsObjects) {
  const std::string where = R"(order(where: {owner: {name: {startsWith: "B"}}}) { id })";
  EXPECT_EQ(Subscribed(Somebody(), where), "ROLE_REQUIRED PartyFilter.name at order");
  EXPECT_EQ(Subscribed(Somebody(), R"(party(where: {name: {eq: "B"}}) { name })"),
            "ROLE_REQUIRED PartyFilter.name at party");
  EXPECT_EQ(Subscribed(Somebody(), R"(party(name: "B") { name })"),
            "ROLE_REQUIRED Subscription.party(name:) at party");
  EXPECT_EQ(Subscribed(Somebody(), "party { name }"), "ok") << "data of a spy is null";
  EXPECT_EQ(Subscribed(Admin(), where), "ok");
  EXPECT_EQ(Subscribed(Admin(), R"(party(name: "B", where: {name: {eq: "B"}}) { name })"), "ok");
}

TEST_F(AccessTest, AnIdentityIsOfOneAudienceAsLongAsItLives) {
  const auto client = Somebody({"admin"});
  const auto audience = catalog_->access().AudienceOf(client);
  EXPECT_EQ(catalog_->access().AudienceOf(client), audience);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_NE(catalog_->access().AudienceOf(Somebody({"other"})), audience);
    EXPECT_EQ(catalog_->access().AudienceOf(Somebody({"admin"})), audience)
        << "though it may be where the other was";
  }
  EXPECT_EQ(catalog_->access().AudienceOf(client), audience);
}

TEST_F(AccessTest, InterfacesAndTheirObjectsShareTheirRules) {
  // What the interface demands is demanded of the object, by whatever way it is selected.
  const std::string denied = "UNAUTHENTICATED ";
  EXPECT_EQ(Subscribed(Anonymous(), "order { owner { mail } }"),
            denied + "Party.mail at order owner mail");
  EXPECT_EQ(Subscribed(Anonymous(), "order { owner { ... on Person { mail } } }"),
            denied + "Person.mail at order owner mail");
  EXPECT_EQ(Subscribed(Somebody(), "order { owner { mail } }"), "ok");
  // What an object demands is demanded where it may be behind the interface.
  EXPECT_EQ(Subscribed(Somebody(), "order { owner { phone } }"),
            "ROLE_REQUIRED Party.phone at order owner phone");
  EXPECT_EQ(Subscribed(Somebody(), "order { owner { name ... on Person { phone } } }"), "ok");
  EXPECT_EQ(Subscribed(Somebody(), "order { owner { ... on Firm { phone } } }"),
            "ROLE_REQUIRED Firm.phone at order owner phone");
  EXPECT_EQ(Subscribed(Somebody(), "order { owner { ... on Spy { __typename } } }"),
            "ROLE_REQUIRED Spy at order owner");
  EXPECT_EQ(Subscribed(Admin(), "order { owner { phone ... on Spy { phone } } }"), "ok");
}

TEST_F(AccessTest, ADeniedEnumValueInAnEventIsNullWithAnError) {
  const std::string event = R"({"id":"1","status":"FRAUD"})";
  const std::string response = Encoded(Somebody(), "order { id s: status }", event);
  EXPECT_THAT(response, HasSubstr(R"({"data":{"order":{"id":"1","s":null}},"errors":[{)"));
  EXPECT_THAT(
      response,
      HasSubstr(
          R"("path":["order","s"],"extensions":{"code":"FORBIDDEN","reason":"ROLE_REQUIRED"}}])"));
  EXPECT_THAT(response, Not(HasSubstr("FRAUD")));
  EXPECT_THAT(Encoded(Admin(), "order { s: status }", event), HasSubstr(R"("s":"FRAUD")"));
  EXPECT_THAT(Encoded(Somebody(), "order { s: status }", R"({"status":"PAID"})"),
              HasSubstr(R"("s":"PAID")"));
}

TEST_F(AccessTest, ADeniedValueWhereNullIsForbiddenTakesItsObjectAlong) {
  EXPECT_THAT(Encoded(Somebody(), "order { strict }", R"({"strict":"FRAUD"})"),
              HasSubstr(R"({"data":{"order":null},"errors":[)"));
}

TEST_F(AccessTest, DataOfADeniedTypeIsNullWithAnError) {
  for (const char* field : {"owner { name }", "thing { ... on Person { name } }"}) {
    const std::string response =
        Encoded(Somebody(), "order { of: " + std::string(field) + " }",
                R"({"owner":{"__typename":"Spy","name":"B"},"thing":{"__typename":"Spy"}})");
    EXPECT_THAT(response, HasSubstr(R"("of":null)"));
    EXPECT_THAT(response, HasSubstr(R"("code":"FORBIDDEN","reason":"ROLE_REQUIRED")"));
    EXPECT_THAT(response, Not(HasSubstr("Spy")));
  }
  EXPECT_THAT(
      Encoded(Admin(), "order { owner { name } }", R"({"owner":{"__typename":"Spy","name":"B"}})"),
      HasSubstr(R"("owner":{"name":"B"})"));
}

TEST_F(AccessTest, OnlyClientsThatSeeTheSameShareAPlan) {
  const std::string query = "subscription { order { status } }";
  const auto plan = [&](const std::shared_ptr<const Identity>& identity) {
    return Prepared(identity, query).subscription->plan;
  };
  const auto user = plan(Somebody({"user"}));
  const auto admin = plan(Admin());
  EXPECT_EQ(user, plan(Somebody({"clerk"}, {"other"})));
  EXPECT_NE(user, admin);
  EXPECT_NE(user, plan(Anonymous()));
  EXPECT_NE(user, plan(Somebody({"accounts"})));
  EXPECT_EQ(admin, plan(Admin()));
}

TEST_F(AccessTest, ADocumentThatOneAudienceMayUseIsCheckedForTheNext) {
  const std::string query = "subscription { order { total } }";
  const PrepareResult admin = Prepared(Admin(), query);
  ASSERT_TRUE(admin.subscription);
  EXPECT_EQ(Outcome(Somebody(), query), "ROLE_REQUIRED Order.total at order total");
}

TEST_F(AccessTest, WithoutRulesAllClientsShare) {
  std::string error;
  const auto open = Catalog::FromSnapshot(
      R"({"extension_version":"1","server_version":"15","types":"type A { b: Int }",)"
      R"("subscriptions":[{"name":"a","field":"a: A","channel":"c"}]})",
      &error);
  ASSERT_TRUE(open) << error;
  EXPECT_EQ(open->access().AudienceOf(Anonymous()), open->access().AudienceOf(Admin()));
  EXPECT_TRUE(open->access().AudienceOf(Anonymous())->sees_all());
}

TEST_F(AccessTest, SuggestionsNameNothingDenied) {
  EXPECT_THAT(Outcome(Admin(), "subscription { order { totl } }"), HasSubstr("\"total\""));
  for (const char* query : {
           "subscription { order { totl } }",
           "subscription { order(totl: 1) { id } }",
           "subscription { order(where: {totl: {}}) { id } }",
           "subscription { order(status: FRAUDD) { id } }",
           "subscription { intrnal { id } }",
           "subscription { order { owner { ... on Spi { name } } } }",
           "subscription { order { note @trace(secrt: 1) } }",
           "subscription { order { thing { phone } } }",
       }) {
    const std::string refusal = ErrorsJson(Prepared(Somebody(), query).errors);
    for (const char* denied : {"\"total", "\"FRAUD\\", "internal", "Spy", "secret"}) {
      EXPECT_THAT(refusal, Not(HasSubstr(denied))) << query;
    }
    EXPECT_THAT(refusal, HasSubstr("GRAPHQL_VALIDATION_FAILED")) << query;
  }
  const std::string by_where = "subscription($w: OrderFilter) { order(where: $w) { id } }";
  EXPECT_THAT(Outcome(Admin(), by_where, R"({"w":{"totl":1}})"), HasSubstr("\"total\""));
  EXPECT_THAT(Outcome(Somebody(), by_where, R"({"w":{"totl":1}})"), Not(HasSubstr("\"total\"")));
}

constexpr char kAsked[] =
    "{ __schema { types { name fields(includeDeprecated: true) { name args { name defaultValue } } "
    "inputFields { name } enumValues { name } possibleTypes { name } } directives { name args { "
    "name } } } }";

TEST_F(AccessTest, IntrospectionShowsOnlyWhatTheClientMaySee) {
  const std::string seen = ResponseTo(Somebody(), kAsked);
  for (const char* hidden :
       {"\"total\"", "FRAUD", "Margin", "margin", "Spy", "Secret", "Locked", "internal", "\"tags\"",
        "\"secret\"", "_service", "_Service", "PickMust", "picking"}) {
    EXPECT_THAT(seen, Not(HasSubstr(hidden)));
  }
  EXPECT_THAT(seen,
              HasSubstr(R"({"name":"byDefault","args":[{"name":"status","defaultValue":null}]})"));
  EXPECT_THAT(seen, HasSubstr(R"({"name":"Keys","fields":[{"name":"id","args":[]}])"));
  EXPECT_THAT(seen, HasSubstr(R"("possibleTypes":[{"name":"Person"},{"name":"Firm"}])"));
  EXPECT_THAT(seen, HasSubstr(R"("name":"PAID")"));
  // A type that nothing uses keeps what it refers to.
  EXPECT_THAT(seen, HasSubstr(R"("inputFields":[{"name":"money"}])"));
  EXPECT_THAT(seen, HasSubstr(R"("name":"Float")"));
  EXPECT_THAT(seen, HasSubstr(R"("name":"mail")"));
  EXPECT_THAT(ResponseTo(Anonymous(), kAsked), Not(HasSubstr(R"("name":"mail")")));
  const std::string all = ResponseTo(Admin(), kAsked);
  for (const char* shown : {"\"total\"", "FRAUD", "MarginFilter", "Spy", "Secret", "_service"}) {
    EXPECT_THAT(all, HasSubstr(shown));
  }
}

TEST_F(AccessTest, AHiddenTypeIsNotFoundByItsName) {
  const std::string query = R"({ __type(name: "Margin") { name } })";
  EXPECT_EQ(ResponseTo(Somebody(), query), R"({"data":{"__type":null}})");
  EXPECT_EQ(ResponseTo(Admin(), query), R"({"data":{"__type":{"name":"Margin"}}})");
}

TEST_F(AccessTest, SubscriptionsOnOfferAreThoseThatTheClientMayHave) {
  const std::string query = "{ subscriptions { name definition } serverVersion }";
  const std::string anonymous = ResponseTo(Anonymous(), query);
  EXPECT_THAT(anonymous, Not(HasSubstr("internal")));
  EXPECT_THAT(anonymous, Not(HasSubstr("mine")));
  EXPECT_THAT(anonymous, HasSubstr("order(id: ID, status: Status, where: OrderFilter): Order"));
  EXPECT_THAT(anonymous, HasSubstr("byDefault(status: Status): Order"));
  EXPECT_THAT(ResponseTo(Admin(), query), HasSubstr("byDefault(status: Status = FRAUD): Order"));
}

TEST_F(AccessTest, TheWholeSchemasTextIsForThoseWhoMaySeeAllOfIt) {
  const std::string query = "{ _service { sdl } }";
  EXPECT_EQ(Outcome(Somebody({"admin"}), query), "SCOPE_REQUIRED Query._service at _service");
  EXPECT_THAT(ResponseTo(Admin(), query), HasSubstr("directive @requiresRole(roles: [String!]!)"));
}

TEST_F(AccessTest, ARefusalNamesTheFieldThatItIsAboutAndTheKindOfOperation) {
  const PrepareResult query = Prepared(Anonymous(), "{ __typename s: _service { sdl } }");
  EXPECT_EQ(query.field, "_service");
  EXPECT_FALSE(query.is_subscription);
  const PrepareResult subscription = Prepared(Anonymous(), "subscription { m: mine { id } }");
  EXPECT_EQ(subscription.field, "mine");
  EXPECT_TRUE(subscription.is_subscription);
}

}  // namespace
}  // namespace fsubs
