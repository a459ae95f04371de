#include "worker/shard/delivery_trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/ring_reader.hpp"
#include "contract/ring_writer.hpp"
#include "test/unit/worker/access/somebody.hpp"
#include "test/unit/worker/client/fake_host.hpp"
#include "test/unit/worker/limits/rate.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;

constexpr char kSnapshot[] = R"json({
  "extension_version": "0.1.0", "server_version": "15.1",
  "types": "type Order { id: ID owner: ID tenant: String }",
  "subscriptions": [
    {"name": "order", "field": "order(id: ID): Order", "channel": "orders", "event_types": ["paid"],
     "row_filter": {"owner": "user"}, "tenant_field": "tenant", "shared": true}]})json";

class DeliveryTraceTest : public testing::Test {
 protected:
  static constexpr uint64_t kEpoch = 0x1d;
  static constexpr uint64_t kCapacity = 16 * 1024;

  DeliveryTraceTest() : region_((kRingHeaderSize + kCapacity) / 8) {
    InitRing(ring(), kCapacity, kEpoch);
    host_.Serve(kSnapshot);
    reader_.emplace(ring());
    client_.emplace(&host_, 7);
    client_->OnAuthenticated(Somebody{.tenant = "a"}, {});
    host_.next_position = reader_->cursor();
    client_->Subscribe("s", "subscription { order(id: 1) { id } }");
  }

  RingHeader* ring() { return reinterpret_cast<RingHeader*>(region_.data()); }

  // Returns the event's position, as clients know it.
  std::string Publish(const std::string& data, const std::string& subgraph = "",
                      const std::string& channel = "orders", const std::string& type = "paid",
                      RecordKind kind = RecordKind::kEvent, EventName origin = {}) {
    EventRecord record;
    record.origin = origin;
    record.kind = kind;
    record.channel = channel;
    record.event_type = type;
    record.subgraph = subgraph;
    record.data = data;
    std::vector<uint64_t> bytes(EncodedSize(record) / 8);
    Encode(record, bytes.data());
    RingAppender appender(ring(), {});
    appender.Append(bytes.data());
    appender.Publish();
    uint64_t lost;
    EXPECT_EQ(reader_->Next(&record, &lost), RingReader::Result::kRecord);
    const std::string position = FormatPosition(record.NameIn(kEpoch));
    if (dispatches_) host_.Dispatch(record, position);
    return position;
  }

  // The steps that were taken, and the last one's outcome: "event, time: denied".
  std::string Explain(const std::string& position, uint64_t connection = 7,
                      const std::string& subscription = "s") {
    std::string rows;
    JsonWriter json(&rows);
    WriteDeliveryTrace({position, connection, subscription}, ring(), host_.clients(), kTestLimits,
                       read_to_.value_or(reader_->cursor()), &json);
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy("[" + rows + "]")) << rows;
    std::string told;
    std::string outcome;
    tree.root().ForEachElement([&](const JsonValue& row) {
      EXPECT_TRUE(told.empty() || outcome == "passed") << rows;
      told += (told.empty() ? "" : ", ") + row.Find("module")->ToString();
      outcome = row.Find("outcome")->ToString();
      detail_ = row.Find("detail")->ToString();
    });
    return told + ": " + outcome;
  }

  std::vector<uint64_t> region_;
  FakeHost host_;
  std::optional<RingReader> reader_;
  std::optional<FakeClient> client_;
  bool dispatches_ = true;
  std::optional<Position> read_to_;
  std::string detail_;  // of the last step
};

constexpr char kMine[] = R"({"id": 1, "owner": "u1", "tenant": "a"})";

TEST_F(DeliveryTraceTest, AnEventThatWasDelivered) {
  EXPECT_EQ(
      Explain(Publish(kMine)),
      "event, subscription, time, channel, event_type, filter, row_filter, tenant, federation, "
      "delivery: delivered");
}

TEST_F(DeliveryTraceTest, TheModuleThatDeniedIt) {
  constexpr char kUntilFilter[] = "event, subscription, time, channel, event_type, filter";
  EXPECT_EQ(Explain(Publish(R"({"id": 2, "owner": "u2", "tenant": "b"})")),
            std::string(kUntilFilter) + ": denied");
  EXPECT_EQ(Explain(Publish(R"({"id": 1, "owner": "u2", "tenant": "b"})")),
            std::string(kUntilFilter) + ", row_filter: denied");
  EXPECT_EQ(detail_, "\"owner\" is not a value of the client's claim.");
  EXPECT_EQ(Explain(Publish(R"({"id": 1, "owner": "u1", "tenant": "secret"})")),
            std::string(kUntilFilter) + ", row_filter, tenant: denied");
  EXPECT_EQ(detail_, "\"tenant\" is not the client's tenant.");
  EXPECT_EQ(Explain(Publish(kMine, "s")),
            std::string(kUntilFilter) + ", row_filter, tenant, federation: denied");
  EXPECT_THAT(detail_, HasSubstr("Its subgraph is \"s\""));
  EXPECT_EQ(Explain(Publish(R"({"id": 1, "tenant": "a"})")),
            std::string(kUntilFilter) + ", row_filter: denied");
  EXPECT_EQ(detail_, "\"owner\" is null.");
}

TEST_F(DeliveryTraceTest, AnEventOfAnotherChannelTypeOrTime) {
  EXPECT_EQ(Explain(Publish(kMine, "", "others")), "event, subscription, time, channel: denied");
  EXPECT_EQ(Explain(Publish(kMine, "", "orders", "made")),
            "event, subscription, time, channel, event_type: denied");
  const std::string before = Publish(kMine);
  host_.next_position = reader_->cursor();
  client_->Subscribe("later", "subscription { order { id } }");
  EXPECT_EQ(Explain(before, 7, "later"), "event, subscription, time: denied");
}

TEST_F(DeliveryTraceTest, WhatIsNotKnown) {
  const std::string position = Publish(kMine);
  EXPECT_EQ(Explain(position, 8), "event, connection: unknown");
  EXPECT_EQ(Explain(position, 7, "t"), "event, subscription: unknown");
  for (const char* bad : {"", "x", "1d", "1d-", "1c-0", "1d-ffff", "1d-1", "1d-0 "}) {
    EXPECT_EQ(Explain(bad), "event: unknown") << bad;
  }
  for (int i = 0; i < 1000; ++i) Publish(kMine);
  EXPECT_EQ(Explain(position), "event: unknown");
  EXPECT_THAT(detail_, HasSubstr("overwritten"));
  EXPECT_EQ(Explain(Publish("", "", "", "", RecordKind::kCatalogChanged)), "event: unknown");
}

TEST_F(DeliveryTraceTest, AnEventThatWasInAnotherRing) {
  Publish("2", "", "", "", RecordKind::kEventsLost);
  Publish(kMine, "", "others", "paid", RecordKind::kEvent, {0xa, 0x40});
  const std::string position =
      Publish(kMine, "", "orders", "paid", RecordKind::kEvent, {0xa, 0x80});
  EXPECT_EQ(position, "a-80");
  EXPECT_THAT(Explain(position), HasSubstr("delivery: delivered"));
  EXPECT_EQ(Explain("a-40"), "event, subscription, time, channel: denied");
  EXPECT_EQ(Explain("a-c0"), "event: unknown");
  EXPECT_THAT(detail_, HasSubstr("overwritten"));
}

TEST_F(DeliveryTraceTest, AnEventThatHasNotComeYet) {
  dispatches_ = false;
  read_to_ = reader_->cursor();
  EXPECT_THAT(Explain(Publish(kMine)), HasSubstr("delivery: waiting"));
  read_to_.reset();
  EXPECT_THAT(Explain(Publish(kMine)), HasSubstr("delivery: not delivered"));
}

TEST_F(DeliveryTraceTest, AnEventThatARateCut) {
  Limits limits;
  limits.Set(LimitKey::kEventsPerSubscription, Rate("1/s"));
  host_.rules = std::make_unique<LimitRules>(limits, std::span<const RoleLimits>());
  WorkBudget budget(1'000'000);
  EXPECT_TRUE(client_->Revalidate(host_.catalog(), &budget));
  const std::string delivered = Publish(kMine);
  const std::string cut = Publish(kMine);
  EXPECT_THAT(Explain(delivered), HasSubstr("delivery: delivered"));
  EXPECT_THAT(Explain(cut), HasSubstr("delivery: cut by a rate"));
  std::string since;
  for (size_t i = 0; i < CutHistory::kRuns; ++i) {
    host_.clock_us += kSecondUs;
    since = Publish(kMine);
    Publish(kMine);
  }
  EXPECT_THAT(Explain(cut), HasSubstr("delivery: delivered, or cut by a rate"));
  EXPECT_THAT(Explain(since), HasSubstr("delivery: delivered"));
  EXPECT_THAT(Explain(since), Not(HasSubstr("cut")));
}

TEST_F(DeliveryTraceTest, ALossIsForAllOfItsChannel) {
  EXPECT_EQ(Explain(Publish("3", "", "orders", "", RecordKind::kEventsLost)),
            "event, subscription, time, channel, delivery: delivered");
  EXPECT_EQ(Explain(Publish("3", "", "others", "", RecordKind::kEventsLost)),
            "event, subscription, time, channel: denied");
}

TEST_F(DeliveryTraceTest, DataThatIsNotJsonReachesNobody) {
  EXPECT_EQ(Explain(Publish("{")),
            "event, subscription, time, channel, event_type, filter: denied");
}

}  // namespace
}  // namespace fsubs
