#include "worker/bus/postgresql/pg_connection.hpp"

#include <libpq-fe.h>
#include <netdb.h>

#include <cstring>
#include <memory>
#include <utility>

#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"

namespace fsubs {
namespace {

// For one address, from the lookup of its name to the session's beginning.
constexpr uint64_t kConnectMs = 5000;
constexpr uint64_t kFirstDelayMs = 100;
constexpr uint64_t kMostDelayMs = 10000;
// A trouble that lasts is told again after that.
constexpr uint64_t kTellAgainMs = 60000;

constexpr size_t kMostFailures = 1000;  // bytes of their texts

uint32_t Seed(const void* of) {
  return static_cast<uint32_t>(MonotonicUs() ^ reinterpret_cast<uintptr_t>(of));
}

bool IsGrave(const PGresult* notice) {
  const char* const severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity != nullptr &&
         (std::strcmp(severity, "FATAL") == 0 || std::strcmp(severity, "PANIC") == 0);
}

// PQcancel waits for the server, so it gets a thread of the loop's pool.
struct Cancellation {
  uv_work_t work{};
  PGcancel* cancel;
};

}  // namespace

struct PgConnection::Lookup {
  uv_getaddrinfo_t request{};
  PgConnection* owner;  // null: given up
  PgServer server;
};

// Closes itself, and so lives longer than what it is of.
struct PgConnection::Watch {
  uv_poll_t poll{};
  PgConnection* owner;
};

PgConnection::PgConnection(const PgDsn& dsn, std::string purpose, Sink* sink)
    : dsn_(dsn),
      purpose_(std::move(purpose)),
      sink_(sink),
      backoff_(kFirstDelayMs, kMostDelayMs, Seed(this)) {}

void PgConnection::Start(uv_loop_t* loop) {
  loop_ = loop;
  uv_timer_init(loop, &timer_);
  timer_.data = this;
  Begin();
}

void PgConnection::Stop() {
  if (state_ == State::kStopped) return;
  Drop();
  state_ = State::kStopped;
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
}

void PgConnection::Begin() {
  next_server_ = 0;
  failures_.clear();
  TakeNextServer();
}

void PgConnection::TakeNextServer() {
  if (next_server_ == dsn_.servers().size()) return Down(std::exchange(failures_, {}));
  const PgServer& server = dsn_.servers()[next_server_++];
  if (server.is_unix_socket() || !server.address.empty()) {
    addresses_ = {server};
    return TryNextAddress();
  }
  state_ = State::kResolving;
  auto lookup = std::make_unique<Lookup>();
  lookup->request.data = lookup.get();
  lookup->owner = this;
  lookup->server = server;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = AF_UNSPEC;
  const int failed = uv_getaddrinfo(
      loop_, &lookup->request,
      [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
        const std::unique_ptr<Lookup> done(static_cast<Lookup*>(request->data));
        if (PgConnection* const owner = done->owner) {
          owner->lookup_ = nullptr;
          owner->OnResolved(done->server, status, found);
        }
        uv_freeaddrinfo(found);
      },
      server.host.c_str(), nullptr, &hints);
  if (failed != 0) return OnResolved(server, failed, nullptr);
  lookup_ = lookup.release();
  StartTimer(kConnectMs, &PgConnection::OnTimeout);
}

void PgConnection::OnResolved(const PgServer& server, int status, const addrinfo* found) {
  addresses_.clear();
  for (; status == 0 && found != nullptr; found = found->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), nullptr, 0,
                    NI_NUMERICHOST) != 0) {
      continue;
    }
    addresses_.push_back({.host = server.host, .address = text, .port = server.port});
  }
  if (addresses_.empty()) {
    return NextAttempt("host \"" + server.host + "\" is not known: " +
                       (status == 0 ? "it has no address" : uv_strerror(status)));
  }
  TryNextAddress();
}

void PgConnection::TryNextAddress() {
  state_ = State::kConnecting;
  const PgServer server = addresses_.front();
  addresses_.erase(addresses_.begin());
  const PgDsn::Keywords keywords = dsn_.KeywordsFor(server, "fraiseql-worker " + purpose_);
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  notice_.clear();
  connection_ = PQconnectStartParams(names.data(), values.data(), /*expand_dbname=*/0);
  if (connection_ == nullptr) return NextAttempt("out of memory");
  if (PQstatus(connection_) == CONNECTION_BAD) {
    return NextAttempt(OnOneLine(PQerrorMessage(connection_)));
  }
  PQsetNoticeReceiver(
      connection_,
      [](void* context, const PGresult* notice) {
        if (!IsGrave(notice)) return;
        const char* const message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
        static_cast<PgConnection*>(context)->notice_ = OnOneLine(message == nullptr ? "" : message);
      },
      this);
  StartTimer(kConnectMs, &PgConnection::OnTimeout);
  WatchSocket(UV_WRITABLE);
}

void PgConnection::ContinueConnecting() {
  // It may close the socket and open another one of the same number.
  Unwatch();
  switch (PQconnectPoll(connection_)) {
    case PGRES_POLLING_READING:
      return WatchSocket(UV_READABLE);
    case PGRES_POLLING_WRITING:
      return WatchSocket(UV_WRITABLE);
    case PGRES_POLLING_OK:
      break;
    default: {
      std::string why = OnOneLine(PQerrorMessage(connection_));
      if (PQconnectionNeedsPassword(connection_) != 0) {
        why += "; give the password in the connection string or in a passfile";
      }
      return NextAttempt(why);
    }
  }
  if (PQsetnonblocking(connection_, 1) != 0) return NextAttempt("out of memory");
  uv_timer_stop(&timer_);
  state_ = State::kReady;
  addresses_.clear();
  WatchSocket(UV_READABLE);
  sink_->OnReady();
}

void PgConnection::OnSocket(int status) {
  if (state_ == State::kConnecting) return ContinueConnecting();
  if (status < 0) return Down(uv_strerror(status));
  if (PQconsumeInput(connection_) == 0) return Down(LastWords(PQerrorMessage(connection_)));
  Send();
  if (state_ == State::kReady) TakeInput();
}

void PgConnection::Ask(const char* statement, std::span<const std::string> parameters,
                       uint64_t timeout_ms, Done done) {
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  done_ = std::move(done);
  has_result_ = false;
  // Its failure shows when the socket is looked at.
  PQsendQueryParams(connection_, statement, static_cast<int>(values.size()), nullptr, values.data(),
                    nullptr, nullptr, /*resultFormat=*/1);
  WatchSocket(UV_READABLE | UV_WRITABLE);
  StartTimer(timeout_ms, &PgConnection::OnTimeout);
}

void PgConnection::Send() {
  const int left = PQflush(connection_);
  if (left < 0) return Down(LastWords(PQerrorMessage(connection_)));
  WatchSocket(left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

void PgConnection::TakeInput() {
  TakeNotifications();
  while (state_ == State::kReady && done_ && PQisBusy(connection_) == 0) {
    PGresult* const result = PQgetResult(connection_);
    if (result != nullptr) {
      PgResult taken(result);
      switch (PQresultStatus(result)) {
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
        case PGRES_FATAL_ERROR:
          break;
        default:
          // A copy, for instance, of which there is no end.
          return Down("the server answers what was not asked");
      }
      if (!std::exchange(has_result_, true)) result_ = std::move(taken);
      continue;
    }
    if (!has_result_ || PQstatus(connection_) == CONNECTION_BAD) {
      return Down(LastWords(has_result_ ? result_.message() : PQerrorMessage(connection_)));
    }
    uv_timer_stop(&timer_);
    std::exchange(done_, nullptr)(std::move(result_));
  }
  if (state_ == State::kReady) TakeNotifications();
}

void PgConnection::TakeNotifications() {
  while (state_ == State::kReady) {
    const std::unique_ptr<PGnotify, decltype(&PQfreemem)> notification(PQnotifies(connection_),
                                                                       PQfreemem);
    if (notification == nullptr) return;
    sink_->OnNotification(notification->relname, notification->extra);
  }
}

void PgConnection::NextAttempt(const std::string& why) {
  if (failures_.size() < kMostFailures && failures_.find(why) == std::string::npos) {
    if (!failures_.empty()) failures_ += "; ";
    failures_ += why;
  }
  std::vector<PgServer> others = std::move(addresses_);
  Drop();
  addresses_ = std::move(others);
  if (addresses_.empty()) {
    TakeNextServer();
  } else {
    TryNextAddress();
  }
}

void PgConnection::Fail(const std::string& why) {
  if (state_ != State::kStopped && state_ != State::kWaiting) Down(why);
}

void PgConnection::Down(const std::string& why) {
  Drop();
  state_ = State::kWaiting;
  TellTrouble(why);
  StartTimer(backoff_.Next(), &PgConnection::Begin);
  sink_->OnDown(why);
}

void PgConnection::Drop() {
  Unwatch();
  uv_timer_stop(&timer_);
  if (lookup_ != nullptr) {
    lookup_->owner = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&lookup_->request));
    lookup_ = nullptr;
  }
  addresses_.clear();
  done_ = nullptr;
  result_ = {};
  if (connection_ != nullptr) PQfinish(std::exchange(connection_, nullptr));
}

void PgConnection::OnTimeout() {
  if (state_ == State::kReady) {
    CancelStatement();
    return Down("the server has not answered in time");
  }
  std::string where = state_ == State::kResolving ? "its name could not be looked up" : "";
  if (connection_ != nullptr) {
    const char* const host = PQhost(connection_);
    where = "the server at \"" + std::string(host == nullptr ? "" : host) + "\" does not answer";
  }
  NextAttempt(where);
}

void PgConnection::CancelStatement() {
  PGcancel* const cancel = PQgetCancel(connection_);
  if (cancel == nullptr) return;
  auto cancellation = std::make_unique<Cancellation>();
  cancellation->cancel = cancel;
  cancellation->work.data = cancellation.get();
  const int failed = uv_queue_work(
      loop_, &cancellation->work,
      [](uv_work_t* work) {
        char error[256];
        PQcancel(static_cast<Cancellation*>(work->data)->cancel, error, sizeof(error));
      },
      [](uv_work_t* work, int) {
        const std::unique_ptr<Cancellation> done(static_cast<Cancellation*>(work->data));
        PQfreeCancel(done->cancel);
      });
  if (failed != 0) {
    PQfreeCancel(cancel);
  } else {
    cancellation.release();
  }
}

void PgConnection::NoteSuccess() {
  backoff_.Reset();
  if (std::exchange(is_well_, true)) return;
  if (!told_.empty()) {
    Log(LogLevel::kLog, "bus: the connection that %s is there again", purpose_.c_str());
  }
  told_.clear();
}

void PgConnection::TellTrouble(const std::string& why) {
  const uint64_t now_ms = uv_now(loop_);
  is_well_ = false;
  if (why == told_ && now_ms - told_ms_ < kTellAgainMs) return;
  told_ = why;
  told_ms_ = now_ms;
  Log(LogLevel::kWarning, "bus: the connection that %s is not there: %s", purpose_.c_str(),
      why.c_str());
}

std::string PgConnection::LastWords(std::string_view message) const {
  return notice_.empty() ? OnOneLine(message) : notice_;
}

void PgConnection::WatchSocket(int events) {
  if (watch_ == nullptr) {
    auto watch = std::make_unique<Watch>();
    watch->owner = this;
    watch->poll.data = watch.get();
    if (uv_poll_init(loop_, &watch->poll, PQsocket(connection_)) != 0) {
      // As a lost connection: the timer of the attempt or of the statement ends it.
      return;
    }
    watch_ = watch.release();
  }
  uv_poll_start(&watch_->poll, events, [](uv_poll_t* poll, int status, int) {
    static_cast<Watch*>(poll->data)->owner->OnSocket(status);
  });
}

void PgConnection::Unwatch() {
  if (watch_ == nullptr) return;
  // Before the socket is closed: its number may be another's then.
  uv_close(reinterpret_cast<uv_handle_t*>(&std::exchange(watch_, nullptr)->poll),
           [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
}

void PgConnection::StartTimer(uint64_t delay_ms, void (PgConnection::*then)()) {
  then_ = then;
  uv_timer_start(
      &timer_,
      [](uv_timer_t* timer) {
        auto* const connection = static_cast<PgConnection*>(timer->data);
        (connection->*connection->then_)();
      },
      delay_ms, 0);
}

}  // namespace fsubs
