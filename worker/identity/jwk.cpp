#include <string>

#include "worker/identity/base64url.hpp"
#include "worker/identity/key_formats.hpp"

namespace fsubs {
namespace {

// The bytes of a member; empty if it is missing or not in base64url, which no key is.
std::string BytesOf(const JsonValue& jwk, std::string_view name) {
  const auto member = jwk.Find(name);
  if (!member || member->type() != JsonType::kString) return {};
  return DecodeBase64Url(member->text()).value_or(std::string());
}

// False if there is a member of that name which is no text. Without one, `*text` is empty.
bool ReadText(const JsonValue& jwk, std::string_view name, std::optional<std::string>* text) {
  const auto member = jwk.Find(name);
  if (!member) return true;
  if (member->type() != JsonType::kString) return false;
  *text = member->ToString();
  return true;
}

// By the members of section 4 that limit what a key is for.
bool IsToVerify(const JsonValue& jwk) {
  std::optional<std::string> use;
  if (!ReadText(jwk, "use", &use) || use.value_or("sig") != "sig") return false;
  const auto operations = jwk.Find("key_ops");
  if (!operations) return true;
  bool verifies = false;
  operations->ForEachElement([&](const JsonValue& operation) {
    verifies = verifies || (operation.type() == JsonType::kString && operation.text() == "verify");
  });
  return verifies;
}

std::optional<Key> KeyOfType(std::string_view type, const JsonValue& jwk) {
  if (type == "oct") return Key::OfSecret(BytesOf(jwk, "k"));
  if (type == "RSA") return Key::OfRsa(BytesOf(jwk, "n"), BytesOf(jwk, "e"));
  std::optional<std::string> curve;
  if (!ReadText(jwk, "crv", &curve)) return std::nullopt;
  if (type == "OKP" && curve == "Ed25519") return Key::OfEd25519(BytesOf(jwk, "x"));
  if (type == "EC" && (curve == "P-256" || curve == "P-384")) {
    return Key::OfEllipticCurve(curve == "P-256" ? Key::Curve::kP256 : Key::Curve::kP384,
                                BytesOf(jwk, "x"), BytesOf(jwk, "y"));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Key> KeyOfJwk(const JsonValue& jwk) {
  std::optional<std::string> type;
  std::optional<std::string> algorithm;
  std::optional<std::string> id;
  if (!ReadText(jwk, "kty", &type) || !ReadText(jwk, "alg", &algorithm) ||
      !ReadText(jwk, "kid", &id) || !type || !IsToVerify(jwk)) {
    return std::nullopt;
  }
  std::optional<Key> key = KeyOfType(*type, jwk);
  if (!key) return std::nullopt;
  if (algorithm) {
    const auto known = AlgorithmNamed(*algorithm);
    if (!known) return std::nullopt;
    key->Restrict({*known});
    if (key->algorithms().empty()) return std::nullopt;
  }
  if (id) key->set_id(std::move(*id));
  return key;
}

}  // namespace fsubs
