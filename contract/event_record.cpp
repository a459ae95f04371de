#include "contract/event_record.hpp"

#include <cstring>

namespace fsubs {
namespace {

uint64_t BodyLength(const RecordHeader& header) {
  const uint64_t origin = (header.flags & kHasOrigin) != 0 ? kOriginLength : 0;
  return origin + uint64_t{header.event_type_length} + header.channel_length +
         header.correlation_id_length + header.subgraph_length + header.data_length;
}

bool IsKnown(RecordKind kind) {
  switch (kind) {
    case RecordKind::kEvent:
    case RecordKind::kCatalogChanged:
    case RecordKind::kEventsLost:
      return true;
  }
  return false;
}

char* Put(char* out, std::string_view text) {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

size_t EncodedSize(const EventRecord& record) {
  const size_t origin = record.origin.epoch != 0 ? kOriginLength : 0;
  return AlignRecord(sizeof(RecordHeader) + origin + record.event_type.size() +
                     record.channel.size() + record.correlation_id.size() + record.subgraph.size() +
                     record.data.size());
}

void Encode(const EventRecord& record, void* out) {
  RecordHeader header{};
  header.length = static_cast<uint32_t>(EncodedSize(record));
  header.kind = record.kind;
  header.flags = record.flags;
  if (record.origin.epoch != 0) header.flags |= kHasOrigin;
  header.sequence = record.sequence;
  header.position = record.position;
  header.commit_time_us = record.commit_time_us;
  header.commit_lsn = record.commit_lsn;
  header.xid = record.xid;
  header.data_length = static_cast<uint32_t>(record.data.size());
  header.event_type_length = static_cast<uint16_t>(record.event_type.size());
  header.channel_length = static_cast<uint16_t>(record.channel.size());
  header.correlation_id_length = static_cast<uint16_t>(record.correlation_id.size());
  header.subgraph_length = static_cast<uint16_t>(record.subgraph.size());

  char* const start = static_cast<char*>(out);
  std::memcpy(start, &header, sizeof(header));
  char* end = start + sizeof(header);
  if (record.origin.epoch != 0) {
    static_assert(sizeof(EventName) == kOriginLength);
    std::memcpy(end, &record.origin, kOriginLength);
    end += kOriginLength;
  }
  end = Put(end, record.event_type);
  end = Put(end, record.channel);
  end = Put(end, record.correlation_id);
  end = Put(end, record.subgraph);
  end = Put(end, record.data);
  std::memset(end, 0, header.length - static_cast<size_t>(end - start));
}

DecodeResult Decode(std::string_view bytes, EventRecord* record) {
  RecordHeader header;
  if (bytes.size() < sizeof(header)) return DecodeResult::kTooShort;
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.length > bytes.size()) return DecodeResult::kTooShort;
  if (header.length != AlignRecord(sizeof(header) + BodyLength(header))) {
    return DecodeResult::kBadLength;
  }
  if (!IsKnown(header.kind) || (header.flags & ~(kIncomplete | kHasOrigin)) != 0)
    return DecodeResult::kBadKind;

  size_t at = sizeof(header);
  const auto take = [&](size_t length) {
    std::string_view text = bytes.substr(at, length);
    at += length;
    return text;
  };
  EventRecord decoded;
  decoded.kind = header.kind;
  decoded.flags = header.flags & ~kHasOrigin;
  decoded.sequence = header.sequence;
  decoded.position = header.position;
  decoded.commit_time_us = header.commit_time_us;
  decoded.commit_lsn = header.commit_lsn;
  decoded.xid = header.xid;
  if ((header.flags & kHasOrigin) != 0) {
    std::memcpy(&decoded.origin, take(kOriginLength).data(), kOriginLength);
  }
  decoded.event_type = take(header.event_type_length);
  decoded.channel = take(header.channel_length);
  decoded.correlation_id = take(header.correlation_id_length);
  decoded.subgraph = take(header.subgraph_length);
  decoded.data = take(header.data_length);
  for (; at < header.length; ++at) {
    if (bytes[at] != '\0') return DecodeResult::kBadPadding;
  }
  *record = decoded;
  return DecodeResult::kOk;
}

}  // namespace fsubs
