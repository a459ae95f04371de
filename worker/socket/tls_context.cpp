#include "worker/socket/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <string_view>

#include "worker/socket/tls_ticket_keys.hpp"

namespace fsubs {
namespace {

template <auto kFree>
struct FreeBy {
  template <typename Object>
  void operator()(Object* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, FreeBy<BIO_free>>;
using Certificate = std::unique_ptr<X509, FreeBy<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;

Bio ReaderOf(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The reason of what failed last, and an empty queue.
std::string TakeReason() {
  const unsigned long code = ERR_peek_last_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason == nullptr ? "OpenSSL does not say why" : reason;
  ERR_clear_error();
  return text;
}

Certificate NextCertificate(BIO* from) {
  return Certificate(PEM_read_bio_X509(from, nullptr, nullptr, nullptr));
}

// Whether reading certificates stopped where there are no more, and not at one that is broken.
bool StoppedAtEnd() {
  const unsigned long code = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (at_end) ERR_clear_error();
  return at_end;
}

std::string LoadCertificates(SSL_CTX* context, const std::string& text) {
  const Bio from = ReaderOf(text);
  const Certificate own = NextCertificate(from.get());
  if (!own) return StoppedAtEnd() ? "it has no certificate in PEM" : TakeReason();
  if (SSL_CTX_use_certificate(context, own.get()) != 1) return TakeReason();
  while (Certificate next = NextCertificate(from.get())) {
    if (SSL_CTX_add0_chain_cert(context, next.get()) != 1) return TakeReason();
    (void)next.release();  // the context's now
  }
  return StoppedAtEnd() ? std::string() : TakeReason();
}

std::string LoadKey(SSL_CTX* context, const std::string& text) {
  bool has_passphrase = false;
  const auto ask = [](char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
  };
  const Bio from = ReaderOf(text);
  const Key key(PEM_read_bio_PrivateKey(from.get(), nullptr, ask, &has_passphrase));
  if (has_passphrase) {
    ERR_clear_error();
    return "it is protected by a passphrase, which nobody is there to enter; take that away by "
           "\"openssl pkey\"";
  }
  if (!key) {
    // OpenSSL says no more than that nothing in it is supported.
    ERR_clear_error();
    return "it has no private key in PEM";
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return TakeReason();
  return SSL_CTX_check_private_key(context) == 1 ? std::string() : TakeReason();
}

std::string DemandCertificates(SSL_CTX* context, const std::string& text) {
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  const Bio from = ReaderOf(text);
  size_t count = 0;
  for (; const Certificate next = NextCertificate(from.get()); ++count) {
    if (X509_STORE_add_cert(store, next.get()) != 1 ||
        SSL_CTX_add_client_CA(context, next.get()) != 1) {
      return TakeReason();
    }
  }
  if (!StoppedAtEnd()) return TakeReason();
  if (count == 0) return "it has no certificate in PEM";
  // Any of them is trusted by itself, also one that is not a root.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

int ChooseHttp(SSL*, const unsigned char** chosen, unsigned char* chosen_length,
               const unsigned char* offered, unsigned offered_length, void*) {
  static constexpr std::string_view kOurs("\x08http/1.1");
  unsigned char* name = nullptr;
  const int result = SSL_select_next_proto(&name, chosen_length,
                                           reinterpret_cast<const unsigned char*>(kOurs.data()),
                                           kOurs.size(), offered, offered_length);
  *chosen = name;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::string DateOf(const ASN1_TIME* time) {
  const Bio text(BIO_new(BIO_s_mem()));
  if (!text || ASN1_TIME_print(text.get(), time) != 1) return "an unknown date";
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(text.get(), &bytes);
  return std::string(bytes, static_cast<size_t>(length));
}

std::string Describe(std::string_view setting, const std::string& problem) {
  if (problem.empty()) return {};
  return "fraiseql_subs." + std::string(setting) + " cannot be used: " + problem;
}

}  // namespace

std::shared_ptr<const TlsContext> TlsContext::Make(const TlsSettings& settings,
                                                   std::string* error) {
  ERR_clear_error();
  const std::shared_ptr<TlsContext> made(new TlsContext);
  *error = made->Load(settings);
  return error->empty() ? made : nullptr;
}

std::string TlsContext::Load(const TlsSettings& settings) {
  context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = context_.get();
  if (context == nullptr || !UseTicketKeys(context)) return "TLS: " + TakeReason();
  const int version = settings.min_version == TlsVersion::k1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // A connection at rest keeps no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // What lets clients come back is in their tickets.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  static constexpr unsigned char kSessionsOf[] = "fraiseql_subs";
  SSL_CTX_set_session_id_context(context, kSessionsOf, sizeof(kSessionsOf) - 1);
  SSL_CTX_set_alpn_select_cb(context, ChooseHttp, nullptr);
  if (SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1) {
    return Describe("ssl_ciphers", TakeReason());
  }
  std::string problem = Describe("ssl_cert_file", LoadCertificates(context, settings.certificates));
  if (problem.empty()) problem = Describe("ssl_key_file", LoadKey(context, settings.key));
  if (problem.empty() && !settings.client_ca.empty()) {
    problem = Describe("ssl_ca_file", DemandCertificates(context, settings.client_ca));
  }
  if (!problem.empty()) return problem;
  const ASN1_TIME* const end = X509_get0_notAfter(SSL_CTX_get0_certificate(context));
  valid_until_ = DateOf(end);
  expired_ = X509_cmp_current_time(end) < 0;
  return {};
}

}  // namespace fsubs
