// Shares the loop among the peers that send: what they send may take long to handle, and one that
// sends much must not keep the others, or the events, waiting.
//
// Loop thread only.
#pragma once

#include <uv.h>

#include <deque>

#include "worker/socket/turn_time.hpp"

namespace fsubs {

class TcpStream;

class ReadTurns {
 public:
  // `loop` outlives this, which lives until the process ends.
  explicit ReadTurns(uv_loop_t* loop);
  ReadTurns(const ReadTurns&) = delete;
  ReadTurns& operator=(const ReadTurns&) = delete;

  // `stream` can be read: have it read now or, if this turn of the loop is used up, in one of the
  // next, in the order of the calls. REQUIRES: it does not wait.
  void Ask(TcpStream* stream);
  // Have it read in one of the next turns. REQUIRES: it does not wait.
  void Queue(TcpStream* stream);
  // Forget one that waits.
  void Remove(TcpStream* stream);

 private:
  void ReadWaiting();

  TurnTime time_;
  uv_idle_t idle_;  // active while somebody waits: it keeps the loop from waiting
  std::deque<TcpStream*> waiting_;
};

}  // namespace fsubs
