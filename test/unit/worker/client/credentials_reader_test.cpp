#include "worker/client/credentials_reader.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

class CredentialsReaderTest : public testing::Test {
 protected:
  // The token, or "!" and the problem.
  std::string TokenIn(const std::string& payload) {
    JsonTree tree;
    std::optional<JsonValue> value;
    if (!payload.empty()) {
      EXPECT_TRUE(tree.ParseCopy(payload)) << payload;
      value = tree.root();
    }
    const std::string problem = ReadCredentials(request_, value, rules_, &credentials_);
    return problem.empty() ? credentials_.token : "!" + problem;
  }

  HttpRequest request_;
  CredentialRules rules_;
  Credentials credentials_;
};

TEST_F(CredentialsReaderTest, EachPlaceOfThePayloadIsRead) {
  EXPECT_EQ(TokenIn(R"({"headers":{"Authorization":"Bearer a"}})"), "a");
  EXPECT_EQ(TokenIn(R"({"headers":{"authorization":"Bearer a"}})"), "a");
  EXPECT_EQ(TokenIn(R"({"Authorization":"Bearer a"})"), "a");
  EXPECT_EQ(TokenIn(R"({"authorization":"Bearer a"})"), "a");
  EXPECT_EQ(TokenIn(R"({"authToken":"a"})"), "a");
  EXPECT_EQ(TokenIn(R"({"token":"a"})"), "a");
  EXPECT_EQ(TokenIn(R"({"AUTHORIZATION":"Bearer a","other":1})"), "");
  EXPECT_EQ(TokenIn("{}"), "");
  EXPECT_EQ(TokenIn(""), "");
}

TEST_F(CredentialsReaderTest, TheFirstPlaceThatHoldsSomethingDecides) {
  request_.authorization = "Bearer g";
  request_.parameters = {"access_token=h"};
  rules_.token_in_url = true;
  const std::string payload[] = {R"("headers":{"Authorization":"Bearer a"},)",
                                 R"("Authorization":"Bearer b",)", R"("authorization":"Bearer c",)",
                                 R"("authToken":"d",)", R"("token":"e",)"};
  const std::string tokens[] = {"a", "b", "c", "d", "e"};
  for (size_t first = 0; first < std::size(payload); ++first) {
    std::string text = "{";
    for (size_t i = first; i < std::size(payload); ++i) text += payload[i];
    EXPECT_EQ(TokenIn(text + R"("x":1})"), tokens[first]);
  }
  EXPECT_EQ(TokenIn("{}"), "g");
  request_.authorization.clear();
  EXPECT_EQ(TokenIn("{}"), "h");
}

TEST_F(CredentialsReaderTest, NoPlaceKeepsATokenThatIsRemoved) {
  rules_.for_function = true;
  request_.headers = {{"authorization", "Bearer g"}, {"x-kept", "1"}};
  EXPECT_EQ(TokenIn(R"({"headers":{"Authorization":"Bearer a","AUTHORIZATION":"Bearer b","x":1},)"
                    R"("Authorization":"Bearer b","authorization":"Bearer c","authToken":"d",)"
                    R"("token":"e","\u0074oken":"f","kept":{"token":"mine"}})"),
            "a");
  RemoveToken(&credentials_);
  EXPECT_EQ(credentials_.token, "");
  EXPECT_EQ(credentials_.init_payload, R"({"headers":{"x":1},"kept":{"token":"mine"}})");
  EXPECT_EQ(credentials_.headers, R"({"x-kept":"1"})");
}

TEST_F(CredentialsReaderTest, APlaceWithNothingInItIsPassedOver) {
  for (const char* nothing : {"null", R"("")", R"("  ")"}) {
    const std::string value(nothing);
    EXPECT_EQ(
        TokenIn(R"({"headers":{"Authorization":)" + value + R"(},"Authorization":)" + value +
                R"(,"authorization":)" + value + R"(,"authToken":)" + value + R"(,"token":"a"})"),
        "a")
        << value;
  }
  EXPECT_EQ(TokenIn(R"({"headers":null,"token":"a"})"), "a");
  EXPECT_EQ(TokenIn(R"({"headers":{"Authorization":"","authorization":"Bearer b"}})"), "b");
}

TEST_F(CredentialsReaderTest, AnythingElseInTheFirstPlaceIsRefusedWhateverFollows) {
  EXPECT_EQ(TokenIn(R"({"Authorization":1,"token":"a"})"),
            R"(!"Authorization" is no string but number)");
  EXPECT_EQ(TokenIn(R"({"headers":{"Authorization":["Bearer a"]},"token":"a"})"),
            R"(!"headers.Authorization" is no string but array)");
  EXPECT_EQ(TokenIn(R"({"headers":"Authorization: Bearer a","token":"a"})"),
            R"(!"headers" is no object but string)");
  EXPECT_EQ(TokenIn(R"({"token":false})"), R"(!"token" is no string but boolean)");
}

TEST_F(CredentialsReaderTest, BearerIsRequiredWhereOtherSchemesHaveTheirPlace) {
  const char* const kOther = "!the scheme of the credentials is not Bearer";
  EXPECT_EQ(TokenIn(R"({"Authorization":"a"})"), kOther);
  EXPECT_EQ(TokenIn(R"({"authorization":"Basic dTpw"})"), kOther);
  EXPECT_EQ(TokenIn(R"({"token":"Basic dTpw"})"), kOther);
  request_.authorization = "Basic dTpw";
  EXPECT_EQ(TokenIn("{}"), kOther);
}

TEST_F(CredentialsReaderTest, TheSchemesCaseMeansNothing) {
  EXPECT_EQ(TokenIn(R"({"Authorization":"bEARER a"})"), "a");
  EXPECT_EQ(TokenIn(R"({"authToken":"bearer a"})"), "a");
  EXPECT_EQ(TokenIn(R"({"token":" Bearer \t a "})"), "a");
}

TEST_F(CredentialsReaderTest, ASchemeAloneIsNoToken) {
  EXPECT_EQ(TokenIn(R"({"Authorization":"Bearer "})"), R"(!there is no token behind "Bearer")");
  EXPECT_EQ(TokenIn(R"({"token":"Bearer"})"), R"(!there is no token behind "Bearer")");
  EXPECT_EQ(TokenIn(R"({"Authorization":"Bearer a b"})"), "!the token has white space in it");
}

TEST_F(CredentialsReaderTest, TheUrlIsReadOnlyWhereItMayBe) {
  request_.parameters = {"access_token=a"};
  EXPECT_EQ(TokenIn("{}"), "");
  rules_.token_in_url = true;
  EXPECT_EQ(TokenIn("{}"), "a");
}

TEST_F(CredentialsReaderTest, CookiesAreNoCredentials) {
  request_.headers = {{"cookie", "authorization=Bearer a; token=a"}};
  rules_.for_function = true;
  EXPECT_EQ(TokenIn("{}"), "");
}

TEST_F(CredentialsReaderTest, TheRoleAskedForComesFromThePayloadOrTheRequest) {
  TokenIn(R"({"headers":{"X-Hasura-Role":"editor"}})");
  EXPECT_EQ(credentials_.requested_role, "editor");
  request_.hasura_role = "reader";
  TokenIn(R"({"headers":{"x-hasura-role":" editor "}})");
  EXPECT_EQ(credentials_.requested_role, "editor");
  TokenIn("{}");
  EXPECT_EQ(credentials_.requested_role, "reader");
  EXPECT_EQ(TokenIn(R"({"headers":{"x-hasura-role":{}}})"),
            R"(!"x-hasura-role" is no string but object)");
}

TEST_F(CredentialsReaderTest, AFunctionSeesThePayloadAndTheHeaders) {
  rules_.for_function = true;
  request_.headers = {{"x-a", "1"}, {"cookie", "c=d"}, {"x-a", "2"}, {"x-b", "caf\xE9"}};
  TokenIn(R"({ "apiKey": "k" })");
  EXPECT_EQ(credentials_.init_payload, R"({ "apiKey": "k" })");
  EXPECT_EQ(credentials_.headers, "{\"cookie\":\"c=d\",\"x-a\":\"1, 2\",\"x-b\":\"caf\xC3\xA9\"}");
}

TEST_F(CredentialsReaderTest, WithoutAFunctionNothingIsGathered) {
  request_.headers = {{"x-a", "1"}};
  TokenIn(R"({"apiKey":"k"})");
  EXPECT_EQ(credentials_.init_payload, "{}");
  EXPECT_EQ(credentials_.headers, "{}");
}

}  // namespace
}  // namespace fsubs
