#include "worker/event/dispatch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "test/unit/worker/served_catalog.hpp"
#include "worker/operation/errors_json.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Client final : Member {
  void Deliver(const EventPlace&, std::string_view payload) override {
    received.emplace_back(payload);
  }

  std::vector<std::string> received;
};

class DispatchTest : public testing::Test {
 protected:
  ~DispatchTest() override {
    for (Client* client : added_) dispatcher_.Remove(client);
  }

  Client* Subscribe(const std::string& query, const std::string& variables = "") {
    PrepareResult prepared = served_.Prepare(query, variables);
    EXPECT_TRUE(prepared.subscription) << ErrorsJson(prepared.errors);
    Client* const client = &clients_.emplace_back();
    dispatcher_.Add(client, std::move(*prepared.subscription));
    added_.push_back(client);
    return client;
  }

  void Unsubscribe(Client* client) {
    dispatcher_.Remove(client);
    std::erase(added_, client);
  }

  // Begins an event with so much work in the first slice. Returns whether it is done.
  bool Begin(const std::string& channel, const std::string& type, const std::string& data,
             size_t units) {
    data_ = data + std::string(kJsonPadding, '\0');
    EventRecord record;
    record.channel = channel;
    record.event_type = type;
    record.data = std::string_view(data_).substr(0, data.size());
    WorkBudget budget(units);
    return dispatcher_.Begin(record, "1-0", &budget);
  }

  bool Continue(size_t units) {
    WorkBudget budget(units);
    return dispatcher_.Continue(&budget);
  }

  // Tells of lost events.
  Dispatcher::Outcome Lose(const std::string& channel, const std::string& count) {
    EventRecord record;
    record.kind = RecordKind::kEventsLost;
    record.channel = channel;
    record.data = count;
    WorkBudget budget(1'000'000);
    EXPECT_TRUE(dispatcher_.Begin(record, "1-0", &budget));
    return dispatcher_.outcome();
  }

  Dispatcher::Outcome Publish(const std::string& channel, const std::string& type,
                              const std::string& data) {
    EXPECT_TRUE(Begin(channel, type, data, 1'000'000));
    return dispatcher_.outcome();
  }

  size_t Received() const {
    size_t received = 0;
    for (const Client& client : clients_) received += client.received.size();
    return received;
  }

  ServedCatalog served_;
  Dispatcher dispatcher_;
  std::deque<Client> clients_;
  std::string data_;
  std::vector<Client*> added_;
};

TEST_F(DispatchTest, AnEventReachesTheSubscriptionsOfItsChannel) {
  Client* const orders = Subscribe("subscription { orderUpdated { id } }");
  Client* const changes = Subscribe("subscription { changed { operation } }");
  Publish("orders", "x", R"({"id":1})");
  Publish("nobody", "x", R"({"id":1})");
  ASSERT_EQ(orders->received.size(), 1u);
  EXPECT_EQ(orders->received[0],
            R"({"data":{"orderUpdated":{"id":"1"}},"extensions":{"position":"1-0"}})");
  EXPECT_TRUE(changes->received.empty());
}

TEST_F(DispatchTest, EventTypesFilter) {
  Client* const paid = Subscribe("subscription { orderPaid { id } }");
  Publish("orders", "created", R"({"id":1})");
  EXPECT_TRUE(paid->received.empty());
  Publish("orders", "paid", R"({"id":1})");
  EXPECT_EQ(paid->received.size(), 1u);
}

TEST_F(DispatchTest, ArgumentsFilterByEquality) {
  const std::string query =
      "subscription($id: ID, $s: Status, $t: Float) { orderUpdated(id: $id, status: $s, total: $t) "
      "{ id } }";
  Client* const one = Subscribe(query, R"({"id":"1"})");
  Client* const paid_one = Subscribe(query, R"({"id":1,"s":"PAID"})");
  Client* const total = Subscribe(query, R"({"t":42.5})");
  Client* const no_status = Subscribe(query, R"({"s":null})");
  Publish("orders", "x", R"({"id":1,"status":"NEW","total":42.50})");
  Publish("orders", "x", R"({"id":"1","status":"PAID"})");
  Publish("orders", "x", R"({"id":2})");
  EXPECT_EQ(one->received.size(), 2u);
  EXPECT_EQ(paid_one->received.size(), 1u);
  EXPECT_EQ(total->received.size(), 1u);
  EXPECT_EQ(no_status->received.size(), 1u);
}

TEST_F(DispatchTest, ArgumentsOfRowChangesFilterTheRow) {
  Client* const five = Subscribe("subscription { changed(id: 5) { row { id } } }");
  Client* const deletes =
      Subscribe(R"(subscription { changed(operation: "DELETE") { row { id } } })");
  Publish("changes", "UPDATE", R"({"operation":"UPDATE","row":{"id":5}})");
  Publish("changes", "DELETE", R"({"operation":"DELETE","row":{"id":6}})");
  Publish("changes", "TRUNCATE", R"({"operation":"TRUNCATE","row":null})");
  EXPECT_EQ(five->received.size(), 1u);
  EXPECT_EQ(deletes->received.size(), 1u);
}

TEST_F(DispatchTest, LostEventsAreToldToAllSubscriptionsOfTheirChannelOnce) {
  Client* const all = Subscribe("subscription { orderUpdated { id } }");
  Client* const one = Subscribe("subscription { orderUpdated(id: 1) { id } }");
  Client* const paid = Subscribe("subscription { orderPaid { id } }");
  Client* const other = Subscribe("subscription { changed { operation } }");
  const Dispatcher::Outcome outcome = Lose("orders", "                   3");
  EXPECT_EQ(outcome.matched, 0u);
  for (const Client* client : {all, one, paid}) {
    ASSERT_EQ(client->received.size(), 1u);
    EXPECT_THAT(client->received[0], HasSubstr("3 events could not be delivered"));
    EXPECT_THAT(client->received[0], HasSubstr(R"("code":"EVENTS_LOST","count":3)"));
  }
  EXPECT_TRUE(other->received.empty());
  Publish("orders", "paid", R"({"id":9})");
  EXPECT_THAT(all->received[1], HasSubstr(R"("id":"9")"));
}

TEST_F(DispatchTest, LostEventsOfNoChannelAreToldToAll) {
  Client* const orders = Subscribe("subscription { orderUpdated { id } }");
  Client* const changes = Subscribe("subscription { changed { operation } }");
  Lose("", "                   1");
  EXPECT_THAT(orders->received, ElementsAre(HasSubstr("1 event could not be delivered")));
  EXPECT_THAT(changes->received, ElementsAre(HasSubstr("1 event could not be delivered")));
}

TEST_F(DispatchTest, LostEventsWithoutANumberAreToldWithoutACount) {
  Client* const orders = Subscribe("subscription { orderUpdated { id } }");
  for (const char* count : {"", " ", "x", "7x", "-3", "0", "99999999999999999999"}) {
    orders->received.clear();
    Lose("orders", count);
    EXPECT_THAT(orders->received, ElementsAre(HasSubstr("Events may have been lost"))) << count;
    EXPECT_THAT(orders->received[0], HasSubstr(R"("code":"EVENTS_LOST"})")) << count;
  }
}

TEST_F(DispatchTest, APlanIsEncodedOnceHoweverManyMembersAndFilters) {
  const std::string query = "subscription($id: ID) { orderUpdated(id: $id) { id } }";
  for (int i = 0; i < 100; ++i) Subscribe(query, R"({"id":1})");
  for (int i = 0; i < 100; ++i) Subscribe(query);
  Subscribe("subscription { orderUpdated { note } }");
  const Dispatcher::Outcome outcome = Publish("orders", "x", R"({"id":1})");
  EXPECT_EQ(outcome.matched, 201u);
  EXPECT_EQ(outcome.encoded, 2u);
}

TEST_F(DispatchTest, RemovedMembersGetNothingAndLeaveNothingBehind) {
  const std::string query = "subscription($id: ID) { orderUpdated(id: $id) { id } }";
  std::vector<Client*> clients;
  for (int i = 0; i < 50; ++i)
    clients.push_back(Subscribe(query, "{\"id\":" + std::to_string(i % 7) + "}"));
  for (size_t i = 0; i < clients.size(); i += 2) Unsubscribe(clients[i]);
  for (int i = 0; i < 7; ++i) Publish("orders", "x", "{\"id\":" + std::to_string(i) + "}");
  for (size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(clients[i]->received.size(), i % 2) << i;
  for (size_t i = 1; i < clients.size(); i += 2) Unsubscribe(clients[i]);
  EXPECT_EQ(dispatcher_.members(), 0u);
  EXPECT_EQ(served_.plans.plans.size(), 0u);
}

TEST_F(DispatchTest, DataThatIsNotJsonIsReportedAndDeliveredToNobody) {
  Client* const client = Subscribe("subscription { orderUpdated { id } }");
  EXPECT_TRUE(Publish("orders", "x", "{").malformed);
  EXPECT_TRUE(client->received.empty());
  EXPECT_FALSE(Publish("nobody", "x", "{").malformed);
  EXPECT_EQ(Publish("orders", "x", R"({"id":1})").matched, 1u);
}

// The slices of an event: whatever happens between them, who stays gets it once.

constexpr char kOrders[] = "subscription { orderUpdated { id } }";

TEST_F(DispatchTest, AnEventForManyIsDeliveredInSlices) {
  constexpr size_t kClients = 100;
  for (size_t i = 0; i < kClients; ++i) Subscribe(kOrders);
  EXPECT_FALSE(Begin("orders", "x", R"({"id":1})", 5));
  size_t slices = 1;
  size_t before = Received();
  EXPECT_GT(before, 0u);
  for (bool done = false; !done; ++slices) {
    done = Continue(5);
    // A delivery costs at least a quarter of a unit.
    EXPECT_LE(Received() - before, 4 * 5u);
    before = Received();
  }
  EXPECT_GT(slices, 4u);
  EXPECT_EQ(Received(), kClients);
  EXPECT_EQ(dispatcher_.outcome().matched, kClients);
  EXPECT_EQ(dispatcher_.outcome().encoded, 1u);
}

TEST_F(DispatchTest, WhoLeavesBetweenSlicesTakesNobodyElsesEvent) {
  constexpr size_t kClients = 60;
  for (size_t leaving = 0; leaving < kClients; leaving += 7) {
    std::vector<Client*> clients;
    for (size_t i = 0; i < kClients; ++i) clients.push_back(Subscribe(kOrders));
    bool done = Begin("orders", "x", R"({"id":1})", 5);
    for (size_t at = leaving; !done; at += 11) {
      Client* const client = clients[at % kClients];
      if (std::find(added_.begin(), added_.end(), client) != added_.end()) Unsubscribe(client);
      done = Continue(5);
    }
    for (Client* const client : added_) EXPECT_EQ(client->received.size(), 1u) << leaving;
    while (!added_.empty()) Unsubscribe(added_.back());
    clients_.clear();
  }
}

TEST_F(DispatchTest, AnEventWhoseReadersAllLeaveIsDone) {
  std::vector<Client*> clients;
  for (size_t i = 0; i < 100; ++i) clients.push_back(Subscribe(kOrders));
  ASSERT_FALSE(Begin("orders", "x", R"({"id":1})", 5));
  for (Client* const client : clients) Unsubscribe(client);
  EXPECT_TRUE(Continue(1));
  // And the next one is as ever.
  Client* const late = Subscribe(kOrders);
  Publish("orders", "x", R"({"id":2})");
  EXPECT_EQ(late->received.size(), 1u);
}

// What a shard gives events in one turn of its loop.
constexpr size_t kTurn = 4000;

TEST_F(DispatchTest, AnEventForAHundredThousandLeavesOthersTheirTurns) {
  constexpr size_t kClients = 100'000;
  for (size_t i = 0; i < kClients; ++i) Subscribe(kOrders);
  size_t before = 0;
  size_t turns = 1;
  for (bool done = Begin("orders", "x", R"({"id":1})", kTurn); !done; ++turns) {
    EXPECT_LE(Received() - before, 4 * kTurn);
    before = Received();
    done = Continue(kTurn);
  }
  EXPECT_EQ(Received(), kClients);
  EXPECT_GE(turns, kClients / (4 * kTurn));
}

// A bystander's event is behind those of a greedy client by no more turns than their work comes to.
TEST_F(DispatchTest, AfterFiftyEventsForAThousandABystanderGetsItsOwn) {
  for (int i = 0; i < 1000; ++i) Subscribe(kOrders);
  Client* const bystander = Subscribe("subscription { changed { operation } }");
  size_t turns = 0;
  for (int event = 0; event < 50; ++event) {
    ++turns;
    for (bool done = Begin("orders", "x", R"({"id":1})", kTurn); !done; ++turns) {
      done = Continue(kTurn);
    }
  }
  Publish("changes", "x", R"({"operation":"INSERT"})");
  EXPECT_EQ(bystander->received.size(), 1u);
  EXPECT_EQ(turns, 50u);
}

TEST_F(DispatchTest, PayloadsMuchLargerThanTheirEventDoNotAddUp) {
  std::string fields;
  for (int i = 0; i < 40; ++i) fields += " a" + std::to_string(i) + ": note";
  constexpr size_t kPlans = 20;
  for (size_t i = 0; i < kPlans; ++i) {
    Subscribe("subscription { orderUpdated { p" + std::to_string(i) + ": id" + fields + " } }");
  }
  // Members of other groups that share a plan.
  for (size_t i = 0; i < kPlans; ++i) {
    Subscribe("subscription($s: Status) { orderUpdated(status: $s) { id" + fields + " } }",
              i % 2 == 0 ? R"({"s":"NEW"})" : R"({})");
  }
  const Dispatcher::Outcome outcome = Publish(
      "orders", "x", R"({"id":1,"status":"NEW","note":")" + std::string(20'000, 'x') + "\"}");
  EXPECT_EQ(outcome.matched, 2 * kPlans);
  for (const Client& client : clients_) {
    ASSERT_EQ(client.received.size(), 1u);
    EXPECT_GT(client.received[0].size(), 40 * 20'000u);
  }
  EXPECT_GT(dispatcher_.Shrink(1000), 0u);
  Publish("orders", "x", R"({"id":2,"status":"NEW","note":"y"})");
  for (const Client& client : clients_) EXPECT_EQ(client.received.size(), 2u);
}

}  // namespace
}  // namespace fsubs
