#include "worker/socket/read_turns.hpp"

#include <algorithm>

#include "worker/socket/tcp_stream.hpp"

namespace fsubs {

// While anybody waits, all who come queue up behind, so nobody is overtaken.

ReadTurns::ReadTurns(uv_loop_t* loop) : time_(loop) {
  uv_idle_init(loop, &idle_);
  idle_.data = this;
}

void ReadTurns::Ask(TcpStream* stream) {
  if (waiting_.empty() && !time_.is_over()) {
    time_.Spend([&] { stream->Read(); });
    return;
  }
  Queue(stream);
}

void ReadTurns::Queue(TcpStream* stream) {
  waiting_.push_back(stream);
  uv_idle_start(&idle_,
                [](uv_idle_t* idle) { static_cast<ReadTurns*>(idle->data)->ReadWaiting(); });
}

void ReadTurns::Remove(TcpStream* stream) {
  std::erase(waiting_, stream);
}

void ReadTurns::ReadWaiting() {
  while (!waiting_.empty() && !time_.is_over()) {
    TcpStream* const stream = waiting_.front();
    waiting_.pop_front();
    time_.Spend([&] { stream->Read(); });
  }
  if (waiting_.empty()) uv_idle_stop(&idle_);
}

}  // namespace fsubs
