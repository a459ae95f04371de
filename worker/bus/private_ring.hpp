// A ring of the worker's own, for a node whose events come by a bus and not from PostgreSQL's
// backends. Its layout, and what shards know of it, are those of any ring
// (contract/ring_layout.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "contract/event_record.hpp"
#include "contract/wake_queue.hpp"
#include "worker/event_ring.hpp"

namespace fsubs {

// An event that a bus has brought. A record that was in another ring says so by its origin.
struct BusEvent {
  EventRecord record;
  uint64_t lost = 0;  // events directly before it that the bus cannot bring any more
};

class PrivateRing final : public EventRing {
 public:
  // `capacity` bytes, a multiple of 8, for so many shards. Returns null, and says why in `*error`,
  // if there is no memory or no message queue for it. REQUIRES: 0 < shards <= kMaxShards.
  static std::unique_ptr<PrivateRing> Make(uint64_t capacity, size_t shards, std::string* error);

  ~PrivateRing() override;
  PrivateRing(const PrivateRing&) = delete;
  PrivateRing& operator=(const PrivateRing&) = delete;

  const RingHeader* ring() const override { return ring_; }
  ReaderPage* reader_page() const override { return page_; }
  const std::vector<int>& wake_fds() const override { return wake_fds_; }

  // The functions from here on are for one thread at a time.

  // Publish events together, and wake the shards that sleep. Their stamps and names stay as they
  // are; sequence and position are those of this ring. What is lost, also because it is too large
  // for the ring, is told by a record of the kind kEventsLost in its place. Old events are
  // overwritten as needed.
  void Append(std::span<const BusEvent> events);

  // Bytes of records (EncodedSize) that can be appended without overwriting what a shard has not
  // read.
  uint64_t UnreadRoom() const;
  // Bytes of the largest record that fits.
  uint64_t LargestRecord() const { return ring_->capacity / kMaxRecordShare; }

 private:
  class Batch;

  PrivateRing() = default;
  bool Fits(const EventRecord& record) const;
  void Wake();

  RingHeader* ring_ = nullptr;
  size_t ring_bytes_ = 0;
  ReaderPage* page_ = nullptr;
  std::vector<WakeQueue> wake_queues_;
  std::vector<int> wake_fds_;
  std::vector<uint64_t> encoded_;  // one record
};

}  // namespace fsubs
