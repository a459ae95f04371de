// One connection: the stream, what is spoken over it, and how it ends.
//
// Loop thread only. The stream owns it. Whatever the library or an owner of requests and messages
// throws ends in here.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "worker/socket/deadlines.hpp"
#include "worker/socket/peer_limits.hpp"
#include "worker/socket/session.hpp"
#include "worker/socket/socket_server.hpp"
#include "worker/socket/soon.hpp"
#include "worker/socket/stream.hpp"

namespace fsubs {

// What the connections of one server share.
struct ConnectionContext {
  SocketServerHost* host;
  std::span<const char* const> subprotocols;
  Deadlines deadlines;
  SoonList soon;
};

class Connection final : public StreamUser, private Timed {
 public:
  // Speaks HTTP at first. Without a share it counts for no address.
  Connection(ConnectionContext* context, Stream* stream, std::optional<PeerCounts::Share> share);
  ~Connection() override;

  // StreamUser
  void OnBytes(std::span<unsigned char> bytes) override;
  void OnEnd() override;
  void OnWritable() override;
  void OnBroken() override {}

  void OnSoon();

  // For its session.
  SocketServerHost* host() { return context_->host; }
  std::span<const char* const> subprotocols() const { return context_->subprotocols; }
  WriteResult Write(std::string_view bytes) { return stream_->Write(bytes); }
  size_t pending() const { return stream_->pending(); }
  size_t unacknowledged() const { return stream_->unacknowledged(); }
  void SetReading(bool reading) { stream_->SetReading(reading); }
  std::string Peer() const { return stream_->Peer(); }
  // The peer has asked for something and is no longer one that only holds a socket.
  void AskedFor() {
    if (share_) share_->Finish();
  }
  // Whether it is one that the peer may not have, and the reply to what it asks for.
  std::optional<PeerRefusal> refusal() const { return share_ ? share_->refusal() : std::nullopt; }
  // Call session->OnSoon() when whoever runs now has returned.
  void Soon();
  void Expect(DeadlineKind kind) { context_->deadlines.Start(this, kind); }
  void ExpectNothing() { context_->deadlines.Stop(this); }
  // Cut the peer off, with whatever was not sent yet.
  void Abort();

  // The two that end a session: it is destroyed when its function has returned. REQUIRES: called
  // from inside one of the session's On functions, as the last thing it does.
  //
  // Let what was written leave and reach the peer: closing at once would make the kernel drop it if
  // the peer is still sending.
  void Linger();
  // Go on with another session, to which `rest` is handed.
  void Continue(std::unique_ptr<Session> session, std::string rest);

 private:
  // Timed
  void OnLate() override;
  void GiveWay() override { Abort(); }

  // Runs one of the session's functions.
  template <typename Function>
  void Run(Function function);
  void Fault(const char* what);
  void Settle();

  ConnectionContext* const context_;
  Stream* const stream_;
  std::optional<PeerCounts::Share> share_;
  std::unique_ptr<Session> session_;  // null: lingering
  struct Continuation {
    std::unique_ptr<Session> session;
    std::string rest;
  };
  std::unique_ptr<Continuation> next_;
  bool lingers_ = false;
  bool ended_ = false;  // the peer sends nothing more
  bool soon_ = false;   // on the list
  bool aborted_ = false;
};

}  // namespace fsubs
