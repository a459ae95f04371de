// What a node tells of itself: in Redis once a second, and in fraiseql_nodes().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fsubs {

class JsonWriter;

struct NodeRow {
  std::string name;
  std::string version;       // of its program
  std::string bus;           // as the setting has it
  std::string role;          // docs/operations.md has them
  std::string epoch;         // whose events it has; empty: it is not known
  uint64_t sequence = 0;     // up to here
  uint64_t lag = 0;          // events that it is known not to have yet
  int64_t delay_us = -1;     // of the last event, from its commit until it was there; -1: none yet
  uint64_t connections = 0;  // clients
  uint64_t subscriptions = 0;  // of these
  int64_t since_us = 0;        // microseconds since 1970: its start
  std::string trouble;         // why events do not get where they should; empty: they do

  // How long the row stays when nothing more is heard of the node.
  static constexpr char kSeconds[] = "10";

  // As a JSON object.
  std::string ToJson() const;
  // The members of that object.
  void WriteMembers(JsonWriter* json) const;

  // Read what ToJson of this or another version wrote, or what anybody did: nothing if it makes no
  // sense. Texts are UTF-8 without control characters, and numbers those of a bigint.
  static std::optional<NodeRow> Read(std::string_view json);
};

}  // namespace fsubs
