// What a node tells of itself in Redis, once a second, for `fraiseql_nodes()` and whoever looks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fsubs {

struct NodeRow {
  std::string_view name;
  std::string_view version;  // of its program
  std::string_view role;     // "publisher", "standby", "replaced" or "subscriber"
  std::string_view epoch;    // whose events it has
  uint64_t sequence = 0;     // up to here
  uint64_t lag = 0;          // events that it has not yet
  uint64_t connections = 0;  // clients
  int64_t since_us = 0;      // microseconds since 1970: its start

  // How long the row stays when nothing more is heard of the node.
  static constexpr char kSeconds[] = "10";

  // As a JSON object.
  std::string ToJson() const;
};

}  // namespace fsubs
