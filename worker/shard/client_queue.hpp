// Ids of clients that wait for something, each once, first come, first served.
//
// One shard's thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_set>

namespace fsubs {

class ClientQueue {
 public:
  // One that waits already keeps its place.
  void Push(uint64_t client) {
    if (waits_.insert(client).second) order_.push_back(client);
  }
  // REQUIRES: it is not empty.
  uint64_t front() const { return order_.front(); }
  uint64_t Pop() {
    const uint64_t client = order_.front();
    order_.pop_front();
    waits_.erase(client);
    return client;
  }
  void Clear() {
    order_.clear();
    waits_.clear();
  }
  bool is_empty() const { return order_.empty(); }

 private:
  std::deque<uint64_t> order_;
  std::unordered_set<uint64_t> waits_;  // those of it
};

}  // namespace fsubs
