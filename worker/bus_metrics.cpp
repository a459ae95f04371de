#include "worker/bus_metrics.hpp"

#include <utility>

#include "worker/metric_family.hpp"

namespace fsubs {
namespace {

using prometheus::MetricType;

struct Definition {
  const char* name;
  MetricType type;
  const char* help;
  Counter BusCounters::*counter;
};

constexpr Definition kDefinitions[] = {
    {"fraiseql_subs_bus_connected", MetricType::Gauge, "1 while the bus works",
     &BusCounters::connected},
    {"fraiseql_subs_bus_behind_events", MetricType::Gauge,
     "Events that are known to be still to put into the bus, or to be read from it",
     &BusCounters::behind},
    {"fraiseql_subs_bus_held_events", MetricType::Gauge,
     "Events that wait until this server, a standby, has replayed their commits",
     &BusCounters::held},
    {"fraiseql_subs_bus_connects_total", MetricType::Counter,
     "Times that a connection to the bus was made", &BusCounters::connects},
    {"fraiseql_subs_bus_errors_total", MetricType::Counter,
     "Times that a connection to the bus was lost, or could not be made", &BusCounters::errors},
    {"fraiseql_subs_bus_appended_total", MetricType::Counter,
     "Events that this worker has put into the bus", &BusCounters::appended},
    {"fraiseql_subs_bus_appended_bytes_total", MetricType::Counter, "Bytes of these",
     &BusCounters::appended_bytes},
    {"fraiseql_subs_bus_read_total", MetricType::Counter,
     "Events that this worker has read from the bus", &BusCounters::read},
    {"fraiseql_subs_bus_read_bytes_total", MetricType::Counter,
     "Bytes of these, and of what was read twice", &BusCounters::read_bytes},
    {"fraiseql_subs_bus_lost_total", MetricType::Counter,
     "Events that did not get into the bus, or out of it", &BusCounters::lost},
    {"fraiseql_subs_bus_malformed_total", MetricType::Counter,
     "Of these, entries of the bus that made no sense", &BusCounters::malformed},
};

struct HistogramDefinition {
  const char* name;
  const char* help;
  Histogram BusCounters::*histogram;
};

constexpr HistogramDefinition kHistograms[] = {
    {"fraiseql_subs_bus_commit_to_append_seconds",
     "Time from the commit of an event until it was in the bus, for the last of each batch",
     &BusCounters::commit_to_append},
    {"fraiseql_subs_bus_append_to_read_seconds",
     "Time from when an event was put into the bus until it was read, by the clocks of two "
     "machines, for the last of each batch",
     &BusCounters::append_to_read},
};

}  // namespace

void CollectBus(const BusCounters& bus, std::vector<prometheus::MetricFamily>* families) {
  for (const Definition& definition : kDefinitions) {
    const double value = static_cast<double>((bus.*definition.counter).get());
    families->push_back({definition.name, definition.help, definition.type, {Metric(value)}});
  }
  for (const HistogramDefinition& definition : kHistograms) {
    prometheus::MetricFamily family{definition.name, definition.help, MetricType::Histogram, {{}}};
    AddHistogram(bus.*definition.histogram, &family.metric.back());
    families->push_back(std::move(family));
  }
}

}  // namespace fsubs
