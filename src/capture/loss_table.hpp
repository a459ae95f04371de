// Events that a transaction could not queue, counted by channel until its commit.
//
// A savepoint level has entries of its own, so that rolling back takes its losses away. There are
// few of them: losses of further channels count as losses of all channels, whose name is empty.
#pragma once

#include "contract/event_record.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

// Zero bytes are an empty table. Memory belongs to the top transaction.
class LossTable {
 public:
  // Most channels of a level.
  static constexpr size_t kMaxChannels = 64;

  struct Loss {
    std::string_view channel;
    uint64_t count;
    uint64_t anchor;  // the first of them would have been in front of records with this one
    int level;        // of savepoints
  };

  // Count `count` events of a channel. Always succeeds: if there is no memory, all channels are
  // told, even after rolling back to a savepoint.
  void Add(std::string_view channel, uint64_t count, uint64_t anchor, int level);

  // The level is released: its losses are the next one's.
  void CommitLevel(int level);
  void AbortLevel(int level);

  // Call before looking at the losses, when no more come: makes them one of all channels if they
  // would take more than `most_bytes` as records.
  void Settle(uint64_t most_bytes);

  bool empty() const { return size_ == 0 && unplaced_ == 0; }
  // In the order of their places.
  size_t size() const { return size_; }
  const Loss& operator[](size_t index) const { return losses_[index]; }

 private:
  Loss* Find(std::string_view channel, int level) const;
  size_t SizeOf(int level) const;
  bool TryPush(const Loss& loss);
  void Insert(Loss loss);

  Loss* losses_;  // levels and places ascend
  size_t size_;
  size_t capacity_;
  uint64_t unplaced_;  // events for which no memory was had
  Loss folded_;        // what Settle made one
};

// The record that tells of a loss.
inline constexpr size_t kLossRecordSize = AlignRecord(sizeof(RecordHeader) + kLossCountLength);
inline size_t EncodedSizeOfLoss(std::string_view channel) {
  return AlignRecord(sizeof(RecordHeader) + channel.size() + kLossCountLength);
}
void EncodeLoss(std::string_view channel, uint64_t count, char* record);

}  // namespace fsubs
