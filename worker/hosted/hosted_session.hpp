// One session of a link: what stands in a socket's place for its client.
//
// One shard's thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "worker/hosted/command_reader.hpp"
#include "worker/hosted/hosted_peer.hpp"
#include "worker/socket/peer_limits.hpp"
#include "worker/socket/ws_transport.hpp"

namespace fsubs {

class SessionLink;

class HostedSession final : public WsTransport {
 public:
  // `peer` is the client's address.
  HostedSession(SessionLink* link, uint32_t number, std::string peer)
      : link_(link), number_(number), address_(std::move(peer)) {}

  void SetOwner(std::unique_ptr<HostedPeer> owner, std::optional<PeerCounts::Share> share) {
    owner_ = std::move(owner);
    if (share) share_.emplace(std::move(*share));
  }

  // A command other than to open it. Those that have to wait are kept.
  void Handle(const SessionCommand& command, size_t max_message_size);
  // Handle what was kept, unless it still has to wait.
  void Continue(size_t max_message_size);
  // The link takes more.
  void OnRoom();
  // End it, and say why.
  void End(uint16_t code, std::string_view reason);

  // WsTransport
  Outbox::Result Append(const WsMessage& message, size_t room_bytes, Outbox* outbox) override;
  std::string HeadOf(std::string_view id) const override;
  bool is_hosted() const override { return true; }
  WriteResult Write(std::string_view frames) override;
  size_t pending() const override { return pending_.size(); }
  size_t unacknowledged() const override { return pending_.size(); }
  void SetReading(bool reading) override;
  void ExpectClose() override;
  void Abort() override;
  std::string Peer() const override { return address_; }

 private:
  struct Kept {
    SessionCommand command;  // without a payload
    std::string payload;
  };

  void Dispatch(const SessionCommand& command, size_t max_message_size);
  void BeOver();

  SessionLink* const link_;
  const uint32_t number_;
  const std::string address_;
  std::optional<PeerCounts::Share> share_;  // of what its address may have
  std::unique_ptr<HostedPeer> owner_;
  std::string pending_;    // frames for which the link has no room
  std::deque<Kept> kept_;  // commands that came while it does not read
  uint16_t code_;          // with which it was closed. REQUIRES: framed_close_
  bool framed_close_ = false;
  bool told_close_ = false;  // the frame was written
  bool drops_ = false;       // what stood before the close frame
  bool is_over_ = false;
  bool reading_ = true;
  bool host_hears_ = false;  // the host tells what is heard of the client
};

}  // namespace fsubs
