// One connection to a Redis server: requests out, replies in, in the same order.
//
// One loop's thread only.
#pragma once

#include <uv.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/bus/redis/reply.hpp"
#include "worker/bus/redis/tls_client.hpp"

namespace fsubs {

class RedisLink {
 public:
  using Replies = std::vector<Reply>;
  // `replies` are as many as were asked for.
  using Done = std::function<void(Replies replies)>;
  // Called once, when nothing can come any more.
  using Broken = std::function<void(const std::string& why)>;

  // Take over the connected socket `fd`. `tls` is null for a connection without TLS. The link
  // closes and destroys itself in its loop's time after Close or `broken`.
  static RedisLink* Open(uv_loop_t* loop, int fd, std::unique_ptr<TlsClientSession> tls,
                         const ReplyLimits& limits, Broken broken);

  // Send commands to which `replies` come in all, and call `done` with them. If the first of what
  // is awaited does not come, and nothing moves for its time in either direction, the link breaks:
  // what is large may take any time on a slow way.
  void Request(std::string_view commands, size_t replies, uint64_t timeout_ms, Done done);

  void SetLimits(const ReplyLimits& limits) { reader_.SetLimits(limits); }
  bool is_reply_too_large() const { return reader_.is_too_large(); }

  // Nothing is called any more, and the link must not be used.
  void Close();

 private:
  struct Awaited {
    size_t replies;
    uint64_t timeout_ms;
    Done done;
    Replies come;
  };
  struct Write {
    uv_write_t request{};
    std::string bytes;
  };

  RedisLink(const ReplyLimits& limits, Broken broken);
  ~RedisLink() = default;

  void OnRead(ssize_t size);
  void TakeReplies(std::string_view bytes);
  void Put(std::string bytes);
  void SendTlsOutput();
  void ArmTimer();
  void OnTimeout();
  size_t Unsent() const;
  std::string LastError() const;
  void Break(const std::string& why);
  bool is_closed() const { return broken_ == nullptr; }

  uv_tcp_t socket_{};
  uv_timer_t timer_{};
  int open_handles_ = 0;
  std::unique_ptr<TlsClientSession> tls_;
  ReplyReader reader_;
  Broken broken_;  // null: closed
  std::deque<Awaited> awaited_;
  uint64_t received_ = 0;       // bytes
  uint64_t seen_received_ = 0;  // when the timer was started
  size_t seen_unsent_ = 0;      // likewise
  std::vector<char> buffer_;
};

}  // namespace fsubs
