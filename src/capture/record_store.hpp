// The records of one transaction, one behind the other: the latest of them in memory, and older
// ones in a temporary file once all exceed fraiseql_subs.transaction_memory.
//
// The file is PostgreSQL's own kind of temporary file, so it goes with the transaction, and with
// the server after a crash. It is written past PostgreSQL's functions, because those raise errors
// and count bytes against temp_file_limit: a write to a watched table must not fail for that.
#pragma once

#include "contract/ring_layout.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

// A border between two records.
struct RecordPlace {
  uint64_t at = 0;     // bytes in front of it
  uint64_t count = 0;  // records in front of it
};

// fraiseql_subs.max_transaction_size in bytes.
uint64_t MaxTransactionSize();

// Zero bytes are an empty store. Its memory belongs to the top transaction; only the file must be
// closed.
class RecordStore {
 public:
  enum class Result {
    kStored,
    kFull,        // fraiseql_subs.max_transaction_size
    kNoMemory,    // the system has none
    kFileFailed,  // file_error() says how
  };

  // Add a record of `length` bytes, which the caller writes to `*record` before the next call.
  // Raises no error.
  [[nodiscard]] Result Add(size_t length, char** record);

  // Drop the records behind `place`.
  void Truncate(const RecordPlace& place);

  // Give the file back.
  void Close();

  // Behind the last record.
  const RecordPlace& end() const { return end_; }
  bool has_file() const { return in_file_ > 0; }
  int file_error() const { return file_error_; }
  size_t largest_record() const { return largest_record_; }

  // A place not behind the byte `at`, and near it.
  RecordPlace PlaceBefore(uint64_t at) const;

  // Have the kernel read the file from `at` on, which may be wanted soon.
  void Prefetch(uint64_t at) const;

 private:
  friend class RecordCursor;

  Result EnsureMemory(size_t length);
  bool Grow(size_t capacity);
  bool Spill();
  void Mark();

  RecordPlace end_;
  char* memory_;      // of the records from in_file_ on
  size_t capacity_;   // of memory_
  uint64_t in_file_;  // bytes
  File file_;         // 0: none
  int file_error_;    // of the first time that writing failed; 0: it has not
  size_t largest_record_;
  RecordPlace* marks_;  // some of the borders, ascending
  size_t mark_count_;
  size_t mark_capacity_;
};

// Reads records of a store that does not change meanwhile.
class RecordCursor {
 public:
  // Get the memory that reading needs. May raise an error.
  void Open(const RecordStore* store);

  // The record at the byte `at`, until the next call; null if the file cannot be read. Raises no
  // error. REQUIRES: a record starts there.
  const char* Get(uint64_t at);

 private:
  const char* GetFromFile(uint64_t at);
  bool Fill(uint64_t at, size_t most);

  const RecordStore* store_ = nullptr;
  char* buffer_ = nullptr;
  size_t buffer_size_ = 0;
  uint64_t from_ = 0;  // byte of the store where the buffer begins
  size_t filled_ = 0;
};

inline RecordHeader HeaderOf(const char* record) {
  RecordHeader header;
  memcpy(&header, record, sizeof(header));
  return header;
}

// The queue's order, while a record waits in it (command_order.hpp). The ring's writer puts the
// sequence in its place.
inline uint64_t AnchorOf(const RecordHeader& header) {
  return header.sequence;
}

}  // namespace fsubs
