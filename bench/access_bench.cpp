// What access rules cost an event: microseconds of dispatch, without sockets. A line each.
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "worker/event/dispatch.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/operation.hpp"

namespace {

using namespace fsubs;

constexpr OperationLimits kLimits{.max_tokens = 2000,
                                  .max_depth = 20,
                                  .max_aliases = 100,
                                  .max_selections = 20000,
                                  .max_size = 100000,
                                  .max_conditions = 1000,
                                  .max_filter = 100'000'000,
                                  .max_response = 1000000,
                                  .introspection = true};

constexpr char kQuery[] = "subscription { orderUpdated { id total } }";
constexpr char kEvent[] =
    R"({"id":1,"total":42.5,"status":"paid","tenant":"t7","owner":"o","tags":["a","b"]})";
struct Subscriber final : Member {
  void Deliver(const EventPlace&, std::string_view) override {}
};

// The fastest of several rounds, in microseconds a call: what else the machine does only adds.
double Measure(size_t calls, const std::function<void()>& call) {
  constexpr int kRounds = 200;
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < calls; ++i) call();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / static_cast<double>(calls));
  }
  return best;
}

std::shared_ptr<const Catalog> MakeCatalog(const std::string& rules) {
  const std::string snapshot =
      R"({"extension_version": "0", "server_version": "0", "types":)"
      R"( "type Order { id: ID! total: Float status: String tenant: String owner: ID tags: [String!] }",)"
      R"( "subscriptions": [{"name": "orderUpdated", "field": "orderUpdated(owner: ID): Order",)"
      R"( "channel": "orders", "event_types": null)" +
      rules + "}]}";
  std::string error;
  auto catalog = Catalog::FromSnapshot(snapshot, &error);
  if (!catalog) {
    std::fprintf(stderr, "%s\n", error.c_str());
    std::exit(1);
  }
  return catalog;
}

std::shared_ptr<const Identity> MakeIdentity(const std::string& tenant,
                                             std::vector<std::string> subgraphs = {},
                                             const std::string& claims = "{}") {
  auto identity = std::make_shared<Identity>();
  identity->is_anonymous = false;
  identity->user = "o";
  identity->tenant = tenant;
  identity->subgraphs = std::move(subgraphs);
  if (!identity->claims.ParseCopy(claims)) std::exit(1);
  return identity;
}

// Subscribers of one field, and what an event for some of them costs.
class Field {
 public:
  explicit Field(const std::string& rules) : catalog_(MakeCatalog(rules)) {}
  ~Field() {
    for (Subscriber& subscriber : subscribers_) dispatcher_.Remove(&subscriber);
  }

  void Subscribe(const std::shared_ptr<const Identity>& identity, const char* query = kQuery) {
    OperationRequest request;
    request.query = query;
    PrepareResult prepared = Prepare(catalog_, &plans_, request, identity, kLimits);
    if (!prepared.subscription) {
      std::fprintf(stderr, "%s\n", ErrorsJson(prepared.errors).c_str());
      std::exit(1);
    }
    dispatcher_.Add(&subscribers_.emplace_back(), std::move(*prepared.subscription));
  }

  double EventUs(size_t calls, size_t expected) {
    const std::string padded = kEvent + std::string(kJsonPadding, '\0');
    EventRecord record;
    record.channel = "orders";
    record.data = std::string_view(padded).substr(0, padded.size() - kJsonPadding);
    const double us = Measure(calls, [&] {
      WorkBudget budget(10'000'000);
      if (!dispatcher_.Begin(record, "1-0", &budget)) std::exit(1);
    });
    if (dispatcher_.outcome().matched != expected) {
      std::fprintf(stderr, "%zu got the event instead of %zu\n", dispatcher_.outcome().matched,
                   expected);
      std::exit(1);
    }
    return us;
  }

 private:
  std::shared_ptr<const Catalog> catalog_;
  PlanCache plans_;
  Dispatcher dispatcher_;
  std::deque<Subscriber> subscribers_;
};

// An event of one tenant, of which one client is there, among so many tenants.
double TenantsUs(size_t tenants) {
  Field field(R"(, "tenant_field": "tenant")");
  for (size_t i = 0; i < tenants; ++i) field.Subscribe(MakeIdentity("t" + std::to_string(i)));
  return field.EventUs(1000, 1);
}

// An event for a thousand clients. The scope makes them ask for themselves.
double FanOutUs(const std::string& rules, const char* query,
                const std::shared_ptr<const Identity>& identity) {
  constexpr size_t kClients = 1000;
  Field field(rules);
  for (size_t i = 0; i < kClients; ++i) field.Subscribe(identity, query);
  return field.EventUs(20, kClients);
}

// An event for one client, whose claim has so many values.
double ClaimUs(size_t values) {
  Field field(R"(, "row_filter": {"owner": "$.ids"})");
  std::string ids;
  for (size_t i = 1; i < values; ++i) ids += "\"" + std::to_string(i) + "\",";
  field.Subscribe(MakeIdentity("t", {}, "{\"ids\": [" + ids + "\"o\"]}"));
  return field.EventUs(1000, 1);
}

// An event that is tried for each of a thousand audiences, since no index has so many values of a
// claim; the time is that of one, of ten million.
double AudienceUs() {
  constexpr size_t kAudiences = 1000;
  Field field(R"(, "row_filter": {"owner": "$.ids"})");
  for (size_t i = 0; i < kAudiences; ++i) {
    std::string ids = "\"o\"";
    for (size_t k = 0; k < 300; ++k) ids += ",\"" + std::to_string(i * 1000 + k) + "\"";
    field.Subscribe(MakeIdentity("t", {}, "{\"ids\": [" + ids + "]}"));
  }
  return field.EventUs(50, kAudiences) / kAudiences;
}

}  // namespace

int main() {
  constexpr char kOwn[] = R"(subscription { orderUpdated(owner: "o") { id total } })";
  constexpr char kModules[] =
      R"(, "tenant_field": "tenant", "row_filter": {"tags": "$.tags"}, "scope": {"owner": "user"})";
  constexpr char kScalarModules[] =
      R"(, "tenant_field": "tenant", "row_filter": {"status": "$.status"}, "scope": {"owner": "user"})";
  const auto client = MakeIdentity("t7", {"orders"}, R"({"tags": ["a", "b"], "status": "paid"})");
  std::printf("tenants_10 %f\n", TenantsUs(10));
  std::printf("tenants_10000 %f\n", TenantsUs(10000));
  std::printf("fan_out_without %f\n", FanOutUs("", kOwn, MakeIdentity("t7")));
  std::printf("fan_out_with %f\n", FanOutUs(kScalarModules, kOwn, client));
  std::printf("fan_out_with_lists %f\n", FanOutUs(kModules, kOwn, client));
  std::printf("claim_1 %f\n", ClaimUs(1));
  std::printf("claim_256 %f\n", ClaimUs(256));
  std::printf("claim_10000 %f\n", ClaimUs(10000));
  std::printf("audience_tried %f\n", AudienceUs());
  return 0;
}
