#include "worker/bus/redis/redis_link.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

namespace fsubs {
namespace {

constexpr size_t kReadBuffer = 64 * 1024;
constexpr unsigned kKeepAliveSeconds = 30;

}  // namespace

RedisLink::RedisLink(const ReplyLimits& limits, Broken broken)
    : reader_(limits), broken_(std::move(broken)), buffer_(kReadBuffer) {}

RedisLink* RedisLink::Open(uv_loop_t* loop, int fd, std::unique_ptr<TlsClientSession> tls,
                           const ReplyLimits& limits, Broken broken) {
  auto* const link = new RedisLink(limits, std::move(broken));
  link->tls_ = std::move(tls);
  uv_tcp_init(loop, &link->socket_);
  uv_timer_init(loop, &link->timer_);
  link->open_handles_ = 2;
  link->socket_.data = link->timer_.data = link;
  if (uv_tcp_open(&link->socket_, fd) != 0) {
    close(fd);
  } else {
    uv_tcp_nodelay(&link->socket_, 1);
    uv_tcp_keepalive(&link->socket_, 1, kKeepAliveSeconds);
    uv_read_start(
        reinterpret_cast<uv_stream_t*>(&link->socket_),
        [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
          std::vector<char>& room = static_cast<RedisLink*>(handle->data)->buffer_;
          *buffer = uv_buf_init(room.data(), static_cast<unsigned>(room.size()));
        },
        [](uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
          static_cast<RedisLink*>(stream->data)->OnRead(size);
        });
  }
  return link;
}

void RedisLink::Request(std::string_view commands, size_t replies, uint64_t timeout_ms, Done done) {
  awaited_.push_back({replies, timeout_ms, std::move(done), {}});
  if (awaited_.size() == 1) ArmTimer();
  if (tls_ == nullptr) {
    Put(std::string(commands));
    return;
  }
  std::string error;
  if (!tls_->Send(commands, &error)) {
    // Not from within the call: callers need not expect it.
    uv_timer_start(
        &timer_,
        [](uv_timer_t* timer) { static_cast<RedisLink*>(timer->data)->Break("TLS failed"); }, 0, 0);
    return;
  }
  SendTlsOutput();
}

void RedisLink::SendTlsOutput() {
  std::string output = tls_->TakeOutput();
  if (!output.empty()) Put(std::move(output));
}

// A failed write shows in what is read.
void RedisLink::Put(std::string bytes) {
  auto* const write = new Write;
  write->bytes = std::move(bytes);
  write->request.data = write;
  uv_buf_t buffer = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  const int failure =
      uv_write(&write->request, reinterpret_cast<uv_stream_t*>(&socket_), &buffer, 1,
               [](uv_write_t* request, int) { delete static_cast<Write*>(request->data); });
  if (failure != 0) delete write;
}

void RedisLink::OnRead(ssize_t size) {
  if (size == 0) return;
  if (size < 0) {
    const std::string why = size == UV_EOF ? "the server closed the connection"
                                           : std::string("the connection failed: ") +
                                                 uv_strerror(static_cast<int>(size));
    const std::string error = LastError();
    Break(error.empty() ? why : error + " (" + why + ")");
    return;
  }
  received_ += static_cast<size_t>(size);
  const std::string_view bytes(buffer_.data(), static_cast<size_t>(size));
  if (tls_ == nullptr) {
    TakeReplies(bytes);
    return;
  }
  std::string plain;
  std::string error;
  const bool goes_on = tls_->Receive(bytes, &plain, &error);
  SendTlsOutput();
  TakeReplies(plain);
  if (!goes_on && !is_closed()) Break(error);
}

// What was refused of the request that is under way: why a server then closes the connection.
std::string RedisLink::LastError() const {
  if (awaited_.empty() || awaited_.front().come.empty()) return {};
  const Reply& last = awaited_.front().come.back();
  return last.is_error() ? last.text : "";
}

void RedisLink::TakeReplies(std::string_view bytes) {
  if (!reader_.Feed(bytes)) {
    Break(reader_.error());
    return;
  }
  while (!is_closed()) {
    Reply reply;
    switch (reader_.Next(&reply)) {
      case ReplyReader::Result::kMore:
        return;
      case ReplyReader::Result::kBroken:
        Break(reader_.error());
        return;
      case ReplyReader::Result::kReply:
        break;
    }
    if (awaited_.empty()) {
      Break("a reply came that nobody had asked for: " + reply.text.substr(0, 200));
      return;
    }
    Awaited& first = awaited_.front();
    first.come.push_back(std::move(reply));
    if (first.come.size() < first.replies) continue;
    Awaited whole = std::move(first);
    awaited_.pop_front();
    ArmTimer();
    whole.done(std::move(whole.come));
  }
}

void RedisLink::ArmTimer() {
  if (awaited_.empty()) {
    uv_timer_stop(&timer_);
    return;
  }
  seen_received_ = received_;
  seen_unsent_ = Unsent();
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<RedisLink*>(timer->data)->OnTimeout(); },
      awaited_.front().timeout_ms, 0);
}

void RedisLink::OnTimeout() {
  if (received_ != seen_received_ || Unsent() < seen_unsent_) {
    ArmTimer();
  } else {
    Break("the server did not answer in time");
  }
}

// Bytes that the server has not acknowledged.
size_t RedisLink::Unsent() const {
  uv_os_fd_t fd;
  int in_kernel = 0;
  if (uv_fileno(reinterpret_cast<const uv_handle_t*>(&socket_), &fd) != 0 ||
      ioctl(fd, SIOCOUTQ, &in_kernel) != 0) {
    in_kernel = 0;
  }
  return socket_.write_queue_size + static_cast<size_t>(in_kernel);
}

void RedisLink::Break(const std::string& why) {
  if (is_closed()) return;
  const Broken broken = broken_;
  Close();
  broken(why);
}

void RedisLink::Close() {
  if (is_closed()) return;
  broken_ = nullptr;
  awaited_.clear();
  const auto closed = [](uv_handle_t* handle) {
    auto* const link = static_cast<RedisLink*>(handle->data);
    if (--link->open_handles_ == 0) delete link;
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&socket_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), closed);
}

}  // namespace fsubs
