// A connection while it speaks WebSocket.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "worker/socket/connection.hpp"
#include "worker/socket/session.hpp"
#include "worker/socket/socket_server.hpp"
#include "worker/socket/ws_receiver.hpp"
#include "worker/socket/ws_transport.hpp"

namespace fsubs {

class WsSession final : public Session, public WsTransport {
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

  // WsTransport
  Outbox::Result Append(const WsMessage& message, size_t room_bytes, Outbox* outbox) override;
  std::string HeadOf(std::string_view) const override { return {}; }
  bool is_hosted() const override { return false; }
  WriteResult Write(std::string_view frames) override { return connection_->Write(frames); }
  size_t pending() const override { return connection_->pending(); }
  size_t unacknowledged() const override { return connection_->unacknowledged(); }
  void SetReading(bool reading) override { connection_->SetReading(reading); }
  void ExpectClose() override;
  void Abort() override { connection_->Abort(); }
  std::string Peer() const override { return connection_->Peer(); }

 private:
  void Handle(WsReceiver::Event event, const std::string& payload);

  Connection* const connection_;
  WsReceiver receiver_;
  std::unique_ptr<WsPeer> peer_;
  bool deaf_ = false;     // what the client sends cannot be read any further
  bool closing_ = false;  // our close frame is written: messages are not for the owner any more
};

}  // namespace fsubs
