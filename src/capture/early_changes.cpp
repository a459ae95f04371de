#include "src/capture/early_changes.hpp"

#include <algorithm>

namespace fsubs {
namespace {

constexpr uint32_t kNoEntry = UINT32_MAX;
constexpr size_t kMaxCapacity = size_t{1} << 31;

template <typename T>
T* TryAllocate(size_t count) {
  return static_cast<T*>(MemoryContextAllocExtended(TopTransactionContext, count * sizeof(T),
                                                    MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM));
}

}  // namespace

void EarlyChanges::Add(const RowVersion& old_version, uint64_t anchor) {
  if (size_ == capacity_ && !Grow()) return;
  entries_[size_] = {old_version, kNoEntry, anchor, 0, 0};
  Link(size_++);
  ++waiting_;
}

uint32_t& EarlyChanges::Bucket(const RowVersion& version) const {
  const uint32_t block = hash_combine(murmurhash32(version.table), murmurhash32(version.block()));
  return buckets_[hash_combine(block, murmurhash32(version.offset())) & (capacity_ - 1)];
}

bool EarlyChanges::Grow() {
  const size_t capacity = std::max<size_t>(capacity_ * 2, 8);
  if (capacity > kMaxCapacity) return false;
  Entry* const entries = TryAllocate<Entry>(capacity);
  if (entries == nullptr) return false;
  uint32_t* const buckets = TryAllocate<uint32_t>(capacity);
  if (buckets == nullptr) {
    pfree(entries);
    return false;
  }
  if (capacity_ > 0) {
    memcpy(entries, entries_, size_ * sizeof(Entry));
    pfree(entries_);
    pfree(buckets_);
  }
  entries_ = entries;
  buckets_ = buckets;
  capacity_ = capacity;
  std::fill(buckets_, buckets_ + capacity_, kNoEntry);
  for (size_t i = 0; i < size_; ++i) Link(i);
  return true;
}

void EarlyChanges::Link(size_t index) {
  uint32_t& bucket = Bucket(entries_[index].old_version);
  entries_[index].next = std::exchange(bucket, static_cast<uint32_t>(index));
}

bool EarlyChanges::Resolve(const RowVersion& version, uint64_t maker, uint64_t end) {
  if (likely(waiting_ == 0)) return false;
  bool found = false;
  for (uint32_t i = Bucket(version); i != kNoEntry; i = entries_[i].next) {
    Entry& entry = entries_[i];
    // What has a higher anchor is behind it anyway.
    if (entry.maker != 0 || entry.anchor >= maker || !(entry.old_version == version)) continue;
    entry.maker = maker;
    entry.end = end;
    --waiting_;
    found = true;
  }
  return found;
}

void EarlyChanges::Truncate(size_t size) {
  while (size_ > size) {
    const Entry& last = entries_[--size_];
    Bucket(last.old_version) = last.next;
    if (last.maker == 0) --waiting_;
  }
}

void EarlyChanges::Settle() {
  Entry* const end = std::remove_if(entries_, entries_ + size_,
                                    [](const Entry& entry) { return entry.maker == 0; });
  size_ = end - entries_;
  waiting_ = 0;
  std::sort(entries_, end, [](const Entry& a, const Entry& b) {
    return a.maker != b.maker ? a.maker < b.maker : a.end < b.end;
  });
  // An early change can itself go in front of another one. Its anchor is lower than its maker's, so
  // where it goes is known by then.
  for (size_t first = 0, next = 0; first < size_; first = next) {
    while (next < size_ && entries_[next].maker == entries_[first].maker) ++next;
    uint64_t lowest = UINT64_MAX;
    for (size_t i = next; i-- > first;) {
      lowest = std::min(lowest, PlaceOf(entries_[i].anchor, 0));
      entries_[i].anchor = lowest;
    }
  }
}

uint64_t EarlyChanges::PlaceOf(uint64_t anchor, uint64_t at) const {
  const Entry* const end = entries_ + size_;
  const Entry* const entry =
      std::partition_point(static_cast<const Entry*>(entries_), end, [&](const Entry& each) {
        return each.maker != anchor ? each.maker < anchor : each.end <= at;
      });
  return entry != end && entry->maker == anchor ? entry->anchor : anchor;
}

}  // namespace fsubs
