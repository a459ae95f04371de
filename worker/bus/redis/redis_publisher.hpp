// Appends what PostgreSQL's backends write into their ring to the bus's stream in Redis, in the
// same order and under the same sequence numbers: one more reader of the ring, for which no
// transaction waits. While Redis is away the ring keeps what is still to append.
//
// One batch is under way at a time, and each is appended as a whole or not at all (MULTI): were
// there a second one behind a batch that is refused, the stream could have no more what the first
// one had.
#pragma once

#include <uv.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contract/ring_reader.hpp"
#include "worker/base/task_queue.hpp"
#include "worker/bus/bus_counters.hpp"
#include "worker/bus/node_row.hpp"
#include "worker/bus/redis/age_index.hpp"
#include "worker/bus/redis/node_list.hpp"
#include "worker/bus/redis/redis_connection.hpp"
#include "worker/bus/redis/redis_keys.hpp"
#include "worker/bus/redis/source_table.hpp"
#include "worker/dial/dialer.hpp"

namespace fsubs {

class RedisPublisher final : private RedisConnection::Sink {
 public:
  struct Setup {
    const RingHeader* ring = nullptr;  // outlives the publisher
    RedisAccess access;
    KeptProcess dialer;
    std::string database;
    std::string node;         // this worker's name
    uint64_t max_length = 0;  // events that the stream keeps, about; 0: any number
    uint64_t max_age_ms = 0;  // how long it keeps them, about; 0: for ever
    std::string version;      // of this program
    BusCounters* counters = nullptr;
  };

  explicit RedisPublisher(Setup setup);
  RedisPublisher(const RedisPublisher&) = delete;
  RedisPublisher& operator=(const RedisPublisher&) = delete;

  // Publish on `loop`, whose thread is the bus's own.
  void Attach(uv_loop_t* loop);

  // Any thread: the ring may have more than before. Costs next to nothing while that is known.
  void NotePublished() { uv_async_send(&published_); }
  // Any thread: `snapshot_json` has all changes of the catalog before the position `covers`.
  void SetCatalog(std::string snapshot_json, Position covers);
  // Any thread: who the nodes of the bus are. `reply` is called once, on the loop's thread, within
  // some seconds. Redis is asked, and so this worker's own row is there whether others' are or not.
  using NodesReply = std::function<void(const NodeRow& own, const NodeList::Answer& nodes)>;
  void AskNodes(NodesReply reply);
  // Any thread: append what the ring has by now, say that this is all, and call `done`, on the
  // loop's thread. It is not called while Redis is away.
  void Finish(std::function<void()> done);

  // On the loop's thread: nothing is published any more, and the handles are closed by later turns
  // of the loop.
  void Stop();

 private:
  enum class Stage {
    kDown,
    kWaiting,   // the server is a standby: its primary publishes
    kClaiming,  // says that this is the source from now on
    kLocating,  // asks where the stream ends
    kAppending,
    kReplaced,  // another source has come after this one
  };
  static constexpr size_t kAnyBytes = ~size_t{0};
  struct Batch {
    std::string commands;
    size_t records = 0;
    size_t bytes = 0;    // of these
    size_t largest = 0;  // of them, in bytes
    size_t writes = 0;   // commands that do so: one for each record, and what else goes with them
    uint64_t last = 0;   // sequence
    int64_t commit_time_us = 0;
  };

  // RedisConnection::Sink.
  void OnReady() override;
  void OnDown(const std::string& why) override;

  // Nothing else is asked of Redis between a WATCH and its EXEC, nor while a batch is under way.
  void Ask(const std::string& commands, size_t replies,
           void (RedisPublisher::*done)(RedisLink::Replies));
  void Next();
  void OnSources(RedisLink::Replies replies);
  void OnClaimed(RedisLink::Replies replies);
  void OnStream(RedisLink::Replies replies);
  void OnAppended(RedisLink::Replies replies);
  void OnTended(RedisLink::Replies replies);
  void OnFinished(RedisLink::Replies replies);
  void OnNodes(RedisLink::Replies replies);
  bool Claim(const SourceTable& sources);
  bool FillBatch();
  void Tend();
  void OnTick();
  void Locate(uint64_t appended);
  bool Refused(const Reply& reply);
  void TellReplaced(const Source& by);
  void SetTrouble(const std::string& trouble);
  void NoteSuccess();
  std::string CatalogId() const;
  NodeRow OwnRow() const;
  static const char* RoleOf(Stage stage);
  bool is_standby() const;

  const Setup setup_;
  const RedisKeys keys_;
  const std::string epoch_;
  const std::string stream_;
  Dialer dialer_;
  RedisConnection connection_;
  RingReader reader_;
  NodeList nodes_;
  uv_async_t published_{};
  uv_timer_t tick_{};
  TaskQueue tasks_{"bus"};
  Stage stage_ = Stage::kDown;
  bool asking_ = false;    // of a request that is not answered yet
  bool tend_due_ = false;  // once a second
  bool catalog_due_ = false;
  std::string catalog_;  // snapshot
  Position catalog_covers_ = 0;
  uint64_t catalog_number_ = 0;
  bool catalog_asked_ = false;       // whether Redis still has it
  uint64_t claim_ = 0;               // 0: none yet
  uint64_t appended_ = 0;            // sequence that the stream has
  uint64_t next_sequence_ = 0;       // that is to be appended; 0: not located
  std::optional<EventRecord> held_;  // read already; its views are the reader's
  Batch batch_;
  bool appending_ = false;         // the batch is under way
  size_t most_bytes_ = kAnyBytes;  // that Redis takes as one value, as far as it has told
  AgeIndex ages_;
  uint64_t aged_ms_ = 0;  // when it was last told
  int64_t since_us_;
  bool append_refused_ = false;   // the last time
  std::function<void()> finish_;  // null: it is not to finish, or has
};

}  // namespace fsubs
