// One of a reader's connections: one request at a time, and what is wrong with it.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "worker/bus/bus_counters.hpp"
#include "worker/bus/redis/redis_connection.hpp"
#include "worker/dial/dialer.hpp"

namespace fsubs {

class ReaderLine final : private RedisConnection::Sink {
 public:
  struct Setup {
    RedisAccess access;
    std::string purpose;  // as of RedisConnection
    ReplyLimits limits;
    Dialer* dialer = nullptr;         // both outlive the line
    BusCounters* counters = nullptr;  // of which the line counts connects and errors
    std::function<void()> ready;      // a request may be made
    std::function<void()> down;       // there is new trouble
  };

  explicit ReaderLine(Setup setup);

  void Start(uv_loop_t* loop) { connection_.Start(loop); }
  void Stop() { connection_.Stop(); }

  // As Request of RedisConnection. REQUIRES: is_free().
  void Ask(const std::string& commands, size_t replies, uint64_t timeout_ms, RedisLink::Done done);
  bool is_free() const { return connection_.is_ready() && !asking_; }

  // As of RedisConnection.
  void Fail(const std::string& why) { connection_.Fail(why); }
  // Returns whether it was an error, for which the connection is given up.
  bool Refused(const Reply& reply);
  // It works: it has no trouble, and the next loss is the first again.
  void NoteSuccess();
  bool is_reply_too_large() const { return connection_.is_reply_too_large(); }

  const std::string& trouble() const { return trouble_; }
  void ClearTrouble() { trouble_.clear(); }

 private:
  void OnReady() override;
  void OnDown(const std::string& why) override;

  const Setup setup_;
  RedisConnection connection_;
  bool asking_ = false;
  std::string trouble_ = "Redis is not connected yet";  // empty: none
};

}  // namespace fsubs
