#include "worker/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>
#include <string_view>
#include <vector>

#include "contract/heartbeat.hpp"
#include "worker/access/denial.hpp"
#include "worker/bus_metrics.hpp"
#include "worker/denied_events.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/metric_family.hpp"

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

// Of all shards together: each would have as many series as there are bounds.
prometheus::MetricFamily CollectTimes(const char* name, const char* help,
                                      Histogram ShardCounters::*histogram,
                                      std::span<const ShardCounters> shards) {
  prometheus::MetricFamily family{name, help, MetricType::Histogram, {{}}};
  for (const ShardCounters& shard : shards) {
    AddHistogram(shard.*histogram, &family.metric.back());
  }
  return family;
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
  families.push_back(CollectTimes(
      "fraiseql_subs_commit_to_read_seconds",
      "Time from the commit of an event until a shard read it, by the clocks of two machines "
      "where it came by a bus, for the first of each turn",
      &ShardCounters::commit_to_read, shards));
  families.push_back(CollectTimes(
      "fraiseql_subs_read_to_socket_seconds",
      "Time from when a shard read an event until the sockets of all its clients had what came of "
      "it and of the turn's other events, but for those that wait for a resolver",
      &ShardCounters::read_to_socket, shards));
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

std::string NumberText(double number) {
  if (std::isinf(number)) return "+Inf";
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), number).ptr};
}

const char* NameOf(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

using Labels = std::vector<prometheus::ClientMetric::Label>;

void WriteRow(const prometheus::MetricFamily& family, const char* suffix, const Labels& labels,
              double value, JsonWriter* json) {
  json->BeginObject();
  json->Key("name");
  json->String(family.name + suffix);
  json->Key("labels");
  json->BeginObject();
  for (const auto& label : labels) {
    json->Key(label.name);
    json->String(label.value);
  }
  json->EndObject();
  json->Key("type");
  json->String(NameOf(family.type));
  json->Key("value");
  json->Raw(NumberText(value));
  json->Key("help");
  json->String(family.help);
  json->EndObject();
}

// The series that Prometheus makes of it.
void WriteHistogram(const prometheus::MetricFamily& family, const prometheus::ClientMetric& metric,
                    JsonWriter* json) {
  const auto bucket = [&](double bound, uint64_t count) {
    Labels labels = metric.label;
    labels.push_back({"le", NumberText(bound)});
    WriteRow(family, "_bucket", labels, static_cast<double>(count), json);
  };
  const prometheus::ClientMetric::Histogram& all = metric.histogram;
  for (const auto& one : all.bucket) bucket(one.upper_bound, one.cumulative_count);
  bucket(std::numeric_limits<double>::infinity(), all.sample_count);
  WriteRow(family, "_sum", metric.label, all.sample_sum, json);
  WriteRow(family, "_count", metric.label, static_cast<double>(all.sample_count), json);
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
    for (const prometheus::ClientMetric& metric : family.metric) {
      if (family.type == MetricType::Histogram) {
        WriteHistogram(family, metric, &json);
      } else {
        WriteRow(family, "", metric.label, metric.gauge.value, &json);
      }
    }
  }
  json.EndArray();
  return rows;
}

}  // namespace fsubs
