// Any bytes as a token, and any change of a valid one: none is accepted but those that were signed.
// The first byte says which: 0xff takes the rest as a token, another one takes a valid token and
// edits it by the rest, three bytes each: a place, what to do there, and a byte for it.
#include <algorithm>
#include <vector>

#include "test/token_signer.hpp"
#include "worker/identity/token_verifier.hpp"
#include "worker/json/json_writer.hpp"

using namespace fsubs;

namespace {

constexpr int64_t kNow = 1'700'000'000'000'000;

struct World {
  std::shared_ptr<const Issuers> issuers;
  std::shared_ptr<const KeySet> fetched;
  std::vector<std::string> tokens;
};

World MakeWorld() {
  const TokenSigner secret = TokenSigner::Secret(std::string(64, 's'));
  const TokenSigner rsa = TokenSigner::Rsa(2048);
  const TokenSigner p256 = TokenSigner::EllipticCurve("P-256");
  const TokenSigner p384 = TokenSigner::EllipticCurve("P-384");
  const TokenSigner ed25519 = TokenSigner::Ed25519();
  std::string rows;
  JsonWriter json(&rows);
  json.BeginArray();
  json.BeginObject();
  json.Key("name");
  json.String("any");
  json.Key("secret");
  json.String(std::string(64, 's'));
  json.Key("public_key");
  json.String(rsa.Pem());
  json.Key("jwks");
  json.String(R"({"keys":[)" + p256.Jwk(R"(,"kid":"1")") + "," + p384.Jwk() + "]}");
  json.EndObject();
  json.BeginObject();
  json.Key("name");
  json.String("url");
  json.Key("issuer");
  json.String("i");
  json.Key("jwks_url");
  json.String("https://keys");
  json.Key("audiences");
  json.Raw(R"(["a"])");
  json.Key("preset");
  json.String("hasura");
  json.EndObject();
  json.EndArray();

  World world;
  JsonTree tree;
  std::vector<std::string> left_out;
  if (!tree.ParseCopy(rows)) __builtin_trap();
  world.issuers = Issuers::FromSnapshot(tree.root(), &left_out);
  if (!left_out.empty()) __builtin_trap();
  std::string error;
  world.fetched = KeySet::Parse(ed25519.Jwk(R"(,"kid":"2")"), &error);
  const std::string claims = R"({"sub":"u","exp":1700000060,"roles":["r"],"scope":"a b"})";
  const std::string hasura =
      R"({"iss":"i","aud":["a"],"exp":1.8e9,"https://hasura.io/jwt/claims":)"
      R"("{\"x-hasura-user-id\":\"u\",\"x-hasura-allowed-roles\":[\"r\"],\"x-hasura-default-role\":\"r\"}"})";
  world.tokens = {secret.Sign(claims, "HS256"),
                  secret.Sign(claims, "HS512", R"(,"kid":"x","typ":"JWT")"),
                  rsa.Sign(claims, "RS256"),
                  rsa.Sign(claims, "PS384"),
                  p256.Sign(claims, "ES256", R"(,"kid":"1")"),
                  p384.Sign(claims, "ES384"),
                  ed25519.Sign(hasura, "EdDSA", R"(,"kid":"2")")};
  return world;
}

std::string Edited(std::string token, std::string_view edits) {
  for (; edits.size() >= 3; edits.remove_prefix(3)) {
    // Tokens are longer than a byte can count.
    const size_t at = static_cast<uint8_t>(edits[0]) * token.size() / 256;
    switch (edits[1] & 3) {
      case 0:
        token.insert(at, 1, edits[2]);
        break;
      case 1:
        token.erase(at, 1 + static_cast<uint8_t>(edits[2]) % 4);
        break;
      case 2:
        if (at < token.size()) token[at] = edits[2];
        break;
      default:
        std::rotate(token.begin(), token.begin() + static_cast<ptrdiff_t>(at), token.end());
    }
  }
  return token;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const World world = MakeWorld();
  static TokenVerifier verifier;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string token = data[0] == 0xff
                                ? std::string(rest)
                                : Edited(world.tokens[data[0] % world.tokens.size()], rest);
  const Verification verification = verifier.Verify(
      {.token = token}, *world.issuers, [](const std::string&) { return world.fetched; }, kNow);
  const bool is_accepted = verification.outcome == Verification::Outcome::kAccepted;
  const bool was_signed =
      std::find(world.tokens.begin(), world.tokens.end(), token) != world.tokens.end();
  if (is_accepted != was_signed || is_accepted != (verification.identity != nullptr) ||
      is_accepted != verification.reason.empty()) {
    __builtin_trap();
  }
  return 0;
}
