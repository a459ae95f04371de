// A connection to the PostgreSQL of a connection string that is made again whenever it is lost.
//
// One loop's thread only.
#pragma once

#include <uv.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "worker/bus/backoff.hpp"
#include "worker/bus/postgresql/pg_dsn.hpp"
#include "worker/bus/postgresql/pg_result.hpp"

struct pg_conn;

namespace fsubs {

class PgConnection {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // Statements may be sent from now on, until OnDown.
    virtual void OnReady() = 0;
    // It is lost, or could not be made, and is made again by and by. The answer to what was asked
    // does not come any more. Also called for each attempt that fails.
    virtual void OnDown(const std::string& why) = 0;
    virtual void OnNotification(std::string_view channel, std::string_view payload) = 0;
  };
  // The statement has ended, also by an error.
  using Done = std::function<void(PgResult result)>;

  // `purpose` names it in the log and, behind the program's name, in pg_stat_activity. The sink
  // outlives the connection.
  PgConnection(const PgDsn& dsn, std::string purpose, Sink* sink);
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  // Connect on `loop`, which the connection outlives.
  void Start(uv_loop_t* loop);
  // Nothing is called any more.
  void Stop();

  bool is_ready() const { return state_ == State::kReady; }
  bool is_asking() const { return done_ != nullptr; }

  // Send one statement with parameters as text; what it returns comes in binary form. If it takes
  // longer than its time it is cancelled, and the connection made anew. REQUIRES: is_ready() and
  // nothing else is being asked.
  void Ask(const char* statement, std::span<const std::string> parameters, uint64_t timeout_ms,
           Done done);

  // Give the connection up: it is made again after a pause. Calls OnDown.
  void Fail(const std::string& why);
  // What it is for has succeeded: the next loss is the first again.
  void NoteSuccess();

 private:
  enum class State {
    kStopped,
    kWaiting,  // for the back-off to end
    kResolving,
    kConnecting,
    kReady,
  };
  struct Lookup;
  struct Watch;

  void Begin();
  void TakeNextServer();
  void OnResolved(const PgServer& server, int status, const addrinfo* found);
  void TryNextAddress();
  void ContinueConnecting();
  void OnSocket(int status);
  void Send();
  void TakeInput();
  void TakeNotifications();
  void NextAttempt(const std::string& why);
  void Down(const std::string& why);
  void Drop();
  void WatchSocket(int events);
  void Unwatch();
  void StartTimer(uint64_t delay_ms, void (PgConnection::*then)());
  void OnTimeout();
  void CancelStatement();
  void TellTrouble(const std::string& why);
  std::string LastWords(std::string_view message) const;

  const PgDsn dsn_;
  const std::string purpose_;
  Sink* const sink_;
  uv_loop_t* loop_ = nullptr;
  uv_timer_t timer_{};
  void (PgConnection::*then_)() = nullptr;
  State state_ = State::kStopped;
  Backoff backoff_;
  size_t next_server_ = 0;
  std::vector<PgServer> addresses_;  // of the server that is tried, still to be tried
  std::string failures_;             // of the others
  Lookup* lookup_ = nullptr;         // under way, freed by its callback
  pg_conn* connection_ = nullptr;
  Watch* watch_ = nullptr;
  PgResult result_;
  bool has_result_ = false;
  Done done_;           // null: nothing is asked
  std::string notice_;  // the last one that was grave
  std::string told_;    // the trouble that the log has
  uint64_t told_ms_ = 0;
  bool is_well_ = false;
};

}  // namespace fsubs
