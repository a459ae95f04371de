// Any bytes as what a Redis server sends, in pieces of any size: replies are read or refused,
// within the limits, and what an entry of a stream says stays inside it.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worker/bus/redis/reply.hpp"
#include "worker/bus/redis/source_table.hpp"
#include "worker/bus/redis/stream_entry.hpp"

using namespace fsubs;

namespace {

constexpr ReplyLimits kLimits{.bytes = 4096, .elements = 64};

struct Size {
  size_t bytes = 0;
  size_t elements = 0;
};

void Check(const Reply& reply, Size* size) {
  if (reply.is_array()) {
    size->elements += reply.elements.size();
    for (const Reply& element : reply.elements) Check(element, size);
    return;
  }
  size->bytes += reply.text.size();
  uint64_t sequence;
  if (ParseEntryId(reply.text, &sequence)) {
    uint64_t again;
    if (!ParseEntryId(EntryId(sequence), &again) || again != sequence) __builtin_trap();
  }
  EventRecord record;
  int64_t appended_us;
  if (DecodeEntry(reply.text, &record, &appended_us) != EntryResult::kOk) return;
  // Every byte of the views is readable.
  std::string encoded;
  EncodeEntry(record, appended_us, &encoded);
  EventRecord decoded;
  if (DecodeEntry(encoded, &decoded, &appended_us) != EntryResult::kOk) __builtin_trap();
}

void CheckSources(const Reply& reply) {
  SourceTable table;
  if (!SourceTable::Read(reply, &table)) return;
  for (const Source& source : table.all()) {
    Reply row{.type = Reply::Type::kArray};
    row.elements = {{.type = Reply::Type::kText, .text = source.epoch},
                    {.type = Reply::Type::kText, .text = source.Value()}};
    SourceTable again;
    if (!SourceTable::Read(row, &again) || again.newest() == nullptr ||
        again.newest()->Value() != source.Value()) {
      __builtin_trap();
    }
    (void)table.After(source.epoch);
  }
}

}  // namespace

// The first byte is the size of the pieces.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = data[0] == 0 ? 1 : data[0];
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  ReplyReader reader(kLimits);
  while (!rest.empty()) {
    const std::string_view bytes = rest.substr(0, piece);
    rest.remove_prefix(bytes.size());
    if (!reader.Feed(bytes)) return 0;
    Reply reply;
    ReplyReader::Result result;
    while ((result = reader.Next(&reply)) == ReplyReader::Result::kReply) {
      Size whole;
      Check(reply, &whole);
      if (whole.bytes > kLimits.bytes || whole.elements > kLimits.elements) __builtin_trap();
      CheckSources(reply);
      reply = {};
    }
    if (result == ReplyReader::Result::kBroken) return 0;
  }
  return 0;
}
