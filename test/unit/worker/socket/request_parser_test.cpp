#include "worker/socket/request_parser.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

using State = RequestParser::State;

constexpr std::string_view kRequest =
    "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nX-Hasura-Role: r\r\n"
    "Cookie: a=b\r\nX-A: 1\r\nx-a: 2\r\n\r\n";

TEST(RequestParserTest, CredentialsAndTheRoleAreRead) {
  RequestParser parser(1000, false);
  parser.Feed(kRequest);
  ASSERT_EQ(parser.state(), State::kComplete);
  EXPECT_EQ(parser.head().authorization, "Bearer t");
  EXPECT_EQ(parser.head().hasura_role, "r");
  EXPECT_TRUE(parser.head().headers.empty());
}

TEST(RequestParserTest, AllHeadersAreKeptWhereTheyAreWanted) {
  RequestParser parser(1000, true);
  parser.Feed(kRequest);
  ASSERT_EQ(parser.state(), State::kComplete);
  EXPECT_EQ(parser.head().headers, (HttpHeaders{{"host", "x"},
                                                {"authorization", "Bearer t"},
                                                {"x-hasura-role", "r"},
                                                {"cookie", "a=b"},
                                                {"x-a", "1"},
                                                {"x-a", "2"}}));
}

TEST(RequestParserTest, ThereIsOneAuthorization) {
  RequestParser parser(1000, false);
  parser.Feed(
      "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n");
  EXPECT_EQ(parser.state(), State::kRefused);
  EXPECT_EQ(parser.refusal().status, kHttpBadRequest);
}

}  // namespace
}  // namespace fsubs
