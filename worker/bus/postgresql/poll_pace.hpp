// When a bus is asked for events that nobody has told of: soon behind such events, and less and
// less often while there are none.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fsubs {

class PollPace {
 public:
  static constexpr uint64_t kLeastMs = 2;
  // The most where notifications reach this node, and where they do not.
  static constexpr uint64_t kMostToldMs = 1000;
  static constexpr uint64_t kMostUntoldMs = 100;

  // The bus was asked. `found`: there were events; `told`: a notification had told of them.
  void OnRead(bool found, bool told) {
    if (found && !told) {
      pause_ms_ = kLeastMs;
    } else if (found) {
      pause_ms_ = kMostToldMs;
    } else {
      pause_ms_ = std::min(pause_ms_ * 2, kMostToldMs);
    }
  }

  // How long to wait for a notification before it is asked again.
  uint64_t PauseMs(bool is_listening) const {
    return std::min(pause_ms_, is_listening ? kMostToldMs : kMostUntoldMs);
  }

 private:
  uint64_t pause_ms_ = kLeastMs;
};

}  // namespace fsubs
