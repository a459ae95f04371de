// Reads the event ring without locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "contract/event_record.hpp"
#include "contract/ring_layout.hpp"

namespace fsubs {

// Bytes behind a record's last text that may be read (never interpreted): vectorised JSON parsers
// load whole blocks.
inline constexpr size_t kRecordPadding = 64;

// Check that a mapped region of `bytes` bytes is a ring of this layout. Returns an empty string, or
// what is wrong with it.
std::string CheckRing(const RingHeader* ring, size_t bytes);

// One cursor over a ring. Not thread-safe; any number of readers may share a ring.
class RingReader {
 public:
  enum class [[nodiscard]] Result{
      kRecord,  // *record is the next record
      kEmpty,   // nothing published beyond the cursor
  };

  // REQUIRES: CheckRing found nothing; `ring` outlives the reader. The cursor starts at the head:
  // the reader sees what is published from now on.
  explicit RingReader(const RingHeader* ring);

  // Copy the next record out. Its views stay valid until the next call, with kRecordPadding
  // readable bytes behind them. `*lost` is set to the number of records directly before this one
  // that were not read: overwritten, or skipped because they were about to be. A reader that was
  // lapped goes on a quarter of the ring ahead of the writer, so that it is not lapped again at
  // once.
  Result Next(EventRecord* record, uint64_t* lost);

  // Move the cursor to `position`. Returns false, and leaves the cursor alone, if no record starts
  // there any more: overwritten, or never a record's start. The head is always a valid position.
  [[nodiscard]] bool Seek(Position position);

  // Move to a record that is not behind that of `sequence`, and close to it, by the ring's
  // landmarks. Returns false, and leaves the cursor anywhere, if there is none in the ring.
  [[nodiscard]] bool SeekNear(uint64_t sequence);

  // Go on where a reader of this ring was: `position` is that of its next record, whose sequence is
  // `sequence`. If it was overwritten since, the next record tells how many were lost.
  void Resume(Position position, uint64_t sequence) {
    cursor_ = position;
    read_to_ = position;
    next_sequence_ = sequence;
  }

  // Give back the memory of records larger than so many bytes. The last record is gone. Returns how
  // many bytes that were.
  size_t Shrink(size_t record_bytes);

  // Whether a change of the catalog may be among what was lost directly before the last record.
  bool lost_catalog_change() const { return lost_catalog_change_; }

  Position cursor() const { return cursor_; }
  // Of the record at the cursor, if it is not lost.
  uint64_t next_sequence() const { return next_sequence_; }
  uint64_t epoch() const { return ring_->epoch; }

  // Records published and not yet read.
  uint64_t Behind() const;

 private:
  bool CopyRecord(Position position, RecordHeader* header);
  void SkipAhead();

  const RingHeader* const ring_;
  const uint64_t* const words_;
  Position cursor_;
  Position read_to_;        // behind the last record that was read
  uint64_t next_sequence_;  // expected of the next record
  bool lost_catalog_change_ = false;
  std::vector<uint64_t> buffer_;
};

// The name of an event as clients see it: "<epoch>-<position>" in lower-case hexadecimal. Opaque to
// them.
std::string FormatPosition(const EventName& name);

// Parse what FormatPosition wrote. Returns false for anything else.
[[nodiscard]] bool ParsePosition(std::string_view text, EventName* name);

}  // namespace fsubs
