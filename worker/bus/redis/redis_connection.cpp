#include "worker/bus/redis/redis_connection.hpp"

#include <charconv>
#include <cstdlib>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/bus/redis/command.hpp"

namespace fsubs {
namespace {

constexpr uint64_t kFirstDelayMs = 100;
constexpr uint64_t kMostDelayMs = 10'000;
// For looking the name up, connecting and logging in.
constexpr uint64_t kConnectTimeoutMs = 10'000;
constexpr uint64_t kReplyTimeoutMs = 5000;
// The same trouble is told again after this.
constexpr uint64_t kTellAgainMs = 60'000;
// What trims by a least id.
constexpr unsigned kMostRedirects = 5;
constexpr unsigned kLeastVersion[] = {6, 2};

// The value of a line "name:value".
std::string_view FieldOf(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const size_t end = std::min(info.find("\r\n"), info.size());
    const std::string_view line = info.substr(0, end);
    info.remove_prefix(std::min(end + 2, info.size()));
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
  }
  return {};
}

bool IsTooOld(std::string_view version) {
  unsigned parts[2] = {};
  const char* const end = version.data() + version.size();
  const auto major = std::from_chars(version.data(), end, parts[0]);
  if (major.ec != std::errc{}) return false;
  if (major.ptr != end) std::from_chars(major.ptr + 1, end, parts[1]);
  return parts[0] < kLeastVersion[0] ||
         (parts[0] == kLeastVersion[0] && parts[1] < kLeastVersion[1]);
}

// Of "MOVED <slot> <host>:<port>". Without a host it is the same as that of who says so: then a
// cluster does not know by which address it is reached (cluster-preferred-endpoint-type).
std::optional<Address> ReadMoved(std::string_view error, const std::string& said_by) {
  if (!error.starts_with("MOVED ")) return std::nullopt;
  const size_t space = error.rfind(' ');
  const size_t colon = error.rfind(':');
  if (colon == std::string_view::npos || colon <= space) return std::nullopt;
  Address address{std::string(error.substr(space + 1, colon - space - 1)), 0};
  if (address.host.empty()) address.host = said_by;
  const std::string_view port = error.substr(colon + 1);
  const auto read = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (read.ec != std::errc{} || address.port == 0) return std::nullopt;
  return address;
}

std::string Refused(const Reply& reply) {
  if (reply.is_error("WRONGPASS") || reply.is_error("NOAUTH")) {
    return "it refuses the user or the password: " + reply.text;
  }
  return reply.text;
}

}  // namespace

RedisConnection::RedisConnection(const RedisAccess& access, std::string purpose,
                                 const ReplyLimits& limits, Dialer* dialer, Sink* sink)
    : access_(access),
      purpose_(std::move(purpose)),
      limits_(limits),
      dialer_(dialer),
      sink_(sink),
      backoff_(kFirstDelayMs, kMostDelayMs, std::random_device{}()) {}

RedisConnection::~RedisConnection() = default;

void RedisConnection::Start(uv_loop_t* loop) {
  loop_ = loop;
  uv_timer_init(loop, &timer_);
  timer_.data = this;
  Connect();
}

void RedisConnection::Stop() {
  if (state_ == State::kStopped) return;
  Drop();
  state_ = State::kStopped;
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
}

void RedisConnection::StartTimer(uint64_t delay_ms, void (RedisConnection::*then)()) {
  then_ = then;
  uv_timer_start(
      &timer_,
      [](uv_timer_t* timer) {
        auto* const connection = static_cast<RedisConnection*>(timer->data);
        (connection->*connection->then_)();
      },
      delay_ms, 0);
}

void RedisConnection::Connect() {
  if (redirect_) {
    Dial(*std::exchange(redirect_, std::nullopt), State::kLoggingIn);
    return;
  }
  const Address& address = access_.url.addresses[next_address_++ % access_.url.addresses.size()];
  Dial(address, access_.url.kind == RedisKind::kSentinel ? State::kSentinel : State::kLoggingIn);
}

void RedisConnection::Dial(const Address& address, State next) {
  address_ = address;
  state_ = State::kDialing;
  StartTimer(kConnectTimeoutMs, &RedisConnection::OnTimeout);
  std::string error;
  call_ = dialer_->Dial(
      address,
      [this, next](int fd, const std::string& problem) {
        call_ = 0;
        OnDialed(fd, problem, next);
      },
      &error);
  if (call_ == 0) Down(error);
}

void RedisConnection::OnTimeout() {
  Down("it could not be connected to in time");
}

void RedisConnection::OnDialed(int fd, const std::string& error, State next) {
  if (fd < 0) {
    Down(error);
    return;
  }
  std::unique_ptr<TlsClientSession> tls;
  if (access_.tls != nullptr) tls = std::make_unique<TlsClientSession>(*access_.tls, address_.host);
  link_ = RedisLink::Open(loop_, fd, std::move(tls), limits_, [this](const std::string& why) {
    link_ = nullptr;
    Down(why);
  });
  state_ = next;
  if (next == State::kSentinel) {
    AskSentinel();
  } else {
    LogIn();
  }
}

void RedisConnection::AskSentinel() {
  const RedisUrl& url = access_.url;
  std::string commands;
  const bool logs_in = !url.sentinel_password.empty();
  if (logs_in) {
    commands = url.sentinel_user.empty()
                   ? Command("AUTH", url.sentinel_password)
                   : Command("AUTH", url.sentinel_user, url.sentinel_password);
  }
  commands += Command("SENTINEL", "get-master-addr-by-name", url.service);
  link_->Request(
      commands, logs_in ? 2 : 1, kReplyTimeoutMs,
      [this, logs_in](const RedisLink::Replies& replies) { OnSentinel(replies, logs_in); });
}

void RedisConnection::OnSentinel(const RedisLink::Replies& replies, bool logged_in) {
  if (logged_in && replies.front().is_error()) {
    Down("the Sentinel: " + Refused(replies.front()));
    return;
  }
  const Reply& answer = replies.back();
  if (answer.is_nil()) {
    Down("the Sentinel knows no primary named \"" + access_.url.service + "\"");
    return;
  }
  Address primary;
  if (answer.is_array() && answer.elements.size() == 2 && answer.elements[0].is_text() &&
      answer.elements[1].is_text()) {
    primary.host = answer.elements[0].text;
    const std::string& port = answer.elements[1].text;
    std::from_chars(port.data(), port.data() + port.size(), primary.port);
  }
  if (primary.host.empty() || primary.port == 0) {
    Down("the Sentinel: " + (answer.is_error() ? Refused(answer) : "its answer is no address"));
    return;
  }
  // The same Sentinel is asked first the next time.
  --next_address_;
  Drop();
  Dial(primary, State::kLoggingIn);
}

void RedisConnection::LogIn() {
  const RedisUrl& url = access_.url;
  std::string commands;
  size_t count = 0;
  const auto add = [&](const auto&... parts) {
    AppendCommand({std::string_view(parts)...}, &commands);
    ++count;
  };
  if (!url.password.empty() && url.user.empty()) add("AUTH", url.password);
  if (!url.password.empty() && !url.user.empty()) add("AUTH", url.user, url.password);
  add("CLIENT", "SETNAME", purpose_);
  if (url.database != 0) add("SELECT", std::to_string(url.database));
  if (url.kind != RedisKind::kSingle) add("ROLE");
  add("INFO");
  link_->Request(commands, count, kReplyTimeoutMs,
                 [this](const RedisLink::Replies& replies) { OnLogin(replies); });
}

void RedisConnection::OnLogin(const RedisLink::Replies& replies) {
  const RedisUrl& url = access_.url;
  const Reply* reply = replies.data();
  if (!url.password.empty() && (reply++)->is_error()) {
    Down(Refused(replies.front()));
    return;
  }
  // Without the right to set a name it has none.
  const Reply& name = *reply++;
  if (name.is_error("NOAUTH")) {
    Down("it wants a password, and the URL has none");
    return;
  }
  if (url.database != 0 && (reply++)->is_error()) {
    Down("database " + std::to_string(url.database) + " cannot be selected: " + reply[-1].text);
    return;
  }
  if (url.kind != RedisKind::kSingle) {
    const Reply& role = *reply++;
    const bool is_known = role.is_array() && !role.elements.empty();
    if (!is_known || role.elements[0].text != "master") {
      if (role.is_error()) {
        Down("its role cannot be asked for: " + role.text);
      } else {
        Down("it is not the primary but a replica");
      }
      return;
    }
  }
  const std::string problem = reply->is_text() ? CheckInfo(reply->text) : "";
  if (!problem.empty()) {
    Down(problem);
    return;
  }
  uv_timer_stop(&timer_);
  state_ = State::kReady;
  ++connects_;
  sink_->OnReady();
}

std::string RedisConnection::CheckInfo(std::string_view info) {
  if (FieldOf(info, "loading") == "1") return "it is still loading its data";
  const std::string_view version = FieldOf(info, "redis_version");
  if (IsTooOld(version)) {
    return "it is Redis " + std::string(version.substr(0, 20)) + ", older than " +
           std::to_string(kLeastVersion[0]) + "." + std::to_string(kLeastVersion[1]);
  }
  if (FieldOf(info, "cluster_enabled") == "1" && access_.url.kind != RedisKind::kCluster) {
    return "it is a node of a cluster: the URL has to begin with redis+cluster:// or "
           "rediss+cluster://";
  }
  const std::string_view policy = FieldOf(info, "maxmemory_policy");
  if (policy.starts_with("allkeys") && FieldOf(info, "maxmemory") != "0" &&
      !std::exchange(warned_of_eviction_, true)) {
    Log(LogLevel::kWarning,
        "Redis at %s may throw events away when its memory is full: its maxmemory-policy is "
        "\"%.*s\"; \"noeviction\" and the volatile ones keep them",
        ToString(address_).c_str(), static_cast<int>(policy.size()), policy.data());
  }
  return {};
}

void RedisConnection::Request(std::string_view commands, size_t replies, uint64_t timeout_ms,
                              RedisLink::Done done) {
  link_->Request(commands, replies, timeout_ms, std::move(done));
}

void RedisConnection::Fail(const std::string& why) {
  if (state_ != State::kReady) return;
  if (access_.url.kind == RedisKind::kCluster) redirect_ = ReadMoved(why, address_.host);
  Down(why);
}

void RedisConnection::Drop() {
  if (call_ != 0) dialer_->GiveUp(std::exchange(call_, 0));
  if (link_ != nullptr) std::exchange(link_, nullptr)->Close();
}

void RedisConnection::Down(const std::string& why) {
  Drop();
  // Once is usual; nodes that go on sending us to each other are none of a cluster that works.
  const bool is_moved = redirect_.has_value() && ++redirects_ <= kMostRedirects;
  if (!is_moved) TellTrouble(why);
  state_ = State::kWaiting;
  StartTimer(backoff_.Next(), &RedisConnection::Connect);
  sink_->OnDown(is_moved ? "" : why);
}

void RedisConnection::TellTrouble(const std::string& why) {
  is_well_ = false;
  const uint64_t now_ms = uv_now(loop_);
  if (why == told_ && now_ms - told_ms_ < kTellAgainMs) return;
  told_ = why;
  told_ms_ = now_ms;
  Log(LogLevel::kWarning, "%s cannot use Redis at %s: %s; trying again", purpose_.c_str(),
      ToString(address_).c_str(), why.c_str());
}

void RedisConnection::NoteSuccess() {
  backoff_.Reset();
  redirects_ = 0;
  if (std::exchange(is_well_, true)) return;
  told_.clear();
  Log(LogLevel::kLog, "%s is connected to Redis at %s", purpose_.c_str(),
      ToString(address_).c_str());
}

void RedisConnection::SetLimits(const ReplyLimits& limits) {
  limits_ = limits;
  if (link_ != nullptr) link_->SetLimits(limits);
}

}  // namespace fsubs
