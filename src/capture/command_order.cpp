#include "src/capture/command_order.hpp"

#include <algorithm>

namespace fsubs {
namespace {

int TriggerDepth() {
  return DatumGetInt32(pg_trigger_depth(nullptr));
}

}  // namespace

uint64_t CommandOrder::PlaceRecord(const VersionChange& change, uint64_t end) {
  const uint64_t anchor = Place(change, end);
  if (anchor < last_anchor_) is_disturbed_ = true;
  last_anchor_ = anchor;
  return anchor;
}

void CommandOrder::PlaceNothing(const VersionChange& change, uint64_t end) {
  if (change.command != InvalidCommandId) (void)Place(change, end);
}

uint64_t CommandOrder::Place(const VersionChange& change, uint64_t end) {
  if (change.command == InvalidCommandId) return ++last_drawn_;
  const uint64_t anchor = AnchorOf(change.command);
  if (early_changes_.Resolve(change.new_version, anchor, end)) is_disturbed_ = true;
  if (change.old_command != InvalidCommandId && !captured_.Has(change.old_command)) {
    early_changes_.Add(change.old_version, anchor);
  }
  return anchor;
}

uint64_t CommandOrder::AnchorOf(CommandId command) {
  const int depth = TriggerDepth();
  while (size_ > 0 && stack_[size_ - 1].depth > depth) --size_;
  Entry* const top = size_ > 0 && stack_[size_ - 1].depth == depth ? &stack_[size_ - 1] : nullptr;
  if (top != nullptr && top->command == command) return top->anchor;
  const Entry entry = {depth, command, ++last_drawn_};
  captured_.Add(command);
  if (top != nullptr) {
    *top = entry;
  } else {
    // Without memory for it the record has its place for itself.
    (void)Push(entry);
  }
  return entry.anchor;
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

void CommandOrder::Restore(const State& state) {
  last_anchor_ = state.last_anchor;
  is_disturbed_ = state.is_disturbed;
  early_changes_.Truncate(state.early_changes);
  while (size_ > 0 && stack_[size_ - 1].anchor > state.last_drawn) --size_;
}

}  // namespace fsubs
