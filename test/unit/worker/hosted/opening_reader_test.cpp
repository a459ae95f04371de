#include "worker/hosted/opening_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string ProblemOf(std::string_view json) {
  HostedOpening opening;
  return ReadOpening(json, &opening);
}

TEST(OpeningReader, ReadsAllThatIsSaidOfAClient) {
  HostedOpening opening;
  EXPECT_EQ(ReadOpening(R"({"subprotocol":"graphql-ws","peer":"[::1]:7","path":"/a%20b?x=1&y=2",
                            "headers":{"origin":"https://a.example","host":"a.example",
                                       "authorization":"Bearer t","x-hasura-role":"r","cookie":"c"},
                            "claims": {"sub": "alice"} })",
                        &opening),
            "");
  EXPECT_EQ(opening.subprotocol, "graphql-ws");
  EXPECT_EQ(opening.peer, "[::1]:7");
  const HttpRequest& request = opening.handshake;
  EXPECT_EQ(request.path, "/a b");
  EXPECT_THAT(request.parameters, ElementsAre("x=1", "y=2"));
  EXPECT_EQ(request.origin, "https://a.example");
  EXPECT_EQ(request.host, "a.example");
  EXPECT_EQ(request.authorization, "Bearer t");
  EXPECT_EQ(request.hasura_role, "r");
  EXPECT_THAT(request.headers, testing::Contains(Pair("cookie", "c")));
  EXPECT_EQ(opening.claims, R"({"sub": "alice"})");
}

TEST(OpeningReader, WhatIsMissingOrNullIsEmpty) {
  for (const char* json : {"{}", R"({"subprotocol":null,"peer":null,"path":null,"headers":null,
                                     "claims":null,"another":1})"}) {
    HostedOpening opening;
    EXPECT_EQ(ReadOpening(json, &opening), "");
    EXPECT_EQ(opening.subprotocol, "");
    EXPECT_EQ(opening.peer, "");
    EXPECT_TRUE(opening.handshake.headers.empty());
    EXPECT_FALSE(opening.claims);
  }
}

TEST(OpeningReader, SaysWhatIsWrong) {
  EXPECT_THAT(ProblemOf(""), HasSubstr("not JSON"));
  EXPECT_THAT(ProblemOf("{"), HasSubstr("not JSON"));
  EXPECT_THAT(ProblemOf("\xff"), HasSubstr("not JSON"));
  EXPECT_THAT(ProblemOf("[]"), HasSubstr("no JSON object"));
  EXPECT_EQ(ProblemOf(R"({"subprotocol":1})"), "\"subprotocol\" is no string");
  EXPECT_EQ(ProblemOf(R"({"peer":{}})"), "\"peer\" is no string");
  EXPECT_EQ(ProblemOf(R"({"path":[]})"), "\"path\" is no string");
  EXPECT_EQ(ProblemOf(R"({"path":"/%zz"})"), "\"path\" is not that of a URL");
  EXPECT_EQ(ProblemOf(R"({"headers":1})"), "\"headers\" is no object");
  EXPECT_EQ(ProblemOf(R"({"headers":{"a":1}})"), "header \"a\" is no string");
  EXPECT_EQ(ProblemOf(R"({"claims":"alice"})"), "\"claims\" is no object");
  EXPECT_EQ(ProblemOf(R"({"claims":{"a":")" + std::string(70'000, 'x') + "\"}}"),
            "\"claims\" is too long");
}

}  // namespace
}  // namespace fsubs
