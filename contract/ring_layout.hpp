// The bytes that PostgreSQL's backends and the worker share. docs/ring.md shows them with examples.
//
// Two regions, each a memory file made by the postmaster:
//   ring         RingHeader, then `capacity` bytes of records. Written by backends only; the worker
//                can map it for reading only.
//   reader page  ReaderPage. Written by the worker, read by backends and the launcher, which never
//                trust it.
//
// Nothing in either region is a pointer: the regions are mapped at different addresses.
// Compiles with and without PostgreSQL's headers before it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fsubs {

inline constexpr uint64_t kRingMagic = 0x474E495242555346;  // "FSUBRING", little-endian
inline constexpr uint32_t kRingLayoutVersion = 6;
inline constexpr size_t kCacheLine = 64;
inline constexpr size_t kMaxShards = 64;
inline constexpr size_t kLandmarks = 64;

// A ring that the server had before, and how many records were published in it.
struct RingPredecessor {
  uint64_t epoch;
  uint64_t sequences;
};
inline constexpr size_t kPredecessors = 8;

// A position counts the record bytes since the ring was made. It only grows, and `position %
// capacity` is where the record is. Epoch and position together name an event for ever.
using Position = uint64_t;

struct RingHeader {
  // Constant after creation.
  uint64_t magic;
  uint32_t layout_version;
  uint32_t header_size;  // offset of the first record byte from the start of the region
  uint64_t capacity;     // bytes of records the ring holds; a multiple of 8
  uint64_t epoch;  // microseconds since 1970 when the ring was made; another ring, another epoch

  // Stored by the one writer that holds the ring's lock, loaded by anybody.
  alignas(kCacheLine) std::atomic<uint64_t> head;  // position after the last published record
  std::atomic<uint64_t> head_sequence;             // records published since the ring was made

  // Position of the oldest record that is still whole. Stored before the bytes below it are
  // overwritten. So a reader that has copied a record and then finds `tail` beyond it discards the
  // copy.
  alignas(kCacheLine) std::atomic<uint64_t> tail;

  // Bytes that committing transactions have reserved and not yet written (overflow policies that
  // keep unread records). Guarded by the ring's lock.
  alignas(kCacheLine) std::atomic<uint64_t> reserved;

  // Counters for metrics; stored under the ring's lock.
  std::atomic<uint64_t> transactions;  // commits that published
  std::atomic<uint64_t> wakes;         // wake-ups sent to shards
  std::atomic<uint64_t> overwritten;   // records that left the ring to make room
  std::atomic<uint64_t> refused;       // transactions refused because the ring was full

  // Position behind the latest record that says that the catalog changed. Stored under the ring's
  // lock, before the head that publishes the record.
  std::atomic<uint64_t> catalog_changed;

  // Positions at which records start, one in each of kLandmarks equal parts of the ring: the first
  // that starts there in the writer's latest pass. A reader in the middle of nowhere finds its way
  // by them. Stored under the ring's lock, before the head that publishes the record.
  std::atomic<uint64_t> next_landmark;  // position from which on a record is one

  // What the worker cannot see of the server: kServer... below. Stored by the launcher; before that
  // the postmaster may store kServerNoLauncher.
  std::atomic<uint64_t> server_state;

  alignas(kCacheLine) std::atomic<uint64_t> landmarks[kLandmarks];

  // Constant after creation: the rings before this one in the postmaster's life, the latest first;
  // epoch 0 where there is none. The server makes another one after a backend has crashed.
  RingPredecessor predecessors[kPredecessors];

  // How far a server in recovery has replayed the WAL of its primary: commits whose record ends
  // here or before are seen by its queries. Stored by the launcher.
  alignas(kCacheLine) std::atomic<uint64_t> replayed_lsn;
};

static_assert(std::atomic<uint64_t>::is_always_lock_free);
static_assert(offsetof(RingHeader, magic) == 0);
static_assert(offsetof(RingHeader, layout_version) == 8);
static_assert(offsetof(RingHeader, header_size) == 12);
static_assert(offsetof(RingHeader, capacity) == 16);
static_assert(offsetof(RingHeader, epoch) == 24);
static_assert(offsetof(RingHeader, head) == 64);
static_assert(offsetof(RingHeader, head_sequence) == 72);
static_assert(offsetof(RingHeader, tail) == 128);
static_assert(offsetof(RingHeader, reserved) == 192);
static_assert(offsetof(RingHeader, transactions) == 200);
static_assert(offsetof(RingHeader, wakes) == 208);
static_assert(offsetof(RingHeader, overwritten) == 216);
static_assert(offsetof(RingHeader, refused) == 224);
static_assert(offsetof(RingHeader, catalog_changed) == 232);
static_assert(offsetof(RingHeader, next_landmark) == 240);
static_assert(offsetof(RingHeader, server_state) == 248);
static_assert(offsetof(RingHeader, landmarks) == 256);
static_assert(offsetof(RingHeader, predecessors) == 768);
static_assert(offsetof(RingHeader, replayed_lsn) == 896);
static_assert(sizeof(RingHeader) == 960);

// Bits of RingHeader::server_state.
inline constexpr uint64_t kServerInRecovery = 1;       // a standby: no transaction can publish
inline constexpr uint64_t kServerNoLauncher = 1 << 1;  // no background worker slot was left for it
inline constexpr uint64_t kServerNoExecutor = 1 << 2;  // no background worker slot is free for it
inline constexpr uint64_t kServerNoDatabase = 1 << 3;  // the served database does not exist
inline constexpr uint64_t kServerShutDatabase = 1 << 4;     // it takes no connections
inline constexpr uint64_t kServerNoAuthenticator = 1 << 5;  // as kServerNoExecutor
inline constexpr uint64_t kServerDone = 1 << 6;  // it shuts down, and has no more sessions

inline constexpr size_t kRingHeaderSize = 4096;  // one page, so that records start page-aligned

// One shard's words. The shard writes them; backends read them as hints and clamp what they read.
struct alignas(kCacheLine) ShardSlot {
  std::atomic<uint32_t> sleeping;  // 1: the shard waits to be woken; a writer swaps it to 0
  std::atomic<uint32_t> attached;  // 1 while a shard of a running worker reads the ring
  std::atomic<uint64_t> cursor;    // position of the next record the shard will read
};

static_assert(offsetof(ShardSlot, sleeping) == 0);
static_assert(offsetof(ShardSlot, attached) == 4);
static_assert(offsetof(ShardSlot, cursor) == 8);
static_assert(sizeof(ShardSlot) == 64);

// When each thread of the worker last had a turn: milliseconds of CLOCK_MONOTONIC; 0 before its
// first. Apart from the slots, so that a beat takes no line away from a commit.
struct alignas(kCacheLine) Heartbeats {
  std::atomic<uint64_t> shards[kMaxShards];
  std::atomic<uint64_t> control;  // the control thread's
};

static_assert(offsetof(Heartbeats, control) == 512);
static_assert(sizeof(Heartbeats) == 576);

struct ReaderPage {
  ShardSlot shards[kMaxShards];
  Heartbeats heartbeats;
};

static_assert(offsetof(ReaderPage, heartbeats) == 4096);
static_assert(sizeof(ReaderPage) == 4672);

enum class RecordKind : uint16_t {
  kEvent = 1,           // something a subscription may deliver
  kCatalogChanged = 2,  // types or subscriptions changed: ask for a new snapshot; carries no text
  // Events of `channel` that were not made. `data` is their number: decimal digits, with blanks in
  // front of them up to kLossCountLength bytes. Empty: it is not known how many, or whether any.
  kEventsLost = 3,
};

// The least and the most that `data` of kEventsLost has: what fits any number.
inline constexpr size_t kLossCountLength = 20;

// Flags of a record.
inline constexpr uint16_t kIncomplete = 1;  // kEvent: columns were left out, since it was too large
// In front of the texts are the epoch and the position by which the record was named first: it was
// in another ring before. Not in the ring that PostgreSQL's backends write.
inline constexpr uint16_t kHasOrigin = 2;
inline constexpr size_t kOriginLength = 16;

// In front of every record. The origin, if it has one, and the texts follow without separators, in
// the order of their lengths here, then zero bytes up to the multiple of 8 that `length` names. All
// texts are UTF-8.
struct RecordHeader {
  uint32_t length;  // bytes of the whole record: header, texts, padding
  RecordKind kind;
  uint16_t flags;
  uint64_t sequence;       // 1 for the first record of the ring, then without gaps
  Position position;       // where this record starts: proves a reader stands on a record boundary
  int64_t commit_time_us;  // microseconds since 1970-01-01 UTC
  uint64_t commit_lsn;     // end of the commit record in the WAL; 0 where nothing was written
  uint32_t xid;            // 0 where the transaction had none
  uint32_t data_length;    // JSON
  uint16_t event_type_length;
  uint16_t channel_length;
  uint16_t correlation_id_length;
  uint16_t subgraph_length;
};

static_assert(offsetof(RecordHeader, length) == 0);
static_assert(offsetof(RecordHeader, kind) == 4);
static_assert(offsetof(RecordHeader, flags) == 6);
static_assert(offsetof(RecordHeader, sequence) == 8);
static_assert(offsetof(RecordHeader, position) == 16);
static_assert(offsetof(RecordHeader, commit_time_us) == 24);
static_assert(offsetof(RecordHeader, commit_lsn) == 32);
static_assert(offsetof(RecordHeader, xid) == 40);
static_assert(offsetof(RecordHeader, data_length) == 44);
static_assert(offsetof(RecordHeader, event_type_length) == 48);
static_assert(offsetof(RecordHeader, subgraph_length) == 54);
static_assert(sizeof(RecordHeader) == 56);

inline constexpr size_t kMaxNameLength =
    UINT16_MAX;  // event type, channel, correlation id, subgraph

// The largest record is this part of the ring, so that history and readers keep some room.
inline constexpr uint64_t kMaxRecordShare = 4;

// Bytes of the ring that one landmark stands for.
constexpr uint64_t LandmarkStride(uint64_t capacity) {
  return capacity / kLandmarks + 1;
}

constexpr uint64_t AlignRecord(uint64_t bytes) {
  return (bytes + 7) & ~uint64_t{7};
}

}  // namespace fsubs
