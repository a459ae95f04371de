// Encodes and decodes records (ring_layout.hpp). No other code knows where a record's texts are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "contract/ring_layout.hpp"

namespace fsubs {

// The deepest nesting of arrays and objects in an event's data. Publishing refuses more, and so
// does the worker's parser, whose recursion this bounds.
inline constexpr size_t kMaxDataDepth = 500;

// Names an event for ever, in whatever ring it is.
struct EventName {
  uint64_t epoch = 0;  // of the ring that it was in first
  Position position = 0;
};

// One record, decoded. The views point into the bytes it was decoded from.
struct EventRecord {
  RecordKind kind = RecordKind::kEvent;
  uint16_t flags = 0;
  uint64_t sequence = 0;
  Position position = 0;
  int64_t commit_time_us = 0;
  uint64_t commit_lsn = 0;
  uint32_t xid = 0;
  std::string_view event_type;
  std::string_view channel;
  std::string_view correlation_id;  // empty: none
  std::string_view subgraph;        // empty: none
  std::string_view data;            // JSON
  EventName origin;                 // epoch 0: it was in no other ring before

  // Its name, where it is in the ring of that epoch.
  EventName NameIn(uint64_t epoch) const {
    return origin.epoch != 0 ? origin : EventName{epoch, position};
  }
};

// Bytes that `record` takes in the ring. REQUIRES: the four names are at most kMaxNameLength bytes
// and `data` is shorter than 2 GiB.
size_t EncodedSize(const EventRecord& record);

// Write `record` to `out`. REQUIRES: `out` has EncodedSize(record) bytes and is 8-byte aligned.
// Sequence, position and the commit fields may be zero: the ring's writer sets them.
void Encode(const EventRecord& record, void* out);

enum class [[nodiscard]] DecodeResult{
    kOk,
    kTooShort,    // fewer bytes than a header, or than the header's length says
    kBadLength,   // length is not a multiple of 8 or does not fit the texts
    kBadKind,     // a kind or a flag that this version does not know
    kBadPadding,  // padding that is not zero
};

// Decode the record at the start of `bytes`, which may hold anything. On kOk `*record` is set and
// its views point into `bytes`.
DecodeResult Decode(std::string_view bytes, EventRecord* record);

}  // namespace fsubs
