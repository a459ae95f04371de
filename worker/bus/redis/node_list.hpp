// Who the nodes of a bus in Redis are, for those who ask. Whoever has a connection sends what is to
// be asked and hands the replies in.
//
// One thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "worker/bus/node_row.hpp"
#include "worker/bus/redis/redis_keys.hpp"
#include "worker/bus/redis/reply.hpp"

namespace fsubs {

class NodeList {
 public:
  struct Answer {
    std::vector<NodeRow> nodes;  // as they have told of themselves
    std::string error;           // why they are not known; empty: they are
  };
  using Asker = std::function<void(const Answer& answer)>;

  explicit NodeList(const RedisKeys* keys) : keys_(keys) {}

  // Somebody asks. What is not a second old is the answer at once: nodes tell no more often.
  void Add(Asker asker, uint64_t now_us);
  // Whether somebody waits and nothing is asked of Redis.
  bool is_due() const { return !askers_.empty() && stage_ == Stage::kIdle; }

  // What to ask Redis first, with one reply. REQUIRES: is_due().
  std::string Begin();
  // Returns what to ask next, likewise; empty: nothing.
  std::string OnReply(const Reply& reply, uint64_t now_us);

  // No reply comes any more: all who wait are told.
  void Fail(const std::string& why);
  // Those are told who have waited for long.
  void Expire(uint64_t now_us);

 private:
  enum class Stage { kIdle, kNames, kRows };
  struct Waiting {
    Asker asker;
    uint64_t since_us;
  };

  void Tell(const Answer& answer);
  std::string AskForRows(const Reply& names);
  void TakeRows(const Reply& reply, uint64_t now_us);

  const RedisKeys* const keys_;
  std::vector<Waiting> askers_;
  Stage stage_ = Stage::kIdle;
  std::vector<std::string> names_;
  Answer known_;
  uint64_t known_us_ = 0;  // when; 0: never
};

}  // namespace fsubs
