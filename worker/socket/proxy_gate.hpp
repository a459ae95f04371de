// The beginning of a connection from a trusted proxy, up to the end of the header that names the
// client.
//
// Loop thread only.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "worker/socket/deadlines.hpp"
#include "worker/socket/tcp_stream.hpp"

namespace fsubs {

// The user of a stream until the header has come. A connection without a header is closed: what it
// sends would be taken for the proxy's own.
class ProxyGate final : public StreamUser, private Timed {
 public:
  // Makes the user that comes behind it. `client` is null if the header names none. Returns null if
  // the client is refused.
  using Open = std::function<std::unique_ptr<StreamUser>(const sockaddr_storage* client)>;

  ProxyGate(Deadlines* deadlines, TcpStream* stream, Open open);
  ~ProxyGate() override;

  // StreamUser
  void OnBytes(std::span<unsigned char> bytes) override;
  void OnEnd() override { stream_->Close(); }
  void OnWritable() override {}
  void OnBroken() override {}

 private:
  // Timed
  void OnLate() override;
  void GiveWay() override { stream_->Close(); }

  void Refuse(const char* why);

  Deadlines* const deadlines_;
  TcpStream* const stream_;
  const Open open_;
  std::string header_;
};

}  // namespace fsubs
