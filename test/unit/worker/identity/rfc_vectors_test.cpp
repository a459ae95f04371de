// The examples of the standards: RFC 7515 (appendix A), 7517 (appendix A), 7519, 7520 and 8037.
#include <gtest/gtest.h>

#include "worker/identity/jws.hpp"
#include "worker/identity/key_formats.hpp"
#include "worker/identity/key_set.hpp"

namespace fsubs {
namespace {

// The claims of RFC 7519, section 3.1, which RFC 7515 signs.
const std::string kClaims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";

const std::string kHmacKey =
    R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})";
const std::string kHmacToken = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + kClaims +
                               ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

const std::string kRsaKey =
    R"({"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-)"
    "Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg"
    "0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwK"
    R"(h9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})";
const std::string kRsaToken =
    "eyJhbGciOiJSUzI1NiJ9." + kClaims +
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L"
    "07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUi"
    "pUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

const std::string kEcKey =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
const std::string kEcToken =
    "eyJhbGciOiJFUzI1NiJ9." + kClaims +
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

// RFC 7520, sections 3.3 and 4.2.
const std::string kPssKey =
    R"({"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","e":"AQAB",)"
    R"("n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_)"
    "AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-"
    "OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKw"
    R"(uCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"})";
const std::string kPssToken =
    "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9."
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250by"
    "B0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUg"
    "eW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4."
    "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5"
    "dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8"
    "P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQS"
    "UmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";

// RFC 8037, appendix A.2 and A.4.
const std::string kEdKey =
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
const std::string kEdToken =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

struct Vector {
  const char* name;
  std::string key;
  std::string token;
};

std::vector<Vector> Vectors() {
  return {{"HS256", kHmacKey, kHmacToken},
          {"RS256", kRsaKey, kRsaToken},
          {"ES256", kEcKey, kEcToken},
          {"PS384", kPssKey, kPssToken},
          {"EdDSA", kEdKey, kEdToken}};
}

Key Read(const std::string& jwk) {
  JsonTree tree;
  EXPECT_TRUE(tree.ParseCopy(jwk));
  auto key = KeyOfJwk(tree.root());
  EXPECT_TRUE(key) << jwk;
  return std::move(*key);
}

bool Verifies(const Key& key, const std::string& token) {
  Jws jws;
  return jws.Parse(token).empty() && key.Signed(jws);
}

TEST(RfcVectors, VerifyWithTheirKeysAndWithNoOther) {
  for (const Vector& token : Vectors()) {
    for (const Vector& key : Vectors()) {
      EXPECT_EQ(Verifies(Read(key.key), token.token), std::string(token.name) == key.name)
          << token.name << " with the key of " << key.name;
    }
  }
}

TEST(RfcVectors, VerifyInNoOtherSpelling) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (const Vector& vector : Vectors()) {
    const Key key = Read(vector.key);
    for (size_t at = 0; at < vector.token.size(); ++at) {
      std::string changed = vector.token;
      const size_t digit = kDigits.find(changed[at]);
      // The lowest bit too, which lies behind the last byte at the end of some parts.
      changed[at] = digit == std::string_view::npos ? 'A' : kDigits[digit ^ 1];
      EXPECT_FALSE(Verifies(key, changed)) << vector.name << " changed at " << at;
    }
    EXPECT_FALSE(Verifies(key, vector.token + "=")) << vector.name;
    EXPECT_FALSE(Verifies(key, vector.token + ".")) << vector.name;
    EXPECT_FALSE(Verifies(key, vector.token.substr(0, vector.token.size() - 4))) << vector.name;
  }
}

TEST(RfcVectors, UnsecuredTokenOfAppendixA5IsRefused) {
  Jws jws;
  EXPECT_EQ(jws.Parse("eyJhbGciOiJub25lIn0." + kClaims + "."),
            "the token's algorithm is not supported");
}

TEST(RfcVectors, SetOfRfc7517LeavesOutTheKeyForEncryption) {
  std::string error;
  const auto set = KeySet::Parse(
      R"({"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",)"
      R"("y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},{"kty":"RSA",)"
      R"("n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS)"
      "oc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F"
      "DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQF"
      R"(h6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB",)"
      R"("alg":"RS256","kid":"2011-04-29"}]})",
      &error);
  ASSERT_TRUE(set) << error;
  ASSERT_EQ(set->size(), 1u);
  EXPECT_EQ(set->keys()[0].id(), "2011-04-29");
  EXPECT_TRUE(set->keys()[0].algorithms().Has(Algorithm::kRs256));
  EXPECT_FALSE(set->keys()[0].algorithms().Has(Algorithm::kPs256));
}

TEST(RfcVectors, SymmetricSetOfRfc7517LeavesOutTheKeyForWrapping) {
  std::string error;
  const auto set = KeySet::Parse(
      R"({"keys":[{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"},)" + kHmacKey + "]}",
      &error);
  ASSERT_TRUE(set) << error;
  ASSERT_EQ(set->size(), 1u);
  EXPECT_TRUE(Verifies(set->keys()[0], kHmacToken));
}

}  // namespace
}  // namespace fsubs
