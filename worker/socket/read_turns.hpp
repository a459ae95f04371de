// Shares the loop among the peers that send: what they send may take long to handle, and one that
// sends much must not keep the others, or the events, waiting.
//
// Loop thread only.
#pragma once

#include <uv.h>

#include "worker/socket/turn_time.hpp"

namespace fsubs {

// Who waits for a turn at times.
class Reader {
 public:
  // It is its turn.
  virtual void Read() = 0;

 protected:
  Reader() = default;
  ~Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

 private:
  friend class ReadTurns;
  Reader* before_ = nullptr;
  Reader* behind_ = nullptr;
};

class ReadTurns {
 public:
  // `loop` outlives this, which lives until the process ends.
  explicit ReadTurns(uv_loop_t* loop);
  ReadTurns(const ReadTurns&) = delete;
  ReadTurns& operator=(const ReadTurns&) = delete;

  // `reader` has something to read: have it read now or, if this turn of the loop is used up, in
  // one of the next, in the order of the calls. REQUIRES: it does not wait.
  void Ask(Reader* reader);
  // Have it read in one of the next turns. REQUIRES: it does not wait.
  void Queue(Reader* reader);
  // Forget one that waits, however many do. REQUIRES: it waits.
  void Remove(Reader* reader);

 private:
  void ReadWaiting();

  TurnTime time_;
  uv_idle_t idle_;           // active while somebody waits: it keeps the loop from waiting
  Reader* first_ = nullptr;  // of those that wait
  Reader* last_ = nullptr;
};

}  // namespace fsubs
