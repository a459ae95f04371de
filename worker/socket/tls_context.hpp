// What TLS connections are made with: certificate, key, and what is demanded of clients. Reloading
// makes another one for the connections to come; those that are there keep theirs.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "contract/settings.hpp"

namespace fsubs {

struct TlsSettings {
  // In PEM.
  std::string certificates;  // the server's, then its chain
  std::string key;
  std::string client_ca;  // empty: clients are asked for no certificate
  std::string ciphers;    // below TLS 1.3
  TlsVersion min_version = TlsVersion::k1_2;
};

// Any thread.
class TlsContext {
 public:
  // Returns null, and says in `*error` which of the settings cannot be used and why, if one cannot.
  static std::shared_ptr<const TlsContext> Make(const TlsSettings& settings, std::string* error);

  // For one connection, as its server. Null if there is no memory.
  SSL* NewSession() const { return SSL_new(context_.get()); }

  // When the certificate expires, as OpenSSL writes it.
  const std::string& valid_until() const { return valid_until_; }
  bool is_expired() const { return expired_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  TlsContext() = default;
  std::string Load(const TlsSettings& settings);

  std::unique_ptr<SSL_CTX, Free> context_;
  std::string valid_until_;
  bool expired_ = false;
};

}  // namespace fsubs
