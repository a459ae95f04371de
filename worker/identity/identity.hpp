// Who a client is. Immutable; shared by all that is done for it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/json/json_tree.hpp"

namespace fsubs {

struct Identity {
  // It presented no token, and no function vouches for it. One with a token but no user is
  // somebody.
  bool is_anonymous = true;
  std::string issuer;  // as registered; empty without a token
  std::optional<std::string> user;
  std::optional<std::string> tenant;
  // Each sorted, none twice.
  std::vector<std::string> roles;
  std::vector<std::string> scopes;
  std::vector<std::string> subgraphs;
  std::string role;  // of the database; empty: none
  // Microseconds since 1970 when it ends: the token's `exp` and the issuer's leeway.
  std::optional<int64_t> expires_at_us;
  JsonTree claims;  // an object
};

}  // namespace fsubs
