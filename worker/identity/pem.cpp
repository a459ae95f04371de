#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "worker/identity/key_formats.hpp"

namespace fsubs {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename Object>
using Owned = std::unique_ptr<Object, Free>;

// OpenSSL would ask the terminal for the password of an encrypted text.
int NoPassword(char*, int, int, void*) {
  return -1;
}

Owned<EVP_PKEY> ReadPem(std::string_view pem) {
  const auto open = [&] {
    return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  };
  Owned<BIO> bio = open();
  if (!bio) return nullptr;
  Owned<EVP_PKEY> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, NoPassword, nullptr));
  if (key) return key;
  bio = open();
  if (!bio) return nullptr;
  const Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
  return Owned<EVP_PKEY>(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
}

// A parameter that is a number, with zeros in front up to `size` bytes; empty if there is none.
std::string NumberOf(const EVP_PKEY* key, const char* parameter, size_t size) {
  BIGNUM* read = nullptr;
  EVP_PKEY_get_bn_param(key, parameter, &read);
  const Owned<BIGNUM> number(read);
  if (!number) return {};
  std::string bytes(std::max(size, static_cast<size_t>(BN_num_bytes(number.get()))), '\0');
  BN_bn2binpad(number.get(), reinterpret_cast<uint8_t*>(bytes.data()),
               static_cast<int>(bytes.size()));
  return bytes;
}

std::optional<Key> OfEllipticCurve(const EVP_PKEY* key) {
  char name[64];
  if (EVP_PKEY_get_group_name(key, name, sizeof(name), nullptr) != 1) return std::nullopt;
  const int group = OBJ_txt2nid(name);
  if (group != NID_X9_62_prime256v1 && group != NID_secp384r1) return std::nullopt;
  const auto curve = group == NID_secp384r1 ? Key::Curve::kP384 : Key::Curve::kP256;
  const size_t size = curve == Key::Curve::kP256 ? 32 : 48;
  return Key::OfEllipticCurve(curve, NumberOf(key, OSSL_PKEY_PARAM_EC_PUB_X, size),
                              NumberOf(key, OSSL_PKEY_PARAM_EC_PUB_Y, size));
}

std::optional<Key> OfEd25519(const EVP_PKEY* key) {
  uint8_t bytes[32];
  size_t size = sizeof(bytes);
  if (EVP_PKEY_get_raw_public_key(key, bytes, &size) != 1) return std::nullopt;
  return Key::OfEd25519({reinterpret_cast<const char*>(bytes), size});
}

}  // namespace

std::optional<Key> KeyOfPem(std::string_view pem) {
  const Owned<EVP_PKEY> key = ReadPem(pem);
  std::optional<Key> usable;
  if (key) {
    switch (EVP_PKEY_get_base_id(key.get())) {
      case EVP_PKEY_RSA:
        usable = Key::OfRsa(NumberOf(key.get(), OSSL_PKEY_PARAM_RSA_N, 0),
                            NumberOf(key.get(), OSSL_PKEY_PARAM_RSA_E, 0));
        break;
      case EVP_PKEY_EC:
        usable = OfEllipticCurve(key.get());
        break;
      case EVP_PKEY_ED25519:
        usable = OfEd25519(key.get());
        break;
      default:
        break;
    }
  }
  // See Key::Signed.
  ERR_clear_error();
  return usable;
}

}  // namespace fsubs
