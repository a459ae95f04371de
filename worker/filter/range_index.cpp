#include "worker/filter/range_index.hpp"

#include <algorithm>
#include <bit>

#include "worker/base/heap_size.hpp"

namespace fsubs {

// The index owns no item; an item's owner removes it before it destroys it. An item that is added
// is in one of two places, and position_ is where:
//
// - recent_, if it was added since the last Build. A search tries each of these.
// - sorted_, the items of the last Build by lower bound, with a search tree over them.
//
// Removing an item from sorted_ leaves a null, and its bounds in lowers_, uppers_ and furthest_. A
// search may then descend to that null in vain, but it misses nothing: bounds of removed items only
// widen what is looked at. This is also why the bounds are copies: the item may be gone.
//
// Between calls these hold:
//
// - size_ counts the items of recent_ and those of sorted_ that are not null.
// - lowers_[i] and uppers_[i] are the bounds of the item that Build put at sorted_[i]. They and
//   furthest_, which points into uppers_, change in Build alone.
// - furthest_[leaves_ + i] is uppers_[i], or null if there is none. furthest_[n] is the larger of
//   its children, null if both are.
//
// ForEachContaining first calls Build if recent_ and the nulls together have grown beyond a share
// of sorted_. So a search wastes little on them, and the cost of sorting is spread over the changes
// that made it necessary.

size_t RangeIndex::SizeOf(const Interval& interval) {
  // In recent_ and sorted_; its bounds' copies; up to four nodes of the tree.
  return 2 * sizeof(Item*) + 2 * sizeof(std::string) + HeapSize(interval.lower) +
         HeapSize(interval.upper) + 4 * sizeof(const std::string*);
}

void RangeIndex::Add(Item* item) {
  item->is_recent_ = true;
  item->position_ = recent_.size();
  recent_.push_back(item);
  ++size_;
}

void RangeIndex::Remove(Item* item) {
  --size_;
  if (!item->is_recent_) {
    sorted_[item->position_] = nullptr;
    return;
  }
  recent_[item->position_] = recent_.back();
  recent_[item->position_]->position_ = item->position_;
  recent_.pop_back();
}

void RangeIndex::Build() {
  std::erase(sorted_, nullptr);
  sorted_.insert(sorted_.end(), recent_.begin(), recent_.end());
  recent_.clear();
  std::sort(sorted_.begin(), sorted_.end(),
            [](const Item* a, const Item* b) { return a->interval_.lower < b->interval_.lower; });
  lowers_.clear();
  uppers_.clear();
  for (size_t i = 0; i < sorted_.size(); ++i) {
    sorted_[i]->is_recent_ = false;
    sorted_[i]->position_ = i;
    lowers_.push_back(sorted_[i]->interval_.lower);
    uppers_.push_back(sorted_[i]->interval_.upper);
  }
  leaves_ = std::bit_ceil(std::max<size_t>(1, sorted_.size()));
  furthest_.assign(2 * leaves_, nullptr);
  for (size_t i = 0; i < uppers_.size(); ++i) furthest_[leaves_ + i] = &uppers_[i];
  for (size_t node = leaves_ - 1; node > 0; --node) {
    const std::string* const left = furthest_[2 * node];
    const std::string* const right = furthest_[2 * node + 1];
    furthest_[node] = right == nullptr || *left > *right ? left : right;
  }
}

size_t RangeIndex::CountStarted(std::string_view form) const {
  const auto behind = std::upper_bound(
      lowers_.begin(), lowers_.end(), form,
      [](std::string_view sought, const std::string& lower) { return sought < lower; });
  return static_cast<size_t>(behind - lowers_.begin());
}

}  // namespace fsubs
