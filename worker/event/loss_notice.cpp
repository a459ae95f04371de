#include "worker/event/loss_notice.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "worker/event/encode.hpp"
#include "worker/operation/error.hpp"

namespace fsubs {

std::optional<uint64_t> LostCount(const EventRecord& record) {
  const std::string_view data = record.data;
  const std::string_view digits = data.substr(std::min(data.find_first_not_of(' '), data.size()));
  const char* const end = digits.data() + digits.size();
  uint64_t count = 0;
  const auto [parsed_to, error] = std::from_chars(digits.data(), end, count);
  if (error != std::errc{} || parsed_to != end || count == 0) return std::nullopt;
  return count;
}

namespace {

std::string EncodeCounted(const Plan& plan, std::string message, std::string_view code,
                          uint64_t count) {
  Error error{std::move(message), code};
  error.extensions.push_back({"count", count});
  return EncodeFailure(plan, std::move(error));
}

}  // namespace

std::string EncodeLoss(const Plan& plan, uint64_t count, LossCause cause) {
  std::string message = std::to_string(count) + (count == 1 ? " event" : " events");
  if (cause == LossCause::kOverwritten) {
    message += count == 1 ? " was" : " were";
    message += " overwritten before they could be delivered";
  } else {
    message += " could not be delivered";
  }
  return EncodeCounted(plan, std::move(message), kErrorEventsLost, count);
}

std::string EncodeLoss(const Plan& plan, const EventRecord& record) {
  const std::optional<uint64_t> count = LostCount(record);
  if (count) return EncodeLoss(plan, *count, LossCause::kNotMade);
  return EncodeFailure(plan, {"Events may have been lost", kErrorEventsLost});
}

std::string EncodeUncountedLoss(const Plan& plan) {
  return EncodeFailure(
      plan, {"Events may have been lost while the subscription was interrupted", kErrorEventsLost});
}

std::string EncodeCut(const Plan& plan, uint64_t count) {
  std::string message = std::to_string(count) + (count == 1 ? " event was" : " events were");
  return EncodeCounted(plan, std::move(message) + " cut by a rate limit", kErrorRateLimited, count);
}

}  // namespace fsubs
