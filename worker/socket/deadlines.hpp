// How long peers may take. Each kind has one duration, so the connections that wait for it stand in
// the order in which their time is up, and one timer serves all of them.
//
// Loop thread only.
#pragma once

#include <uv.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace fsubs {

enum class DeadlineKind : uint8_t {
  kHead,   // a request's head, a WebSocket handshake included, since the connection began to wait
  kBody,   // the next kBodyProgress bytes of a request's body
  kIdle,   // the next request of a connection that is kept
  kReply,  // that the peer reads the reply, or some of it
  kClose,  // that the peer ends its side, or answers a close frame
};
inline constexpr size_t kDeadlineKinds = 5;

// A peer that drips a body byte by byte gets no further than this.
inline constexpr size_t kBodyProgress = 16 * 1024;

// A connection that has a deadline at times.
class Timed {
 public:
  virtual void OnLate() = 0;
  // Give the descriptor back at once: others need it.
  virtual void GiveWay() = 0;

 protected:
  Timed() = default;
  ~Timed() = default;
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  friend class Deadlines;
  Timed* before_ = nullptr;
  Timed* behind_ = nullptr;
  uint64_t due_ms_ = 0;
  DeadlineKind kind_ = DeadlineKind::kHead;
  bool waits_ = false;
};

class Deadlines {
 public:
  // `loop` outlives the deadlines, which live until the process ends.
  explicit Deadlines(uv_loop_t* loop);
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  // From now on, and instead of any deadline before, `timed` has that kind's time.
  void Start(Timed* timed, DeadlineKind kind);
  // Call at the latest before `timed` is gone.
  void Stop(Timed* timed);

  // Who has waited longest for that kind; null if nobody does.
  Timed* Longest(DeadlineKind kind) const { return lists_[static_cast<size_t>(kind)].first; }

 private:
  struct List {
    Timed* first = nullptr;
    Timed* last = nullptr;
  };

  void Check();

  uv_timer_t timer_;
  std::array<List, kDeadlineKinds> lists_;
  size_t waiting_ = 0;
};

}  // namespace fsubs
