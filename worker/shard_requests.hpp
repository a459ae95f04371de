// What PostgreSQL's processes ask for that the shards know or do.
//
// Control thread only.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "worker/base/task_queue.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/shard/shard.hpp"
#include "worker/side_door_server.hpp"

namespace fsubs {

class ShardRequests {
 public:
  using Reply = SideDoorHost::Reply;

  // They outlive it; `tasks` are the control thread's.
  ShardRequests(uv_loop_t* loop, TaskQueue* tasks,
                const std::vector<std::unique_ptr<Shard>>* shards)
      : loop_(loop), tasks_(tasks), shards_(shards) {}

  void Connections(Reply reply);
  void Subscriptions(Reply reply);
  // Returns false, without a reply, if the arguments make no sense.
  bool Disconnect(const std::optional<JsonValue>& arguments, Reply reply);
  void ExplainDelivery(const std::optional<JsonValue>& arguments, Reply reply);

 private:
  void CollectRows(const std::function<void(Shard*, Shard::RowsReply)>& ask, Reply reply);

  uv_loop_t* const loop_;
  TaskQueue* const tasks_;
  const std::vector<std::unique_ptr<Shard>>* const shards_;
};

}  // namespace fsubs
