#include "src/capture/loss_table.hpp"

#include <algorithm>

namespace fsubs {

void LossTable::Add(std::string_view channel, uint64_t count, uint64_t anchor, int level) {
  if (Loss* const known = Find(channel, level); known != nullptr) {
    known->count += count;
    return;
  }
  Loss loss{{}, count, anchor, level};
  if (!channel.empty() && SizeOf(level) < kMaxChannels) {
    char* const name = static_cast<char*>(
        MemoryContextAllocExtended(TopTransactionContext, channel.size(), MCXT_ALLOC_NO_OOM));
    if (name != nullptr) {
      memcpy(name, channel.data(), channel.size());
      loss.channel = {name, channel.size()};
    }
  }
  Insert(loss);
}

// Takes over the channel's memory.
void LossTable::Insert(Loss loss) {
  if (SizeOf(loss.level) >= kMaxChannels) loss.channel = {};
  Loss* const known = Find(loss.channel, loss.level);
  if (known != nullptr) {
    known->count += loss.count;
  } else if (!TryPush(loss)) {
    unplaced_ += loss.count;
  }
}

LossTable::Loss* LossTable::Find(std::string_view channel, int level) const {
  for (size_t i = size_; i > 0 && losses_[i - 1].level == level; --i) {
    if (losses_[i - 1].channel == channel) return &losses_[i - 1];
  }
  return nullptr;
}

size_t LossTable::SizeOf(int level) const {
  size_t size = 0;
  while (size < size_ && losses_[size_ - size - 1].level == level) ++size;
  return size;
}

bool LossTable::TryPush(const Loss& loss) {
  if (size_ == capacity_) {
    const size_t capacity = std::max<size_t>(capacity_ * 2, 8);
    auto* const losses = static_cast<Loss*>(MemoryContextAllocExtended(
        TopTransactionContext, capacity * sizeof(Loss), MCXT_ALLOC_NO_OOM));
    if (losses == nullptr) return false;
    if (losses_ != nullptr) {
      memcpy(losses, losses_, size_ * sizeof(Loss));
      pfree(losses_);
    }
    losses_ = losses;
    capacity_ = capacity;
  }
  losses_[size_++] = loss;
  return true;
}

void LossTable::CommitLevel(int level) {
  const size_t end = size_;
  size_ -= SizeOf(level);
  // Each adds at most one, so none is overwritten before its turn.
  for (size_t i = size_; i < end; ++i) {
    Loss loss = losses_[i];
    loss.level = level - 1;
    Insert(loss);
  }
}

void LossTable::AbortLevel(int level) {
  size_ -= SizeOf(level);
}

void LossTable::Settle(uint64_t most_bytes) {
  uint64_t bytes = 0;
  uint64_t count = unplaced_;
  for (size_t i = 0; i < size_; ++i) {
    bytes += EncodedSizeOfLoss(losses_[i].channel);
    count += losses_[i].count;
  }
  if (unplaced_ == 0 && bytes <= most_bytes) return;
  folded_ = {{}, count, size_ == 0 ? 0 : losses_[0].anchor, 1};
  losses_ = &folded_;
  size_ = 1;
  unplaced_ = 0;
}

void EncodeLoss(std::string_view channel, uint64_t count, char* record) {
  char digits[kLossCountLength + 1];
  snprintf(digits, sizeof(digits), "%*llu", static_cast<int>(kLossCountLength),
           static_cast<unsigned long long>(count));
  EventRecord loss;
  loss.kind = RecordKind::kEventsLost;
  loss.channel = channel;
  loss.data = {digits, kLossCountLength};
  Encode(loss, record);
}

}  // namespace fsubs
