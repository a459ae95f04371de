#include "src/capture/command_order.hpp"

#include <algorithm>

namespace fsubs {
namespace {

int TriggerDepth() {
  return DatumGetInt32(pg_trigger_depth(nullptr));
}

}  // namespace

uint64_t CommandOrder::Place(CommandId command, uint64_t at) {
  uint64_t anchor = at;
  if (command != InvalidCommandId) {
    const int depth = TriggerDepth();
    while (size_ > 0 && stack_[size_ - 1].depth > depth) --size_;
    Entry* const top = size_ > 0 && stack_[size_ - 1].depth == depth ? &stack_[size_ - 1] : nullptr;
    if (top == nullptr) {
      // Without memory for it the record has its place for itself.
      (void)Push({depth, command, at});
    } else if (top->command == command) {
      anchor = top->anchor;
    } else {
      *top = {depth, command, at};
    }
  }
  if (anchor < state_.last_anchor) state_.is_disturbed = true;
  state_.last_anchor = anchor;
  return anchor;
}

bool CommandOrder::Push(const Entry& entry) {
  if (size_ == capacity_) {
    const size_t capacity = std::max<size_t>(capacity_ * 2, 8);
    auto* const stack = static_cast<Entry*>(MemoryContextAllocExtended(
        TopTransactionContext, capacity * sizeof(Entry), MCXT_ALLOC_NO_OOM));
    if (stack == nullptr) return false;
    if (stack_ != nullptr) {
      memcpy(stack, stack_, size_ * sizeof(Entry));
      pfree(stack_);
    }
    stack_ = stack;
    capacity_ = capacity;
  }
  stack_[size_++] = entry;
  return true;
}

void CommandOrder::Restore(const State& state, uint64_t at) {
  state_ = state;
  while (size_ > 0 && stack_[size_ - 1].anchor >= at) --size_;
}

}  // namespace fsubs
