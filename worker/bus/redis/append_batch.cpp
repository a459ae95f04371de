#include "worker/bus/redis/append_batch.hpp"

#include <algorithm>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/bus/redis/command.hpp"
#include "worker/bus/redis/stream_entry.hpp"

namespace fsubs {
namespace {

// What XADD says of an id that the stream has already, or has passed: it was appended by a request
// whose answer was lost.
bool IsThereAlready(const Reply& reply) {
  return reply.is_error() && reply.text.find("equal or smaller") != std::string::npos;
}

// In the place of an event that Redis does not take.
EventRecord LossOf(const EventRecord& event) {
  EventRecord loss;
  loss.kind = RecordKind::kEventsLost;
  loss.sequence = event.sequence;
  loss.position = event.position;
  loss.commit_time_us = event.commit_time_us;
  loss.channel = event.channel;
  loss.data = "1";
  return loss;
}

}  // namespace

AppendBatch::AppendBatch(const Setup& setup)
    : setup_(setup),
      epoch_(EpochName(setup.ring->epoch)),
      stream_(setup.keys->Stream(epoch_)),
      reader_(setup.ring) {}

void AppendBatch::Locate(uint64_t appended) {
  next_sequence_ = appended + 1;
  held_.reset();
  EventRecord record;
  uint64_t lost;
  if (!reader_.SeekNear(next_sequence_)) {
    // It is overwritten, and the reader finds out how many are.
    reader_.Resume(0, next_sequence_);
    return;
  }
  while (reader_.next_sequence() < next_sequence_) {
    if (reader_.Next(&record, &lost) != RingReader::Result::kRecord) return;
    if (record.sequence < next_sequence_) continue;
    held_ = record;
    return;
  }
}

bool AppendBatch::NextRecord(EventRecord* record) {
  if (held_) {
    *record = *std::exchange(held_, std::nullopt);
  } else {
    uint64_t lost;
    if (reader_.Next(record, &lost) != RingReader::Result::kRecord) return false;
  }
  if (record->sequence > next_sequence_) {
    const uint64_t missing = record->sequence - next_sequence_;
    setup_.counters->lost.Add(missing);
    Log(LogLevel::kWarning,
        "%llu events were overwritten in the ring before Redis took them: other nodes miss them",
        static_cast<unsigned long long>(missing));
  }
  next_sequence_ = record->sequence + 1;
  return true;
}

void AppendBatch::EncodeValue(const EventRecord& record, int64_t now_us, std::string* value) const {
  EncodeEntry(record, now_us, value);
  if (value->size() <= most_bytes_) return;
  setup_.counters->lost.Add(1);
  Log(LogLevel::kWarning,
      "an event of %zu bytes is larger than Redis takes (proto-max-bulk-len): other nodes miss it",
      value->size());
  EncodeEntry(LossOf(record), now_us, value);
}

bool AppendBatch::Fill(int64_t now_us) {
  records_ = 0;
  bytes_ = 0;
  largest_ = 0;
  std::string adds;
  std::string value;
  const std::string limit = std::to_string(setup_.max_length);
  std::optional<Position> changed;
  EventRecord record;
  while (records_ < kMostRecords && adds.size() < kMostBytes && NextRecord(&record)) {
    EncodeValue(record, now_us, &value);
    bytes_ += value.size();
    largest_ = std::max(largest_, value.size());
    const std::string id = EntryId(record.sequence);
    if (setup_.max_length != 0) {
      AppendCommand({"XADD", stream_, "MAXLEN", "~", limit, id, kEntryField, value}, &adds);
    } else {
      AppendCommand({"XADD", stream_, id, kEntryField, value}, &adds);
    }
    if (record.kind == RecordKind::kCatalogChanged) changed = record.position;
    ++records_;
    last_ = record.sequence;
    commit_time_us_ = record.commit_time_us;
  }
  if (records_ == 0) return false;
  writes_ = records_;
  if (changed) {
    // Who begins behind the change has to know of it.
    AppendCommand({"HSET", setup_.keys->catalog, "changed", epoch_ + " " + EpochName(*changed)},
                  &adds);
    ++writes_;
  }
  commands_.clear();
  if (is_transaction()) {
    commands_ = Command("MULTI").append(adds).append(Command("EXEC"));
  } else {
    commands_ = std::move(adds);
  }
  return true;
}

AppendBatch::Outcome AppendBatch::Judge(std::span<const Reply> replies, std::string* why) {
  if (is_transaction()) {
    // What was refused when it was queued says why; EXEC then says no more than that it was.
    for (const Reply& reply : replies) {
      if (!reply.is_error()) continue;
      *why = reply.text;
      return Outcome::kRefused;
    }
    const Reply& whole = replies.back();
    if (!whole.is_array() || whole.elements.size() != writes_) {
      *why = "its answer to a transaction is none";
      return Outcome::kRefused;
    }
    replies = whole.elements;
  }
  Outcome outcome = Outcome::kAppended;
  for (const Reply& reply : replies) {
    if (!reply.is_error()) continue;
    if (!IsThereAlready(reply)) {
      *why = reply.text;
      return Outcome::kRefused;
    }
    outcome = Outcome::kThereAlready;
  }
  largest_ = 0;
  return outcome;
}

void AppendBatch::NoteDown(std::string_view why) {
  const size_t largest = std::exchange(largest_, 0);
  const bool is_too_large = largest > 0 && why.find("invalid bulk length") != why.npos;
  most_bytes_ = is_too_large ? largest - 1 : kAnyBytes;
}

}  // namespace fsubs
