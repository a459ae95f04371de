// How the value of a subscription field is made where that is not the data of its events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/json/json_tree.hpp"

namespace fsubs {

struct ResolverRule {
  // What subscribers see of an event for which no value could be made.
  enum class OnError : uint8_t {
    kNull,      // the field is null, and an error says why
    kSkip,      // nothing
    kComplete,  // the end of their subscriptions
  };

  std::string field;
  std::string function;  // of the database; empty: processes outside it are asked
  bool per_audience = false;
  uint32_t timeout_ms = 0;
  uint32_t retries = 0;
  bool idempotent = false;
  OnError on_error = OnError::kNull;
  uint32_t concurrency = 0;  // most calls under way; 0: no limit

  // How often a call may be given to another process when the one that has it is gone.
  uint32_t most_retries() const;

  bool operator==(const ResolverRule&) const = default;
};

// Read one of a snapshot. Nothing if it cannot be read.
std::optional<ResolverRule> ReadResolverRule(const JsonValue& row);

}  // namespace fsubs
