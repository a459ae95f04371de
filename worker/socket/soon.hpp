// Connections that have something to do as soon as the caller has returned: the owner of a request
// calls from inside its own functions and cannot be destroyed there.
//
// Loop thread only.
#pragma once

#include <uv.h>

#include <vector>

#include "worker/socket/turn_time.hpp"

namespace fsubs {

class Connection;

class SoonList {
 public:
  // `loop` outlives the list, which lives until the process ends.
  explicit SoonList(uv_loop_t* loop);
  SoonList(const SoonList&) = delete;
  SoonList& operator=(const SoonList&) = delete;

  // REQUIRES: it is not on the list.
  void Add(Connection* connection);
  void Remove(Connection* connection);

 private:
  void Run();

  TurnTime time_;
  uv_idle_t idle_;  // active while there is something to do: it keeps the loop from waiting
  std::vector<Connection*> connections_;
};

}  // namespace fsubs
