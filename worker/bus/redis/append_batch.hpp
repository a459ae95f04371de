// The records of a ring that are appended to its stream next: one request to Redis, which takes
// all of them or none (MULTI). A stream's ids are the ring's sequence numbers, and they jump where
// records were overwritten unread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "contract/ring_reader.hpp"
#include "worker/bus/bus_counters.hpp"
#include "worker/bus/redis/redis_keys.hpp"
#include "worker/bus/redis/reply.hpp"

namespace fsubs {

class AppendBatch {
 public:
  static constexpr size_t kMostRecords = 1000;
  static constexpr size_t kMostBytes = 1024 * 1024;  // of commands, but for what the last adds

  struct Setup {
    const RingHeader* ring = nullptr;  // these three outlive the batch
    const RedisKeys* keys = nullptr;
    BusCounters* counters = nullptr;  // of which the batch counts what is lost
    uint64_t max_length = 0;          // events that the stream keeps, about; 0: any number
  };

  explicit AppendBatch(const Setup& setup);

  // Go on behind that sequence.
  void Locate(uint64_t appended);
  // Replace the batch by what the ring has next. Returns false if that is nothing. REQUIRES: it was
  // located.
  bool Fill(int64_t now_us);

  enum class [[nodiscard]] Outcome{
      kAppended,
      kThereAlready,  // the stream has some of these ids, or has passed them
      kRefused,       // `*why` says for what
  };
  Outcome Judge(std::span<const Reply> replies, std::string* why);
  // The connection was lost for that reason. If it is that an event of the batch is larger than
  // Redis takes (proto-max-bulk-len), its loss is appended in its place from now on: it would keep
  // back all that come after it.
  void NoteDown(std::string_view why);

  const std::string& commands() const { return commands_; }
  size_t replies() const { return is_transaction() ? writes_ + 2 : 1; }
  size_t records() const { return records_; }
  size_t bytes() const { return bytes_; }                     // of the records
  uint64_t last() const { return last_; }                     // sequence
  int64_t commit_time_us() const { return commit_time_us_; }  // of the last

 private:
  static constexpr size_t kAnyBytes = ~size_t{0};

  bool NextRecord(EventRecord* record);
  void EncodeValue(const EventRecord& record, int64_t now_us, std::string* value) const;
  bool is_transaction() const { return writes_ > 1; }

  const Setup setup_;
  const std::string epoch_;
  const std::string stream_;
  RingReader reader_;
  uint64_t next_sequence_ = 0;       // 0: not located
  std::optional<EventRecord> held_;  // read already; its views are the reader's
  std::string commands_;
  size_t records_ = 0;
  size_t bytes_ = 0;
  size_t largest_ = 0;             // value of a batch that is under way; 0: none is
  size_t most_bytes_ = kAnyBytes;  // that Redis takes as one value, as far as it has told
  size_t writes_ = 0;  // commands that do so: one for each record, and what else goes with them
  uint64_t last_ = 0;
  int64_t commit_time_us_ = 0;
};

}  // namespace fsubs
