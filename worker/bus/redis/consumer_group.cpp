#include "worker/bus/redis/consumer_group.hpp"

#include "worker/base/log.hpp"
#include "worker/bus/redis/stream_entry.hpp"

namespace fsubs {

void ConsumerGroup::AddTo(const std::string& stream, uint64_t sequence, Pipeline* pipeline) {
  pipeline->Add("XINFO", "STREAM", stream);
  if (!is_allowed_ || !is_stream_known_ || (is_made_ && place_ == sequence)) return;
  const std::string id = EntryId(sequence);
  if (!is_made_) pipeline->Add("XGROUP", "CREATE", stream, name_, id);
  if (counts_entries_) {
    // As many as were added when that was asked, and what lies between then and the place.
    const uint64_t added = entries_added_ + sequence;
    const uint64_t read = added > stream_end_ ? added - stream_end_ : 0;
    pipeline->Add("XGROUP", "SETID", stream, name_, id, "ENTRIESREAD", std::to_string(read));
  } else {
    pipeline->Add("XGROUP", "SETID", stream, name_, id);
  }
  place_ = sequence;
}

void ConsumerGroup::OnReplies(std::span<const Reply> replies) {
  const Reply& info = replies.front();
  const Reply* const last = info.is_array() ? info.Field("last-generated-id") : nullptr;
  uint64_t end = 0;
  if (last != nullptr && ParseEntryId(last->text, &end)) {
    const Reply* const added = info.Field("entries-added");
    stream_end_ = end;
    is_stream_known_ = true;
    if (added != nullptr && added->integer >= 0) {
      entries_added_ = static_cast<uint64_t>(added->integer);
    }
  }
  if (replies.size() > 1) OnPlaceSet(replies.back());
}

void ConsumerGroup::OnPlaceSet(const Reply& reply) {
  if (!reply.is_error()) {
    is_made_ = true;
  } else if (reply.is_error("NOPERM")) {
    is_allowed_ = false;
    Log(LogLevel::kWarning,
        "this node's place in the bus is not shown by XINFO GROUPS: Redis does not allow it: %s",
        reply.text.c_str());
  } else if (counts_entries_ && !reply.is_error("NOGROUP") &&
             reply.text.find("no such key") == std::string::npos &&
             reply.text.find("requires the key") == std::string::npos) {
    counts_entries_ = false;
    place_ = ~uint64_t{0};
  } else {
    is_made_ = false;
  }
}

void ConsumerGroup::Leave() {
  stream_end_ = entries_added_ = 0;
  is_stream_known_ = false;
  is_made_ = false;
}

}  // namespace fsubs
