// What fraiseql_nodes() is told.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "worker/base/counters.hpp"
#include "worker/base/options.hpp"
#include "worker/bus/bus_counters.hpp"
#include "worker/bus/node_row.hpp"

namespace fsubs {

// Set how many clients and subscriptions the worker has in what its bus counts.
void CountClients(std::span<const ShardCounters> shards, BusCounters* bus);

// The row of a worker that does not publish, whose clients have been counted.
NodeRow OwnNodeRow(const Options& options, std::string role, const BusCounters& bus,
                   int64_t since_us);

// A JSON array with this worker's own row, which says so and why others are not known (empty: they
// are), and those of others. What `nodes` has of this worker itself is left out; one that is
// another of the same name is not.
std::string NodeRows(const NodeRow& own, std::span<const NodeRow> nodes, std::string_view unknown);

}  // namespace fsubs
