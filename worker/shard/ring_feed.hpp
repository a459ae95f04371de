// Feeds a shard from the ring: sleeps while there is nothing to do, and gives it turns otherwise,
// between those of the sockets.
//
// One shard's thread only, but for the ring itself and the shard's slot in the reader page.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "contract/event_record.hpp"
#include "contract/ring_layout.hpp"
#include "contract/ring_reader.hpp"

namespace fsubs {

class RingFeed {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // There is something to do: Read, or what PrepareToWait was told of.
    virtual void OnTurn() = 0;
    // The next record. `lost` records directly before it were not read. Clients are told of them
    // once a turn at most: a turn ends with the first record behind a loss. The record's views are
    // valid until the next one is read, with kRecordPadding readable bytes behind them. Returns
    // whether another may come in this turn.
    virtual bool OnRecord(const EventRecord& record, uint64_t lost) = 0;
  };

  // Most records that one call of Read hands over.
  static constexpr size_t kRecordsPerTurn = 1024;

  // `slot` is the shard's own in the reader page, `wake_fd` the queue that wakes it. All outlive
  // the feed. Its first record is the next one published.
  RingFeed(const RingHeader* ring, ShardSlot* slot, int wake_fd, Sink* sink);
  RingFeed(const RingFeed&) = delete;
  RingFeed& operator=(const RingFeed&) = delete;

  // Read on `loop`, and announce the shard as a reader. The feed lives as long as the loop.
  void Attach(uv_loop_t* loop);

  // Hand records to the sink, as many as there are or as it takes.
  void Read();

  // Call before the loop waits, after everything that may take long: lets the loop sleep if there
  // is nothing to read and `more` is false. Otherwise OnTurn is called again once the sockets had
  // their turn. With `reads` false what there is to read does not count.
  void PrepareToWait(bool more, bool reads = true);

  // As of RingReader.
  size_t Shrink(size_t record_bytes) { return reader_.Shrink(record_bytes); }

  // Whether the ring holds more than was read.
  bool has_more() const { return head() != reader_.cursor(); }
  // Position of the next record that will be published.
  Position head() const { return ring_->head.load(std::memory_order_acquire); }
  // Position and sequence of the next record that will be read.
  Position cursor() const { return reader_.cursor(); }
  uint64_t next_sequence() const { return reader_.next_sequence(); }
  // A position up to which the catalog may have changed since the last record that was read;
  // nothing if it has not changed.
  std::optional<Position> UnreadCatalogChange() const;

  // Of the last record, as of RingReader.
  bool lost_catalog_change() const { return reader_.lost_catalog_change(); }
  uint64_t epoch() const { return reader_.epoch(); }

 private:
  void OnWake();

  const RingHeader* const ring_;
  ShardSlot* const slot_;
  const int wake_fd_;
  Sink* const sink_;
  RingReader reader_;
  uv_poll_t wake_{};
  uv_idle_t more_{};  // active while there is something to do
};

}  // namespace fsubs
