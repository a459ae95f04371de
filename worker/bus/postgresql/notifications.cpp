#include "worker/bus/postgresql/notifications.hpp"

#include <cstdio>
#include <random>
#include <utility>

#include "worker/base/log.hpp"

namespace fsubs {
namespace {

constexpr char kChannel[] = "fraiseql_subs";
// Nothing is sent in a session that listens, so that a role's limit for idle ones would end it.
constexpr char kStay[] = "SET idle_session_timeout = 0";
constexpr char kListen[] = "LISTEN fraiseql_subs";
constexpr uint64_t kListenMs = 10000;
// How long a probe may be under way.
constexpr uint64_t kProbeMs = 5000;

}  // namespace

void Notifications::Start(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
  connection_.Start(loop);
}

void Notifications::Stop() {
  connection_.Stop();
  uv_timer_stop(&timer_);
}

std::string Notifications::NextProbe() {
  if (!is_listening_ || !probe_.empty()) return {};
  std::random_device random;
  char token[17];
  std::snprintf(token, sizeof(token), "%08x%08x", random(), random());
  probe_ = token;
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<Notifications*>(timer->data)->OnProbeLost(); },
      kProbeMs, 0);
  return probe_;
}

void Notifications::OnReady() {
  connection_.Ask(kStay, {}, kListenMs, [this](PgResult result) {
    if (!result.ok()) return connection_.Fail(result.message());
    Listen();
  });
}

void Notifications::Listen() {
  connection_.Ask(kListen, {}, kListenMs, [this](PgResult result) {
    if (!result.ok()) return connection_.Fail(result.message());
    connection_.NoteSuccess();
    is_listening_ = true;
    host_->OnProbeDue();
  });
}

void Notifications::OnDown(const std::string&) {
  uv_timer_stop(&timer_);
  is_listening_ = false;
  do_come_ = false;
  probe_.clear();
  // From now on it has to be looked.
  host_->OnNotified();
}

void Notifications::OnNotification(std::string_view channel, std::string_view payload) {
  if (channel != kChannel) return;
  if (payload.empty()) return host_->OnNotified();
  // Probes of other nodes come, too.
  if (payload != probe_) return;
  uv_timer_stop(&timer_);
  probe_.clear();
  SetCome(true);
}

void Notifications::OnProbeLost() {
  probe_.clear();
  const bool came = do_come_;
  SetCome(false);
  if (came) connection_.Fail("a notification did not come");
}

void Notifications::SetCome(bool come) {
  const bool changed = std::exchange(do_come_, come) != come;
  if (!std::exchange(was_told_, true) || changed) {
    if (come) {
      Log(LogLevel::kLog, "bus: events come when the server notifies of them");
    } else {
      Log(LogLevel::kWarning,
          "bus: the server's notifications do not reach this node, so it asks for events again and "
          "again; behind a pooler, connect directly by fraiseql_subs.bus_listen_url");
    }
  }
  // What was published before they came was not told.
  if (changed) host_->OnNotified();
}

}  // namespace fsubs
