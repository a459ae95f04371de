#include "worker/bus/redis/tls_client.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <utility>

namespace fsubs {
namespace {

std::string LastError() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "TLS failed";
  const char* const reason = ERR_reason_error_string(code);
  return std::string("TLS: ") + (reason == nullptr ? "unknown error" : reason);
}

bool IsIpAddress(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

std::string Why(SSL* ssl) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified == X509_V_OK) return LastError();
  ERR_clear_error();
  return std::string("TLS: the server's certificate is not accepted: ") +
         X509_verify_cert_error_string(verified);
}

}  // namespace

std::shared_ptr<const TlsClientContext> TlsClientContext::Make(const std::string& ca_file,
                                                               std::string* error) {
  std::shared_ptr<const TlsClientContext> made(
      new TlsClientContext(SSL_CTX_new(TLS_client_method())));
  SSL_CTX* const context = made->get();
  const bool loaded =
      context != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
      (ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                       : SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr)) == 1;
  if (!loaded) {
    *error = LastError();
    return nullptr;
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return made;
}

TlsClientSession::TlsClientSession(const TlsClientContext& context, const std::string& host)
    : ssl_(SSL_new(context.get())) {
  if (ssl_ == nullptr) throw std::bad_alloc();
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_.get());
  if (IsIpAddress(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
  } else {
    SSL_set1_host(ssl_.get(), host.c_str());
    SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
  }
}

bool TlsClientSession::Advance(std::string* error) {
  if (SSL_is_init_finished(ssl_.get()) == 0) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done != 1) {
      const int wants = SSL_get_error(ssl_.get(), done);
      if (wants == SSL_ERROR_WANT_READ || wants == SSL_ERROR_WANT_WRITE) return true;
      *error = Why(ssl_.get());
      return false;
    }
  }
  if (waiting_.empty()) return true;
  ERR_clear_error();
  const std::string plain = std::exchange(waiting_, {});
  size_t written = 0;
  // A buffer in memory takes all.
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) == 1) return true;
  *error = LastError();
  return false;
}

bool TlsClientSession::Receive(std::string_view bytes, std::string* plain, std::string* error) {
  while (!bytes.empty()) {
    const size_t part = std::min<size_t>(bytes.size(), 1 << 20);
    if (BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(part)) !=
        static_cast<int>(part)) {
      *error = "out of memory";
      return false;
    }
    bytes.remove_prefix(part);
  }
  if (!Advance(error)) return false;
  if (SSL_is_init_finished(ssl_.get()) == 0) return true;
  char buffer[16 * 1024];
  for (;;) {
    ERR_clear_error();
    size_t read = 0;
    if (SSL_read_ex(ssl_.get(), buffer, sizeof(buffer), &read) == 1) {
      plain->append(buffer, read);
      continue;
    }
    const int wants = SSL_get_error(ssl_.get(), 0);
    if (wants == SSL_ERROR_WANT_READ || wants == SSL_ERROR_WANT_WRITE) return true;
    *error = wants == SSL_ERROR_ZERO_RETURN ? "the server closed the connection" : Why(ssl_.get());
    return false;
  }
}

bool TlsClientSession::Send(std::string_view plain, std::string* error) {
  waiting_ += plain;
  return Advance(error);
}

std::string TlsClientSession::TakeOutput() {
  char* data = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
  std::string output(data, size > 0 ? static_cast<size_t>(size) : 0);
  (void)BIO_reset(SSL_get_wbio(ssl_.get()));
  return output;
}

}  // namespace fsubs
