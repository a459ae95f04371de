// Accepts clients at a Unix socket and hands them on, to shards in turn: the kernel spreads the
// clients of a port over the sockets that share it, but not those of a path.
//
// Loop thread only.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>

namespace fsubs {

class UnixListener {
 public:
  // Takes a socket that does not block.
  using HandOn = std::function<void(int fd)>;

  // Returns null, and says why in `*error`, if the path cannot be used. `loop` outlives the
  // listener, which lives until the process ends.
  static std::unique_ptr<UnixListener> Open(uv_loop_t* loop, const std::string& path,
                                            HandOn hand_on, std::string* error);
  // The same for a socket that listens already.
  static std::unique_ptr<UnixListener> Adopt(uv_loop_t* loop, int fd, HandOn hand_on);
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;

 private:
  UnixListener(uv_loop_t* loop, int fd, HandOn hand_on);

  void Start();
  void Accept();

  const int fd_;
  const HandOn hand_on_;
  uv_poll_t listening_;
  uv_timer_t again_;
};

}  // namespace fsubs
