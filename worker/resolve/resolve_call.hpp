// What shards and the control thread tell each other of resolvers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "worker/operation/resolver_rule.hpp"

namespace fsubs {

// One event is to be made the value of a field, for all who ask for it alike.
struct ResolveCall {
  uint64_t number = 0;  // of this call, in the whole worker
  std::shared_ptr<const ResolverRule> rule;
  std::shared_ptr<const std::string> event;  // JSON
  // What all calls have that are for the same subscribers.
  struct Audience {
    std::string plan;       // names it
    std::string variables;  // JSON
    std::string claims;     // JSON; empty: the resolver is not to know them
    std::string role;       // of the database; empty: none
  };
  std::shared_ptr<const Audience> audience;
  uint64_t deadline_ms = 0;  // of MonotonicMs
};

// What came of it.
struct ResolveResult {
  enum class Kind : uint8_t {
    kValue,        // `text` is JSON
    kSkip,         // the event is dropped
    kError,        // for the client: `text` is the message, `extensions` a JSON object or empty
    kMaskedError,  // `text` is what the log calls it by
    kTimeout,      // nothing came in time
  };
  uint64_t number = 0;
  Kind kind = Kind::kTimeout;
  std::string text;
  std::string extensions;
};

// What a shard wants done, in this order.
struct ResolveOrder {
  std::vector<ResolveCall> calls;
  std::vector<uint64_t> cancelled;  // nobody waits for them any more

  bool empty() const { return calls.empty() && cancelled.empty(); }
};

}  // namespace fsubs
