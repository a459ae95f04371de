#include "contract/ring_writer.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "contract/ring_words.hpp"

namespace fsubs {
namespace {

// Sequentially consistent order is needed only between "head stored" and "sleeping loaded" on the
// writer's side and their mirror images on the reader's; everything else is release and acquire.
constexpr auto kRelaxed = std::memory_order_relaxed;

void Count(std::atomic<uint64_t>* counter, uint64_t by) {
  counter->store(counter->load(kRelaxed) + by, kRelaxed);
}

}  // namespace

void InitRing(RingHeader* ring, uint64_t capacity, uint64_t epoch) {
  new (ring) RingHeader{};
  ring->layout_version = kRingLayoutVersion;
  ring->header_size = kRingHeaderSize;
  ring->capacity = capacity;
  ring->epoch = epoch;
  ring->magic = kRingMagic;
}

RingAppender::RingAppender(RingHeader* ring)
    : ring_(ring),
      words_(RingWords(ring)),
      next_(ring->head.load(kRelaxed)),
      next_sequence_(ring->head_sequence.load(kRelaxed) + 1),
      next_landmark_(ring->next_landmark.load(kRelaxed)) {}

void RingAppender::Skip(const SkippedRecords& skipped) {
  if (skipped.records == 0) return;
  const Position tail = ring_->tail.load(kRelaxed);
  uint64_t held = 0;
  if (tail != next_) {
    RecordHeader oldest;
    LoadWords(words_, ring_->capacity, tail, &oldest, sizeof(oldest));
    held = next_sequence_ - oldest.sequence;
  }
  Count(&ring_->overwritten, held + skipped.records);
  next_ += skipped.bytes;
  next_sequence_ += skipped.records;
  if (skipped.catalog_changed) ring_->catalog_changed.store(next_, kRelaxed);
  // Until Publish the tail is ahead of the head. A reader that finds itself lapped meanwhile waits
  // at the head, and goes on from there by a landmark when the records are there.
  StoreTail(next_);
}

void RingAppender::Append(const void* record) {
  RecordHeader header;
  std::memcpy(&header, record, sizeof(header));
  MakeRoom(header.length);
  if (next_ >= next_landmark_) SetLandmark();
  header.sequence = next_sequence_;
  header.position = next_;
  if (stamp_) {
    header.commit_time_us = stamp_->commit_time_us;
    header.commit_lsn = stamp_->commit_lsn;
    header.xid = stamp_->xid;
  }
  StoreWords(words_, ring_->capacity, next_, &header, sizeof(header));
  StoreWords(words_, ring_->capacity, next_ + sizeof(header),
             static_cast<const char*>(record) + sizeof(header), header.length - sizeof(header));
  next_ += header.length;
  ++next_sequence_;
  if (header.kind == RecordKind::kCatalogChanged) ring_->catalog_changed.store(next_, kRelaxed);
}

void RingAppender::MakeRoom(uint64_t length) {
  Position tail = ring_->tail.load(kRelaxed);
  if (next_ + length - tail <= ring_->capacity) return;
  uint64_t dropped = 0;
  while (next_ + length - tail > ring_->capacity) {
    RecordHeader oldest;
    LoadWords(words_, ring_->capacity, tail, &oldest, sizeof(oldest));
    tail += oldest.length;
    ++dropped;
  }
  Count(&ring_->overwritten, dropped);
  StoreTail(tail);
}

void RingAppender::StoreTail(Position tail) {
  ring_->tail.store(tail, kRelaxed);
  // Readers must see the new tail before any byte that overwrites what lay behind the old one.
  std::atomic_thread_fence(std::memory_order_release);
}

void RingAppender::SetLandmark() {
  const uint64_t stride = LandmarkStride(ring_->capacity);
  const uint64_t part = next_ / stride;
  ring_->landmarks[part % kLandmarks].store(next_, kRelaxed);
  next_landmark_ = (part + 1) * stride;
  ring_->next_landmark.store(next_landmark_, kRelaxed);
}

void RingAppender::Publish() {
  ring_->head_sequence.store(next_sequence_ - 1, kRelaxed);
  ring_->head.store(next_, std::memory_order_release);
}

uint64_t TakeSleepingShards(RingHeader* ring, ReaderPage* page, size_t shards) {
  // Pairs with the fence of a shard that stores `sleeping` and then looks at the head again: one of
  // the two sees the other.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  uint64_t woken = 0;
  for (size_t i = 0; i < shards; ++i) {
    std::atomic<uint32_t>& sleeping = page->shards[i].sleeping;
    if (sleeping.load(kRelaxed) != 0 && sleeping.exchange(0) != 0) woken |= uint64_t{1} << i;
  }
  if (woken != 0) ring->wakes.fetch_add(1, kRelaxed);
  return woken;
}

uint64_t UnreadRoom(const RingHeader* ring, const ReaderPage* page, size_t shards) {
  const Position head = ring->head.load(kRelaxed);
  const Position tail = ring->tail.load(kRelaxed);
  Position slowest = head;
  for (size_t i = 0; i < shards; ++i) {
    const ShardSlot& slot = page->shards[i];
    if (slot.attached.load(kRelaxed) == 0) continue;
    const Position cursor = slot.cursor.load(std::memory_order_acquire);
    slowest = std::min(slowest, std::max(cursor, tail));
  }
  const uint64_t used = head - slowest + ring->reserved.load(kRelaxed);
  return used < ring->capacity ? ring->capacity - used : 0;
}

}  // namespace fsubs
