#include "worker/socket/request_parser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

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

// Feed `bytes` as a connection does, up to `piece` of them at a time. Returns what is left over.
std::string FeedInPieces(RequestParser* parser, std::string_view bytes, size_t piece) {
  std::string input;
  while (!bytes.empty()) {
    input.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (State before = State::kHead; parser->state() <= State::kBody;) {
      input.erase(0, parser->Feed(input));
      if (parser->state() == before) break;
      before = parser->state();
    }
  }
  return input;
}

TEST(RequestParserTest, ABodyInChunksMayComeInAnyPieces) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::pair<std::string, std::string> kBodies[] = {
      {"0\r\n\r\n", ""},
      {"00000\r\n\r\n", ""},
      {"0;a=b\r\n\r\n", ""},
      {"0\r\nA: b\r\n\r\n", ""},
      {"1\r\na\r\n0\r\n\r\n", "a"},
      {"1\r\na\r\n2\r\nbc\r\n00\r\nA: b\r\nC: d\r\n\r\n", "abc"},
  };
  for (const auto& [chunks, body] : kBodies) {
    const std::string request = head + chunks;
    for (size_t piece = 1; piece <= request.size(); ++piece) {
      RequestParser parser(1000, false);
      EXPECT_EQ(FeedInPieces(&parser, request, piece), "") << chunks << piece;
      ASSERT_EQ(parser.state(), State::kComplete) << chunks << piece;
      EXPECT_EQ(parser.Take().body, body) << chunks << piece;
    }
  }
}

}  // namespace
}  // namespace fsubs
