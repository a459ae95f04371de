// A connection while it speaks WebSocket.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "worker/socket/connection.hpp"
#include "worker/socket/session.hpp"
#include "worker/socket/socket_server.hpp"
#include "worker/socket/ws_receiver.hpp"

namespace fsubs {

class WsSession final : public Session {
 public:
  // `subprotocol` is the one agreed on; empty: none.
  WsSession(Connection* connection, std::string_view subprotocol, HttpRequest handshake);

  // Session
  void OnBytes(std::span<unsigned char> bytes) override;
  void OnEnd() override { connection_->Abort(); }
  void OnWritable() override;
  void OnSoon() override;
  void OnLate() override { connection_->Abort(); }
  void OnFault() override;

  // WsSocket
  WriteResult Write(std::string_view frames) { return connection_->Write(frames); }
  size_t pending() const { return connection_->pending(); }
  size_t unacknowledged() const { return connection_->unacknowledged(); }
  void SetReading(bool reading) { connection_->SetReading(reading); }
  void ExpectClose();
  void Abort() { connection_->Abort(); }
  std::string Peer() const { return connection_->Peer(); }

 private:
  void Handle(WsReceiver::Event event, const std::string& payload);

  Connection* const connection_;
  WsReceiver receiver_;
  std::unique_ptr<WsPeer> peer_;
  bool deaf_ = false;     // what the client sends cannot be read any further
  bool closing_ = false;  // our close frame is written: messages are not for the owner any more
};

}  // namespace fsubs
