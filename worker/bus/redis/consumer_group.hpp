// A node's consumer group, which has nothing but its place in the stream: XINFO GROUPS shows how
// far each node is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "worker/bus/redis/pipeline.hpp"
#include "worker/bus/redis/reply.hpp"

namespace fsubs {

class ConsumerGroup {
 public:
  explicit ConsumerGroup(std::string name) : name_(std::move(name)) {}

  // Add the commands that say that the node has the events of `stream` up to `sequence`, and ask
  // where the stream ends. Their replies go to OnReplies.
  void AddTo(const std::string& stream, uint64_t sequence, Pipeline* pipeline);
  void OnReplies(std::span<const Reply> replies);

  // The last sequence that the stream had; 0: it is not known.
  uint64_t stream_end() const { return stream_end_; }

  // The node goes on with another stream.
  void Leave();

 private:
  void OnPlaceSet(const Reply& reply);

  const std::string name_;
  bool is_made_ = false;
  bool is_allowed_ = true;
  bool counts_entries_ = true;  // Redis 7 and later
  uint64_t place_ = 0;          // that it says
  uint64_t entries_added_ = 0;  // to the stream in all
  uint64_t stream_end_ = 0;     // at the same time
  bool is_stream_known_ = false;
};

}  // namespace fsubs
