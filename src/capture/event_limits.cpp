#include "src/capture/event_limits.hpp"

#include "src/base/guc.hpp"
#include "src/capture/json_text.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

std::string_view ToUtf8(std::string_view text) {
  const char* const converted =
      pg_server_to_any(text.data(), static_cast<int>(text.size()), PG_UTF8);
  return converted == text.data() ? text : std::string_view(converted);
}

void CheckDepth(std::string_view json) {
  // Each level takes two brackets.
  if (likely(json.size() <= 2 * kMaxDataDepth)) return;
  const size_t depth = JsonDepth(json);
  if (depth <= kMaxDataDepth) return;
  ereport(ERROR,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("event data is nested too deeply"),
           errdetail("Its depth is %zu; the limit is %zu.", depth, kMaxDataDepth)));
}

[[noreturn]] void RefuseSize(size_t size, const SizeLimit& limit) {
  ereport(ERROR,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("event is too large"),
           errdetail("It takes %zu bytes; the limit is %zu bytes.", size, limit.bytes),
           errhint("Publish less data, such as a key that the reader can look up, or increase "
                   "fraiseql_subs.%s.",
                   limit.setting)));
  pg_unreachable();
}

}  // namespace

EventRecord ConvertToUtf8(const EventRecord& event) {
  if (GetDatabaseEncoding() == PG_UTF8) return event;
  EventRecord converted = event;
  converted.event_type = ToUtf8(event.event_type);
  converted.channel = ToUtf8(event.channel);
  converted.correlation_id = ToUtf8(event.correlation_id);
  converted.subgraph = ToUtf8(event.subgraph);
  converted.data = ToUtf8(event.data);
  return converted;
}

SizeLimit LargestEvent() {
  const size_t largest = settings::max_event_size_bytes;
  const RingHeader* const ring = GetSharedRing().ring;
  const size_t ring_share = ring == nullptr ? largest : ring->capacity / kMaxRecordShare;
  return ring_share < largest ? SizeLimit{ring_share, "ring_size"}
                              : SizeLimit{largest, "max_event_size"};
}

size_t LargestData(const EventRecord& event) {
  const size_t largest = LargestEvent().bytes / AlignRecord(1) * AlignRecord(1);
  const size_t rest = sizeof(RecordHeader) + event.event_type.size() + event.channel.size() +
                      event.correlation_id.size() + event.subgraph.size();
  return largest > rest ? largest - rest : 0;
}

void CheckEventName(const char* what, std::string_view name) {
  if (likely(name.size() <= kMaxNameLength)) return;
  ereport(ERROR,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("%s is too long", what),
           errdetail("It has %zu bytes; the limit is %zu bytes.", name.size(), kMaxNameLength)));
}

size_t CheckEventLimits(const EventRecord& event) {
  CheckEventName("event type", event.event_type);
  CheckEventName("channel", event.channel);
  CheckEventName("correlation id", event.correlation_id);
  CheckEventName("subgraph", event.subgraph);
  const size_t size = EncodedSize(event);
  const SizeLimit limit = LargestEvent();
  if (size > limit.bytes) RefuseSize(size, limit);
  CheckDepth(event.data);
  return size;
}

}  // namespace fsubs
