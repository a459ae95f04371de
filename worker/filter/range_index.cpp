#include "worker/filter/range_index.hpp"

#include <algorithm>
#include <bit>

namespace fsubs {

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
  // Copies, since an item may go before the index is built again.
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
