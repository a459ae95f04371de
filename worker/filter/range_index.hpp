// Intervals that contain a value, found in O(log n) for each.
//
// One thread only. Adding and removing take constant time. The index is built again by a search,
// once enough has changed; until then what was added is tried one by one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/filter/filter.hpp"

namespace fsubs {

class RangeIndex {
 public:
  // Something that has an interval; its owner derives from it. Neither copied nor moved while it is
  // added.
  class Item {
   public:
    const Interval& interval() const { return interval_; }

   protected:
    explicit Item(Interval interval) : interval_(std::move(interval)) {}
    ~Item() = default;  // REQUIRES: removed

   private:
    friend class RangeIndex;
    const Interval interval_;
    size_t position_ = 0;  // in sorted_ or recent_
    bool is_recent_ = true;
  };

  // Bytes that an item with that interval takes here, at most.
  static size_t SizeOf(const Interval& interval);

  void Add(Item* item);
  void Remove(Item* item);
  bool empty() const { return size_ == 0; }

  // Visit every item whose interval contains `form`, in any order. REQUIRES: the visitor adds and
  // removes no item.
  template <typename Visitor>  // void(Item*)
  void ForEachContaining(std::string_view form, const Visitor& visit) {
    const size_t removed = sorted_.size() + recent_.size() - size_;
    if (recent_.size() + removed > kFewRecent + sorted_.size() / kRecentShare) Build();
    for (Item* item : recent_) {
      if (item->interval_.Contains(form)) visit(item);
    }
    if (!sorted_.empty()) Search(1, 0, leaves_, CountStarted(form), form, visit);
  }

 private:
  static constexpr size_t kFewRecent = 32;
  static constexpr size_t kRecentShare = 8;

  void Build();
  // How many items of sorted_ have a lower bound that is not greater than `form`. They come first.
  size_t CountStarted(std::string_view form) const;

  // `node` covers sorted_[begin, end), as far as there are items. Only the first `started` items of
  // sorted_ can contain `form`.
  template <typename Visitor>
  void Search(size_t node, size_t begin, size_t end, size_t started, std::string_view form,
              const Visitor& visit) {
    if (begin >= started || furthest_[node] == nullptr || furthest_[node]->compare(form) < 0)
      return;
    if (end - begin == 1) {
      if (sorted_[begin] != nullptr && sorted_[begin]->interval_.Contains(form)) {
        visit(sorted_[begin]);
      }
      return;
    }
    const size_t middle = begin + (end - begin) / 2;
    Search(2 * node, begin, middle, started, form, visit);
    Search(2 * node + 1, middle, end, started, form, visit);
  }

  std::vector<Item*> recent_;
  std::vector<Item*> sorted_;        // by lower bound; null where an item was removed
  std::vector<std::string> lowers_;  // of sorted_, also of removed items
  std::vector<std::string> uppers_;
  // A tree over sorted_ that has the largest upper bound below each node. Node 1 is the root, and
  // the children of node n are 2n and 2n+1.
  std::vector<const std::string*> furthest_;
  size_t leaves_ = 0;  // sorted_.size() rounded up to a power of two
  size_t size_ = 0;
};

}  // namespace fsubs
