// Wakes a sleeping shard of the worker: a POSIX message queue with room for one message.
//
// A launched worker is not trusted, so nothing that it can do to its end may reach the sender or
// outlast the worker. docs/ring.md says why no other kind of descriptor is good enough.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>

#include <fcntl.h>
#include <mqueue.h>
#include <sys/random.h>
#include <sys/stat.h>

namespace fsubs {

struct WakeQueue {
  int send_fd = -1;     // the backends'
  int receive_fd = -1;  // the worker's; an open file of its own, which shares no flags with send_fd
};

// Make one. Both descriptors are close-on-exec and non-blocking. Returns false, with errno set, if
// that fails.
[[nodiscard]] inline bool OpenWakeQueue(WakeQueue* queue) {
  // The name lives for three calls, and nobody can guess it and take it before.
  uint64_t number;
  if (getrandom(&number, sizeof(number), 0) != sizeof(number)) return false;
  char name[40];
  snprintf(name, sizeof(name), "/fraiseql_subs.%llx", static_cast<unsigned long long>(number));

  mq_attr attributes{};
  attributes.mq_maxmsg = 1;
  attributes.mq_msgsize = 1;
  const int send_fd = mq_open(name, O_WRONLY | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC,
                              S_IRUSR | S_IWUSR, &attributes);
  if (send_fd < 0) return false;
  const int receive_fd = mq_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const int error = errno;
  mq_unlink(name);
  if (receive_fd < 0) {
    mq_close(send_fd);
    errno = error;
    return false;
  }
  *queue = {send_fd, receive_fd};
  return true;
}

inline void CloseWakeQueue(WakeQueue* queue) {
  mq_close(queue->send_fd);
  mq_close(queue->receive_fd);
  *queue = WakeQueue{};
}

// Make the queue readable. Never waits and cannot fail: a full queue is readable.
inline void SendWake(const WakeQueue& queue) {
  constexpr char kMessage = 0;
  [[maybe_unused]] const int sent = mq_send(queue.send_fd, &kMessage, sizeof(kMessage), 0);
}

}  // namespace fsubs
