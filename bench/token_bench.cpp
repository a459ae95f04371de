// What a log-in costs: a token verified for the first time and again, for each kind of key, and
// what a token that is remembered takes of the memory.
//
//   make -f worker/worker.mk build/release/bench/token_bench && build/release/bench/token_bench
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "test/token_signer.hpp"
#include "worker/identity/token_verifier.hpp"
#include "worker/json/json_writer.hpp"

namespace {

using namespace fsubs;

constexpr int64_t kNow = 1'700'000'000'000'000;

std::shared_ptr<const Issuers> IssuersWith(const std::string& member, const std::string& value) {
  std::string rows;
  JsonWriter json(&rows);
  json.BeginArray();
  json.BeginObject();
  json.Key("name");
  json.String("i");
  json.Key(member);
  json.String(value);
  json.EndObject();
  json.EndArray();
  JsonTree tree;
  std::vector<std::string> left_out;
  if (!tree.ParseCopy(rows)) std::exit(1);
  auto issuers = Issuers::FromSnapshot(tree.root(), &left_out);
  if (!left_out.empty()) std::exit(1);
  return issuers;
}

// As large as those of common services.
std::vector<std::string> SomeTokens(const TokenSigner& signer, const std::string& algorithm,
                                    size_t count) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < count; ++i) {
    tokens.push_back(signer.Sign(
        R"({"iss":"https://issuer.example/auth/v1","aud":"authenticated","exp":1700003600,)"
        R"("iat":1700000000,"sub":"5be1f1a8-9a5c-4c2b-8f1e-)" +
            std::to_string(100'000'000'000 + i) +
            R"(","email":"somebody@example.com","tenant_id":"t42","roles":["reader","editor"],)"
            R"("scope":"openid profile orders:read","role":"authenticated"})",
        algorithm, R"(,"typ":"JWT","kid":"2024-05-01")"));
  }
  return tokens;
}

void VerifyAll(TokenVerifier* verifier, const Issuers& issuers,
               const std::vector<std::string>& tokens) {
  for (const std::string& token : tokens) {
    const auto fetched = [](const std::string&) { return nullptr; };
    const Verification verification = verifier->Verify({.token = token}, issuers, fetched, kNow);
    if (verification.outcome != Verification::Outcome::kAccepted) std::exit(1);
  }
}

// The fastest of several rounds, in microseconds a token: what else the machine does only adds.
void Measure(const char* algorithm, const TokenSigner& signer, const Issuers& issuers) {
  constexpr int kRounds = 200;
  const std::vector<std::string> tokens = SomeTokens(signer, algorithm, 5);
  double first = 1e9;
  double again = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    TokenVerifier verifier;
    const auto timed = [&](double* best) {
      const auto start = std::chrono::steady_clock::now();
      VerifyAll(&verifier, issuers, tokens);
      const std::chrono::duration<double, std::micro> took =
          std::chrono::steady_clock::now() - start;
      *best = std::min(*best, took.count() / static_cast<double>(tokens.size()));
    };
    timed(&first);
    timed(&again);
  }
  std::printf("%-6s first %6.1f us, again %5.2f us, %zu bytes\n", algorithm, first, again,
              tokens.front().size());
}

}  // namespace

int main() {
  const std::string text(64, 's');
  const TokenSigner secret = TokenSigner::Secret(text);
  const TokenSigner rsa = TokenSigner::Rsa(2048);
  const TokenSigner p256 = TokenSigner::EllipticCurve("P-256");
  const TokenSigner p384 = TokenSigner::EllipticCurve("P-384");
  const TokenSigner ed25519 = TokenSigner::Ed25519();
  Measure("HS256", secret, *IssuersWith("secret", text));
  Measure("RS256", rsa, *IssuersWith("public_key", rsa.Pem()));
  Measure("PS256", rsa, *IssuersWith("public_key", rsa.Pem()));
  Measure("ES256", p256, *IssuersWith("public_key", p256.Pem()));
  Measure("ES384", p384, *IssuersWith("public_key", p384.Pem()));
  Measure("EdDSA", ed25519, *IssuersWith("public_key", ed25519.Pem()));

  constexpr size_t kTokens = 5000;
  const auto issuers = IssuersWith("secret", text);
  const std::vector<std::string> tokens = SomeTokens(secret, "HS256", kTokens);
  TokenVerifier verifier;
  const size_t before = mallinfo2().uordblks;
  VerifyAll(&verifier, *issuers, tokens);
  std::printf("a remembered token takes %zu bytes\n", (mallinfo2().uordblks - before) / kTokens);
  return 0;
}
