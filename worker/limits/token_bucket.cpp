#include "worker/limits/token_bucket.hpp"

#include <algorithm>

namespace fsubs {
namespace {

using Wide = unsigned __int128;

// So that all parts can be counted.
constexpr uint64_t kLongestPeriodUs = 3'600'000'000;
static_assert(UINT64_MAX / kMaxLimit >= kLongestPeriodUs);

constexpr uint64_t kSecondUs = 1'000'000;
constexpr uint64_t kLongestRetryS = 3600;

}  // namespace

void TokenBucket::Refill(uint64_t now_us) {
  if (now_us <= at_us_) return;
  const uint64_t passed_us = now_us - at_us_;
  at_us_ = now_us;
  if (rate_.count == 0) return;
  missing_ = passed_us > missing_ / rate_.count ? 0 : missing_ - passed_us * rate_.count;
}

bool TokenBucket::Take(uint64_t now_us) {
  Refill(now_us);
  if (size() - missing_ < rate_.period_us) return false;
  missing_ += rate_.period_us;
  return true;
}

void TokenBucket::PutBack() {
  missing_ -= std::min(missing_, rate_.period_us);
}

void TokenBucket::SetRate(const LimitValue& rate, uint64_t now_us) {
  if (rate == rate_) return;
  Refill(now_us);
  const uint64_t size_before = size();
  rate_ = rate;
  // Rounded against the client: no token comes of changing rates to and fro.
  missing_ = size_before == 0
                 ? size()
                 : static_cast<uint64_t>((Wide{missing_} * size() + size_before - 1) / size_before);
}

bool TokenBucket::IsFull(uint64_t now_us) {
  Refill(now_us);
  return missing_ == 0;
}

uint64_t TokenBucket::WaitUs(uint64_t now_us) {
  Refill(now_us);
  const uint64_t there = size() - missing_;
  if (there >= rate_.period_us) return 0;
  if (rate_.count == 0) return UINT64_MAX;
  return (rate_.period_us - there + rate_.count - 1) / rate_.count;
}

uint64_t TokenBucket::RetryAfterS(uint64_t now_us) {
  return std::min(WaitUs(now_us) / kSecondUs + 1, kLongestRetryS);
}

}  // namespace fsubs
