// What a client makes the server keep by its subscriptions, in bytes.
//
// Plans and documents are shared by all who ask the same. Each client that uses one is charged for
// all of it, once: whoever else uses it may leave.
#pragma once

#include <cstddef>
#include <vector>

#include "worker/operation/plan.hpp"

namespace fsubs {

class KeptMemory {
 public:
  size_t bytes() const { return bytes_; }

  // What a subscription with that plan would add, if it takes `own` bytes itself.
  size_t CostOf(size_t own, const Plan& plan) const;

  void Add(size_t own, const Plan& plan);
  // REQUIRES: added, and the plan lives.
  void Remove(size_t own, const Plan& plan);

 private:
  struct Shared {
    const void* what;
    size_t bytes;
    size_t users;
  };

  bool Uses(const void* what) const;
  void Use(const void* what, size_t bytes);
  void Release(const void* what);

  std::vector<Shared> shared_;  // ordered by `what`
  size_t bytes_ = 0;
};

}  // namespace fsubs
