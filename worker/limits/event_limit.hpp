// The rates that hold for the events of one subscription, and what they have cut.
//
// One shard's thread only.
#pragma once

#include <cstdint>
#include <optional>

#include "worker/limits/limit_table.hpp"
#include "worker/limits/limits.hpp"
#include "worker/limits/token_bucket.hpp"

namespace fsubs {

// Nothing: no limit.
struct EventRates {
  std::optional<LimitValue> of_subscription;
  std::optional<LimitValue> of_field;  // as registered, for each subscription of it
  std::optional<LimitValue> of_user;

  bool any() const { return of_subscription || of_field || of_user; }
};

class EventLimit {
 public:
  // Go on with these rates.
  void SetRates(const EventRates& rates, uint64_t now_us);

  // Take an event into account. Returns the limit that cuts it; then it counts nowhere.
  std::optional<LimitKey> Take(LimitTable::Share* user, uint64_t now_us);
  // Undo that. REQUIRES: Take returned nothing.
  void PutBack(LimitTable::Share* user);

  uint64_t untold = 0;     // events that were cut, of which the client does not know
  bool is_listed = false;  // its client will look at it to tell it

 private:
  std::optional<TokenBucket> subscription_;
  std::optional<TokenBucket> field_;
  std::optional<LimitValue> user_;
};

}  // namespace fsubs
