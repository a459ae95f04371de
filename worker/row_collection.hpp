// The rows of all shards, collected for one request of a PostgreSQL process.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/json/json_writer.hpp"
#include "worker/side_door_server.hpp"

namespace fsubs {

// Answers once: with the rows when the last shard has told its own, or else with an error that
// names the shard which failed, or which kept silent for too long.
//
// The control thread's, whose loop it must not outlive; the last reference may be dropped anywhere.
class RowCollection {
 public:
  static std::shared_ptr<RowCollection> Start(uv_loop_t* loop, size_t shards, uint64_t patience_ms,
                                              SideDoorHost::Reply reply);

  // What a shard tells: JSON objects separated by commas, or nothing, because it failed. REQUIRES:
  // once for each shard.
  void Add(size_t shard, const std::optional<std::string>& rows);

 private:
  struct Timer;

  RowCollection(size_t shards, uint64_t patience_ms, SideDoorHost::Reply reply);
  void GiveUp();
  void Finish(SideDoorHost::Answer answer);

  const uint64_t patience_ms_;
  std::vector<bool> silent_;  // by shard
  size_t awaited_;            // shards
  std::string rows_;
  JsonWriter json_{&rows_};
  SideDoorHost::Reply reply_;  // null: it was called
  Timer* timer_ = nullptr;     // until then
};

}  // namespace fsubs
