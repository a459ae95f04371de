// TLS as the clients of a benchmark speak it: whom they talk to they do not check.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <stdexcept>

namespace fsubs::bench {

struct FreeTls {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};
using TlsContextPtr = std::unique_ptr<SSL_CTX, FreeTls>;
using TlsSessionPtr = std::unique_ptr<SSL, FreeTls>;

inline TlsContextPtr MakeTlsContext() {
  TlsContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw std::runtime_error("OpenSSL cannot be used");
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

// One that begins its handshake on that socket.
inline TlsSessionPtr MakeTlsSession(SSL_CTX* context, int socket) {
  TlsSessionPtr session(SSL_new(context));
  if (!session || SSL_set_fd(session.get(), socket) != 1) {
    throw std::runtime_error("no memory for TLS");
  }
  SSL_set_connect_state(session.get());
  return session;
}

}  // namespace fsubs::bench
