// Appends records to the event ring.
//
// The ring has one writer at a time: callers hold the ring's lock (in PostgreSQL an LWLock) around
// every function here but TakeSleepingShards. Nothing here allocates, throws, waits or can fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "contract/ring_layout.hpp"

namespace fsubs {

// Initialise a zeroed region of kRingHeaderSize + capacity bytes. REQUIRES: capacity is a positive
// multiple of 8 and `epoch` was never used before.
void InitRing(RingHeader* ring, uint64_t capacity, uint64_t epoch);

// What a committing transaction stamps on each of its records.
struct CommitStamp {
  int64_t commit_time_us;
  uint64_t commit_lsn;
  uint32_t xid;
};

// Records of a transaction that is larger than the ring: those that its later ones would overwrite.
struct SkippedRecords {
  uint64_t records = 0;
  uint64_t bytes = 0;
  bool catalog_changed = false;  // one of them says so
};

// Appends the encoded records of one transaction and publishes them together.
//
//   RingAppender appender(ring, stamp);
//   appender.Skip(skipped);
//   for (each record) appender.Append(bytes);
//   appender.Publish();
//
// Old records are overwritten as needed.
class RingAppender {
 public:
  RingAppender(RingHeader* ring, const CommitStamp& stamp) : RingAppender(ring) { stamp_ = stamp; }
  // The records keep the stamps that they have.
  explicit RingAppender(RingHeader* ring);

  // Pass over the transaction's first records: readers count them as lost. Everything that the ring
  // holds goes with them, as it would if they were copied. REQUIRES: nothing was appended yet.
  void Skip(const SkippedRecords& skipped);

  // Copy one record made by Encode. REQUIRES: its length is at most capacity / kMaxRecordShare, and
  // all that the transaction appends is at most the capacity.
  void Append(const void* record);

  // Make the records appended so far visible to readers.
  void Publish();

 private:
  void MakeRoom(uint64_t length);
  void StoreTail(Position tail);
  void SetLandmark();

  RingHeader* const ring_;
  std::optional<CommitStamp> stamp_;
  uint64_t* const words_;
  uint64_t next_;
  uint64_t next_sequence_;
  Position next_landmark_;
};

// Swap to 0 the `sleeping` word of each shard that waits. Returns a bit per shard to wake, which
// is the caller's to do. Call after Publish; needs no lock.
uint64_t TakeSleepingShards(RingHeader* ring, ReaderPage* page, size_t shards);

// Bytes that can be appended without overwriting a record that some attached shard has not read. A
// shard that was lapped has not read what the ring still holds. Cursors are hints of an untrusted
// process: one beyond the head counts as the head.
uint64_t UnreadRoom(const RingHeader* ring, const ReaderPage* page, size_t shards);

}  // namespace fsubs
