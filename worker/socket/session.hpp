// What a connection speaks at the moment, HTTP or WebSocket, as the connection knows it.
#pragma once

#include <span>

namespace fsubs {

class Session {
 public:
  virtual ~Session() = default;

  virtual void OnBytes(std::span<unsigned char> bytes) = 0;
  // The peer sends nothing more.
  virtual void OnEnd() = 0;
  // What was pending has left.
  virtual void OnWritable() = 0;
  // What Connection::Soon asked for.
  virtual void OnSoon() = 0;
  // The deadline that Connection::Expect set has passed.
  virtual void OnLate() = 0;
  // One of the others threw. Tell the peer, if it can be told.
  virtual void OnFault() = 0;
};

}  // namespace fsubs
