// A stream over a TCP or Unix socket: what cannot be sent at once waits in memory.
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "worker/socket/read_turns.hpp"
#include "worker/socket/stream.hpp"

namespace fsubs {

// Owns itself and its user; both are destroyed after Close.
class TcpStream final : public Stream, private Reader {
 public:
  // Memory to read into, shared by the streams of one loop.
  using ReadBuffer = std::vector<unsigned char>;

  // Takes the socket, which does not block, unless this throws. Start is to follow.
  TcpStream(uv_loop_t* loop, ReadTurns* turns, ReadBuffer* buffer, int fd);

  // Begin to call `user`.
  void Start(std::unique_ptr<StreamUser> user);

  WriteResult Write(std::string_view bytes) override;
  size_t pending() const override { return pending_ ? pending_->size() - sent_ : 0; }
  size_t unacknowledged() const override;
  void SetReading(bool reading) override;
  void ShutDown() override;
  void Close() override;

  std::string Peer() const override;

  // Have Peer tell this address, on whose behalf a proxy has connected.
  void SetPeer(const sockaddr_storage& address);

  // Call `user` from now on; returns who was called before. REQUIRES: called from inside OnBytes.
  std::unique_ptr<StreamUser> ReplaceUser(std::unique_ptr<StreamUser> user) {
    return std::exchange(user_, std::move(user));
  }

  // Be read in the turns of others from now on. REQUIRES: called from inside OnBytes.
  void SetTurns(ReadTurns* turns) { turns_ = turns; }

  // Have OnBytes called, with none, in a turn for reading, whether the user wants bytes or not.
  void AskForTurn();

 private:
  ~TcpStream() override = default;

  // Reader
  void Read() override;

  bool wants_to_read() const { return reading_ && !ended_ && !closing_ && !broken_; }
  void OnPoll(int status, int events);
  void Receive();
  void SendPending();
  void Watch();

  uv_poll_t poll_;
  ReadTurns* turns_;
  ReadBuffer* const buffer_;
  std::unique_ptr<StreamUser> user_;
  std::unique_ptr<sockaddr_storage> peer_;  // if it is not the socket's
  std::unique_ptr<std::string> pending_;
  size_t sent_ = 0;  // of pending_
  const int fd_;
  int watched_ = 0;       // events of poll_
  bool reading_ = true;   // the user wants bytes
  bool waits_ = false;    // for its turn to read
  bool asked_ = false;    // AskForTurn was called
  bool ended_ = false;    // the peer sends nothing more
  bool shut_ = false;     // ShutDown was called
  bool broken_ = false;   // OnBroken is due
  bool closing_ = false;  // Close was called
};

}  // namespace fsubs
