// The limits that an operator sets, by `limit_...` among the settings, by fraiseql_set_limits() and
// by fraiseql_register_subscription(): what they are called, and how their values are written.
//
// A number is written "100". A rate is written "100/s", "600/min" or "5000/h", with "burst 200"
// behind it for how many may come at once after a rest; without, it is what a second brings,
// rounded up. "0" is none at all, as a rate too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace fsubs {

enum class LimitKey : uint8_t {
  kConnectionsPerUser,
  kConnectionsPerAddress,
  kConnectionsPerTenant,
  kNewConnectionsPerAddress,
  kSubscriptionsPerUser,
  kSubscriptionsCreatedPerUser,
  kEventsPerSubscription,
  kEventsPerUser,
  kMessagesPerConnection,
  kRateLimit,  // of a subscription field, as registered; neither a setting nor a role's
};

enum class LimitForm : uint8_t { kNumber, kRate };

struct LimitKind {
  const char* key;
  LimitForm form;
  bool is_of_address = false;  // so that it can be no role's
};

// In the order of LimitKey.
inline constexpr LimitKind kLimitKinds[] = {
    {"connections_per_user", LimitForm::kNumber},
    {"connections_per_address", LimitForm::kNumber, true},
    {"connections_per_tenant", LimitForm::kNumber},
    {"new_connections_per_address", LimitForm::kRate, true},
    {"subscriptions_per_user", LimitForm::kNumber},
    {"subscriptions_created_per_user", LimitForm::kRate},
    {"events_per_subscription", LimitForm::kRate},
    {"events_per_user", LimitForm::kRate},
    {"messages_per_connection", LimitForm::kRate},
    {"rate_limit", LimitForm::kRate},
};

inline constexpr size_t kLimitCount = std::size(kLimitKinds);
static_assert(static_cast<size_t>(LimitKey::kRateLimit) == kLimitCount - 1);

constexpr size_t IndexOf(LimitKey key) {
  return static_cast<size_t>(key);
}

constexpr const LimitKind& KindOf(LimitKey key) {
  return kLimitKinds[IndexOf(key)];
}

// Nothing for what is no setting and no role's.
std::optional<LimitKey> FindLimit(std::string_view key);

struct LimitValue {
  uint32_t count = 0;      // 0: none at all
  uint32_t burst = 0;      // of a rate
  uint64_t period_us = 0;  // in which `count` may come; 0: it is a number and no rate

  bool operator==(const LimitValue&) const = default;
};

// Whether `a` allows more than `b`; of equal rates, the one with the larger burst. REQUIRES: both
// are numbers, or both rates.
bool IsLarger(const LimitValue& a, const LimitValue& b);

// The largest number in a value.
inline constexpr uint32_t kMaxLimit = 1'000'000'000;

// Returns null, or what is wrong with the text: a sentence, as HintOf() returns another.
[[nodiscard]] const char* ParseLimit(LimitForm form, std::string_view text, LimitValue* value);

const char* HintOf(LimitForm form);

}  // namespace fsubs
