// TLS towards a server, by the worker's own OpenSSL: what Debian 12 has of hiredis speaks none.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

namespace fsubs {

// What connections are made with. Any thread.
class TlsClientContext {
 public:
  // Authorities are those of the PEM file, or the system's if there is none. They are read now: the
  // worker gives up files later. Returns null, and says why in `*error`, if they cannot be.
  static std::shared_ptr<const TlsClientContext> Make(const std::string& ca_file,
                                                      std::string* error);

  SSL_CTX* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  explicit TlsClientContext(SSL_CTX* context) : context_(context) {}

  std::unique_ptr<SSL_CTX, Free> context_;
};

// One connection: bytes in, bytes out. It knows no sockets.
class TlsClientSession {
 public:
  // The server must have a certificate for `host`, a name or an IP address.
  TlsClientSession(const TlsClientContext& context, const std::string& host);

  // Each returns false, and says why in `*error`, if the session is over.
  // Take what came from the server; what it says is appended to `*plain`.
  bool Receive(std::string_view bytes, std::string* plain, std::string* error);
  // Say `plain`, once the handshake is done.
  bool Send(std::string_view plain, std::string* error);

  // What is to go to the server now.
  std::string TakeOutput();

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  bool Advance(std::string* error);

  std::unique_ptr<SSL, Free> ssl_;
  std::string waiting_;  // plain text from before the handshake was done
};

}  // namespace fsubs
