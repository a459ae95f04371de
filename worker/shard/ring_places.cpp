#include "worker/shard/ring_places.hpp"

namespace fsubs {

uint64_t RingPlaces::SequenceBefore(Position position, const EventPlace& read) {
  if (counted_.cursor() < read.position || counted_.cursor() > position) {
    counted_.Resume(read.position, read.sequence);
  }
  EventRecord record;
  uint64_t lost;
  while (counted_.cursor() < position &&
         counted_.Next(&record, &lost) == RingReader::Result::kRecord) {
  }
  return counted_.next_sequence() - 1;
}

std::optional<ClientHost::Continuation> RingPlaces::FindBehind(uint64_t sequence) {
  const uint64_t wanted = sequence + 1;
  const uint64_t published = ring_->head_sequence.load(std::memory_order_acquire);
  if (sequence > published) return std::nullopt;
  EventRecord record;
  uint64_t lost = 0;
  if (reader_.SeekNear(wanted)) {
    if (found_.next_sequence() <= wanted && found_.next_sequence() > reader_.next_sequence()) {
      reader_.Resume(found_.cursor(), found_.next_sequence());
    }
  } else {
    // It is overwritten, and the reader finds out how many are.
    reader_.Resume(0, wanted);
  }
  uint64_t between = 0;
  while (reader_.next_sequence() < wanted) {
    if (reader_.Next(&record, &lost) != RingReader::Result::kRecord) break;
    if (record.sequence > wanted) between = record.sequence - wanted;
  }
  ClientHost::Continuation found;
  if (reader_.next_sequence() == wanted) {
    // The next record is the one, if it is not overwritten by now.
    const Position position = reader_.cursor();
    if (position == ring_->head.load(std::memory_order_acquire)) {
      found.place = {position, wanted};
    } else if (reader_.Next(&record, &lost) == RingReader::Result::kRecord) {
      found.place = {record.position, record.sequence};
      found.lost = record.sequence - wanted;
    } else {
      // The reader was lapped and nothing is left to read.
      found.place = {reader_.cursor(), published + 1};
      found.lost = published - sequence;
    }
  } else {
    found.place = {record.position, record.sequence};
    found.lost = between;
  }
  found_.Resume(found.place.position, found.place.sequence);
  return found;
}

}  // namespace fsubs
