// The memory bus: events that other programs write to this one, a line of JSON each, on its
// standard input or to a Unix socket. docs/nodes.md has the lines.
#pragma once

#include <uv.h>

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "worker/bus/bus_reader.hpp"
#include "worker/bus/memory/line_intake.hpp"
#include "worker/socket/unix_listener.hpp"

namespace fsubs {

class LineSource final : public BusReader {
 public:
  // `place`: "-" for standard input, or the path of a Unix socket to be made. `listener`: a socket
  // that listens already, or -1.
  LineSource(std::string place, int listener);
  ~LineSource() override;

  std::string Open() override;
  void Attach(uv_loop_t* loop, Sink* sink) override;
  void Stop() override;

 private:
  class Connection;
  class StandardInput;

  void Accept(int fd);
  void Remove(Connection* connection);
  // Somebody waits for room.
  void LookAgain();
  void Continue();

  const std::string place_;
  int listener_;
  bool is_stopped_ = false;
  uv_loop_t* loop_ = nullptr;
  Sink* sink_ = nullptr;
  std::unique_ptr<UnixListener> accepting_;
  std::list<std::unique_ptr<Connection>> connections_;
  std::unique_ptr<StandardInput> input_;
  uv_timer_t again_{};
};

}  // namespace fsubs
