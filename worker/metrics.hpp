// The worker's metrics: one list, told as Prometheus text and to fraiseql_metrics().
#pragma once

#include <span>
#include <string>

#include "contract/ring_layout.hpp"
#include "worker/base/counters.hpp"
#include "worker/bus/bus_counters.hpp"

namespace fsubs {

// What is true of the worker as a whole.
struct WorkerGauges {
  bool ready = false;          // as /readyz says
  uint64_t catalog_loads = 0;  // snapshots taken over
  uint64_t key_fetches = 0;
  uint64_t key_fetch_failures = 0;
  uint64_t resolver_links = 0;       // processes that resolve
  const BusCounters* bus = nullptr;  // null: there is none
};

// Prometheus text exposition format 0.0.4.
std::string PrometheusText(std::span<const ShardCounters> shards, const WorkerGauges& worker,
                           const Heartbeats& beats);

// The same, without the heartbeats, which PostgreSQL reads itself, as a JSON array of
// {"name","labels","type","value","help"}.
std::string MetricsRows(std::span<const ShardCounters> shards, const WorkerGauges& worker);

}  // namespace fsubs
