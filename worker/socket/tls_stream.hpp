// TLS between a TCP stream and who reads from it.
//
// OpenSSL is given the bytes that came and leaves those that are to go; it knows no socket. So what
// one Write encrypts leaves in one call, however many records that are, and a connection at rest
// holds no buffer.
//
// Loop thread only.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "worker/socket/stream.hpp"
#include "worker/socket/tcp_stream.hpp"
#include "worker/socket/tls_context.hpp"

namespace fsubs {

// The user of a TCP stream, which owns it. Owns its own user.
class TlsStream final : public Stream, public StreamUser {
 public:
  // What the streams of one loop share.
  struct Shared {
    ReadTurns* turns;                  // of those who are past the handshake
    std::vector<unsigned char> plain;  // what was decrypted
    std::string sealed;                // what was encrypted, until it is written
    std::function<void()> on_refused;  // a handshake failed
  };

  // Throws if there is no memory for it. Start is to follow.
  TlsStream(const TlsContext& context, Shared* shared, TcpStream* tcp);
  ~TlsStream() override;

  // Begin to call `user`.
  void Start(std::unique_ptr<StreamUser> user) { user_ = std::move(user); }

  // Stream
  WriteResult Write(std::string_view bytes) override;
  size_t pending() const override { return tcp_->pending(); }
  size_t unacknowledged() const override { return tcp_->unacknowledged(); }
  void SetReading(bool reading) override;
  void ShutDown() override;
  void Close() override;
  std::string Peer() const override { return tcp_->Peer(); }

  // StreamUser
  void OnBytes(std::span<unsigned char> bytes) override;
  void OnEnd() override;
  void OnWritable() override;
  void OnBroken() override { user_->OnBroken(); }

 private:
  struct Free {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  enum class Stage : uint8_t {
    kHandshake,
    kOpen,
    kRefused,  // the handshake failed: what comes until the peer ends is of no interest
    kBroken,   // OnBroken is due
    kClosed,   // Close was called
  };

  static BIO_METHOD* BioMethod();
  int TakeSealed(const char* bytes, int length);
  int GiveReceived(char* to, int length);

  bool Handshake();
  bool Keep();
  void Refuse();
  void Deliver();
  void Break();
  WriteResult Flush();
  void SayGoodbye();

  Shared* const shared_;
  TcpStream* const tcp_;
  std::unique_ptr<StreamUser> user_;
  std::unique_ptr<SSL, Free> session_;
  std::string_view received_;            // not decrypted yet
  std::unique_ptr<std::string> unread_;  // the same, while the user does not read
  Stage stage_ = Stage::kHandshake;
  bool reading_ = true;  // the user wants bytes
  bool ended_ = false;   // OnEnd was called
  bool shut_ = false;    // ShutDown was called
};

}  // namespace fsubs
