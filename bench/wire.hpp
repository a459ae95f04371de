// What the load generator, the floor server and the statements that publish must agree on.
#pragma once

#include <sys/resource.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace fsubs::bench {

// The floor listens here. A notification is the event's key, a space, and the payload of the `next`
// message that its subscribers receive.
inline constexpr std::string_view kFloorChannel = "fraiseql_subs_floor";

// A `next` message is kBeforeId, the subscription's id, kAfterId, the payload and a brace. A
// payload begins with kBeforeSequence, the event's sequence number, kBeforeSentAt and a time of
// NowNs().
inline constexpr std::string_view kBeforeId = R"({"id":")";
inline constexpr std::string_view kAfterId = R"(","type":"next","payload":)";
inline constexpr std::string_view kBeforeSequence = R"({"data":{"tick":{"seq":)";
inline constexpr std::string_view kBeforeSentAt = R"(,"sentAt":")";

inline constexpr std::string_view kSubprotocol = "graphql-transport-ws";

// Looks like the random UUID that most clients use. Ends in the subscription's number.
inline constexpr std::string_view kSubscriptionIdPrefix = "6f2c1d9e-8a47-4b35-9c60-";
inline constexpr size_t kSubscriptionIdLength = 36;

inline std::string SubscriptionId(size_t subscription) {
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%012zx", subscription);
  return std::string(kSubscriptionIdPrefix) + digits;
}

inline bool ParseSubscriptionId(std::string_view id, size_t* subscription) {
  if (id.size() != kSubscriptionIdLength || !id.starts_with(kSubscriptionIdPrefix)) return false;
  const char* const end = id.data() + id.size();
  const auto result =
      std::from_chars(id.data() + kSubscriptionIdPrefix.size(), end, *subscription, 16);
  return result.ec == std::errc{} && result.ptr == end;
}

inline int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

// Make this process able to open as many files as it may.
inline void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("cannot read the file limit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    throw std::runtime_error("cannot raise the file limit");
}

}  // namespace fsubs::bench
