#include "worker/bus/redis/stream_entry.hpp"

#include <simdjson.h>

#include <charconv>
#include <cstring>
#include <vector>

namespace fsubs {
namespace {

constexpr size_t kHead = 1 + sizeof(int64_t);
constexpr std::string_view kIdEnd = "-0";

bool IsUtf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace

std::string EntryId(uint64_t sequence) {
  return std::to_string(sequence).append(kIdEnd);
}

bool ParseEntryId(std::string_view id, uint64_t* sequence) {
  const char* const end = id.data() + id.size();
  const auto read = std::from_chars(id.data(), end, *sequence);
  return read.ec == std::errc{} &&
         std::string_view(read.ptr, static_cast<size_t>(end - read.ptr)) == kIdEnd;
}

void EncodeEntry(const EventRecord& record, int64_t appended_us, std::string* out) {
  const size_t size = EncodedSize(record);
  // Apart, since it has to be aligned when it is written.
  thread_local std::vector<uint64_t> encoded;
  encoded.resize(size / 8);
  Encode(record, encoded.data());
  out->resize(kHead + size);
  char* const bytes = out->data();
  bytes[0] = static_cast<char>(kEntryVersion);
  std::memcpy(bytes + 1, &appended_us, sizeof(appended_us));
  std::memcpy(bytes + kHead, encoded.data(), size);
}

EntryResult DecodeEntry(std::string_view value, EventRecord* record, int64_t* appended_us) {
  if (value.empty()) return EntryResult::kMalformed;
  if (static_cast<uint8_t>(value[0]) != kEntryVersion) return EntryResult::kOtherVersion;
  if (value.size() < kHead) return EntryResult::kMalformed;
  std::memcpy(appended_us, value.data() + 1, sizeof(*appended_us));
  const std::string_view bytes = value.substr(kHead);
  if (Decode(bytes, record) != DecodeResult::kOk || EncodedSize(*record) != bytes.size()) {
    return EntryResult::kMalformed;
  }
  const bool is_text = IsUtf8(record->event_type) && IsUtf8(record->channel) &&
                       IsUtf8(record->correlation_id) && IsUtf8(record->subgraph) &&
                       IsUtf8(record->data);
  return is_text ? EntryResult::kOk : EntryResult::kMalformed;
}

}  // namespace fsubs
