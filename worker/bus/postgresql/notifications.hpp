// Listens for the notifications of transactions that publish, and knows whether they reach this
// node: through some poolers, and from some servers, they do not.
//
// One loop's thread only.
#pragma once

#include <uv.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/bus/postgresql/pg_connection.hpp"

namespace fsubs {

class Notifications final : private PgConnection::Sink {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    // Something was published, or may have been.
    virtual void OnNotified() = 0;
    // A probe should be sent as soon as can be.
    virtual void OnProbeDue() = 0;
  };

  Notifications(const PgDsn& dsn, Host* host) : host_(host), connection_(dsn, kPurpose, this) {}

  void Start(uv_loop_t* loop);
  void Stop();

  // What is published is told.
  bool do_come() const { return do_come_; }
  // What to have the server send at once (bus_probe), so that it is seen whether it comes. Empty:
  // nobody listens, or another one is still to come.
  std::string NextProbe();

 private:
  static constexpr char kPurpose[] = "waits for notifications";

  void OnReady() override;
  void OnDown(const std::string& why) override;
  void OnNotification(std::string_view channel, std::string_view payload) override;
  void Listen();
  void OnProbeLost();
  void SetCome(bool come);

  Host* const host_;
  PgConnection connection_;
  uv_timer_t timer_{};  // for the probe that is under way
  bool is_listening_ = false;
  bool do_come_ = false;
  bool was_told_ = false;  // the log has which it is
  std::string probe_;      // under way; empty: none is
};

}  // namespace fsubs
