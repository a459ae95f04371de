#include "worker/client/kept_memory.hpp"

#include <algorithm>
#include <functional>

namespace fsubs {
namespace {

// The cache finds a document by a copy of its text.
size_t SizeOf(const graphql::Document& document) {
  return document.size() + document.source().size();
}

template <typename List>
auto Place(List* list, const void* what) {
  return std::lower_bound(
      list->begin(), list->end(), what,
      [](const auto& shared, const void* sought) { return std::less<>()(shared.what, sought); });
}

}  // namespace

bool KeptMemory::Uses(const void* what) const {
  const auto at = Place(&shared_, what);
  return at != shared_.end() && at->what == what;
}

void KeptMemory::Use(const void* what, size_t bytes) {
  auto at = Place(&shared_, what);
  if (at == shared_.end() || at->what != what) {
    at = shared_.insert(at, {what, bytes, 0});
    bytes_ += bytes;
  }
  ++at->users;
}

void KeptMemory::Release(const void* what) {
  const auto at = Place(&shared_, what);
  if (--at->users > 0) return;
  bytes_ -= at->bytes;
  shared_.erase(at);
  if (shared_.empty()) shared_ = std::vector<Shared>();
}

size_t KeptMemory::CostOf(size_t own, const Plan& plan) const {
  size_t cost = own;
  if (!Uses(&plan)) cost += plan.size();
  if (!Uses(&plan.document())) cost += SizeOf(plan.document());
  return cost;
}

void KeptMemory::Add(size_t own, const Plan& plan) {
  bytes_ += own;
  Use(&plan, plan.size());
  Use(&plan.document(), SizeOf(plan.document()));
}

void KeptMemory::Remove(size_t own, const Plan& plan) {
  bytes_ -= own;
  Release(&plan);
  Release(&plan.document());
}

}  // namespace fsubs
