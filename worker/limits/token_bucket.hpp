// A rate as a bucket of tokens: it is full at first, each event takes a token, and tokens come back
// at the rate until the bucket is full again.
//
// The time is handed in and never runs back; a time that lies before the last one is taken for it.
// Everything is counted in whole parts of a token, so that nothing is lost or gained by how often
// the bucket is asked.
#pragma once

#include <cstdint>

#include "contract/limit.hpp"

namespace fsubs {

class TokenBucket {
 public:
  // REQUIRES: `rate` is one.
  TokenBucket(const LimitValue& rate, uint64_t now_us) : rate_(rate), at_us_(now_us) {}

  // Take a token. Returns whether there was one.
  bool Take(uint64_t now_us);
  // Undo that.
  void PutBack();

  // Go on with another rate, as full as the bucket was. What was never allowed begins empty.
  void SetRate(const LimitValue& rate, uint64_t now_us);
  const LimitValue& rate() const { return rate_; }

  bool IsFull(uint64_t now_us);

  // How long until there is a token; UINT64_MAX: there never is.
  uint64_t WaitUs(uint64_t now_us);
  // The same for the header Retry-After: in whole seconds that suffice, an hour at most.
  uint64_t RetryAfterS(uint64_t now_us);

 private:
  // In parts of which the rate's count come back each microsecond, and its period makes a token.
  uint64_t size() const { return rate_.burst * rate_.period_us; }
  void Refill(uint64_t now_us);

  LimitValue rate_;
  uint64_t missing_ = 0;  // parts, until it is full
  uint64_t at_us_;        // when that was so
};

}  // namespace fsubs
