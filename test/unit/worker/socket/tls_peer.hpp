// The other end of a TLS stream: certificates, and a client over a socket that does not block.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace fsubs {

struct TestCertificate {
  std::string certificate;
  std::string key;
};

inline std::string TakeText(BIO* bio) {
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<size_t>(length));
  BIO_free(bio);
  return text;
}

// One that has signed itself, valid for so many seconds from yesterday on.
inline TestCertificate MakeCertificate(const char* name, long seconds = 7 * 86400,
                                       const char* passphrase = nullptr) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds - 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
  BIO* const certificate_text = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_text, certificate);
  BIO* const key_text = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(key_text, key, passphrase != nullptr ? EVP_aes_256_cbc() : nullptr,
                           nullptr, 0, nullptr, const_cast<char*>(passphrase));
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {TakeText(certificate_text), TakeText(key_text)};
}

class TlsPeer {
 public:
  // Takes the socket.
  explicit TlsPeer(int fd)
      : fd_(fd), context_(SSL_CTX_new(TLS_client_method())), session_(SSL_new(context_)) {
    SSL_set_bio(session_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(session_);
  }
  ~TlsPeer() {
    // Otherwise what is kept to resume it would be taken for spoilt.
    SSL_set_shutdown(session_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(session_);
    SSL_CTX_free(context_);
    close(fd_);
  }
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  SSL* session() { return session_; }
  int fd() const { return fd_; }

  void UseCertificate(const TestCertificate& own) {
    BIO* const certificate = BIO_new_mem_buf(own.certificate.data(), -1);
    BIO* const key = BIO_new_mem_buf(own.key.data(), -1);
    X509* const x509 = PEM_read_bio_X509(certificate, nullptr, nullptr, nullptr);
    EVP_PKEY* const pkey = PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr);
    SSL_use_certificate(session_, x509);
    SSL_use_PrivateKey(session_, pkey);
    X509_free(x509);
    EVP_PKEY_free(pkey);
    BIO_free(certificate);
    BIO_free(key);
  }

  // Send at most so many bytes at a time.
  void SetSegments(size_t bytes) { segment_ = bytes; }

  // Whether the handshake is over. Does of it what can be done now.
  bool Handshake() {
    if (!done_) {
      ReceiveAll();
      ERR_clear_error();
      done_ = SSL_do_handshake(session_) == 1;
    }
    SendAll();
    return done_;
  }

  void Write(std::string_view text) {
    ASSERT_EQ(SSL_write(session_, text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
    SendAll();
  }

  // What is encrypted and not sent.
  std::string Seal(std::string_view text) {
    EXPECT_GT(SSL_write(session_, text.data(), static_cast<int>(text.size())), 0);
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(SSL_get_wbio(session_), &bytes);
    std::string sealed(bytes, static_cast<size_t>(length));
    (void)BIO_reset(SSL_get_wbio(session_));
    return sealed;
  }

  void SendRaw(std::string_view bytes) {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  // Take what has come; it is in text().
  void Read() {
    ReceiveAll();
    char buffer[16384];
    for (int length; (length = SSL_read(session_, buffer, sizeof(buffer))) > 0;) {
      text_.append(buffer, static_cast<size_t>(length));
    }
    SendAll();
  }
  const std::string& text() const { return text_; }
  const std::string& raw() const { return raw_; }

  // The server has said that it sends no more.
  bool was_told_the_end() const {
    return (SSL_get_shutdown(session_) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  bool ended() const { return ended_; }

  void SayGoodbye() {
    SSL_shutdown(session_);
    SendAll();
  }

  void ReceiveAll() {
    char buffer[65536];
    ssize_t length;
    while ((length = recv(fd_, buffer, sizeof(buffer), 0)) > 0) {
      BIO_write(SSL_get_rbio(session_), buffer, static_cast<int>(length));
      if (raw_.size() < 4096) raw_.append(buffer, static_cast<size_t>(length));
      packets_ += 1;
    }
    if (length == 0) ended_ = true;
  }
  // How often recv() brought something.
  size_t packets() const { return packets_; }

 private:
  void SendAll() {
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(SSL_get_wbio(session_), &bytes);
    unsent_.append(bytes, static_cast<size_t>(length));
    (void)BIO_reset(SSL_get_wbio(session_));
    while (!unsent_.empty()) {
      const ssize_t sent =
          send(fd_, unsent_.data(), std::min(unsent_.size(), segment_), MSG_NOSIGNAL);
      if (sent <= 0) break;
      unsent_.erase(0, static_cast<size_t>(sent));
    }
  }

  const int fd_;
  SSL_CTX* const context_;
  SSL* const session_;
  size_t segment_ = 4096;
  bool done_ = false;
  bool ended_ = false;
  size_t packets_ = 0;
  std::string unsent_;  // the socket took no more
  std::string text_;
  std::string raw_;  // the beginning of what came
};

}  // namespace fsubs
