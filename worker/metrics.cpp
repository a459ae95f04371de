#include "worker/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <vector>

#include "contract/heartbeat.hpp"
#include "worker/access/denial.hpp"
#include "worker/denied_events.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {
namespace {

using prometheus::MetricType;

struct Definition {
  const char* name;
  MetricType type;
  const char* help;
  Counter ShardCounters::*counter;
};

constexpr Definition kDefinitions[] = {
    {"fraiseql_subs_connections", MetricType::Gauge, "Clients connected now",
     &ShardCounters::connections},
    {"fraiseql_subs_subscriptions", MetricType::Gauge, "Subscriptions active now",
     &ShardCounters::subscriptions},
    {"fraiseql_subs_plans", MetricType::Gauge,
     "Distinct selections that active subscriptions share", &ShardCounters::plans},
    {"fraiseql_subs_held_events", MetricType::Gauge,
     "Events that wait for a resolver, or behind one that does, counted for each subscription",
     &ShardCounters::held_events},
    {"fraiseql_subs_held_bytes", MetricType::Gauge, "Memory for events that wait for a resolver",
     &ShardCounters::held_bytes},
    {"fraiseql_subs_memory_bytes", MetricType::Gauge, "Memory for what clients have subscribed to",
     &ShardCounters::memory},
    {"fraiseql_subs_connections_accepted_total", MetricType::Counter, "Clients that connected",
     &ShardCounters::connections_accepted},
    {"fraiseql_subs_connections_refused_total", MetricType::Counter,
     "Clients refused because of max_connections, their web page or while not ready",
     &ShardCounters::connections_refused},
    {"fraiseql_subs_connections_refused_by_address_total", MetricType::Counter,
     "Connections closed without a word because of max_unfinished_per_address, or because others "
     "of "
     "their address are just being told that they are too many",
     &ShardCounters::connections_refused_by_address},
    {"fraiseql_subs_tls_handshakes_failed_total", MetricType::Counter,
     "TLS handshakes that failed because one side found what the other offers wanting",
     &ShardCounters::tls_handshakes_failed},
    {"fraiseql_subs_messages_received_total", MetricType::Counter, "Messages from clients",
     &ShardCounters::messages_received},
    {"fraiseql_subs_events_read_total", MetricType::Counter, "Events read from the ring",
     &ShardCounters::events_read},
    {"fraiseql_subs_events_lost_total", MetricType::Counter,
     "Events overwritten in the ring before the worker read them, or not made at all; what clients "
     "that were behind lost is told to them alone",
     &ShardCounters::events_lost},
    {"fraiseql_subs_events_malformed_total", MetricType::Counter,
     "Events whose data could not be parsed", &ShardCounters::events_malformed},
    {"fraiseql_subs_events_matched_total", MetricType::Counter,
     "Events that at least one subscription wanted", &ShardCounters::events_matched},
    {"fraiseql_subs_payloads_encoded_total", MetricType::Counter,
     "Payloads encoded, once per event and distinct selection", &ShardCounters::payloads_encoded},
    {"fraiseql_subs_messages_sent_total", MetricType::Counter, "Messages to clients",
     &ShardCounters::messages_sent},
    {"fraiseql_subs_bytes_sent_total", MetricType::Counter, "Bytes of messages to clients",
     &ShardCounters::bytes_sent},
    {"fraiseql_subs_subscribe_errors_total", MetricType::Counter,
     "Subscribe requests answered with an error", &ShardCounters::subscribe_errors},
    {"fraiseql_subs_fallen_behind_total", MetricType::Counter,
     "Times that a client's events had to wait in the ring for its socket",
     &ShardCounters::fallen_behind},
    {"fraiseql_subs_resolver_calls_total", MetricType::Counter,
     "Calls of resolvers: one per event and those subscriptions that share its answer",
     &ShardCounters::resolver_calls},
    {"fraiseql_subs_resolver_errors_total", MetricType::Counter,
     "Calls of resolvers that came to no value, timeouts included",
     &ShardCounters::resolver_errors},
    {"fraiseql_subs_resolver_timeouts_total", MetricType::Counter,
     "Calls of resolvers to which nothing came in time", &ShardCounters::resolver_timeouts},
    {"fraiseql_subs_held_events_lost_total", MetricType::Counter,
     "Events that a subscription lost because there was no room to hold them for a resolver",
     &ShardCounters::held_events_lost},
    {"fraiseql_subs_slow_consumers_total", MetricType::Counter,
     "Clients closed because they read nothing for slow_timeout, or not the answers to what they "
     "send",
     &ShardCounters::slow_consumers},
    {"fraiseql_subs_keepalive_timeouts_total", MetricType::Counter,
     "Clients closed because they sent nothing between two pings",
     &ShardCounters::keepalive_timeouts},
    {"fraiseql_subs_init_timeouts_total", MetricType::Counter,
     "Clients closed because they did not send connection_init", &ShardCounters::init_timeouts},
    {"fraiseql_subs_tokens_expired_total", MetricType::Counter,
     "Clients closed because their token expired", &ShardCounters::tokens_expired},
};

static_assert(ShardCounters::kDenials == kDenials);

prometheus::ClientMetric Metric(double value) {
  prometheus::ClientMetric metric;
  // Both members exist whatever the family's type; the serialiser reads the one that fits.
  metric.gauge.value = value;
  metric.counter.value = value;
  return metric;
}

void Append(const Counter& counter, size_t shard, const char* label, std::string_view value,
            prometheus::MetricFamily* family) {
  family->metric.push_back(Metric(static_cast<double>(counter.get())));
  family->metric.back().label.push_back({"shard", std::to_string(shard)});
  family->metric.back().label.push_back({label, std::string(value)});
}

prometheus::MetricFamily CollectRefusedLogins(std::span<const ShardCounters> shards) {
  prometheus::MetricFamily family{"fraiseql_subs_logins_refused_total",
                                  "Clients that were not let in, and renewals that were refused",
                                  MetricType::Counter,
                                  {}};
  for (size_t i = 0; i < shards.size(); ++i) {
    for (size_t why = 0; why < kLoginRefusals; ++why) {
      Append(shards[i].logins_refused[why], i, "reason", kLoginRefusalNames[why], &family);
    }
  }
  return family;
}

prometheus::MetricFamily CollectRefusedSubscriptions(std::span<const ShardCounters> shards) {
  prometheus::MetricFamily family{
      "fraiseql_subs_subscriptions_refused_total",
      "Subscriptions refused, or ended when rules changed, because of who the client is",
      MetricType::Counter,
      {}};
  for (size_t i = 0; i < shards.size(); ++i) {
    for (size_t denial = 0; denial < kDenials; ++denial) {
      Append(shards[i].denials[denial], i, "reason", NameOf(static_cast<Denial>(denial)), &family);
    }
  }
  return family;
}

prometheus::MetricFamily CollectDeniedEvents(std::span<const ShardCounters> shards) {
  prometheus::MetricFamily family{
      "fraiseql_subs_events_denied_total",
      "Times that an access module kept an event from a subscription that asks for the values it "
      "has; what a subscription demands beside equality is not looked at, and for federation "
      "nothing",
      MetricType::Counter,
      {}};
  for (size_t i = 0; i < shards.size(); ++i) {
    for (const AccessModule& module : kAccessModules) {
      Append(shards[i].*module.denied, i, "module", module.name, &family);
    }
  }
  return family;
}

prometheus::MetricFamily CollectLimited(std::span<const ShardCounters> shards) {
  prometheus::MetricFamily family{"fraiseql_subs_limited_total",
                                  "Connections, messages and subscriptions refused, and events "
                                  "not delivered, because of a limit",
                                  MetricType::Counter,
                                  {}};
  for (size_t i = 0; i < shards.size(); ++i) {
    for (size_t key = 0; key < kLimitCount; ++key) {
      Append(shards[i].limited[key], i, "limit", kLimitKinds[key].key, &family);
    }
  }
  return family;
}

struct BusDefinition {
  const char* name;
  MetricType type;
  const char* help;
  Counter BusCounters::*counter;
  double unit = 1;
};

constexpr double kMicroseconds = 1e-6;

constexpr BusDefinition kBusDefinitions[] = {
    {"fraiseql_subs_bus_connected", MetricType::Gauge, "1 while the bus works",
     &BusCounters::connected},
    {"fraiseql_subs_bus_behind_events", MetricType::Gauge,
     "Events that are still to be put into the bus, or to be read from it", &BusCounters::behind},
    {"fraiseql_subs_bus_held_events", MetricType::Gauge,
     "Events that wait until this server, a standby, has replayed their commits",
     &BusCounters::held},
    {"fraiseql_subs_bus_connects_total", MetricType::Counter,
     "Times that a connection to the bus was made", &BusCounters::connects},
    {"fraiseql_subs_bus_errors_total", MetricType::Counter,
     "Times that a connection to the bus was lost, or could not be made", &BusCounters::errors},
    {"fraiseql_subs_bus_appended_total", MetricType::Counter,
     "Events that this worker has put into the bus", &BusCounters::appended},
    {"fraiseql_subs_bus_read_total", MetricType::Counter,
     "Events that this worker has read from the bus", &BusCounters::read},
    {"fraiseql_subs_bus_lost_total", MetricType::Counter,
     "Events that did not get into the bus, or out of it", &BusCounters::lost},
    {"fraiseql_subs_bus_malformed_total", MetricType::Counter,
     "Of these, entries of the bus that made no sense", &BusCounters::malformed},
    {"fraiseql_subs_bus_commit_to_append_seconds_sum", MetricType::Counter,
     "Time from the commit of an event until it was in the bus, for the last of each batch",
     &BusCounters::commit_to_append_us, kMicroseconds},
    {"fraiseql_subs_bus_commit_to_append_seconds_count", MetricType::Counter,
     "Batches of which that time was taken", &BusCounters::commit_to_append_count},
    {"fraiseql_subs_bus_append_to_read_seconds_sum", MetricType::Counter,
     "Time from when an event was put into the bus until it was read, by the clocks of two "
     "machines, for the last of each batch",
     &BusCounters::append_to_read_us, kMicroseconds},
    {"fraiseql_subs_bus_append_to_read_seconds_count", MetricType::Counter,
     "Batches of which that time was taken", &BusCounters::append_to_read_count},
};

void CollectBus(const BusCounters& bus, std::vector<prometheus::MetricFamily>* families) {
  for (const BusDefinition& definition : kBusDefinitions) {
    const double value = static_cast<double>((bus.*definition.counter).get()) * definition.unit;
    families->push_back({definition.name, definition.help, definition.type, {Metric(value)}});
  }
}

std::vector<prometheus::MetricFamily> Collect(std::span<const ShardCounters> shards,
                                              const WorkerGauges& worker) {
  std::vector<prometheus::MetricFamily> families;
  families.push_back({"fraiseql_subs_ready",
                      "1 while events can flow to clients",
                      MetricType::Gauge,
                      {Metric(worker.ready)}});
  families.push_back({"fraiseql_subs_catalog_loads_total",
                      "Catalog snapshots taken over",
                      MetricType::Counter,
                      {Metric(static_cast<double>(worker.catalog_loads))}});
  families.push_back({"fraiseql_subs_key_fetches_total",
                      "Times that an issuer's jwks_url was asked for its keys",
                      MetricType::Counter,
                      {Metric(static_cast<double>(worker.key_fetches))}});
  families.push_back({"fraiseql_subs_key_fetch_failures_total",
                      "Times that no keys came of it",
                      MetricType::Counter,
                      {Metric(static_cast<double>(worker.key_fetch_failures))}});
  families.push_back({"fraiseql_subs_resolver_links",
                      "Processes that resolve now",
                      MetricType::Gauge,
                      {Metric(static_cast<double>(worker.resolver_links))}});
  for (const Definition& definition : kDefinitions) {
    prometheus::MetricFamily family{definition.name, definition.help, definition.type, {}};
    for (size_t i = 0; i < shards.size(); ++i) {
      family.metric.push_back(Metric(static_cast<double>((shards[i].*definition.counter).get())));
      family.metric.back().label.push_back({"shard", std::to_string(i)});
    }
    families.push_back(std::move(family));
  }
  families.push_back(CollectRefusedLogins(shards));
  families.push_back(CollectRefusedSubscriptions(shards));
  families.push_back(CollectDeniedEvents(shards));
  families.push_back(CollectLimited(shards));
  if (worker.bus != nullptr) CollectBus(*worker.bus, &families);
  return families;
}

// As src/ring/ring_stats.cpp has them.
prometheus::MetricFamily CollectHeartbeats(size_t shards, const Heartbeats& beats) {
  prometheus::MetricFamily family{
      "fraiseql_subs_shard_heartbeat_age_seconds",
      "Time since a thread of the worker that serves clients had a turn",
      MetricType::Gauge,
      {}};
  const uint64_t now_ms = MonotonicMs();
  for (size_t i = 0; i < shards; ++i) {
    const uint64_t beat_ms = beats.shards[i].load(std::memory_order_relaxed);
    if (beat_ms == 0) continue;
    family.metric.push_back(Metric(static_cast<double>(HeartbeatAge(beat_ms, now_ms)) / 1000));
    family.metric.back().label.push_back({"shard", std::to_string(i)});
  }
  return family;
}

}  // namespace

std::string PrometheusText(std::span<const ShardCounters> shards, const WorkerGauges& worker,
                           const Heartbeats& beats) {
  std::vector<prometheus::MetricFamily> families = Collect(shards, worker);
  families.push_back(CollectHeartbeats(shards.size(), beats));
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

std::string MetricsRows(std::span<const ShardCounters> shards, const WorkerGauges& worker) {
  std::string rows;
  JsonWriter json(&rows);
  json.BeginArray();
  for (const prometheus::MetricFamily& family : Collect(shards, worker)) {
    const bool counter = family.type == MetricType::Counter;
    for (const prometheus::ClientMetric& metric : family.metric) {
      json.BeginObject();
      json.Key("name");
      json.String(family.name);
      json.Key("labels");
      json.BeginObject();
      for (const auto& label : metric.label) {
        json.Key(label.name);
        json.String(label.value);
      }
      json.EndObject();
      json.Key("type");
      json.String(counter ? "counter" : "gauge");
      json.Key("value");
      json.Number(static_cast<uint64_t>(metric.gauge.value));
      json.Key("help");
      json.String(family.help);
      json.EndObject();
    }
  }
  json.EndArray();
  return rows;
}

}  // namespace fsubs
