// Which events reach whom, by the rules of their fields.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "test/unit/worker/access/access_catalog.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/filter/predicate_trial.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/filter_compiler.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kOrder[] = "subscription { order { id } }";
constexpr char kChange[] = "subscription { change { operation row { note } old { note } } }";

struct Client final : Member {
  void Deliver(const EventPlace&, std::string_view payload) override {
    received.emplace_back(payload);
  }

  std::vector<std::string> received;
};

class DispatchAccessTest : public testing::Test {
 protected:
  ~DispatchAccessTest() override {
    for (Client* client : added_) dispatcher_.Remove(client);
  }

  void Register(const std::string& access) { catalog_.emplace(access); }

  Client* Subscribe(std::shared_ptr<const Identity> identity, const std::string& query = kOrder) {
    PrepareResult prepared = catalog_->Prepare(query, std::move(identity));
    EXPECT_TRUE(prepared.subscription) << ErrorsJson(prepared.errors);
    if (!prepared.subscription) return nullptr;
    Client* const client = &clients_.emplace_back();
    dispatcher_.Add(client, std::move(*prepared.subscription));
    added_.push_back(client);
    return client;
  }

  void Unsubscribe(Client* client) {
    dispatcher_.Remove(client);
    std::erase(added_, client);
  }

  Dispatcher::Outcome Publish(const std::string& data, const std::string& subgraph = "",
                              const std::string& channel = "orders") {
    data_ = data + std::string(kJsonPadding, '\0');
    EventRecord record;
    record.channel = channel;
    record.event_type = "any";
    record.subgraph = subgraph;
    record.data = std::string_view(data_).substr(0, data.size());
    WorkBudget budget(1'000'000);
    EXPECT_TRUE(dispatcher_.Begin(record, "1-0", &budget));
    return dispatcher_.outcome();
  }

  // How many events each client has got since this was last asked.
  std::vector<size_t> Got() {
    std::vector<size_t> got;
    for (Client& client : clients_) got.push_back(std::exchange(client.received, {}).size());
    return got;
  }

  std::optional<AccessCatalog> catalog_;
  Dispatcher dispatcher_;
  std::deque<Client> clients_;
  std::vector<Client*> added_;
  std::string data_;
};

TEST_F(DispatchAccessTest, AnEventReachesItsTenantAlone) {
  Register(R"("tenant_field": "tenant")");
  Subscribe(Somebody{.tenant = "a"});
  Subscribe(Somebody{.user = "u2", .tenant = "a"});
  Subscribe(Somebody{.tenant = "b"});
  Publish(R"({"id": 1, "tenant": "a"})");
  EXPECT_THAT(Got(), ElementsAre(1, 1, 0));
  Publish(R"({"id": 1, "tenant": "c"})");
  EXPECT_THAT(Got(), ElementsAre(0, 0, 0));
  for (const char* nobodys : {R"({"id": 1})", R"({"tenant": null})", R"({"tenant": ["a"]})",
                              R"({"tenant": {"a": 1}})", R"({"tenant": "A"})", "null", "7", "[]"}) {
    Publish(nobodys);
    EXPECT_THAT(Got(), ElementsAre(0, 0, 0)) << nobodys;
  }
}

TEST_F(DispatchAccessTest, WhereTheFieldIsSharedEventsWithoutATenantReachEverybody) {
  Register(R"("tenant_field": "tenant", "shared": true)");
  Subscribe(Somebody{.tenant = "a"});
  Subscribe(Somebody{.tenant = "b"});
  Subscribe(Somebody{});
  Publish(R"({"id": 1, "tenant": "a"})");
  EXPECT_THAT(Got(), ElementsAre(1, 0, 0));
  Publish(R"({"id": 1, "tenant": null})");
  EXPECT_THAT(Got(), ElementsAre(1, 1, 1));
  Publish(R"({"id": 1})");
  EXPECT_THAT(Got(), ElementsAre(1, 1, 1));
  Publish(R"({"id": 1, "tenant": ""})");
  EXPECT_THAT(Got(), ElementsAre(0, 0, 0)) << "an empty text is a tenant";
}

// Of a row's change, what is not told may be any tenant.
class UntoldTenantTest : public DispatchAccessTest {
 protected:
  void SubscribeToChanges(const std::string& access) {
    while (!added_.empty()) Unsubscribe(added_.back());
    clients_.clear();
    Register(R"("shared": true, )" + access);
    // More values than an index takes, so that they are tried.
    std::string ids;
    for (size_t i = 0; i < 2 * kMaxKeys; ++i) ids += (i == 0 ? "" : ",") + std::to_string(i);
    const std::string claims = R"({"ids": [)" + ids + "]}";
    Subscribe(Somebody{.tenant = "a", .claims = claims}, kChange);
    Subscribe(Somebody{.tenant = "b", .claims = claims}, kChange);
    Subscribe(Somebody{.claims = claims}, kChange);
  }

  std::vector<size_t> GotOf(const std::string& data) {
    Publish(data, "", "changes");
    return Got();
  }
};

TEST_F(UntoldTenantTest, IsNobodys) {
  for (const std::string tenant_field : {"tenant", "row.tenant", "misspelt", "row.misspelt"}) {
    for (const std::string others : {"", R"(, "row_filter": {"id": "$.ids"})"}) {
      SCOPED_TRACE(tenant_field + others);
      SubscribeToChanges(R"("tenant_field": ")" + tenant_field + "\"" + others);
      for (const char* untold :
           {R"({"operation": "INSERT", "row": {"id": 1}, "old": null, "omitted": ["row.tenant"]})",
            R"({"operation": "UPDATE", "row": {"id": 1}, "old": {"id": 1}})",
            R"({"operation": "INSERT", "row": {"id": 1, "other": "a"}, "old": null})"}) {
        EXPECT_THAT(GotOf(untold), ElementsAre(0, 0, 0)) << untold;
      }
    }
  }
}

TEST_F(UntoldTenantTest, IsNobodysAlsoWhereItIsTried) {
  const Demand demand{{{"row", "tenant"}, Comparison::kText, Demander::kTenant},
                      {std::string(1, kNullForm)}};
  std::vector<Demand> demands;
  // An index takes one demand for a field. The other is tried.
  demands.push_back(demand);
  demands.push_back(demand);
  const Filter filter = MakeFilter(std::move(demands), {});
  ASSERT_TRUE(filter.residual);
  const auto holds = [&](const char* data) {
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy(data));
    PredicateTrial trial;
    WorkBudget budget(1'000'000);
    trial.Start(*filter.residual, tree.root());
    return trial.Continue(&budget);
  };
  EXPECT_EQ(holds(R"({"row": {"id": 1}})"), false);
  EXPECT_EQ(holds(R"({"row": {"tenant": null}})"), true);
  EXPECT_EQ(holds(R"({"row": null})"), true);
}

TEST_F(UntoldTenantTest, IsNoneWhereItOrTheRowIsNull) {
  SubscribeToChanges(R"("tenant_field": "tenant")");
  EXPECT_THAT(GotOf(R"({"operation": "INSERT", "row": {"id": 1, "tenant": null}, "old": null})"),
              ElementsAre(1, 1, 1));
  EXPECT_THAT(GotOf(R"({"operation": "TRUNCATE", "row": null, "old": null})"),
              ElementsAre(1, 1, 1));
  EXPECT_THAT(GotOf(R"({"operation": "INSERT", "row": {"id": 1, "tenant": "a"}, "old": null})"),
              ElementsAre(1, 0, 0));
}

TEST_F(UntoldTenantTest, IsNobodysWhereAPathIsNotThere) {
  Register(R"("shared": true, "tenant_field": "meta.tenant")");
  Subscribe(Somebody{.tenant = "a"});
  for (const char* untold : {R"({"id": 1})", R"({"meta": {}})", R"({"meta": 7})"}) {
    Publish(untold);
    EXPECT_THAT(Got(), ElementsAre(0)) << untold;
  }
  for (const char* shared : {R"({"meta": null})", R"({"meta": {"tenant": null}})"}) {
    Publish(shared);
    EXPECT_THAT(Got(), ElementsAre(1)) << shared;
  }
}

TEST_F(DispatchAccessTest, ARowFilterComparesEachFieldWithItsClaim) {
  Register(R"("row_filter": {"owner": "user", "region": "$.regions"})");
  Subscribe(Somebody{.user = "1", .claims = R"({"regions": ["eu", "us"]})"});
  Subscribe(Somebody{.user = "1", .claims = R"({"regions": "us"})"});
  Subscribe(Somebody{.user = "2", .claims = R"({"regions": ["eu"]})"});
  Publish(R"({"owner": 1, "region": "eu"})");
  EXPECT_THAT(Got(), ElementsAre(1, 0, 0));
  Publish(R"({"owner": "1", "region": "us"})");
  EXPECT_THAT(Got(), ElementsAre(1, 1, 0));
  Publish(R"({"owner": 2, "region": "us"})");
  EXPECT_THAT(Got(), ElementsAre(0, 0, 0));
  Publish(R"({"owner": 1})");
  EXPECT_THAT(Got(), ElementsAre(0, 0, 0));
}

TEST_F(DispatchAccessTest, OfAListOneElementIsEnoughAndIsDeliveredOnce) {
  Register(R"("row_filter": {"tags": "$.tags"})");
  Client* const two = Subscribe(Somebody{.claims = R"({"tags": ["a", "b"]})"});
  Subscribe(Somebody{.claims = R"({"tags": ["c"]})"});
  Publish(R"({"tags": ["a", "b", "a", null, {}]})");
  EXPECT_THAT(Got(), ElementsAre(1, 0));
  Publish(R"({"tags": ["x", "b"]})");
  EXPECT_THAT(Got(), ElementsAre(1, 0));
  for (const char* nobodys : {R"({"tags": []})", R"({"tags": null})", "{}", R"({"tags": [["a"]]})",
                              R"({"tags": ["x"]})", R"({"tags": [null]})"}) {
    Publish(nobodys);
    EXPECT_THAT(Got(), ElementsAre(0, 0)) << nobodys;
  }
  Publish(R"({"tags": ["b", "c", "a"]})");
  EXPECT_THAT(Got(), ElementsAre(1, 1));
  Unsubscribe(two);
  Publish(R"({"tags": ["b", "c", "a"]})");
  EXPECT_THAT(Got(), ElementsAre(0, 1));
}

TEST_F(DispatchAccessTest, AListOfNumbersComparesAsItsElements) {
  Register(R"("row_filter": {"numbers": "user"})");
  Subscribe(Somebody{.user = "7"});
  Publish(R"({"numbers": [1, 7.0]})");
  EXPECT_THAT(Got(), ElementsAre(1));
}

TEST_F(DispatchAccessTest, SeveralListsAreLookedUpTogether) {
  Register(R"("row_filter": {"tags": "$.tags", "numbers": "$.numbers"})");
  Subscribe(Somebody{.claims = R"({"tags": ["a", "b"], "numbers": [1, 2]})"});
  Subscribe(Somebody{.claims = R"({"tags": ["a"], "numbers": [3]})"});
  Publish(R"({"tags": ["b", "a"], "numbers": [2, 1]})");
  EXPECT_THAT(Got(), ElementsAre(1, 0));
  Publish(R"({"tags": ["a"], "numbers": [3, 9]})");
  EXPECT_THAT(Got(), ElementsAre(0, 1));
  // More combinations than there are buckets.
  std::string tags = "\"a\"";
  std::string numbers = "3";
  for (int i = 0; i < 100; ++i) {
    tags += ",\"t" + std::to_string(i) + "\"";
    numbers += "," + std::to_string(100 + i);
  }
  Publish("{\"tags\": [" + tags + "], \"numbers\": [" + numbers + "]}");
  EXPECT_THAT(Got(), ElementsAre(0, 1));
}

TEST_F(DispatchAccessTest, AClaimOfMoreValuesThanAnIndexTakesStillDecides) {
  Register(R"("row_filter": {"owner": "$.ids"}, "tenant_field": "tenant")");
  std::string ids;
  for (size_t i = 0; i < 2 * kMaxKeys; ++i) ids += (i == 0 ? "" : ",") + std::to_string(2 * i);
  Subscribe(Somebody{.tenant = "a", .claims = "{\"ids\": [" + ids + "]}"});
  Publish(R"({"owner": 600, "tenant": "a"})");
  EXPECT_THAT(Got(), ElementsAre(1));
  Publish(R"({"owner": [599, 600], "tenant": "a"})");
  EXPECT_THAT(Got(), ElementsAre(1));
  for (const char* others : {R"({"owner": 601, "tenant": "a"})", R"({"owner": 600, "tenant": "b"})",
                             R"({"tenant": "a"})", R"({"owner": [], "tenant": "a"})",
                             R"({"owner": null, "tenant": "a"})"}) {
    Publish(others);
    EXPECT_THAT(Got(), ElementsAre(0)) << others;
  }
}

TEST_F(DispatchAccessTest, AFieldWithASubgraphDeliversItsEventsAlone) {
  Register(R"("subgraph": "s")");
  Subscribe(Somebody{.subgraphs = {"r", "s"}});
  Publish(R"({"id": 1})", "s");
  EXPECT_THAT(Got(), ElementsAre(1));
  Publish(R"({"id": 1})", "r");
  Publish(R"({"id": 1})", "");
  EXPECT_THAT(Got(), ElementsAre(0));
}

TEST_F(DispatchAccessTest, AFieldWithoutASubgraphDeliversTheOnesThatAClientHas) {
  Register("");
  Subscribe(Somebody{.subgraphs = {"r", "s"}});
  Subscribe(Somebody{.subgraphs = {"s"}});
  Subscribe(Somebody{});
  Publish(R"({"id": 1})", "s");
  EXPECT_THAT(Got(), ElementsAre(1, 1, 0));
  Publish(R"({"id": 1})", "r");
  EXPECT_THAT(Got(), ElementsAre(1, 0, 0));
  Publish(R"({"id": 1})", "q");
  EXPECT_THAT(Got(), ElementsAre(0, 0, 0));
  Publish(R"({"id": 1})");
  EXPECT_THAT(Got(), ElementsAre(1, 1, 1));
}

TEST_F(DispatchAccessTest, AClientMayHaveMoreSubgraphsThanKeys) {
  Register(R"("tenant_field": "tenant")");
  Somebody client{.tenant = "a"};
  for (size_t i = 0; i < 2 * kMaxKeys; ++i) client.subgraphs.push_back("s" + std::to_string(i));
  std::sort(client.subgraphs.begin(), client.subgraphs.end());
  Subscribe(client);
  Publish(R"({"tenant": "a"})", "s300");
  EXPECT_THAT(Got(), ElementsAre(1));
  Publish(R"({"tenant": "a"})", "x");
  Publish(R"({"tenant": "b"})", "s300");
  EXPECT_THAT(Got(), ElementsAre(0));
}

TEST_F(DispatchAccessTest, TheClientsOwnFilterHoldsBesides) {
  Register(R"("tenant_field": "tenant", "row_filter": {"owner": "user"})");
  const Somebody client{.user = "1", .tenant = "a"};
  Subscribe(client, "subscription { order(id: 7) { id } }");
  Subscribe(client, R"(subscription { order(owner: "2") { id } })");
  Subscribe(client, "subscription { order(where: {count: {gt: 5}}) { id } }");
  Subscribe(client, R"(subscription { order(where: {tenant: {ne: "a"}}) { id } })");
  Subscribe(client,
            R"(subscription { order(where: {or: [{id: {eq: 7}}, {count: {eq: 6}}]}) { id } })");
  Publish(R"({"id": 7, "owner": 1, "tenant": "a", "count": 1})");
  EXPECT_THAT(Got(), ElementsAre(1, 0, 0, 0, 1));
  Publish(R"({"id": 8, "owner": 1, "tenant": "a", "count": 6})");
  EXPECT_THAT(Got(), ElementsAre(0, 0, 1, 0, 1));
  Publish(R"({"id": 7, "owner": 2, "tenant": "a", "count": 6})");
  Publish(R"({"id": 7, "owner": 1, "tenant": "b", "count": 6})");
  EXPECT_THAT(Got(), ElementsAre(0, 0, 0, 0, 0));
}

TEST_F(DispatchAccessTest, ALossIsToldToEveryTenantOnce) {
  Register(R"("tenant_field": "tenant", "shared": true)");
  Subscribe(Somebody{.tenant = "a", .subgraphs = {"r", "s"}});
  Subscribe(Somebody{.tenant = "b"});
  EventRecord record;
  record.kind = RecordKind::kEventsLost;
  record.channel = "orders";
  record.data = "3";
  WorkBudget budget(1'000'000);
  EXPECT_TRUE(dispatcher_.Begin(record, "1-0", &budget));
  EXPECT_THAT(Got(), ElementsAre(1, 1));
}

// -- The row before an UPDATE

TEST_F(DispatchAccessTest, ARowThatMovesToAnotherTenantShowsNothingOfTheOldOne) {
  Register(R"("tenant_field": "tenant")");
  Client* const old = Subscribe(Somebody{.tenant = "a"}, kChange);
  Client* const now = Subscribe(Somebody{.tenant = "b"}, kChange);
  Publish(R"({"operation": "UPDATE", "row": {"tenant": "b", "note": "mine"},)"
          R"( "old": {"tenant": "a", "note": "secret"}})",
          "", "changes");
  EXPECT_THAT(old->received, IsEmpty());
  EXPECT_THAT(now->received, ElementsAre(HasSubstr(R"("row":{"note":"mine"},"old":null)")));
  Publish(R"({"operation": "UPDATE", "row": {"tenant": "b", "note": "2"},)"
          R"( "old": {"tenant": "b", "note": "1"}})",
          "", "changes");
  EXPECT_THAT(now->received.back(), HasSubstr(R"("old":{"note":"1"})"));
  Publish(R"({"operation": "DELETE", "row": {"tenant": "a", "note": "2"}, "old": null})", "",
          "changes");
  EXPECT_THAT(old->received, ElementsAre(HasSubstr(R"("row":{"note":"2"})")));
}

TEST_F(DispatchAccessTest, WhoeverNamesOldTwiceShowsItNeither) {
  Register(R"("tenant_field": "tenant")");
  Client* const client = Subscribe(Somebody{.tenant = "b"}, kChange);
  Publish(R"({"old": {"tenant": "b", "note": "x"}, "row": {"tenant": "b", "note": "mine"},)"
          R"( "\u006fld": {"tenant": "a", "note": "secret"}, "operation": "UPDATE"})",
          "", "changes");
  ASSERT_EQ(client->received.size(), 1u);
  EXPECT_THAT(client->received[0], HasSubstr(R"("old":null)"));
}

TEST_F(DispatchAccessTest, AFilterLearnsNothingOfAHiddenRow) {
  Register(R"("tenant_field": "tenant")");
  const Somebody client{.tenant = "b"};
  const auto where = [](const std::string& condition) {
    return "subscription { change(where: {" + condition + "}) { operation } }";
  };
  Subscribe(client, where(R"(old: {note: {eq: "secret"}})"));
  Subscribe(client, where(R"(old: {note: {startsWith: "s"}})"));
  Subscribe(client, where("old: {exists: true}"));
  Subscribe(client, where("old: {exists: false}"));
  Subscribe(client, where(R"(old: {note: {gt: "a"}})"));
  Publish(R"({"operation": "UPDATE", "row": {"tenant": "b"},)"
          R"( "old": {"tenant": "a", "note": "secret"}})",
          "", "changes");
  EXPECT_THAT(Got(), ElementsAre(0, 0, 0, 1, 0));
  Publish(R"({"operation": "UPDATE", "row": {"tenant": "b"},)"
          R"( "old": {"tenant": "b", "note": "secret"}})",
          "", "changes");
  EXPECT_THAT(Got(), ElementsAre(1, 1, 1, 0, 1));
}

// One residual that two fields share, of which only one hides the row.
TEST(DispatchFieldsTest, WhatOneFieldHidesAnotherMayShow) {
  const std::string snapshot =
      R"({"extension_version": "0.1.0", "server_version": "15.1", "types": ")" +
      std::string(kAccessTypes) +
      R"(", "subscriptions": [{"name": "a", "field": "a(where: ChangeFilter): Change",)"
      R"( "channel": "c", "event_types": null, "tenant_field": "tenant"},)"
      R"( {"name": "b", "field": "b(where: ChangeFilter): Change", "channel": "c",)"
      R"( "event_types": null}]})";
  std::string error;
  const auto catalog = Catalog::FromSnapshot(snapshot, &error);
  ASSERT_TRUE(catalog) << error;
  PlanCache plans;
  Dispatcher dispatcher;
  Client clients[4];
  const char* const fields[] = {"a", "b", "a", "b"};
  for (int i = 0; i < 4; ++i) {
    OperationRequest request;
    const std::string query = std::string("subscription { ") + fields[i] +
                              R"((where: {old: {note: {startsWith: "s"}}}) { x)" +
                              std::to_string(i / 2) + ": operation } }";
    request.query = query;
    PrepareResult prepared =
        Prepare(catalog, &plans, request, Somebody{.tenant = "t"}, kTestLimits);
    ASSERT_TRUE(prepared.subscription) << ErrorsJson(prepared.errors);
    dispatcher.Add(&clients[i], std::move(*prepared.subscription));
  }
  const std::string data =
      R"({"operation": "UPDATE", "row": {"tenant": "t"}, "old": {"tenant": "u", "note": "s"}})" +
      std::string(kJsonPadding, '\0');
  EventRecord record;
  record.channel = "c";
  record.data = std::string_view(data).substr(0, data.size() - kJsonPadding);
  WorkBudget budget(1'000'000);
  EXPECT_TRUE(dispatcher.Begin(record, "1-0", &budget));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(clients[i].received.size(), fields[i][0] == 'a' ? 0u : 1u) << i;
    dispatcher.Remove(&clients[i]);
  }
}

// -- What is counted

TEST_F(DispatchAccessTest, DeniedEventsAreCountedByTheFirstModuleThatDenies) {
  Register(R"("tenant_field": "tenant", "row_filter": {"owner": "user"})");
  for (int i = 0; i < 10; ++i) Subscribe(Somebody{.user = "1", .tenant = "a"});
  for (int i = 0; i < 5; ++i) Subscribe(Somebody{.user = "1", .tenant = "b"});
  for (int i = 0; i < 3; ++i) Subscribe(Somebody{.user = "2", .tenant = "b"});
  Subscribe(Somebody{.user = "1", .tenant = "b"}, "subscription { order(id: 1) { id } }");
  const auto denied = [&](const std::string& data, const std::string& subgraph = "") {
    const Dispatcher::Outcome::Denied found = Publish(data, subgraph).denied;
    return std::vector<size_t>{found.by_row_filter, found.by_tenant, found.by_federation};
  };
  EXPECT_THAT(denied(R"({"id": 2, "owner": 1, "tenant": "a"})"), ElementsAre(3, 5, 0));
  EXPECT_THAT(denied(R"({"id": 1, "owner": 1, "tenant": "a"})"), ElementsAre(3, 6, 0));
  EXPECT_THAT(denied(R"({"id": 1, "owner": 3, "tenant": "a"})"), ElementsAre(19, 0, 0));
  EXPECT_THAT(denied(R"({"id": 2})"), ElementsAre(18, 0, 0));
  EXPECT_THAT(denied(R"({"id": 2, "owner": 1, "tenant": "a"})", "s"), ElementsAre(0, 0, 19));
  EXPECT_THAT(denied(R"({"id": 2, "owner": [1, 2], "tenant": "b"})"), ElementsAre(10, 0, 0));
  EXPECT_THAT(Publish(R"({"id": 2})", "", "nobody").denied.by_tenant, 0u);
}

TEST_F(DispatchAccessTest, AMemberWithSeveralKeysIsCountedOnce) {
  Register(R"("tenant_field": "tenant", "shared": true, "row_filter": {"owner": "$.ids"})");
  Client* const client = Subscribe(
      Somebody{.tenant = "a", .subgraphs = {"r", "s"}, .claims = R"({"ids": [1, 2, 3]})"});
  EXPECT_EQ(Publish(R"({"owner": 1, "tenant": "b"})").denied.by_tenant, 1u);
  EXPECT_EQ(Publish(R"({"owner": 4, "tenant": "a"})").denied.by_row_filter, 1u);
  EXPECT_EQ(Publish(R"({"owner": 1, "tenant": "a"})", "q").denied.by_federation, 1u);
  EXPECT_EQ(Publish(R"({"owner": 2})", "r").denied.by_federation, 0u);
  EXPECT_THAT(Got(), ElementsAre(1));
  Unsubscribe(client);
  EXPECT_EQ(Publish(R"({"owner": 4, "tenant": "a"})").denied.by_row_filter, 0u);
}

// -- Against a model

struct ModelClient {
  Somebody who;
  std::vector<std::string> ids;
  std::string query;
  std::string id;  // asked for; empty: any
};

struct ModelEvent {
  std::string id;
  std::string tenant;               // empty: null
  std::vector<std::string> owners;  // of which the first is the only one unless there are several
  bool is_list;
  std::string subgraph;
};

TEST_F(DispatchAccessTest, AgreesWithAModelOfAllModulesTogether) {
  std::mt19937 random(7);
  const auto pick = [&](int count) { return static_cast<int>(random() % count); };
  const auto name = [&](const char* of, int count) { return of + std::to_string(pick(count)); };
  for (const bool shared : {false, true}) {
    for (const bool with_subgraph : {false, true}) {
      Register(R"("tenant_field": "tenant", "row_filter": {"owner": "$.ids"}, "shared": )" +
               std::string(shared ? "true" : "false") +
               (with_subgraph ? R"(, "subgraph": "s0")" : ""));
      std::vector<ModelClient> models;
      for (int i = 0; i < 60; ++i) {
        ModelClient model;
        if (!shared || pick(3) > 0) model.who.tenant = name("t", 3);
        const bool has_first = with_subgraph || pick(2) == 0;
        if (has_first) model.who.subgraphs.push_back("s0");
        if (pick(2) == 0) model.who.subgraphs.push_back("s1");
        std::string ids;
        for (int n = 1 + pick(3); n > 0; --n) {
          model.ids.push_back(name("o", 4));
          ids += (ids.empty() ? "\"" : ",\"") + model.ids.back() + "\"";
        }
        model.who.claims = "{\"ids\": [" + ids + "]}";
        if (pick(2) == 0) model.id = name("i", 2);
        model.query = model.id.empty() ? std::string(kOrder)
                                       : "subscription { order(id: \"" + model.id + "\") { id } }";
        Subscribe(model.who, model.query);
        models.push_back(model);
      }
      for (int n = 0; n < 400; ++n) {
        ModelEvent event{name("i", 2),
                         pick(4) == 0 ? "" : name("t", 3),
                         {},
                         pick(2) == 0,
                         pick(2) == 0 ? "" : name("s", 2)};
        for (int owners = event.is_list ? pick(4) : 1; owners > 0; --owners) {
          event.owners.push_back(name("o", 5));
        }
        std::string owners;
        for (const std::string& owner : event.owners) {
          owners += (owners.empty() ? "\"" : ",\"") + owner + "\"";
        }
        Publish("{\"id\": \"" + event.id + "\", \"tenant\": " +
                    (event.tenant.empty() ? "null" : "\"" + event.tenant + "\"") +
                    ", \"owner\": " + (event.is_list ? "[" + owners + "]" : owners) + "}",
                event.subgraph);
        std::vector<size_t> expected(clients_.size() - models.size(), 0);
        for (const ModelClient& model : models) {
          const auto& subgraphs = model.who.subgraphs;
          const auto has = [](const auto& list, const std::string& item) {
            return std::find(list.begin(), list.end(), item) != list.end();
          };
          const bool filter = model.id.empty() || model.id == event.id;
          const bool row =
              std::any_of(event.owners.begin(), event.owners.end(),
                          [&](const std::string& owner) { return has(model.ids, owner); });
          const bool tenant = event.tenant.empty() ? shared : model.who.tenant == event.tenant;
          const bool subgraph = with_subgraph
                                    ? event.subgraph == "s0"
                                    : event.subgraph.empty() || has(subgraphs, event.subgraph);
          expected.push_back(filter && row && tenant && subgraph);
        }
        ASSERT_EQ(Got(), expected) << n;
      }
      while (!added_.empty()) Unsubscribe(added_.back());
      EXPECT_EQ(dispatcher_.members(), 0u);
    }
  }
}

}  // namespace
}  // namespace fsubs
