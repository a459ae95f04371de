#include "worker/bus/redis/stream_cursor.hpp"

#include <algorithm>
#include <utility>

namespace fsubs {

void StreamCursor::Follow(SourceTable sources) {
  sources_ = std::move(sources);
  const Source* const newest = sources_.newest();
  if (epoch_.empty()) {
    if (newest == nullptr) {
      waited_ = true;
    } else {
      epoch_ = newest->epoch;
      begun_ = is_first_ = waited_;
    }
  } else if (newest != nullptr && newest->epoch != epoch_) {
    ending_ = true;
  }
}

void StreamCursor::BeginBehind(uint64_t sequence) {
  sequence_ = sequence;
  begun_ = true;
}

uint64_t StreamCursor::Advance(uint64_t sequence) {
  const uint64_t missing = sequence - sequence_ - 1;
  sequence_ = sequence;
  return std::exchange(is_first_, false) ? 0 : missing;
}

std::optional<StreamCursor::Passage> StreamCursor::GoOn() {
  const Source* const old = sources_.Find(epoch_);
  const Source* next = sources_.After(epoch_);
  if (next == nullptr) next = sources_.newest();
  if (next == nullptr || next->epoch == epoch_) {
    ending_ = false;
    return std::nullopt;
  }
  Passage passage{.node = next->node,
                  .has_more_lost = old == nullptr || !old->last || old->has_more};
  if (old != nullptr && old->last && *old->last > sequence_) passage.lost = *old->last - sequence_;
  left_.push_front({epoch_, sequence_});
  if (left_.size() > SourceTable::kMost) left_.pop_back();
  epoch_ = next->epoch;
  const auto before = std::ranges::find(left_, epoch_, &Left::epoch);
  sequence_ = before != left_.end() ? before->sequence : 0;
  ending_ = sources_.After(epoch_) != nullptr;
  return passage;
}

}  // namespace fsubs
