#include "worker/identity/token_verifier.hpp"

#include <gmock/gmock.h>

#include <map>

#include "test/token_signer.hpp"
#include "test/unit/worker/identity/issuers_of.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;
using Outcome = Verification::Outcome;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kNow = 1'700'000'000 * kSecond;

const TokenSigner& Rsa() {
  static const TokenSigner signer = TokenSigner::Rsa(2048);
  return signer;
}
const TokenSigner& P256() {
  static const TokenSigner signer = TokenSigner::EllipticCurve("P-256");
  return signer;
}
const TokenSigner& OtherP256() {
  static const TokenSigner signer = TokenSigner::EllipticCurve("P-256");
  return signer;
}

const std::string kSecret(64, 's');
const TokenSigner kSecretSigner = TokenSigner::Secret(kSecret);

// Claims that are valid for another minute, and more members.
std::string Claims(const std::string& members = {}) {
  return R"({"sub":"u","exp":1700000060)" + members + "}";
}

std::string Set(const std::string& keys) {
  return R"({"keys":[)" + keys + "]}";
}

class TokenVerifierTest : public testing::Test {
 protected:
  // The only issuer, for tokens of any `iss`.
  void Register(const std::string& members) { RegisterAll(R"({"name":"i",)" + members + "}"); }
  void RegisterAll(const std::string& rows) { issuers_ = IssuersOf(rows); }
  void RegisterSecret(const std::string& members = {}) {
    Register("\"secret\":" + JsonText(kSecret) + members);
  }

  void Fetch(const std::string& url, const std::string& jwks) {
    std::string error;
    fetched_[url] = KeySet::Parse(jwks, &error);
    EXPECT_TRUE(fetched_[url]) << error;
  }

  Verification Verify(const std::string& token, int64_t now_us = kNow,
                      const std::string& role = {}) {
    return verifier_.Verify(
        {.token = token, .requested_role = role}, *issuers_,
        [&](const std::string& url) { return fetched_[url]; }, now_us);
  }

  bool IsAccepted(const std::string& token, int64_t now_us = kNow) {
    return Verify(token, now_us).outcome == Outcome::kAccepted;
  }

  std::string Refusal(const std::string& token, int64_t now_us = kNow) {
    const Verification verification = Verify(token, now_us);
    EXPECT_EQ(verification.outcome, Outcome::kRefused);
    EXPECT_EQ(verification.identity, nullptr);
    return verification.reason;
  }

  std::shared_ptr<const Issuers> issuers_ = std::make_shared<const Issuers>();
  std::map<std::string, std::shared_ptr<const KeySet>> fetched_;
  TokenVerifier verifier_;
};

TEST_F(TokenVerifierTest, AcceptsWhatAKeyOfTheIssuerSigned) {
  const TokenSigner ed25519 = TokenSigner::Ed25519();
  Register("\"secret\":" + JsonText(kSecret) + ",\"public_key\":" + JsonText(Rsa().Pem()) +
           ",\"jwks\":" + JsonText(Set(P256().Jwk())) +
           ",\"jwks_file_content\":" + JsonText(ed25519.Jwk()));
  for (const char* name : {"HS256", "HS384", "HS512"}) {
    EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(), name))) << name;
  }
  for (const char* name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) {
    EXPECT_TRUE(IsAccepted(Rsa().Sign(Claims(), name))) << name;
  }
  EXPECT_TRUE(IsAccepted(P256().Sign(Claims(), "ES256")));
  EXPECT_TRUE(IsAccepted(ed25519.Sign(Claims(), "EdDSA")));
}

TEST_F(TokenVerifierTest, IdentityIsMadeOfTheClaims) {
  RegisterSecret(R"(,"leeway":30000000)");
  const Verification verification =
      Verify(kSecretSigner.Sign(Claims(R"(,"tenant_id":"t","roles":["r"])"), "HS256"));
  ASSERT_EQ(verification.outcome, Outcome::kAccepted) << verification.reason;
  EXPECT_FALSE(verification.identity->is_anonymous);
  EXPECT_EQ(verification.identity->issuer, "i");
  EXPECT_EQ(verification.identity->user, "u");
  EXPECT_EQ(verification.identity->tenant, "t");
  EXPECT_EQ(verification.identity->expires_at_us, 1'700'000'090 * kSecond);
  EXPECT_EQ(verification.reason, "");
}

TEST_F(TokenVerifierTest, ClaimOfAWrongTypeRefuses) {
  RegisterSecret();
  EXPECT_EQ(Refusal(kSecretSigner.Sign(Claims(R"(,"tenant_id":{})"), "HS256")),
            "the claim `tenant_id` has a type that it must not have");
}

TEST_F(TokenVerifierTest, RefusesATokenWithoutAnIssuer) {
  EXPECT_EQ(Refusal(kSecretSigner.Sign(Claims(), "HS256")), "no issuer has the token's `iss`");
}

// What is no token at all.

TEST_F(TokenVerifierTest, RefusesWhatIsNoCompactJws) {
  RegisterSecret();
  const std::string token = kSecretSigner.Sign(Claims(), "HS256");
  ASSERT_TRUE(IsAccepted(token));
  const size_t last = token.rfind('.');
  for (const std::string& text : std::vector<std::string>{"",
                                                          ".",
                                                          "..",
                                                          "...",
                                                          "a",
                                                          "a.b",
                                                          "a.b.c",
                                                          token + ".",
                                                          token + ".e30",
                                                          "." + token,
                                                          token + "=",
                                                          token + "\n",
                                                          " " + token,
                                                          "Bearer " + token,
                                                          token.substr(0, last),
                                                          token.substr(0, last + 1),
                                                          token.substr(0, token.size() - 1),
                                                          token + "AAAA",
                                                          token + '\0',
                                                          "{\"protected\":\"\"}"}) {
    EXPECT_FALSE(IsAccepted(text)) << text;
  }
}

TEST_F(TokenVerifierTest, RefusesATokenOfMoreThan16Kilobytes) {
  RegisterSecret();
  const auto sized = [](size_t letters) {
    return kSecretSigner.Sign(Claims(",\"a\":\"" + std::string(letters, 'x') + "\""), "HS256");
  };
  size_t letters = 12'000;
  while (sized(letters + 1).size() <= 16 * 1024) ++letters;
  EXPECT_TRUE(IsAccepted(sized(letters)));
  EXPECT_EQ(Refusal(sized(letters + 1)), "the token is larger than 16 kB");
  EXPECT_EQ(Refusal(std::string(10'000'000, 'A')), "the token is larger than 16 kB");
}

TEST_F(TokenVerifierTest, RefusesDeepNesting) {
  RegisterSecret();
  const std::string deep = std::string(3000, '[') + std::string(3000, ']');
  EXPECT_THAT(Refusal(kSecretSigner.Sign(Claims(",\"a\":" + deep), "HS256")),
              HasSubstr("claims are no JSON object"));
  EXPECT_THAT(Refusal(kSecretSigner.Sign(Claims(), "HS256", ",\"a\":" + deep)),
              HasSubstr("header is no JSON object"));
}

TEST_F(TokenVerifierTest, RefusesClaimsThatAreNoObject) {
  RegisterSecret();
  for (const char* claims : {"", "[]", "\"\"", "null", "{\"exp\":1700000060", "\xff"}) {
    EXPECT_EQ(Refusal(kSecretSigner.Sign(claims, "HS256")),
              "the token's claims are no JSON object");
  }
}

// The header.

TEST_F(TokenVerifierTest, RefusesEverySpellingOfNoAlgorithm) {
  RegisterSecret();
  for (const char* alg : {"\"none\"", "\"None\"", "\"NONE\"", "\"nOnE\"", "\"\"", "\"none \"",
                          "\"\\u006eone\"", "null", "0", "[]", "[\"HS256\"]", "false"}) {
    const std::string input = EncodeBase64Url("{\"alg\":" + std::string(alg) + "}") + "." +
                              EncodeBase64Url(Claims()) + ".";
    for (const std::string& token :
         {input, input + EncodeBase64Url(kSecretSigner.Signature(input, "HS256")),
          kSecretSigner.SignRaw("{\"alg\":" + std::string(alg) + "}", Claims(), "HS256")}) {
      EXPECT_FALSE(IsAccepted(token)) << alg;
    }
  }
  EXPECT_FALSE(IsAccepted(kSecretSigner.SignRaw("{}", Claims(), "HS256")));
}

TEST_F(TokenVerifierTest, RefusesOtherAlgorithmsAndOtherSpellings) {
  RegisterSecret();
  for (const char* name :
       {"hs256", "HS256 ", "HS1", "ES256K", "ES512", "RSA-OAEP", "dir", "A128KW", "Ed448"}) {
    EXPECT_FALSE(IsAccepted(
        kSecretSigner.SignRaw("{\"alg\":\"" + std::string(name) + "\"}", Claims(), "HS256")))
        << name;
  }
}

TEST_F(TokenVerifierTest, AlgorithmIsTheKeysAndNeverTheHeaders) {
  // Whoever has the public key must not be able to sign with it as a secret.
  for (const TokenSigner& signer : {Rsa(), P256()}) {
    Register("\"public_key\":" + JsonText(signer.Pem()) +
             ",\"jwks\":" + JsonText(Set(signer.Jwk(R"(,"kid":"k")"))));
    for (const std::string& secret : {signer.Pem(), signer.Jwk(), signer.Jwk(R"(,"kid":"k")"),
                                      signer.Pem().substr(0, signer.Pem().size() - 1)}) {
      const TokenSigner attacker = TokenSigner::Secret(secret);
      for (const char* alg : {"HS256", "HS384", "HS512"}) {
        EXPECT_FALSE(IsAccepted(attacker.Sign(Claims(), alg)));
        EXPECT_FALSE(IsAccepted(attacker.Sign(Claims(), alg, R"(,"kid":"k")")));
      }
    }
  }
  // Nor does a header turn a signature into one of another kind.
  EXPECT_FALSE(IsAccepted(P256().SignRaw(R"({"alg":"ES384"})", Claims(), "ES384")));
  Register("\"public_key\":" + JsonText(Rsa().Pem()));
  EXPECT_FALSE(IsAccepted(Rsa().SignRaw(R"({"alg":"PS256"})", Claims(), "RS256")));
  EXPECT_FALSE(IsAccepted(Rsa().SignRaw(R"({"alg":"RS256"})", Claims(), "PS256")));
}

TEST_F(TokenVerifierTest, AlgorithmsOfTheIssuerNarrowThoseOfItsKeys) {
  RegisterSecret(R"(,"algorithms":["HS512","RS256"])");
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(), "HS512")));
  EXPECT_EQ(Refusal(kSecretSigner.Sign(Claims(), "HS256")),
            "the issuer does not sign with the token's algorithm");
  EXPECT_FALSE(IsAccepted(Rsa().Sign(Claims(), "RS256")));
}

TEST_F(TokenVerifierTest, RefusesExtensionsThatItDoesNotKnow) {
  RegisterSecret();
  for (const char* members : {R"(,"crit":["exp"],"exp":1)", R"(,"crit":[])", R"(,"crit":null)",
                              R"(,"crit":["b64"],"b64":false)", R"(,"crit":["b64"],"b64":true)",
                              R"(,"b64":false)", R"(,"b64":"true")"}) {
    EXPECT_FALSE(IsAccepted(kSecretSigner.Sign(Claims(), "HS256", members))) << members;
  }
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(), "HS256", R"(,"cty":"x","other":{"a":[1]})")));
}

TEST_F(TokenVerifierTest, TypeIsATextAndSaysNothing) {
  RegisterSecret();
  for (const char* type : {"\"JWT\"", "\"at+jwt\"", "\"\""}) {
    EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(), "HS256", ",\"typ\":" + std::string(type))));
  }
  EXPECT_FALSE(IsAccepted(kSecretSigner.Sign(Claims(), "HS256", ",\"typ\":1")));
  EXPECT_FALSE(IsAccepted(kSecretSigner.Sign(Claims(), "HS256", ",\"typ\":null")));
}

TEST_F(TokenVerifierTest, KeysInTheHeaderAreNotUsed) {
  Register("\"jwks\":" + JsonText(Set(P256().Jwk())));
  for (const std::string& members : std::vector<std::string>{
           ",\"jwk\":" + OtherP256().Jwk(), R"(,"jku":"https://attacker/jwks")",
           R"(,"x5u":"https://attacker/x5u")", R"(,"x5c":["AAAA"])"}) {
    EXPECT_FALSE(IsAccepted(OtherP256().Sign(Claims(), "ES256", members))) << members;
    EXPECT_TRUE(IsAccepted(P256().Sign(Claims(), "ES256", members))) << members;
  }
}

TEST_F(TokenVerifierTest, RefusesAnyNameThatIsThereTwice) {
  RegisterSecret();
  for (const char* header :
       {R"({"alg":"HS256","alg":"HS256"})", R"({"alg":"none","alg":"HS256"})",
        R"({"alg":"HS256","\u0061lg":"HS256"})", R"({"alg":"HS256","a":{"b":[{"c":1,"c":1}]}})"}) {
    EXPECT_EQ(Refusal(kSecretSigner.SignRaw(header, Claims(), "HS256")),
              "the token's header has a name twice");
  }
  for (const char* members :
       {R"(,"sub":"admin")", R"(,"s\u0075b":"admin")", R"(,"exp":9999999999)",
        R"(,"a":{"b":1,"b":2})", R"(,"a":[[{"b":1,"\u0062":2}]])", R"(,"":1,"":1)"}) {
    EXPECT_EQ(Refusal(kSecretSigner.Sign(Claims(members), "HS256")),
              "the token's claims have a name twice");
  }
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(R"(,"Sub":"x","a":{"sub":1})"), "HS256")));
}

// Keys.

TEST_F(TokenVerifierTest, KeyIdChoosesAmongTheKeysOfTheIssuer) {
  Register("\"jwks\":" +
           JsonText(Set(P256().Jwk(R"(,"kid":"1")") + "," + OtherP256().Jwk(R"(,"kid":"2")"))));
  EXPECT_TRUE(IsAccepted(P256().Sign(Claims(), "ES256", R"(,"kid":"1")")));
  EXPECT_TRUE(IsAccepted(OtherP256().Sign(Claims(), "ES256", R"(,"kid":"2")")));
  EXPECT_EQ(Refusal(P256().Sign(Claims(), "ES256", R"(,"kid":"2")")),
            "the token's signature does not verify");
  for (const char* kid : {"", "3", "1 ", "../1", "/dev/null", "1' OR '1'='1",
                          "1; DROP TABLE issuer", "1\\u0000", "%31", "\\u0661"}) {
    EXPECT_EQ(Refusal(P256().Sign(Claims(), "ES256", R"(,"kid":")" + std::string(kid) + "\"")),
              "no key of the issuer fits the token")
        << kid;
  }
  for (const char* kid : {"1", "null", "[\"1\"]", "{}"}) {
    EXPECT_EQ(Refusal(P256().Sign(Claims(), "ES256", R"(,"kid":)" + std::string(kid))),
              "the token's `kid` is no string");
  }
}

TEST_F(TokenVerifierTest, KeyWithoutAnIdFitsWhereNoIdIsEqual) {
  Register("\"secret\":" + JsonText(kSecret) +
           ",\"jwks\":" + JsonText(Set(P256().Jwk(R"(,"kid":"1")") + "," + OtherP256().Jwk())));
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(), "HS256", R"(,"kid":"any")")));
  EXPECT_TRUE(IsAccepted(OtherP256().Sign(Claims(), "ES256", R"(,"kid":"any")")));
  EXPECT_FALSE(IsAccepted(OtherP256().Sign(Claims(), "ES256", R"(,"kid":"1")")));
  // The key of that id does not sign so, and no other one is tried.
  EXPECT_FALSE(IsAccepted(kSecretSigner.Sign(Claims(), "HS256", R"(,"kid":"1")")));
}

TEST_F(TokenVerifierTest, TokenWithoutAKeyIdIsTriedWithEachKeyThatFits) {
  Register("\"jwks\":" + JsonText(Set(P256().Jwk(R"(,"kid":"1")") + "," + Rsa().Jwk() + "," +
                                      OtherP256().Jwk(R"(,"kid":"2")"))));
  EXPECT_TRUE(IsAccepted(P256().Sign(Claims(), "ES256")));
  EXPECT_TRUE(IsAccepted(OtherP256().Sign(Claims(), "ES256")));
  EXPECT_TRUE(IsAccepted(Rsa().Sign(Claims(), "RS256")));
}

TEST_F(TokenVerifierTest, TokenWithoutAKeyIdIsTriedWithEightKeysAtMost) {
  std::string keys;
  for (int i = 0; i < 7; ++i)
    keys += OtherP256().Jwk(",\"kid\":\"" + std::to_string(i) + "\"") + ",";
  Register("\"jwks\":" + JsonText(Set(keys + P256().Jwk())));
  EXPECT_TRUE(IsAccepted(P256().Sign(Claims(), "ES256")));
  Register("\"jwks\":" +
           JsonText(Set(keys + OtherP256().Jwk() + "," + P256().Jwk(R"(,"kid":"k")"))));
  EXPECT_FALSE(IsAccepted(P256().Sign(Claims(), "ES256")));
  EXPECT_TRUE(IsAccepted(P256().Sign(Claims(), "ES256", R"(,"kid":"k")")));
}

TEST_F(TokenVerifierTest, KeyOfAnotherIssuerIsNeverTried) {
  RegisterAll(
      R"({"name":"a","issuer":"https://a","jwks":)" + JsonText(P256().Jwk(R"(,"kid":"1")")) +
      R"(},{"name":"b","issuer":"https://b","jwks":)" + JsonText(OtherP256().Jwk(R"(,"kid":"2")")) +
      R"(},{"name":"others","secret":)" + JsonText(kSecret) + "}");
  const std::string a = Claims(R"(,"iss":"https://a")");
  EXPECT_TRUE(IsAccepted(P256().Sign(a, "ES256")));
  for (const char* kid : {"", R"(,"kid":"1")", R"(,"kid":"2")"}) {
    EXPECT_FALSE(IsAccepted(OtherP256().Sign(a, "ES256", kid))) << kid;
    EXPECT_FALSE(IsAccepted(kSecretSigner.Sign(a, "HS256", kid))) << kid;
    EXPECT_FALSE(IsAccepted(P256().Sign(Claims(R"(,"iss":"https://c")"), "ES256", kid))) << kid;
    EXPECT_FALSE(IsAccepted(P256().Sign(Claims(), "ES256", kid))) << kid;
  }
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(R"(,"iss":"https://c")"), "HS256")));
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(), "HS256")));
  for (const char* iss : {"1", "null", "[\"https://a\"]"}) {
    EXPECT_EQ(Refusal(kSecretSigner.Sign(Claims(",\"iss\":" + std::string(iss)), "HS256")),
              "the token's `iss` is no string");
  }
}

TEST_F(TokenVerifierTest, PreviousSecretEndsWithItsTime) {
  const TokenSigner previous = TokenSigner::Secret(std::string(40, 'p'));
  const std::string member = ",\"previous_secret\":" + JsonText(std::string(40, 'p'));
  RegisterSecret(member + ",\"previous_until\":" + std::to_string(kNow + 10));
  const std::string token = previous.Sign(Claims(), "HS256");
  EXPECT_TRUE(IsAccepted(token, kNow));
  EXPECT_TRUE(IsAccepted(token, kNow + 9));
  EXPECT_FALSE(IsAccepted(token, kNow + 10));  // although it was known a moment ago
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(), "HS256"), kNow + 10));
  RegisterSecret(member);
  EXPECT_TRUE(IsAccepted(token, kNow + 10));
}

// Keys by URL.

const std::string kByUrl = R"("jwks_url":"https://keys","audiences":["us"])";

TEST_F(TokenVerifierTest, KeysThatWereNotFetchedYetAreNeeded) {
  Register(kByUrl);
  const std::string token = P256().Sign(Claims(R"(,"aud":"us")"), "ES256", R"(,"kid":"1")");
  const Verification before = Verify(token);
  EXPECT_EQ(before.outcome, Outcome::kNeedsKeys);
  EXPECT_EQ(before.url, "https://keys");
  EXPECT_EQ(before.reason, "no key of the issuer fits the token");
  Fetch("https://keys", Set(P256().Jwk(R"(,"kid":"1")")));
  EXPECT_TRUE(IsAccepted(token));
}

TEST_F(TokenVerifierTest, NewerKeysAreNeededWhereNoneHasTheId) {
  Register(kByUrl);
  Fetch("https://keys", Set(P256().Jwk(R"(,"kid":"1")")));
  const std::string claims = Claims(R"(,"aud":"us")");
  EXPECT_EQ(Verify(OtherP256().Sign(claims, "ES256", R"(,"kid":"2")")).outcome,
            Outcome::kNeedsKeys);
  EXPECT_EQ(Verify(OtherP256().Sign(claims, "ES256")).outcome, Outcome::kNeedsKeys);
  // A key keeps its id.
  EXPECT_EQ(Verify(OtherP256().Sign(claims, "ES256", R"(,"kid":"1")")).outcome, Outcome::kRefused);
  Fetch("https://keys", Set(OtherP256().Jwk(R"(,"kid":"2")")));
  EXPECT_TRUE(IsAccepted(OtherP256().Sign(claims, "ES256", R"(,"kid":"2")")));
}

TEST_F(TokenVerifierTest, NoKeysAreNeededForATokenThatIsRefusedAnyway) {
  Register(kByUrl + R"(,"algorithms":["ES256"])");
  EXPECT_EQ(Refusal(P256().Sign(Claims(), "ES256")), "the token is for another audience");
  EXPECT_EQ(Refusal(P256().Sign(R"({"aud":"us","exp":1})", "ES256")), "the token has expired");
  EXPECT_EQ(Refusal(Rsa().Sign(Claims(R"(,"aud":"us")"), "RS256")),
            "the issuer does not sign with the token's algorithm");
}

TEST_F(TokenVerifierTest, SecretThatEverybodyCanFetchIsNone) {
  Register(kByUrl);
  Fetch("https://keys", Set(kSecretSigner.Jwk(R"(,"kid":"1")")));
  EXPECT_FALSE(IsAccepted(kSecretSigner.Sign(Claims(R"(,"aud":"us")"), "HS256", R"(,"kid":"1")")));
}

TEST_F(TokenVerifierTest, KeyThatIsFetchedNoMoreEndsWhatWasVerifiedWithIt) {
  Register(kByUrl);
  Fetch("https://keys", Set(P256().Jwk(R"(,"kid":"1")")));
  const std::string token = P256().Sign(Claims(R"(,"aud":"us")"), "ES256", R"(,"kid":"1")");
  EXPECT_TRUE(IsAccepted(token));
  Fetch("https://keys", Set(OtherP256().Jwk(R"(,"kid":"2")")));
  EXPECT_EQ(Verify(token).outcome, Outcome::kNeedsKeys);
}

// Times and audiences.

TEST_F(TokenVerifierTest, TokenExpiresAtExpAndLeeway) {
  RegisterSecret(R"(,"leeway":30000000)");
  const std::string token = kSecretSigner.Sign(R"({"exp":1700000000})", "HS256");
  EXPECT_TRUE(IsAccepted(token, kNow));
  EXPECT_TRUE(IsAccepted(token, kNow + 30 * kSecond - 1));
  EXPECT_EQ(Refusal(token, kNow + 30 * kSecond), "the token has expired");  // and is not remembered
  EXPECT_EQ(Refusal(token, kNow + 30 * kSecond), "the token has expired");
  RegisterSecret();
  EXPECT_TRUE(IsAccepted(token, kNow - 1));
  EXPECT_EQ(Refusal(token, kNow), "the token has expired");
}

TEST_F(TokenVerifierTest, TokenBeginsAtNbfLessLeeway) {
  RegisterSecret(R"(,"leeway":30000000)");
  const std::string token = kSecretSigner.Sign(Claims(R"(,"nbf":1700000030)"), "HS256");
  EXPECT_EQ(Refusal(token, kNow - 1), "the token is not valid yet");
  EXPECT_TRUE(IsAccepted(token, kNow));
}

TEST_F(TokenVerifierTest, TimesMayHaveFractionsAndAnySize) {
  RegisterSecret();
  const auto accepts = [&](const std::string& exp) {
    return IsAccepted(kSecretSigner.Sign("{\"exp\":" + exp + "}", "HS256"));
  };
  for (const char* exp : {"1700000000.5", "17000000005e-1", "99999999999999999999", "1e300",
                          "9223372036854775807", "1.7e10"}) {
    EXPECT_TRUE(accepts(exp)) << exp;
  }
  for (const char* exp :
       {"1699999999.9", "0", "-0", "-1", "-1e300", "-9223372036854775808", "1e999", "1e-999",
        "\"1700000060\"", "null", "true", "[1700000060]", "{}"}) {
    EXPECT_FALSE(accepts(exp)) << exp;
  }
  EXPECT_EQ(Verify(kSecretSigner.Sign(R"({"exp":1e300})", "HS256")).identity->expires_at_us,
            253'402'300'799 * kSecond);  // the end of the year 9999
  EXPECT_FALSE(IsAccepted(kSecretSigner.Sign(Claims(R"(,"nbf":1e300)"), "HS256")));
  EXPECT_FALSE(IsAccepted(kSecretSigner.Sign(Claims(R"(,"nbf":"1")"), "HS256")));
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(R"(,"nbf":-1e300)"), "HS256")));
  EXPECT_FALSE(IsAccepted(kSecretSigner.Sign(Claims(R"(,"iat":"1")"), "HS256")));
  // RFC 7519 forbids no token that was issued later than now.
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(R"(,"iat":1800000000)"), "HS256")));
}

TEST_F(TokenVerifierTest, LeewayOfAnySizeDoesNotOverflow) {
  RegisterSecret(R"(,"leeway":9223372036854775807)");
  for (const char* exp : {"1e300", "0", "-1e300"}) {
    Verify(kSecretSigner.Sign("{\"exp\":" + std::string(exp) + ",\"nbf\":1e300}", "HS256"));
  }
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(R"({"exp":1})", "HS256")));
}

TEST_F(TokenVerifierTest, ExpIsRequiredUnlessTheIssuerIsRegisteredWithoutIt) {
  RegisterSecret();
  EXPECT_EQ(Refusal(kSecretSigner.Sign("{}", "HS256")), "the token has no `exp`");
  RegisterSecret(R"(,"require_exp":false)");
  const Verification endless = Verify(kSecretSigner.Sign("{}", "HS256"));
  ASSERT_EQ(endless.outcome, Outcome::kAccepted);
  EXPECT_EQ(endless.identity->expires_at_us, std::nullopt);
  EXPECT_FALSE(IsAccepted(kSecretSigner.Sign(R"({"exp":1})", "HS256")));
}

TEST_F(TokenVerifierTest, AudienceIsOneOfThoseRegistered) {
  RegisterSecret(R"(,"audiences":["us","them"])");
  for (const char* aud : {"\"us\"", "\"them\"", "[\"us\"]", "[\"x\",\"them\"]", "[1,\"us\"]"}) {
    EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(",\"aud\":" + std::string(aud)), "HS256")))
        << aud;
  }
  for (const char* aud : {"\"\"", "\"US\"", "\"us them\"", "[]", "[\"x\"]", "[[\"us\"]]", "null",
                          "{\"us\":\"us\"}", "1"}) {
    EXPECT_EQ(Refusal(kSecretSigner.Sign(Claims(",\"aud\":" + std::string(aud)), "HS256")),
              "the token is for another audience")
        << aud;
  }
  EXPECT_EQ(Refusal(kSecretSigner.Sign(Claims(), "HS256")), "the token is for another audience");
  RegisterSecret();
  EXPECT_TRUE(IsAccepted(kSecretSigner.Sign(Claims(R"(,"aud":"any")"), "HS256")));
}

// What is remembered.

TEST_F(TokenVerifierTest, EqualTokensShareAnIdentity) {
  RegisterSecret();
  const std::string token = kSecretSigner.Sign(Claims(), "HS256");
  const auto first = Verify(token).identity;
  EXPECT_EQ(Verify(token).identity, first);
  RegisterSecret();  // as a new snapshot does that changes something else
  EXPECT_EQ(Verify(token).identity, first);
}

TEST_F(TokenVerifierTest, ChangedIssuersForgetWhatWasVerified) {
  RegisterSecret();
  const std::string token = kSecretSigner.Sign(Claims(), "HS256");
  EXPECT_TRUE(IsAccepted(token));
  Register("\"secret\":" + JsonText(std::string(64, 'n')));
  EXPECT_FALSE(IsAccepted(token));
  issuers_ = std::make_shared<const Issuers>();
  EXPECT_FALSE(IsAccepted(token));
}

TEST_F(TokenVerifierTest, RequestedRoleIsPartOfWhatIsRemembered) {
  RegisterSecret(R"(,"preset":"hasura")");
  const std::string token = kSecretSigner.Sign(Claims(R"(,"https://hasura.io/jwt/claims":
      {"x-hasura-default-role":"user","x-hasura-allowed-roles":["user","editor"]})"),
                                               "HS256");
  EXPECT_EQ(Verify(token).identity->role, "user");
  EXPECT_EQ(Verify(token, kNow, "editor").identity->role, "editor");
  EXPECT_EQ(Verify(token, kNow, "admin").outcome, Outcome::kRefused);
  EXPECT_EQ(Verify(token).identity->role, "user");
}

TEST_F(TokenVerifierTest, ChangedTokenIsNotTheOneThatIsRemembered) {
  RegisterSecret();
  const std::string token = kSecretSigner.Sign(Claims(), "HS256");
  EXPECT_TRUE(IsAccepted(token));
  const std::string other = kSecretSigner.Sign(Claims(R"(,"roles":["admin"])"), "HS256");
  EXPECT_FALSE(IsAccepted(other.substr(0, other.rfind('.')) + token.substr(token.rfind('.'))));
}

}  // namespace
}  // namespace fsubs
