// Who may subscribe to a field, and which of its events reach whom, as registered.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/json/json_tree.hpp"

namespace fsubs {

struct FieldAccess {
  // A field of events, or an argument, and the claim that it is compared with: "user", "tenant",
  // "roles", "scopes", "subgraphs", "role" or a JSON path.
  using Comparands = std::vector<std::pair<std::string, std::string>>;

  Comparands row_filter;
  std::optional<std::string> tenant_field;  // nothing: as the setting says; empty: none
  bool shared = false;
  std::string subgraph;  // empty: none
  Comparands scope;
  std::vector<std::string> roles;   // any of them; empty: no demand
  std::vector<std::string> scopes;  // all of them
  std::string rate_limit;           // empty: none

  bool operator==(const FieldAccess&) const = default;
};

// From a row of the snapshot's subscriptions. Nothing if a member is not of its type.
std::optional<FieldAccess> ReadFieldAccess(const JsonValue& row);

}  // namespace fsubs
