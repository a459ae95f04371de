#include "worker/socket/unix_listener.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/socket/listener.hpp"

namespace fsubs {
namespace {

constexpr size_t kAcceptsPerTurn = 64;

// The wait when there are no descriptors. The shards make room for those who come by the port.
constexpr uint64_t kAgainMs = 100;

}  // namespace

UnixListener::UnixListener(uv_loop_t* loop, int fd, HandOn hand_on)
    : fd_(fd), hand_on_(std::move(hand_on)) {
  uv_poll_init(loop, &listening_, fd);
  listening_.data = this;
  uv_timer_init(loop, &again_);
  again_.data = this;
  Start();
}

std::unique_ptr<UnixListener> UnixListener::Open(uv_loop_t* loop, const std::string& path,
                                                 HandOn hand_on, std::string* error) {
  const int fd = OpenUnixListener(path, SocketAccess::kEverybody, error);
  return fd < 0 ? nullptr : Adopt(loop, fd, std::move(hand_on));
}

std::unique_ptr<UnixListener> UnixListener::Adopt(uv_loop_t* loop, int fd, HandOn hand_on) {
  return std::unique_ptr<UnixListener>(new UnixListener(loop, fd, std::move(hand_on)));
}

void UnixListener::Start() {
  uv_poll_start(&listening_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<UnixListener*>(handle->data)->Accept();
  });
}

void UnixListener::Accept() {
  for (size_t i = 0; i < kAcceptsPerTurn; ++i) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      hand_on_(fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      Log(LogLevel::kWarning, "cannot accept a client: %s", std::strerror(errno));
      uv_poll_stop(&listening_);
      uv_timer_start(
          &again_, [](uv_timer_t* timer) { static_cast<UnixListener*>(timer->data)->Start(); },
          kAgainMs, 0);
      return;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

}  // namespace fsubs
