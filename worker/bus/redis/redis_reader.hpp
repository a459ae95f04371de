// Reads what a bus has in Redis, in the order of its sequence numbers, by a cursor of its own.
//
// Two connections: one waits for events (XREAD BLOCK), the other asks once a second for everything
// else: who publishes, the catalog, how far behind this node is.
#pragma once

#include <uv.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "worker/bus/bus_counters.hpp"
#include "worker/bus/bus_reader.hpp"
#include "worker/bus/redis/redis_connection.hpp"
#include "worker/bus/redis/redis_keys.hpp"
#include "worker/bus/redis/source_table.hpp"
#include "worker/dial/dialer.hpp"

namespace fsubs {

class RedisReader final : public BusReader {
 public:
  struct Setup {
    RedisAccess access;
    KeptProcess dialer;
    std::string database;
    std::string node;     // this worker's name, which is its consumer group's too
    std::string version;  // of this program
    std::string role;     // of NodeRow
    BusCounters* counters = nullptr;
  };

  explicit RedisReader(Setup setup);

  // BusReader.
  std::string Open() override { return {}; }
  void Attach(uv_loop_t* loop, Sink* sink) override;
  void Stop() override;

 private:
  // Has the connection's events go to functions of the reader.
  class Line final : private RedisConnection::Sink {
   public:
    Line(const Setup& setup, const char* purpose, Dialer* dialer, RedisReader* reader,
         void (RedisReader::*ready)());
    RedisConnection& connection() { return connection_; }

    // Ask if nothing is under way there.
    void Ask(const std::string& commands, size_t replies, uint64_t timeout_ms,
             RedisLink::Done done);
    bool is_free() const { return connection_.is_ready() && !asking_; }
    const std::string& trouble() const { return trouble_; }
    void ClearTrouble() { trouble_.clear(); }

   private:
    void OnReady() override;
    void OnDown(const std::string& why) override;

    RedisReader* const reader_;
    void (RedisReader::*const ready_)();
    RedisConnection connection_;
    bool asking_ = false;
    std::string trouble_;  // empty: none
  };

  // What was read of the stream may be handed on once the catalog has this change.
  struct AwaitedCatalog {
    std::string epoch;
    Position changed = 0;
  };

  void Poll();
  void OnPolled(const RedisLink::Replies& replies);
  void Begin();
  void OnBegun(const RedisLink::Replies& replies);
  void FetchCatalog();
  void OnCatalogFetched(const RedisLink::Replies& replies);
  void AwaitLastChange(std::string_view changed);
  bool Covers(const std::string& epoch, const std::string& covers) const;
  void Read();
  void OnRead(const RedisLink::Replies& replies);
  void OnLastRead(const RedisLink::Replies& replies);
  void TakeEntries(std::span<const Reply> entries);
  void GoOnWithNext();
  void TellPlace(std::string* commands, size_t* count);
  void OnPlace(std::span<const Reply> replies);
  void TellState();
  void Lose(uint64_t events);
  void TellLoss(std::optional<uint64_t> events);
  bool Refused(const Reply& reply, Line* line);
  std::string OwnRow() const;
  void PollIn(uint64_t delay_ms);
  void ReadIn(uint64_t delay_ms);

  const Setup setup_;
  const RedisKeys keys_;
  Dialer dialer_;
  Line events_;
  Line control_;
  uv_timer_t poll_timer_{};
  uv_timer_t read_timer_{};
  Sink* sink_ = nullptr;
  SourceTable sources_;
  std::string epoch_;          // empty: nobody has published yet, or it is not known
  uint64_t cursor_ = 0;        // the last sequence that was handed on
  bool begun_ = false;         // the cursor is known
  bool waited_ = false;        // there was no source yet: nothing of the first is too old
  bool ending_ = false;        // another source has come: the stream has no more than it has
  bool is_first_ = false;      // nobody can have missed what was before the next event
  uint64_t pending_lost_ = 0;  // to be told with the next event
  std::string catalog_id_;     // of the one that was handed on; empty: none yet
  std::string newest_catalog_id_;
  std::optional<AwaitedCatalog> awaited_;
  uint64_t await_delay_ms_ = 0;
  size_t entry_bytes_;  // about
  size_t asked_entries_ = 0;
  std::string catalog_trouble_;
  // The consumer group.
  bool group_made_ = false;
  bool group_allowed_ = true;
  bool counts_entries_ = true;  // Redis 7 and later
  uint64_t place_ = 0;          // that it says
  uint64_t entries_added_ = 0;
  uint64_t stream_end_ = 0;  // at the same time
  bool stream_known_ = false;
  size_t place_replies_ = 0;
  int64_t since_us_;
  bool stopped_ = false;
};

}  // namespace fsubs
