#include "contract/ring_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "contract/ring_words.hpp"

namespace fsubs {
namespace {

// How much of the ring a reader that was lapped leaves the writer to write until it laps it again.
constexpr uint64_t kSlackShare = 4;

}  // namespace

std::string CheckRing(const RingHeader* ring, size_t bytes) {
  if (bytes < kRingHeaderSize) return "region is smaller than a ring header";
  if (ring->magic != kRingMagic) return "region is not an event ring";
  if (ring->layout_version != kRingLayoutVersion || ring->header_size != kRingHeaderSize) {
    return "event ring has layout version " + std::to_string(ring->layout_version) +
           ", this program reads version " + std::to_string(kRingLayoutVersion);
  }
  if (ring->capacity == 0 || ring->capacity % 8 != 0 || ring->capacity > bytes - kRingHeaderSize) {
    return "event ring is larger than its region";
  }
  return {};
}

RingReader::RingReader(const RingHeader* ring)
    : ring_(ring),
      words_(RingWords(ring)),
      cursor_(ring->head.load(std::memory_order_acquire)),
      read_to_(cursor_),
      // A commit between the two loads makes this too high, never too low: no loss is invented.
      next_sequence_(ring->head_sequence.load(std::memory_order_relaxed) + 1) {}

bool RingReader::CopyRecord(Position position, RecordHeader* header) {
  const uint64_t capacity = ring_->capacity;
  LoadWords(words_, capacity, position, header, sizeof(*header));
  std::atomic_thread_fence(std::memory_order_acquire);
  if (ring_->tail.load(std::memory_order_relaxed) > position) return false;
  if (header->position != position || header->length < sizeof(*header) || header->length % 8 != 0 ||
      header->length > capacity) {
    return false;
  }
  const size_t words = header->length / 8;
  if (buffer_.size() < words + kRecordPadding / 8) buffer_.resize(words + kRecordPadding / 8);
  LoadWords(words_, capacity, position, buffer_.data(), header->length);
  std::atomic_thread_fence(std::memory_order_acquire);
  return ring_->tail.load(std::memory_order_relaxed) <= position;
}

void RingReader::SkipAhead() {
  const Position tail = ring_->tail.load(std::memory_order_acquire);
  const Position head = ring_->head.load(std::memory_order_acquire);
  const bool lapped = tail > cursor_;
  // Where there is no landmark, the reader goes on with what is published next. So it does if it
  // was not lapped: then the record at the cursor is damaged, and what follows cannot be trusted.
  cursor_ = head;
  if (!lapped) return;
  const Position aim = tail + ring_->capacity / kSlackShare;
  for (const std::atomic<uint64_t>& landmark : ring_->landmarks) {
    const Position position = landmark.load(std::memory_order_relaxed);
    if (position >= aim && position < cursor_) cursor_ = position;
  }
}

RingReader::Result RingReader::Next(EventRecord* record, uint64_t* lost) {
  for (;;) {
    if (ring_->head.load(std::memory_order_acquire) == cursor_) return Result::kEmpty;
    RecordHeader header;
    if (!CopyRecord(cursor_, &header) ||
        Decode({reinterpret_cast<const char*>(buffer_.data()), header.length}, record) !=
            DecodeResult::kOk) {
      SkipAhead();
      continue;
    }
    *lost = record->sequence > next_sequence_ ? record->sequence - next_sequence_ : 0;
    lost_catalog_change_ =
        *lost > 0 && ring_->catalog_changed.load(std::memory_order_relaxed) > read_to_;
    next_sequence_ = record->sequence + 1;
    cursor_ += header.length;
    read_to_ = cursor_;
    return Result::kRecord;
  }
}

bool RingReader::Seek(Position position) {
  if (position % 8 != 0) return false;
  const Position head = ring_->head.load(std::memory_order_acquire);
  if (position > head) return false;
  if (position == head) {
    cursor_ = read_to_ = position;
    next_sequence_ = ring_->head_sequence.load(std::memory_order_relaxed) + 1;
    return true;
  }
  RecordHeader header;
  EventRecord record;
  if (!CopyRecord(position, &header) ||
      Decode({reinterpret_cast<const char*>(buffer_.data()), header.length}, &record) !=
          DecodeResult::kOk) {
    return false;
  }
  cursor_ = read_to_ = position;
  next_sequence_ = header.sequence;
  return true;
}

bool RingReader::SeekNear(uint64_t sequence) {
  const Position tail = ring_->tail.load(std::memory_order_acquire);
  std::vector<Position> starts = {tail};
  for (const std::atomic<uint64_t>& landmark : ring_->landmarks) {
    const Position position = landmark.load(std::memory_order_relaxed);
    if (position > tail) starts.push_back(position);
  }
  std::sort(starts.begin(), starts.end());
  // One at which no record starts any more is not behind it either.
  const auto behind = std::partition_point(starts.begin(), starts.end(), [&](Position start) {
    return !Seek(start) || next_sequence_ <= sequence;
  });
  for (auto start = behind; start != starts.begin();) {
    if (Seek(*--start) && next_sequence_ <= sequence) return true;
  }
  return false;
}

size_t RingReader::Shrink(size_t record_bytes) {
  const size_t bytes = buffer_.capacity() * sizeof(uint64_t);
  if (bytes <= record_bytes + kRecordPadding) return 0;
  buffer_ = std::vector<uint64_t>();
  return bytes;
}

uint64_t RingReader::Behind() const {
  const uint64_t published = ring_->head_sequence.load(std::memory_order_relaxed);
  return published >= next_sequence_ ? published - next_sequence_ + 1 : 0;
}

std::string FormatPosition(const EventName& name) {
  char text[40];
  const int length =
      std::snprintf(text, sizeof(text), "%llx-%llx", static_cast<unsigned long long>(name.epoch),
                    static_cast<unsigned long long>(name.position));
  return {text, static_cast<size_t>(length)};
}

bool ParsePosition(std::string_view text, EventName* name) {
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, name->epoch, 16);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return false;
  const auto second = std::from_chars(first.ptr + 1, end, name->position, 16);
  return second.ec == std::errc{} && second.ptr == end;
}

}  // namespace fsubs
