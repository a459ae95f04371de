// Documents and plans that live subscriptions share, so that equal requests cost one of each.
//
// One shard's thread only. Entries leave with their last user; the cache outlives all plans.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "worker/operation/plan.hpp"
#include "worker/operation/prepared_document.hpp"

namespace fsubs {

template <typename Value>
class SharedCache {
 public:
  std::shared_ptr<const Value> Find(const std::string& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : found->second.lock();
  }

  // REQUIRES: Find(key) is null.
  std::shared_ptr<const Value> Add(const std::string& key, std::unique_ptr<const Value> value) {
    const auto entry = entries_.try_emplace(key).first;
    std::shared_ptr<const Value> shared(value.release(),
                                        [this, known = &entry->first](const Value* last) {
                                          entries_.erase(entries_.find(*known));
                                          delete last;
                                        });
    entry->second = shared;
    return shared;
  }

  size_t size() const { return entries_.size(); }

 private:
  std::unordered_map<std::string, std::weak_ptr<const Value>> entries_;
};

struct PlanCache {
  SharedCache<PreparedDocument> documents;
  SharedCache<Plan> plans;
};

}  // namespace fsubs
