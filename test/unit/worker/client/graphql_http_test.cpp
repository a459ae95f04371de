#include "worker/client/graphql_http.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fsubs {
namespace {

using testing::HasSubstr;

TEST(NegotiateResponseTypeTest, TheBestOfWhatTheClientAcceptsIsChosen) {
  EXPECT_EQ(NegotiateResponseType(""), ResponseType::kJson);
  EXPECT_EQ(NegotiateResponseType("*/*"), ResponseType::kJson);
  EXPECT_EQ(NegotiateResponseType("application/*;q=0.5"), ResponseType::kJson);
  EXPECT_EQ(NegotiateResponseType("application/graphql-response+json"),
            ResponseType::kGraphqlResponse);
  EXPECT_EQ(NegotiateResponseType(
                "Application/GraphQL-Response+JSON; charset=utf-8, application/json; q=0.9"),
            ResponseType::kGraphqlResponse);
  EXPECT_EQ(
      NegotiateResponseType("application/json;q=0.1, application/graphql-response+json;q=0.2"),
      ResponseType::kGraphqlResponse);
  EXPECT_EQ(NegotiateResponseType("text/event-stream"), ResponseType::kEventStream);
  EXPECT_EQ(NegotiateResponseType("text/html, application/json;q=0"), std::nullopt);
  EXPECT_EQ(NegotiateResponseType("text/html"), std::nullopt);
}

class HttpOperationTest : public testing::Test {
 protected:
  // What is wrong with a request, or nothing.
  std::string ProblemOf(HttpRequest request) {
    const auto refused = operation_.emplace().Read(std::move(request));
    if (!refused) return {};
    EXPECT_THAT(refused->body, HasSubstr(R"({"errors":[{"message":)"));
    return std::to_string(refused->status) + " " + refused->body;
  }
  static HttpRequest Post(std::string body, std::string type = "application/json") {
    HttpRequest request;
    request.method = HttpMethod::kPost;
    request.content_type = std::move(type);
    request.body = std::move(body);
    return request;
  }
  static HttpRequest Get(std::vector<std::string> parameters) {
    HttpRequest request;
    request.parameters = std::move(parameters);
    return request;
  }

  std::optional<HttpOperation> operation_;
};

TEST_F(HttpOperationTest, APostedOperationIsReadWhole) {
  EXPECT_EQ(ProblemOf(Post(R"({"query":"q","operationName":"n","variables":{"a":1}})",
                           "application/json; charset=\"UTF-8\"")),
            "");
  EXPECT_EQ(operation_->operation().query, "q");
  EXPECT_EQ(operation_->operation().operation_name, "n");
  EXPECT_EQ(operation_->operation().variables->raw(), R"({"a":1})");
}

TEST_F(HttpOperationTest, AnOperationInTheUrlIsReadWhole) {
  EXPECT_EQ(ProblemOf(Get({"variables={\"a\":1}", "query=q=r", "operationName=n", "x"})), "");
  EXPECT_EQ(operation_->operation().query, "q=r");
  EXPECT_EQ(operation_->operation().operation_name, "n");
  EXPECT_EQ(operation_->operation().variables->raw(), R"({"a":1})");
}

TEST_F(HttpOperationTest, EmptyAndNullParametersAreAsIfLeftOut) {
  EXPECT_EQ(ProblemOf(Get({"query=q", "operationName=", "variables=null", "extensions="})), "");
  EXPECT_EQ(operation_->operation().operation_name, std::nullopt);
  EXPECT_EQ(operation_->operation().variables, std::nullopt);
}

TEST_F(HttpOperationTest, AnythingElseIsRefusedWithItsStatus) {
  EXPECT_THAT(ProblemOf(Post("{}", "text/plain")), HasSubstr("415 "));
  EXPECT_THAT(ProblemOf(Post("{}", "application/json; charset=latin1")), HasSubstr("415 "));
  EXPECT_THAT(ProblemOf(Post("{}", "")), HasSubstr("415 "));
  EXPECT_THAT(ProblemOf(Post("")), HasSubstr("400 "));
  EXPECT_THAT(ProblemOf(Post("[]")), HasSubstr("not an object but array"));
  EXPECT_THAT(ProblemOf(Post("{\"query\":\"\xff\"}")), HasSubstr("400 "));
  EXPECT_THAT(ProblemOf(Post(R"({"query":{}})")), HasSubstr("'query' property to be a string"));
  EXPECT_THAT(ProblemOf(Post(R"({"query":"q","variables":[]})")), HasSubstr("400 "));
  EXPECT_THAT(ProblemOf(Get({})), HasSubstr("400 "));
  EXPECT_THAT(ProblemOf(Get({"query=\xff"})), HasSubstr("400 "));
  EXPECT_THAT(ProblemOf(Get({"query=q", "variables=[]"})), HasSubstr("400 "));
  EXPECT_THAT(ProblemOf(Get({"query=q", "variables={"})), HasSubstr("400 "));
  EXPECT_THAT(ProblemOf(Get({"query=q", "extensions=1"})), HasSubstr("400 "));
  HttpRequest other;
  other.method = HttpMethod::kOther;
  EXPECT_THAT(ProblemOf(other), HasSubstr("405 "));
}

TEST(HttpReplyTest, OldClientsReadErrorsWithStatus200AndNewOnesWith400) {
  EXPECT_EQ(ReplyWithErrors(ResponseType::kJson, {}).status, kHttpOk);
  EXPECT_EQ(ReplyWithErrors(ResponseType::kGraphqlResponse, {}).status, kHttpBadRequest);
  EXPECT_EQ(ReplyWithErrors(ResponseType::kGraphqlResponse, {}).body, R"({"errors":[]})");
}

TEST(HttpReplyTest, AnAnswerIsKeptByNoCache) {
  EXPECT_EQ(ReplyWithResponse(ResponseType::kJson, "{}").headers,
            (HttpHeaders{{"cache-control", "no-store"}}));
}

TEST(EventStreamTest, AResponseIsOneLineOfData) {
  EXPECT_EQ(NextEvent("{\"a\":\r\n [1]}"), "event: next\ndata: {\"a\":   [1]}\n\n");
}

TEST(GraphqlHttpTest, AClientThatIsNotLetInIsAskedForABearerToken) {
  const HttpReply without = ReplyUnauthenticated(false, "there is no token");
  EXPECT_EQ(without.status, 401u);
  EXPECT_EQ(without.headers,
            (HttpHeaders{{"cache-control", "no-store"}, {"www-authenticate", "Bearer"}}));
  EXPECT_EQ(without.body,
            R"({"errors":[{"message":"Unauthenticated: there is no token","extensions":)"
            R"({"code":"UNAUTHENTICATED"}}]})");
  const HttpReply refused = ReplyUnauthenticated(true, "");
  EXPECT_EQ(refused.headers,
            (HttpHeaders{{"cache-control", "no-store"},
                         {"www-authenticate", R"(Bearer error="invalid_token")"}}));
}

}  // namespace
}  // namespace fsubs
