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

#include "worker/bus/bus_counters.hpp"
#include "worker/bus/bus_reader.hpp"
#include "worker/bus/redis/catalog_wait.hpp"
#include "worker/bus/redis/consumer_group.hpp"
#include "worker/bus/redis/node_report.hpp"
#include "worker/bus/redis/reader_line.hpp"
#include "worker/bus/redis/redis_connection.hpp"
#include "worker/bus/redis/redis_keys.hpp"
#include "worker/bus/redis/stream_cursor.hpp"
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
  void Poll();
  void OnPolled(std::span<const Reply> replies, std::span<const Reply> of_group);
  void Begin();
  void OnBegun(const RedisLink::Replies& replies);
  void FetchCatalog();
  void OnCatalogFetched(const RedisLink::Replies& replies);
  void Read();
  void OnRead(const RedisLink::Replies& replies);
  void OnLastRead(const RedisLink::Replies& replies);
  void TakeEntries(std::span<const Reply> entries);
  void GoOnWithNext();
  void OnDown(const ReaderLine& line);
  void TellState();
  void Lose(uint64_t events);
  void TellLoss(std::optional<uint64_t> events);
  void PollIn(uint64_t delay_ms);
  void ReadIn(uint64_t delay_ms);

  const Setup setup_;
  const RedisKeys keys_;
  const NodeReport report_;
  Dialer dialer_;
  ReaderLine events_;
  ReaderLine control_;
  uv_timer_t poll_timer_{};
  uv_timer_t read_timer_{};
  Sink* sink_ = nullptr;
  StreamCursor cursor_;
  CatalogWait catalog_;
  ConsumerGroup group_;
  uint64_t pending_lost_ = 0;  // to be told with the next event
  size_t entry_bytes_;         // about
  uint64_t needed_room_ = 0;   // for the next entry, which there was no room for; 0: none
  bool stopped_ = false;
};

}  // namespace fsubs
