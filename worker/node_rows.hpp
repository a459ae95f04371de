// What fraiseql_nodes() is told.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "worker/bus/node_row.hpp"

namespace fsubs {

// A JSON array with this worker's own row, which says so and why others are not known (empty: they
// are), and those of others. What `nodes` has of this worker itself is left out; one that is
// another of the same name is not.
std::string NodeRows(const NodeRow& own, std::span<const NodeRow> nodes, std::string_view unknown);

}  // namespace fsubs
