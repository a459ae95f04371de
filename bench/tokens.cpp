// Makes tokens, and the key that they are verified with.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <string>

#include "test/token_signer.hpp"

namespace {

// With the number in place of each %.
std::string Numbered(std::string text, size_t number) {
  const std::string digits = std::to_string(number);
  for (size_t at = 0; (at = text.find('%', at)) != std::string::npos; at += digits.size()) {
    text.replace(at, 1, digits);
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  std::string algorithm = "HS256";
  std::string claims;
  std::string key_file;
  std::string token_file;
  size_t count = 1;
  CLI::App app{"Makes tokens, and the key that they are verified with"};
  app.add_option("--algorithm", algorithm)->check(CLI::IsMember({"HS256", "ES256"}));
  app.add_option("--claims", claims, "JSON, where % is the token's number, from 0 on")->required();
  app.add_option("--count", count, "of the tokens");
  app.add_option("--key", key_file, "file to write: the secret, or a public key in PEM")
      ->required();
  app.add_option("--tokens", token_file, "file to write: a token a line")->required();
  CLI11_PARSE(app, argc, argv);

  const std::string secret(64, 's');
  const bool by_secret = algorithm == "HS256";
  const fsubs::TokenSigner signer =
      by_secret ? fsubs::TokenSigner::Secret(secret) : fsubs::TokenSigner::EllipticCurve("P-256");
  std::ofstream(key_file) << (by_secret ? secret : signer.Pem());
  std::ofstream tokens(token_file);
  for (size_t i = 0; i < count; ++i) {
    tokens << signer.Sign(Numbered(claims, i), algorithm, R"(,"typ":"JWT")") << '\n';
  }
  tokens.close();
  if (!tokens) {
    std::fputs("tokens: cannot write them\n", stderr);
    return 1;
  }
}
