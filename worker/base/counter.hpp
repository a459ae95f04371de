// A number that one thread counts and others look at.
#pragma once

#include <atomic>
#include <cstdint>

namespace fsubs {

// An atomic that one thread changes: no read-modify-write instruction is needed.
class Counter {
 public:
  void Add(uint64_t by = 1) { value_.store(get() + by, std::memory_order_relaxed); }
  void Subtract(uint64_t by = 1) { value_.store(get() - by, std::memory_order_relaxed); }
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace fsubs
