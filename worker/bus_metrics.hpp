// The metrics of a worker's bus.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "worker/bus/bus_counters.hpp"

namespace fsubs {

void CollectBus(const BusCounters& bus, std::vector<prometheus::MetricFamily>* families);

}  // namespace fsubs
