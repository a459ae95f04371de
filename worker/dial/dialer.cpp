#include "worker/dial/dialer.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "worker/dial/dial_protocol.hpp"

namespace fsubs {
namespace {

// The connection that came with a packet; -1 if there is none.
int TakeAttached(msghdr* message) {
  int fd = -1;
  for (cmsghdr* one = CMSG_FIRSTHDR(message); one != nullptr; one = CMSG_NXTHDR(message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS ||
        one->cmsg_len != CMSG_LEN(sizeof(int))) {
      continue;
    }
    if (fd >= 0) close(fd);
    std::memcpy(&fd, CMSG_DATA(one), sizeof(fd));
  }
  return fd;
}

}  // namespace

void Dialer::Attach(uv_loop_t* loop) {
  reaper_.Attach(loop);
  if (process_.channel < 0) return;
  is_attached_ = uv_poll_init(loop, &poll_, process_.channel) == 0;
  if (!is_attached_) return;
  poll_.data = this;
  uv_poll_start(&poll_, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<Dialer*>(handle->data)->Receive(); });
}

uint32_t Dialer::Dial(const Address& address, Done done, std::string* error) {
  if (!is_attached_) {
    *error = "the worker has no process that makes connections";
    return 0;
  }
  if (address.host.empty() || address.host.size() > kMaxDialHost) {
    *error = "its name is too long";
    return 0;
  }
  if (++last_call_ == 0) ++last_call_;
  DialRequestHead head{last_call_, address.port};
  iovec parts[] = {{&head, sizeof(head)},
                   {const_cast<char*>(address.host.data()), address.host.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = std::size(parts);
  if (sendmsg(process_.channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    *error = std::string("the request could not be sent: ") + std::strerror(errno);
    return 0;
  }
  awaited_.emplace(last_call_, std::move(done));
  return last_call_;
}

void Dialer::Receive() {
  char packet[sizeof(DialReplyHead) + kMaxDialText];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec part{packet, sizeof(packet)};
  while (is_attached_) {
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t size = recvmsg(process_.channel, &message, MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size < 0 && errno == EINTR) continue;
    const int fd = size > 0 ? TakeAttached(&message) : -1;
    DialReplyHead head;
    if (size < static_cast<ssize_t>(sizeof(head))) {
      Close();
      return;
    }
    std::memcpy(&head, packet, sizeof(head));
    std::string error(packet + sizeof(head), static_cast<size_t>(size) - sizeof(head));
    const auto found = awaited_.find(head.id);
    if (found == awaited_.end()) {
      if (fd >= 0) close(fd);
      continue;
    }
    if (fd < 0 && error.empty()) error = "no connection came";
    const Done done = std::move(awaited_.extract(found).mapped());
    done(fd, error);
  }
}

void Dialer::Close() {
  if (!std::exchange(is_attached_, false)) return;
  awaited_.clear();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
  close(std::exchange(process_.channel, -1));
}

}  // namespace fsubs

#ifdef __SANITIZE_THREAD__
// libuv closes sockets by a system call that TSan does not see. When another thread opens something
// that gets the same number, TSan takes it for the socket, which came without a lock.
extern "C" const char* __tsan_default_suppressions() {
  return "race:fsubs::Dialer::Receive\n";
}
#endif
