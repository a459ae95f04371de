#include "worker/socket/tcp_stream.hpp"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace fsubs {
namespace {

// How long the kernel goes on with a peer that takes nothing of what was left for it. By itself it
// does for many minutes, and keeps all of that in memory.
constexpr unsigned kLeftUntakenMs = 10'000;

}  // namespace

TcpStream::TcpStream(uv_loop_t* loop, ReadTurns* turns, ReadBuffer* buffer, int fd)
    : turns_(turns), buffer_(buffer), fd_(fd) {
  if (const int error = uv_poll_init(loop, &poll_, fd); error != 0) {
    throw std::runtime_error(uv_strerror(error));
  }
  poll_.data = this;
}

void TcpStream::Start(std::unique_ptr<StreamUser> user) {
  user_ = std::move(user);
  Watch();
}

// A message costs no epoll_ctl: the events that are watched change only when a peer reads too
// slowly, and when nothing is to be read.
void TcpStream::Watch() {
  if (closing_) return;
  const int events =
      (wants_to_read() && !waits_ ? UV_READABLE : 0) | (pending_ || broken_ ? UV_WRITABLE : 0);
  if (events == watched_) return;
  watched_ = events;
  if (events == 0) {
    uv_poll_stop(&poll_);
    return;
  }
  uv_poll_start(&poll_, events, [](uv_poll_t* handle, int status, int happened) {
    static_cast<TcpStream*>(handle->data)->OnPoll(status, happened);
  });
}

void TcpStream::OnPoll(int status, int events) {
  if (broken_ || status < 0) {
    broken_ = true;
    user_->OnBroken();
    Close();
    return;
  }
  if ((events & UV_WRITABLE) != 0) SendPending();
  if ((events & UV_READABLE) != 0 && wants_to_read() && !waits_) {
    waits_ = true;
    turns_->Ask(this);
  }
  Watch();
}

void TcpStream::Read() {
  waits_ = false;
  if (asked_) {
    asked_ = false;
    user_->OnBytes({});
  } else if (wants_to_read()) {
    // A lot may have happened while it waited.
    Receive();
  }
  Watch();
}

void TcpStream::AskForTurn() {
  asked_ = true;
  if (waits_ || closing_) return;
  waits_ = true;
  turns_->Queue(this);
  Watch();
}

void TcpStream::Receive() {
  const ssize_t length = recv(fd_, buffer_->data(), buffer_->size(), 0);
  if (length > 0) {
    user_->OnBytes({buffer_->data(), static_cast<size_t>(length)});
  } else if (length == 0) {
    ended_ = true;
    user_->OnEnd();
  } else if (errno != EAGAIN && errno != EINTR) {
    broken_ = true;
  }
}

WriteResult TcpStream::Write(std::string_view bytes) {
  if (closing_ || broken_ || shut_) return WriteResult::kBroken;
  size_t sent = 0;
  if (!pending_) {
    const ssize_t result = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (result < 0 && errno != EAGAIN && errno != EINTR) {
      broken_ = true;
      Watch();
      return WriteResult::kBroken;
    }
    sent = result < 0 ? 0 : static_cast<size_t>(result);
    if (sent == bytes.size()) return WriteResult::kSent;
    pending_ = std::make_unique<std::string>();
    Watch();
  }
  pending_->append(bytes.substr(sent));
  return WriteResult::kPending;
}

void TcpStream::SendPending() {
  if (!pending_) return;
  const ssize_t result = send(fd_, pending_->data() + sent_, pending(), MSG_NOSIGNAL);
  if (result < 0) {
    if (errno != EAGAIN && errno != EINTR) broken_ = true;
    return;
  }
  sent_ += static_cast<size_t>(result);
  if (sent_ < pending_->size()) return;
  pending_.reset();
  sent_ = 0;
  if (shut_) shutdown(fd_, SHUT_WR);
  user_->OnWritable();
}

size_t TcpStream::unacknowledged() const {
  int in_kernel = 0;
  // A socket that is broken has none.
  (void)ioctl(fd_, SIOCOUTQ, &in_kernel);
  return pending() + static_cast<size_t>(in_kernel);
}

void TcpStream::SetReading(bool reading) {
  reading_ = reading;
  Watch();
}

void TcpStream::ShutDown() {
  if (shut_) return;
  shut_ = true;
  if (!pending_) shutdown(fd_, SHUT_WR);
}

void TcpStream::Close() {
  if (closing_) return;
  closing_ = true;
  if (waits_) turns_->Remove(this);
  setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &kLeftUntakenMs, sizeof(kLeftUntakenMs));
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
    auto* const stream = static_cast<TcpStream*>(handle->data);
    stream->user_.reset();
    close(stream->fd_);
    delete stream;
  });
}

void TcpStream::SetPeer(const sockaddr_storage& address) {
  peer_ = std::make_unique<sockaddr_storage>(address);
}

std::string TcpStream::Peer() const {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  char host[INET6_ADDRSTRLEN] = "";
  if (peer_) {
    address = *peer_;
  } else if (getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return {};
  }
  if (address.ss_family == AF_UNIX) return "unix:";
  if (address.ss_family == AF_INET6) {
    const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
    return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6->sin6_port));
  }
  const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address);
  inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
  return std::string(host) + ":" + std::to_string(ntohs(v4->sin_port));
}

}  // namespace fsubs
