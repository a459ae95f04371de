// A transaction's records as they go to the ring: in their order, without those that the rest would
// overwrite, with its losses at their places.
#pragma once

#include "src/capture/command_order.hpp"
#include "src/capture/loss_table.hpp"
#include "src/capture/record_store.hpp"
#include "src/ring/ring_publish.hpp"

namespace fsubs {

class Publication final : public RecordSource {
 public:
  // What the transaction queued. None of it changes any more.
  struct Queued {
    const RecordStore* store;
    const LossTable* losses;      // settled
    const CommandOrder* order;    // settled
    uint64_t catalog_changed_at;  // byte of that record; UINT64_MAX: there is none
  };

  // Choose and order what goes to a ring of `capacity` bytes. May raise an error. Call at
  // PRE_COMMIT.
  void Prepare(const Queued& queued, uint64_t capacity);

  // Bytes that all records take, with those that are skipped.
  uint64_t bytes() const { return bytes_; }

  // Most bytes that Next returns in all.
  uint64_t kept_bytes() const { return bytes_ - skipped_.bytes; }
  const SkippedRecords& skipped() const { return skipped_; }

  // Note that `count` events more are lost. REQUIRES: Prepare, and no call of Next yet.
  void AddLost(uint64_t count) { left_ += count; }

  // The last record tells how many are missing, if the file cannot be read any more or by AddLost.
  const char* Next() override;

 private:
  struct Item {
    uint64_t place;   // anchor in front of whose records it goes, or its own
    uint64_t anchor;  // its own
    uint64_t at;
    uint64_t length;
  };

  void ChooseTail(uint64_t room);
  void ChooseSorted(uint64_t room);
  bool CollectItems(uint64_t room);
  void KeepTail(uint64_t room);
  bool CopyInOrder(uint64_t bytes);
  void GiveUp();
  void StopReading();
  const char* NextRecord();
  uint64_t PlaceOfNext(const RecordHeader& header) const;
  const char* EncodeNextLoss();
  const char* EncodeCatalogChanged();

  Queued queued_{};
  bool is_sorted_ = true;  // no record goes in front of one that was queued before it
  RecordCursor cursor_;
  uint64_t bytes_ = 0;
  SkippedRecords skipped_;

  uint64_t next_at_ = 0;   // of the next record: in the store if that is sorted, else in `copy_`
  char* copy_ = nullptr;   // of what is not sorted and was in a file
  Item* items_ = nullptr;  // what is not sorted, in its order
  size_t item_count_ = 0;
  size_t next_item_ = 0;

  uint64_t left_ = 0;  // records to come, and events that are lost
  size_t next_loss_ = 0;
  char* made_record_ = nullptr;  // of a loss, or of a change of the catalog
};

}  // namespace fsubs
