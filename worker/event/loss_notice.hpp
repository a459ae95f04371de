// What subscriptions are told of events that they do not get.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "contract/event_record.hpp"
#include "worker/operation/plan.hpp"

namespace fsubs {

enum class LossCause {
  kOverwritten,  // in the ring, before they were read
  kNotMade,      // they never were in the ring: a record of the kind kEventsLost tells of them
};

// Whether such a record is for the subscribers of `channel`.
inline bool IsLossOf(const EventRecord& record, std::string_view channel) {
  return record.channel.empty() || record.channel == channel;
}

// How many events such a record says are lost; nothing if that is not known, nor whether there were
// any.
std::optional<uint64_t> LostCount(const EventRecord& record);

// The response that tells a subscription with that plan.
std::string EncodeLoss(const Plan& plan, uint64_t count, LossCause cause);

// What such a record says.
std::string EncodeLoss(const Plan& plan, const EventRecord& record);

// Where it is not known whether any were lost while nobody was there to read them.
std::string EncodeUncountedLoss(const Plan& plan);

// The same for events that a rate did not let through.
std::string EncodeCut(const Plan& plan, uint64_t count);

}  // namespace fsubs
