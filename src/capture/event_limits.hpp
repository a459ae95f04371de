// The conditions that an event must meet before it is queued.
#pragma once

#include "contract/event_record.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

// `event` with all texts in UTF-8; texts that needed converting are in the current memory context.
// Raises an error for bytes that are not valid in UTF-8, which only SQL_ASCII databases can hold.
EventRecord ConvertToUtf8(const EventRecord& event);

// The most bytes that an event may take, a quarter of the ring where there is one, and the setting
// that allows no more.
struct SizeLimit {
  size_t bytes;
  const char* setting;
};

SizeLimit LargestEvent();

// The most bytes of data that `event`, which has none yet, may get.
size_t LargestData(const EventRecord& event);

// Raise an error if `name`, an event's type or channel or the like, is too long. `what` says which.
void CheckEventName(const char* what, std::string_view name);

// Raise an error if a name is too long, the data nested too deeply for the worker to read, or the
// whole larger than fraiseql_subs.max_event_size or a quarter of the ring, where there is one.
// Returns EncodedSize(event).
size_t CheckEventLimits(const EventRecord& event);

}  // namespace fsubs
