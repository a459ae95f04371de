#include "worker/identity/key.hpp"

#include <cjose/jwk.h>
#include <cjose/jws.h>
#include <openssl/err.h>
#include <openssl/evp.h>

namespace fsubs {
namespace {

constexpr size_t kMinSecret = 32;
constexpr size_t kMinModulus = 2048 / 8;
constexpr size_t kMaxModulus = 8192 / 8;
constexpr size_t kMaxExponent = 8;
constexpr size_t kEd25519Key = 32;
constexpr size_t kEd25519Signature = 64;

struct Release {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
template <typename Object>
using Owned = std::unique_ptr<Object, Release>;

// What OpenSSL notes of a failure would be taken for one of a TLS connection on the same thread.
struct ErrorsForgotten {
  ~ErrorsForgotten() { ERR_clear_error(); }
};

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// cjose does not write to what it takes by such pointers.
uint8_t* SpecBytes(std::string_view text) {
  return const_cast<uint8_t*>(Bytes(text));
}

std::string_view WithoutLeadingZeros(std::string_view number) {
  while (!number.empty() && number.front() == '\0') number.remove_prefix(1);
  return number;
}

bool IsOdd(std::string_view number) {
  return (static_cast<uint8_t>(number.back()) & 1) != 0;
}

size_t DigestSize(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kHs384:
      return 48;
    case Algorithm::kHs512:
      return 64;
    default:
      return 32;
  }
}

}  // namespace

struct Key::Material {
  Owned<cjose_jwk_t> jose;  // all but Ed25519, which cjose does not know
  Owned<EVP_PKEY> ed25519;
  size_t signature_size = 0;  // of all but secrets, where it is that of the digest
};

std::optional<Key> Key::OfSecret(std::string_view secret) {
  const ErrorsForgotten forget;
  if (secret.size() < kMinSecret) return std::nullopt;
  auto material = std::make_shared<Material>();
  material->jose.reset(cjose_jwk_create_oct_spec(Bytes(secret), secret.size(), nullptr));
  if (!material->jose) return std::nullopt;
  Algorithms algorithms;
  for (const Algorithm algorithm : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
    if (secret.size() >= DigestSize(algorithm)) algorithms.Add(algorithm);
  }
  constexpr bool kIsSecret = true;
  return Key(std::move(material), algorithms, kIsSecret);
}

std::optional<Key> Key::OfRsa(std::string_view modulus, std::string_view exponent) {
  const ErrorsForgotten forget;
  modulus = WithoutLeadingZeros(modulus);
  exponent = WithoutLeadingZeros(exponent);
  const bool is_long = modulus.size() >= kMinModulus && modulus.size() <= kMaxModulus &&
                       (modulus.size() > kMinModulus || (modulus.front() & 0x80) != 0);
  // With 1 as exponent, everything is its own signature.
  const bool is_exponent =
      !exponent.empty() && exponent.size() <= kMaxExponent && IsOdd(exponent) && exponent != "\x01";
  if (!is_long || !IsOdd(modulus) || !is_exponent) return std::nullopt;
  cjose_jwk_rsa_keyspec spec{};
  spec.n = SpecBytes(modulus);
  spec.nlen = modulus.size();
  spec.e = SpecBytes(exponent);
  spec.elen = exponent.size();
  auto material = std::make_shared<Material>();
  material->jose.reset(cjose_jwk_create_RSA_spec(&spec, nullptr));
  material->signature_size = modulus.size();
  if (!material->jose) return std::nullopt;
  return Key(std::move(material), {Algorithm::kRs256, Algorithm::kRs384, Algorithm::kRs512,
                                   Algorithm::kPs256, Algorithm::kPs384, Algorithm::kPs512});
}

std::optional<Key> Key::OfEllipticCurve(Curve curve, std::string_view x, std::string_view y) {
  const ErrorsForgotten forget;
  const size_t coordinate = curve == Curve::kP256 ? 32 : 48;
  if (x.size() != coordinate || y.size() != coordinate) return std::nullopt;
  cjose_jwk_ec_keyspec spec{};
  spec.crv = curve == Curve::kP256 ? CJOSE_JWK_EC_P_256 : CJOSE_JWK_EC_P_384;
  spec.x = SpecBytes(x);
  spec.xlen = x.size();
  spec.y = SpecBytes(y);
  spec.ylen = y.size();
  auto material = std::make_shared<Material>();
  // Fails if the point is not on the curve.
  material->jose.reset(cjose_jwk_create_EC_spec(&spec, nullptr));
  material->signature_size = 2 * coordinate;
  if (!material->jose) return std::nullopt;
  return Key(std::move(material), {curve == Curve::kP256 ? Algorithm::kEs256 : Algorithm::kEs384});
}

std::optional<Key> Key::OfEd25519(std::string_view key) {
  const ErrorsForgotten forget;
  if (key.size() != kEd25519Key) return std::nullopt;
  auto material = std::make_shared<Material>();
  material->ed25519.reset(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(key), key.size()));
  material->signature_size = kEd25519Signature;
  if (!material->ed25519) return std::nullopt;
  return Key(std::move(material), {Algorithm::kEdDsa});
}

bool Key::Signed(const Jws& jws) const {
  const ErrorsForgotten forget;
  if (!algorithms_.Has(jws.algorithm())) return false;
  // cjose takes signatures that are too long or too short for ES and PS.
  const std::string_view signature = jws.signature();
  const size_t size = is_secret_ ? DigestSize(jws.algorithm()) : material_->signature_size;
  if (signature.size() != size) return false;
  if (material_->ed25519) {
    const std::string_view input = jws.signing_input();
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                                material_->ed25519.get()) == 1 &&
           EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(input),
                            input.size()) == 1;
  }
  const Owned<cjose_jws_t> imported(
      cjose_jws_import(jws.text().data(), jws.text().size(), nullptr));
  return imported && cjose_jws_verify(imported.get(), material_->jose.get(), nullptr);
}

}  // namespace fsubs
