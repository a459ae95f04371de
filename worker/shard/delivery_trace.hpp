// Why an event that is still in the ring did or did not reach a subscription: for
// fraiseql_explain_delivery().
//
// One shard's thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "contract/ring_layout.hpp"
#include "worker/client/client.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {

struct DeliveryQuestion {
  std::string position;  // of the event, as clients are told it
  uint64_t connection = 0;
  std::string subscription;  // its id
};

// Write a JSON object for each step that was taken, separated by commas. The last one has the
// answer, which is by the rules in force now. `read_to` is where the dispatcher stands.
void WriteDeliveryTrace(const DeliveryQuestion& question, const RingHeader* ring,
                        const ClientMap& clients, const OperationLimits& limits, Position read_to,
                        JsonWriter* rows);

}  // namespace fsubs
