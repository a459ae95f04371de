// An event as resolvers get it.
#pragma once

#include <string>
#include <string_view>

#include "contract/event_record.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

// {"id", "type", "channel", "data", "old", "position", "commit_time", "correlation_id",
// "subgraph"}: `data` is what subscribers may see of it, `position` the event's as clients know it,
// which is its id, too. "old" is the member of that name of a row's change. What the event has not
// is null.
std::string EventJson(const EventRecord& record, std::string_view position, const JsonValue& data);

}  // namespace fsubs
