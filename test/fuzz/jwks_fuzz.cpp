// Any text as a set of keys, and as a public key in PEM: what is read of it verifies nothing that
// was signed by another key, and an error tells nothing of the text.
#include "test/token_signer.hpp"
#include "worker/identity/key_formats.hpp"
#include "worker/identity/key_set.hpp"

using namespace fsubs;

namespace {

void MustNotHaveSigned(const Key& key) {
  static const TokenSigner kSecret = TokenSigner::Secret(std::string(64, '\x7f'));
  static const TokenSigner kEllipticCurve = TokenSigner::EllipticCurve("P-256");
  static const TokenSigner kEd25519 = TokenSigner::Ed25519();
  static const std::string kTokens[] = {kSecret.Sign("{}", "HS256"),
                                        kEllipticCurve.Sign("{}", "ES256"),
                                        kEd25519.Sign("{}", "EdDSA")};
  if (key.algorithms().empty()) __builtin_trap();
  for (const std::string& token : kTokens) {
    Jws jws;
    if (!jws.Parse(token).empty() || key.Signed(jws)) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string error;
  const auto set = KeySet::Parse(text, &error);
  if ((set == nullptr) == error.empty()) __builtin_trap();
  if (set) {
    for (const Key& key : set->keys()) MustNotHaveSigned(key);
  }
  // OpenSSL takes long to find that a text is no PEM.
  if (text.find("-----BEGIN ") != std::string_view::npos) {
    if (const auto key = KeyOfPem(text)) MustNotHaveSigned(*key);
  }
  return 0;
}
