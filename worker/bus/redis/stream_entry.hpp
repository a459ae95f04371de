// What a stream has of an event, and by which id.
//
//   id     <sequence of the record in its ring>-0
//   field  1 byte   version of this format
//          8 bytes  when it was appended: microseconds since 1970, little-endian
//          then the record as contract/event_record.hpp encodes it
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "contract/event_record.hpp"

namespace fsubs {

inline constexpr uint8_t kEntryVersion = 1;

// "<sequence>-0"
std::string EntryId(uint64_t sequence);
// Returns false if `id` is none of an event's.
[[nodiscard]] bool ParseEntryId(std::string_view id, uint64_t* sequence);

// Write the field's value to `*out`, replacing what it has.
void EncodeEntry(const EventRecord& record, int64_t appended_us, std::string* out);

enum class [[nodiscard]] EntryResult{kOk, kOtherVersion, kMalformed};

// Decode a value, which may be anything. On kOk the record's views point into `value`, all texts
// are valid UTF-8, and its origin is not set.
EntryResult DecodeEntry(std::string_view value, EventRecord* record, int64_t* appended_us);

}  // namespace fsubs
