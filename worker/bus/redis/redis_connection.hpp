// A connection to the Redis deployment of a URL that is made again whenever it is lost: finds the
// primary, logs in, and says what is wrong.
//
// One loop's thread only.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "contract/redis_url.hpp"
#include "worker/bus/backoff.hpp"
#include "worker/bus/redis/redis_link.hpp"
#include "worker/dial/dialer.hpp"

namespace fsubs {

// What all connections of a worker to its Redis have in common.
struct RedisAccess {
  RedisUrl url;
  std::shared_ptr<const TlsClientContext> tls;  // null: the URL is one without TLS
};

class RedisConnection {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // Requests may be made from now on, until OnDown.
    virtual void OnReady() = 0;
    // It is lost, or could not be made, and is made again by and by. What was requested is not
    // answered any more. Also called for each attempt that fails.
    virtual void OnDown(const std::string& why) = 0;
  };

  // `purpose` is what the server's CLIENT LIST shows. Dialer and sink outlive the connection.
  RedisConnection(const RedisAccess& access, std::string purpose, const ReplyLimits& limits,
                  Dialer* dialer, Sink* sink);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Connect on `loop`.
  void Start(uv_loop_t* loop);
  // Nothing is called any more. The handles are closed by later turns of the loop, which the
  // connection must outlive.
  void Stop();

  bool is_ready() const { return state_ == State::kReady; }

  // As of RedisLink. REQUIRES: is_ready().
  void Request(std::string_view commands, size_t replies, uint64_t timeout_ms,
               RedisLink::Done done);

  // Give the connection up for an error that came as a reply, or another reason: it is made again,
  // elsewhere if the reply says so (MOVED) or the Sentinels do. Calls OnDown. Does nothing if it is
  // down already.
  void Fail(const std::string& why);

  // What it is for has succeeded: the next loss is the first again.
  void NoteSuccess();

  void SetLimits(const ReplyLimits& limits);
  bool is_reply_too_large() const { return link_ != nullptr && link_->is_reply_too_large(); }

  // Where it leads to.
  const Address& address() const { return address_; }
  // Times that it was made. Any thread.
  uint64_t connects() const { return connects_; }

 private:
  enum class State {
    kStopped,
    kWaiting,  // for the back-off to end
    kDialing,
    kSentinel,  // the Sentinel at `address_` is asked
    kLoggingIn,
    kReady,
  };

  void Connect();
  void Dial(const Address& address, State next);
  void OnTimeout();
  void OnDialed(int fd, const std::string& error, State next);
  void AskSentinel();
  void OnSentinel(const RedisLink::Replies& replies, bool logged_in);
  void LogIn();
  void OnLogin(const RedisLink::Replies& replies);
  std::string CheckInfo(std::string_view info);
  void Down(const std::string& why);
  void Drop();
  void TellTrouble(const std::string& why);
  void StartTimer(uint64_t delay_ms, void (RedisConnection::*then)());

  const RedisAccess access_;
  const std::string purpose_;
  ReplyLimits limits_;
  Dialer* const dialer_;
  Sink* const sink_;
  uv_loop_t* loop_ = nullptr;
  uv_timer_t timer_{};
  void (RedisConnection::*then_)() = nullptr;
  State state_ = State::kStopped;
  Backoff backoff_;
  size_t next_address_ = 0;
  std::optional<Address> redirect_;  // where a node of a cluster sent us
  unsigned redirects_ = 0;           // since it succeeded
  Address address_;
  uint32_t call_ = 0;  // of the dialer
  RedisLink* link_ = nullptr;
  std::atomic<uint64_t> connects_{0};
  std::string told_;  // the trouble that the log has
  uint64_t told_ms_ = 0;
  bool is_well_ = false;
  bool warned_of_eviction_ = false;
};

}  // namespace fsubs
