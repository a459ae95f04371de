// Whom fraiseql_disconnect() ends, and how.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace fsubs {

struct Disconnection {
  // Of those that are there, all must fit.
  std::optional<uint64_t> connection;
  std::optional<std::string> user;
  std::optional<std::string> tenant;
  uint16_t code = 0;
  std::string reason;
};

}  // namespace fsubs
