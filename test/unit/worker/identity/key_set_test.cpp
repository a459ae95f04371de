#include "worker/identity/key_set.hpp"

#include <gtest/gtest.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "test/token_signer.hpp"
#include "worker/identity/key_formats.hpp"

using namespace std::literals;

namespace fsubs {
namespace {

const std::string kSecret(64, 's');

// Made once: large primes take long to find.
const TokenSigner& Rsa() {
  static const TokenSigner signer = TokenSigner::Rsa(2048);
  return signer;
}
const TokenSigner& P256() {
  static const TokenSigner signer = TokenSigner::EllipticCurve("P-256");
  return signer;
}

std::optional<Key> KeyOf(const std::string& jwk) {
  JsonTree tree;
  EXPECT_TRUE(tree.ParseCopy(jwk)) << jwk;
  return KeyOfJwk(tree.root());
}

std::string WithMember(std::string jwk, const std::string& name, const std::string& value) {
  const size_t begin = jwk.find("\"" + name + "\":\"") + name.size() + 4;
  return jwk.replace(begin, jwk.find('"', begin) - begin, value);
}

bool Signs(const std::optional<Key>& key, const TokenSigner& signer, const std::string& algorithm) {
  const std::string token = signer.Sign("{}", algorithm);
  Jws jws;
  return key && jws.Parse(token).empty() && key->Signed(jws);
}

TEST(Key, TypeDecidesTheAlgorithms) {
  const TokenSigner p384 = TokenSigner::EllipticCurve("P-384");
  const TokenSigner ed25519 = TokenSigner::Ed25519();
  const TokenSigner secret = TokenSigner::Secret(kSecret);
  for (const char* name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) {
    EXPECT_TRUE(Signs(KeyOf(Rsa().Jwk()), Rsa(), name)) << name;
  }
  for (const char* name : {"HS256", "HS384", "HS512"}) {
    EXPECT_TRUE(Signs(KeyOf(secret.Jwk()), secret, name)) << name;
  }
  EXPECT_TRUE(Signs(KeyOf(P256().Jwk()), P256(), "ES256"));
  EXPECT_TRUE(Signs(KeyOf(p384.Jwk()), p384, "ES384"));
  EXPECT_TRUE(Signs(KeyOf(ed25519.Jwk()), ed25519, "EdDSA"));
  EXPECT_TRUE(Signs(KeyOf(ed25519.Jwk()), ed25519, "Ed25519"));  // its name in RFC 9864
}

TEST(Key, OfOneCurveDoesNotSignForTheOther) {
  const TokenSigner p384 = TokenSigner::EllipticCurve("P-384");
  EXPECT_FALSE(Signs(KeyOf(p384.Jwk()), p384, "ES256"));
  EXPECT_FALSE(Signs(KeyOf(P256().Jwk()), P256(), "ES384"));
}

TEST(Key, SecretSignsWithNoLargerDigestThanItIsLong) {
  for (const size_t size : {32, 47, 48, 63, 64, 200}) {
    const TokenSigner signer = TokenSigner::Secret(std::string(size, 's'));
    const auto key = Key::OfSecret(std::string(size, 's'));
    EXPECT_TRUE(Signs(key, signer, "HS256")) << size;
    EXPECT_EQ(Signs(key, signer, "HS384"), size >= 48) << size;
    EXPECT_EQ(Signs(key, signer, "HS512"), size >= 64) << size;
  }
  EXPECT_FALSE(Key::OfSecret(std::string(31, 's')));
}

TEST(Key, SignatureHasItsLengthExactly) {
  const auto key = KeyOf(P256().Jwk());
  const std::string input = EncodeBase64Url(R"({"alg":"ES256"})") + "." + EncodeBase64Url("{}");
  const std::string signature = P256().Signature(input, "ES256");
  const auto signs = [&](const std::string& bytes) {
    const std::string token = input + "." + EncodeBase64Url(bytes);
    Jws jws;
    return jws.Parse(token).empty() && key->Signed(jws);
  };
  EXPECT_TRUE(signs(signature));
  EXPECT_FALSE(signs(signature + '\0'));
  EXPECT_FALSE(signs(signature + std::string(2, '\0')));
  EXPECT_FALSE(signs('\0' + signature.substr(0, 32) + '\0' + signature.substr(32)));
  EXPECT_FALSE(signs(signature.substr(0, 63)));
  EXPECT_FALSE(signs(""));
  EXPECT_FALSE(signs(std::string(64, '\0')));  // CVE-2022-21449
  EXPECT_FALSE(signs(std::string(31, '\0') + '\x01' + std::string(31, '\0') + '\x01'));
}

TEST(Key, SignatureOfRsaKeepsItsLeadingZeros) {
  const auto key = KeyOf(Rsa().Jwk());
  std::string input;
  std::string signature = "none";
  for (int i = 0; signature[0] != '\0'; ++i) {  // one in 256 begins so
    input = EncodeBase64Url(R"({"alg":"PS256"})") + "." + EncodeBase64Url(std::to_string(i));
    signature = Rsa().Signature(input, "PS256");
  }
  const auto signs = [&](const std::string& bytes) {
    const std::string token = input + "." + EncodeBase64Url(bytes);
    Jws jws;
    return jws.Parse(token).empty() && key->Signed(jws);
  };
  EXPECT_TRUE(signs(signature));
  EXPECT_FALSE(signs(signature.substr(1)));
  EXPECT_FALSE(signs('\0' + signature));
}

TEST(Key, OfRsaHas2048BitsAtLeastAnd8192AtMost) {
  EXPECT_FALSE(KeyOf(TokenSigner::Rsa(1024).Jwk()));
  const std::string modulus(2048 / 8, '\xff');
  EXPECT_TRUE(Key::OfRsa(modulus, "\x01\x00\x01"sv));
  EXPECT_TRUE(Key::OfRsa('\0' + modulus, "\x01\x00\x01"sv));
  EXPECT_FALSE(Key::OfRsa('\x7f' + modulus.substr(1), "\x01\x00\x01"sv));
  EXPECT_TRUE(Key::OfRsa(std::string(8192 / 8, '\xff'), "\x01\x00\x01"sv));
  EXPECT_FALSE(Key::OfRsa(std::string(8192 / 8 + 1, '\xff'), "\x01\x00\x01"sv));
}

TEST(Key, OfRsaHasAnExponentThatHidesSomething) {
  const std::string modulus(2048 / 8, '\xff');
  for (const std::string_view exponent : {""sv, "\x00"sv, "\x01"sv, "\x00\x01"sv, "\x02"sv}) {
    EXPECT_FALSE(Key::OfRsa(modulus, exponent));
  }
  EXPECT_FALSE(Key::OfRsa(modulus, std::string(9, '\xff')));
  EXPECT_TRUE(Key::OfRsa(modulus, "\x03"));
}

TEST(Key, PointIsOnItsCurveInFullLength) {
  const std::string jwk = P256().Jwk();
  EXPECT_TRUE(KeyOf(jwk));
  EXPECT_FALSE(KeyOf(WithMember(jwk, "x", EncodeBase64Url(std::string(32, '\x01')))));
  EXPECT_FALSE(KeyOf(WithMember(jwk, "x", EncodeBase64Url(std::string(31, '\x01')))));
  EXPECT_FALSE(KeyOf(WithMember(jwk, "crv", "P-384")));
  EXPECT_FALSE(KeyOf(WithMember(jwk, "crv", "P-521")));
  EXPECT_FALSE(KeyOf(WithMember(jwk, "crv", "secp256k1")));
  EXPECT_FALSE(KeyOf(WithMember(TokenSigner::Ed25519().Jwk(), "crv", "X25519")));
}

TEST(Jwk, IsLeftOutIfItIsNotToVerifyWith) {
  for (const char* members :
       {R"(,"use":"enc")", R"(,"use":1)", R"(,"key_ops":["sign"])", R"(,"key_ops":[])",
        R"(,"key_ops":"verify")", R"(,"alg":"RSA-OAEP")", R"(,"alg":"ES256")", R"(,"alg":"none")",
        R"(,"alg":null)", R"(,"kid":1)"}) {
    EXPECT_FALSE(KeyOf(Rsa().Jwk(members))) << members;
  }
  for (const char* members : {R"(,"use":"sig")", R"(,"key_ops":["sign","verify"])",
                              R"(,"alg":"PS512")", R"(,"kid":"")", R"(,"x5c":[],"other":{})"}) {
    EXPECT_TRUE(KeyOf(Rsa().Jwk(members))) << members;
  }
}

TEST(Jwk, AlgorithmIsTheOnlyOne) {
  const auto key = KeyOf(Rsa().Jwk(R"(,"alg":"RS256")"));
  EXPECT_TRUE(Signs(key, Rsa(), "RS256"));
  EXPECT_FALSE(Signs(key, Rsa(), "RS512"));
  EXPECT_FALSE(Signs(key, Rsa(), "PS256"));
}

TEST(Jwk, GivesThePublicPartOfAPrivateKey) {
  EXPECT_TRUE(Signs(KeyOf(P256().Jwk(R"(,"d":"AAAA")")), P256(), "ES256"));
}

TEST(Jwk, WithoutItsMembersIsNoKey) {
  for (const char* jwk :
       {"{}", "[]", "1", R"({"kty":1})", R"({"kty":"none"})", R"({"kty":"RSA"})",
        R"({"kty":"RSA","n":1,"e":2})", R"({"kty":"RSA","n":"","e":""})", R"({"kty":"EC"})",
        R"({"kty":"EC","crv":"P-256"})", R"({"kty":"OKP"})", R"({"kty":"OKP","crv":"Ed25519"})",
        R"({"kty":"oct"})", R"({"kty":"oct","k":""})", R"({"kty":"oct","k":"++++"})"}) {
    EXPECT_FALSE(KeyOf(jwk)) << jwk;
  }
}

TEST(KeySet, LeavesOutWhatCannotBeUsed) {
  std::string error;
  const auto set = KeySet::Parse(
      "{\"keys\":[1,{}," + Rsa().Jwk(R"(,"kid":"a")") + R"(,{"kty":"future"}],"more":1})", &error);
  ASSERT_TRUE(set) << error;
  ASSERT_EQ(set->size(), 1u);
  EXPECT_EQ(set->keys()[0].id(), "a");
}

TEST(KeySet, MayBeASingleKey) {
  std::string error;
  const auto set = KeySet::Parse(P256().Jwk(), &error);
  ASSERT_TRUE(set) << error;
  EXPECT_EQ(set->size(), 1u);
}

TEST(KeySet, IsRefusedWholeIfItIsNone) {
  const std::string key = P256().Jwk();
  std::string many;
  for (size_t i = 0; i < kMaxKeys; ++i) many += "{},";
  const std::vector<std::string> none = {
      "",
      "{",
      "[]",
      "{}",
      R"({"keys":{}})",
      R"({"keys":[],"keys":[)" + key + "]}",
      R"({"keys":[],"\u006beys":[)" + key + "]}",
      R"({"keys":[{"kty":"a","kty":"b"}]})",
      R"({"keys":[)" + many + key + "]}",
      std::string(kMaxKeySetSize, ' ') + key,
      "<html>" + key,
      std::string(2000, '['),
  };
  for (const std::string& json : none) {
    std::string error;
    EXPECT_FALSE(KeySet::Parse(json, &error)) << json.substr(0, 80);
    EXPECT_FALSE(error.empty());
    EXPECT_EQ(error.find("kty"), std::string::npos);
  }
  std::string error;
  EXPECT_TRUE(KeySet::Parse(R"({"keys":[)" + many.substr(3) + key + "]}", &error)) << error;
}

TEST(Pem, IsAPublicKeyOfEachKind) {
  const TokenSigner p384 = TokenSigner::EllipticCurve("P-384");
  const TokenSigner ed25519 = TokenSigner::Ed25519();
  EXPECT_TRUE(Signs(KeyOfPem(Rsa().Pem()), Rsa(), "PS256"));
  EXPECT_TRUE(Signs(KeyOfPem("Our key:\n" + P256().Pem() + "\n"), P256(), "ES256"));
  EXPECT_TRUE(Signs(KeyOfPem(p384.Pem()), p384, "ES384"));
  EXPECT_TRUE(Signs(KeyOfPem(ed25519.Pem()), ed25519, "EdDSA"));
}

TEST(Pem, IsACertificateWhateverItsDates) {
  X509* const certificate = X509_new();
  ASN1_TIME_set(X509_getm_notBefore(certificate), 0);
  ASN1_TIME_set(X509_getm_notAfter(certificate), 1);  // long ago
  X509_set_pubkey(certificate, P256().key());
  X509_sign(certificate, P256().key(), EVP_sha256());
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* data = nullptr;
  const auto size = static_cast<size_t>(BIO_get_mem_data(bio, &data));
  EXPECT_TRUE(Signs(KeyOfPem({data, size}), P256(), "ES256"));
  BIO_free(bio);
  X509_free(certificate);
}

TEST(Pem, OfAnythingElseIsNoKey) {
  EXPECT_FALSE(KeyOfPem(""));
  EXPECT_FALSE(KeyOfPem("secret"));
  EXPECT_FALSE(KeyOfPem(P256().PrivatePem()));
  EXPECT_FALSE(KeyOfPem(P256().Pem().substr(0, 100)));
  EXPECT_FALSE(KeyOfPem(TokenSigner::Rsa(1024).Pem()));
  EXPECT_FALSE(KeyOfPem(TokenSigner::EllipticCurve("secp256k1").Pem()));
  EXPECT_FALSE(
      KeyOfPem("-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
               "AES-256-CBC,00000000000000000000"
               "000000000000\n\nAAAA\n-----END PUBLIC KEY-----\n"));
}

TEST(Key, LeavesNoErrorForOthersOnItsThread) {
  EXPECT_FALSE(KeyOfPem("secret"));
  EXPECT_FALSE(Signs(KeyOf(Rsa().Jwk()), TokenSigner::Rsa(2048), "RS256"));
  EXPECT_FALSE(KeyOf(WithMember(P256().Jwk(), "x", EncodeBase64Url(std::string(32, '\x01')))));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace fsubs
