// Makes tokens, with OpenSSL alone: the maker shares nothing with the verifier.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace fsubs {

inline std::string EncodeBase64Url(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  uint32_t pending = 0;
  int bits = 0;
  for (const char c : bytes) {
    pending = pending << 8 | static_cast<uint8_t>(c);
    for (bits += 8; bits >= 6;) text += kDigits[pending >> (bits -= 6) & 63];
  }
  if (bits > 0) text += kDigits[pending << (6 - bits) & 63];
  return text;
}

class TokenSigner {
 public:
  static TokenSigner Secret(std::string secret) {
    TokenSigner signer;
    signer.secret_ = std::move(secret);
    return signer;
  }
  static TokenSigner Rsa(unsigned bits) { return TokenSigner(EVP_RSA_gen(bits)); }
  static TokenSigner EllipticCurve(const char* curve) { return TokenSigner(EVP_EC_gen(curve)); }
  static TokenSigner Ed25519() {
    return TokenSigner(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }

  // A token with that header, whose algorithm is `algorithm` whatever the header says.
  std::string SignRaw(std::string_view header, std::string_view claims,
                      std::string_view algorithm) const {
    const std::string input = EncodeBase64Url(header) + "." + EncodeBase64Url(claims);
    return input + "." + EncodeBase64Url(Signature(input, algorithm));
  }

  // `members` are more of the header's, such as `,"kid":"1"`.
  std::string Sign(std::string_view claims, const std::string& algorithm,
                   const std::string& members = {}) const {
    return SignRaw("{\"alg\":\"" + algorithm + "\"" + members + "}", claims, algorithm);
  }

  std::string Signature(std::string_view input, std::string_view algorithm) const {
    const EVP_MD* const hash = HashOf(algorithm);
    if (!key_) {
      unsigned size = 0;
      std::string mac(EVP_MAX_MD_SIZE, '\0');
      HMAC(hash, secret_.data(), static_cast<int>(secret_.size()), Bytes(input.data()),
           input.size(), Bytes(mac.data()), &size);
      mac.resize(size);
      return mac;
    }
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    EVP_PKEY_CTX* options = nullptr;
    Must(EVP_DigestSignInit(context.get(), &options, hash, nullptr, key_.get()));
    if (algorithm.starts_with("PS")) {
      Must(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING));
      Must(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST));
    }
    size_t size = 0;
    Must(EVP_DigestSign(context.get(), nullptr, &size, Bytes(input.data()), input.size()));
    std::string signature(size, '\0');
    Must(EVP_DigestSign(context.get(), Bytes(signature.data()), &size, Bytes(input.data()),
                        input.size()));
    signature.resize(size);
    return EVP_PKEY_is_a(key_.get(), "EC") ? Joined(signature) : signature;
  }

  std::string Pem() const {
    BIO* const bio = BIO_new(BIO_s_mem());
    Must(PEM_write_bio_PUBKEY(bio, key_.get()));
    return Taken(bio);
  }

  std::string PrivatePem() const {
    BIO* const bio = BIO_new(BIO_s_mem());
    Must(PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr));
    return Taken(bio);
  }

  // `members` are more of its members, such as `,"kid":"1"`.
  std::string Jwk(const std::string& members = {}) const {
    std::string jwk;
    if (!key_) {
      jwk = R"({"kty":"oct","k":")" + EncodeBase64Url(secret_) + '"';
    } else if (EVP_PKEY_is_a(key_.get(), "RSA")) {
      jwk = R"({"kty":"RSA","n":")" + Number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
            Number(OSSL_PKEY_PARAM_RSA_E) + '"';
    } else if (EVP_PKEY_is_a(key_.get(), "EC")) {
      const char* const curve = Coordinate() == 32 ? "P-256" : "P-384";
      jwk = R"({"kty":"EC","crv":")" + std::string(curve) + R"(","x":")" +
            Number(OSSL_PKEY_PARAM_EC_PUB_X) + R"(","y":")" + Number(OSSL_PKEY_PARAM_EC_PUB_Y) +
            '"';
    } else {
      std::string point(32, '\0');
      size_t size = point.size();
      Must(EVP_PKEY_get_raw_public_key(key_.get(), Bytes(point.data()), &size));
      jwk = R"({"kty":"OKP","crv":"Ed25519","x":")" + EncodeBase64Url(point) + '"';
    }
    return jwk + members + "}";
  }

  EVP_PKEY* key() const { return key_.get(); }

 private:
  TokenSigner() = default;
  explicit TokenSigner(EVP_PKEY* key) : key_(key, EVP_PKEY_free) { Must(key != nullptr); }

  static void Must(int done) {
    if (done != 1) std::abort();
  }
  static uint8_t* Bytes(char* text) { return reinterpret_cast<uint8_t*>(text); }
  static const uint8_t* Bytes(const char* text) { return reinterpret_cast<const uint8_t*>(text); }

  static std::string Taken(BIO* bio) {
    char* data = nullptr;
    const auto size = static_cast<size_t>(BIO_get_mem_data(bio, &data));
    std::string text(data, size);
    BIO_free(bio);
    return text;
  }

  static const EVP_MD* HashOf(std::string_view algorithm) {
    if (algorithm.ends_with("256")) return EVP_sha256();
    if (algorithm.ends_with("384")) return EVP_sha384();
    return algorithm.ends_with("512") ? EVP_sha512() : nullptr;
  }

  size_t Coordinate() const { return EVP_PKEY_get_bits(key_.get()) == 256 ? 32 : 48; }

  // The two numbers of a signature in DER, one behind the other (RFC 7518, section 3.4).
  std::string Joined(const std::string& der) const {
    const uint8_t* at = Bytes(der.data());
    ECDSA_SIG* const numbers = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    Must(numbers != nullptr);
    const auto size = static_cast<int>(Coordinate());
    std::string joined(2 * Coordinate(), '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(numbers), Bytes(joined.data()), size);
    BN_bn2binpad(ECDSA_SIG_get0_s(numbers), Bytes(joined.data()) + size, size);
    ECDSA_SIG_free(numbers);
    return joined;
  }

  std::string Number(const char* parameter) const {
    BIGNUM* number = nullptr;
    Must(EVP_PKEY_get_bn_param(key_.get(), parameter, &number));
    const bool is_coordinate = EVP_PKEY_is_a(key_.get(), "EC") == 1;
    std::string bytes(is_coordinate ? Coordinate() : static_cast<size_t>(BN_num_bytes(number)),
                      '\0');
    BN_bn2binpad(number, Bytes(bytes.data()), static_cast<int>(bytes.size()));
    BN_free(number);
    return EncodeBase64Url(bytes);
  }

  std::string secret_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace fsubs
