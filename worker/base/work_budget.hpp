// How much a thread does before others get their turn.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fsubs {

// Counted in work and not in time, so that what it bounds can be tested. A unit is what takes in
// the order of a microsecond: a message queued, a kilobyte looked at.
class WorkBudget {
 public:
  static constexpr size_t kBytesPerUnit = 1024;

  explicit WorkBudget(size_t units) : left_(static_cast<int64_t>(units * kBytesPerUnit)) {}

  void Spend(size_t units) { SpendBytes(units * kBytesPerUnit); }
  void SpendBytes(size_t bytes) { left_ -= static_cast<int64_t>(bytes); }
  bool is_spent() const { return left_ <= 0; }

 private:
  int64_t left_;  // in bytes
};

}  // namespace fsubs
