// What is counted for each of many: users, tenants, addresses.
//
// There is an entry for as long as somebody holds it, and after that while it remembers something,
// since who comes back would otherwise begin anew: until its buckets are full again. Of those that
// nobody holds only so many are remembered. So nobody makes the table grow without connections.
//
// Not synchronised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <unordered_map>

namespace fsubs {

// `Use` has `bool IsAtRest(uint64_t now_us)`: whether one made anew would be the same.
template <typename Key, typename Use, typename Hash = std::hash<Key>>
class UseTable {
  struct Entry {
    Use use;
    size_t holders = 0;
    bool is_left = false;  // nobody holds it; `left` is its place among those
    typename std::list<const Key*>::iterator left;
  };
  using Map = std::unordered_map<Key, Entry, Hash>;

 public:
  // Elements of an unordered_map stay where they are.
  using Handle = typename Map::value_type*;
  static Use& UseOf(Handle handle) { return handle->second.use; }

  static constexpr size_t kMaxLeft = 65536;

  Handle Hold(const Key& key, uint64_t now_us) {
    Forget(now_us);
    const Handle handle = &*map_.try_emplace(key).first;
    Entry& entry = handle->second;
    ++entry.holders;
    if (entry.is_left) {
      left_.erase(entry.left);
      entry.is_left = false;
    }
    return handle;
  }

  // REQUIRES: it is held.
  void Release(Handle handle, uint64_t now_us) {
    Entry& entry = handle->second;
    if (--entry.holders > 0) return;
    if (entry.use.IsAtRest(now_us)) {
      map_.erase(map_.find(handle->first));
      return;
    }
    entry.left = left_.insert(left_.end(), &handle->first);
    entry.is_left = true;
    if (left_.size() > kMaxLeft) Drop();
    Forget(now_us);
  }

  size_t size() const { return map_.size(); }

 private:
  // More than are added at a time, so that what is at rest goes.
  static constexpr size_t kLooks = 2;

  void Forget(uint64_t now_us) {
    for (size_t looks = 0; looks < kLooks && !left_.empty(); ++looks) {
      if (map_.find(*left_.front())->second.use.IsAtRest(now_us)) {
        Drop();
      } else {
        left_.splice(left_.end(), left_, left_.begin());
      }
    }
  }

  void Drop() {
    const auto dropped = map_.find(*left_.front());
    left_.pop_front();
    map_.erase(dropped);
  }

  Map map_;
  std::list<const Key*> left_;  // keys in map_
};

}  // namespace fsubs
