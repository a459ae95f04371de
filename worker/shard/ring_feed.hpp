// Feeds a shard from the ring: sleeps while there is nothing to read, and reads in turns, so that
// the sockets get theirs.
//
// One shard's thread only, but for the ring itself and the shard's slot in the reader page.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>

#include "contract/event_record.hpp"
#include "contract/ring_layout.hpp"
#include "contract/ring_reader.hpp"

namespace fsubs {

class RingFeed {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // The next record. `lost` records directly before it were overwritten unread. The record's
    // views are valid during the call, with kRecordPadding readable bytes behind them.
    virtual void OnRecord(const EventRecord& record, uint64_t lost) = 0;
  };

  // Records read before the sockets get their turn.
  static constexpr size_t kRecordsPerTurn = 1024;

  // `slot` is the shard's own in the reader page, `wake_fd` the eventfd that wakes it. All outlive
  // the feed. Its first record is the next one published.
  RingFeed(const RingHeader* ring, ShardSlot* slot, int wake_fd, Sink* sink);
  RingFeed(const RingFeed&) = delete;
  RingFeed& operator=(const RingFeed&) = delete;

  // Read on `loop`, and announce the shard as a reader. The feed lives as long as the loop.
  void Attach(uv_loop_t* loop);

  // Hand one turn's records to the sink, or as many as there are.
  void ReadTurn();

  // Call before the loop waits, after everything that may take long: lets the loop sleep if there
  // is nothing to read, and has it come back at once otherwise.
  void PrepareToWait();

  uint64_t epoch() const { return reader_.epoch(); }

 private:
  void OnWake();

  const RingHeader* const ring_;
  ShardSlot* const slot_;
  const int wake_fd_;
  Sink* const sink_;
  RingReader reader_;
  uv_poll_t wake_{};
  uv_idle_t more_{};  // active while the ring holds more than was read
};

}  // namespace fsubs
