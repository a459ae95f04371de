#include "worker/identity/issuers.hpp"

#include <gmock/gmock.h>

#include "test/unit/worker/identity/issuers_of.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kSecret = "a secret that is long enough, 32";

// A row whose other members are `members`.
std::string Row(const std::string& members, const std::string& name = "i") {
  return R"({"name":")" + name + R"(","secret":")" + kSecret + "\"" + members + "}";
}

std::string WhyLeftOut(const std::string& row) {
  std::vector<std::string> left_out;
  IssuersOf(row, &left_out);
  return left_out.empty() ? "" : left_out.front();
}

TEST(Issuers, AreFoundByTheExactIss) {
  const auto issuers =
      IssuersOf(Row(R"(,"issuer":"https://a")", "a") + "," + Row(R"(,"issuer":"https://b/")", "b") +
                "," + Row(R"(,"issuer":null)", "others"));
  const auto name = [&](std::optional<std::string> iss) { return issuers->Of(iss)->name; };
  EXPECT_EQ(name("https://a"), "a");
  EXPECT_EQ(name("https://b/"), "b");
  for (const char* iss : {"https://a/", "https://b", "HTTPS://a", "https://a ", "", "others"}) {
    EXPECT_EQ(name(iss), "others") << iss;
  }
  EXPECT_EQ(name(std::nullopt), "others");
}

TEST(Issuers, WithoutOneForOthersHaveNone) {
  const auto issuers = IssuersOf(Row(R"(,"issuer":"https://a")"));
  EXPECT_EQ(issuers->Of("https://b"), nullptr);
  EXPECT_EQ(issuers->Of(std::nullopt), nullptr);
  EXPECT_EQ(Issuers().Of("https://b"), nullptr);
}

TEST(Issuers, OneThatIsLeftOutLeavesItsTokensToNobody) {
  std::vector<std::string> left_out;
  const auto issuers = IssuersOf(
      R"({"name":"a","issuer":"https://a","secret":"short"},)" + Row("", "others"), &left_out);
  EXPECT_THAT(left_out, ElementsAre("issuer \"a\": its `secret` is shorter than 32 bytes"));
  EXPECT_EQ(issuers->Of("https://a"), nullptr);
  EXPECT_EQ(issuers->Of("https://b")->name, "others");
}

TEST(Issuers, AreLeftOutIfTheyCannotBeUsed) {
  for (const auto& [members, reason] : std::vector<std::pair<std::string, std::string>>{
           {R"(,"previous_secret":"short")", "`previous_secret` is shorter than 32 bytes"},
           {R"(,"public_key":"-----BEGIN PUBLIC KEY-----")", "its `public_key` is no RSA key"},
           {R"(,"jwks":"{")", "its `jwks`: the set of keys is no JSON object"},
           {R"(,"jwks_file_content":"[]")", "its `jwks_file_content`: the set of keys is no"},
           {R"(,"jwks_url":"https://a/jwks")", "it has a `jwks_url` and no `audiences`"},
           {R"(,"jwks_url":"https://a/jwks","audiences":[])", "no `audiences`"},
           {R"(,"audiences":["a",null])", "its `audiences` are no list of texts"},
           {R"(,"audiences":"a")", "its `audiences` has a type"},
           {R"(,"algorithms":["HS256","none"])", "its algorithm \"none\" is not supported"},
           {R"(,"leeway":-1)", "its `leeway` is negative"},
           {R"(,"leeway":1.5)", "its `leeway` is no number of microseconds"},
           {R"(,"leeway":1e30)", "its `leeway` is no number of microseconds"},
           {R"(,"previous_until":"tomorrow")", "its `previous_until` has a type"},
           {R"(,"require_exp":"yes")", "its `require_exp` has a type"},
           {R"(,"claims":{"who":"sub"})", "its `claims` do not map"},
           {R"(,"preset":"okta")", "its preset is not known"},
           {R"(,"issuer":1)", "its `issuer` has a type"},
       }) {
    EXPECT_THAT(WhyLeftOut(Row(members)), HasSubstr(reason)) << members;
  }
  EXPECT_THAT(WhyLeftOut(R"({"name":"i"})"), HasSubstr("it has no key that can be used"));
  EXPECT_THAT(WhyLeftOut(R"({"name":"i","jwks":"{\"keys\":[]}"})"), HasSubstr("it has no key"));
  EXPECT_THAT(WhyLeftOut(R"({"secret":")" + kSecret + "\"}"), HasSubstr("it has no name"));
  EXPECT_THAT(WhyLeftOut("1"), HasSubstr("it has no name"));
  EXPECT_THAT(WhyLeftOut(Row("") + "," + Row(R"(,"issuer":"x")")),
              HasSubstr("there are two of it"));
  EXPECT_THAT(WhyLeftOut(Row("") + "," + Row("", "j")), HasSubstr("issuer \"j\": there are two"));
}

TEST(Issuers, TellNothingOfTheirSecrets) {
  for (const char* member : {"previous_secret", "public_key", "jwks"}) {
    EXPECT_THAT(WhyLeftOut(Row(",\"" + std::string(member) + R"(":"hush")")),
                testing::AllOf(Not(HasSubstr("hush")), Not(HasSubstr(kSecret)), HasSubstr(member)));
  }
}

TEST(Issuers, TellTheAddressesOfKeys) {
  const std::string audience = R"(,"audiences":["a"],"jwks_url":)";
  const auto issuers = IssuersOf(Row(R"(,"issuer":"1")", "a") + "," +
                                 Row(R"(,"issuer":"2")" + audience + "\"https://b\"", "b") + "," +
                                 Row(R"(,"issuer":"3")" + audience + "\"https://c\"", "c"));
  std::vector<std::string> urls;
  for (const Issuer* issuer : issuers->all()) urls.push_back(issuer->jwks_url);
  EXPECT_THAT(urls, ElementsAre("", "https://b", "https://c"));
}

TEST(Issuers, MapClaimsByNameAndOtherwiseByTheDefault) {
  const auto issuers = IssuersOf(Row(R"(,"claims":{"user":"uid"})"));
  EXPECT_THAT(issuers->MappingOf("i").user, ElementsAre("uid"));
  EXPECT_THAT(issuers->MappingOf("other").user, ElementsAre("sub"));
  EXPECT_THAT(issuers->MappingOf("").user, ElementsAre("sub"));
}

TEST(Issuers, HaveTheFingerprintOfTheirRows) {
  EXPECT_EQ(IssuersOf(Row(""))->fingerprint(), IssuersOf(Row(""))->fingerprint());
  EXPECT_NE(IssuersOf(Row(""))->fingerprint(), IssuersOf(Row(R"(,"leeway":1)"))->fingerprint());
}

}  // namespace
}  // namespace fsubs
