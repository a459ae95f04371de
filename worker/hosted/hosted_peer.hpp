// What is known of a client whose socket another process has accepted, and what its owner is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "worker/socket/http.hpp"
#include "worker/socket/peer_limits.hpp"
#include "worker/socket/socket_server.hpp"

namespace fsubs {

struct HostedOpening {
  std::string subprotocol;  // empty: none was agreed on
  std::string peer;         // "address:port", or what the host calls it
  HttpRequest handshake;
  std::optional<std::string> claims;  // a JSON object that the host vouches for
};

// What comes of it beside its owner.
struct HostedAdmission {
  std::optional<PeerCounts::Share> share;  // of what its address may have; for as long as it lives
  // Why it is refused.
  uint16_t code = 0;
  std::string reason;
};

class HostedPeer : public WsPeer {
 public:
  // A message that starts an operation again: its events are those behind `sequence`. 0: it is not
  // known which the client has.
  virtual void OnResume(uint64_t sequence, std::string_view message) = 0;
};

}  // namespace fsubs
