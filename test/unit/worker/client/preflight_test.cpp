#include "worker/client/preflight.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fsubs {
namespace {

HttpRequest Preflight(std::string headers) {
  HttpRequest request;
  request.method = HttpMethod::kOptions;
  request.origin = "https://app.example.com";
  request.preflight_method = "POST";
  request.preflight_headers = std::move(headers);
  return request;
}

std::string HeaderOf(const HttpReply& reply, std::string_view name) {
  for (const auto& [key, value] : reply.headers) {
    if (key == name) return value;
  }
  return "none";
}

std::string AllowedHeaders(std::string asked) {
  return HeaderOf(ReplyToOptions(Preflight(std::move(asked))), "access-control-allow-headers");
}

TEST(PreflightTest, TheHeadersThatAreAskedForMayBeSent) {
  EXPECT_EQ(AllowedHeaders("content-type,apollographql-client-name,sentry-trace,traceparent"),
            "content-type, apollographql-client-name, sentry-trace, traceparent");
  EXPECT_EQ(AllowedHeaders("X-A \t, !#$%&'*+-.^_`|~9"), "X-A, !#$%&'*+-.^_`|~9");
}

TEST(PreflightTest, WhatIsNoListOfNamesAllowsNoHeaders) {
  for (const char* asked : {"", "a,,b", ",", "a b", "a:b", "a/b", "a\"b", "\xc3\xa4", "a;b"}) {
    EXPECT_EQ(AllowedHeaders(asked), "none") << asked;
  }
  EXPECT_EQ(AllowedHeaders(std::string(4097, 'a')), "none");
  EXPECT_EQ(AllowedHeaders(std::string(4096, 'a')), std::string(4096, 'a'));
}

TEST(PreflightTest, ItSaysWhatMayBeSentAndForHowLongThatHolds) {
  const HttpReply reply = ReplyToOptions(Preflight("content-type"));
  EXPECT_EQ(reply.status, kHttpOk);
  EXPECT_EQ(HeaderOf(reply, "access-control-allow-methods"), "GET, POST");
  EXPECT_EQ(HeaderOf(reply, "access-control-max-age"), "600");
  EXPECT_EQ(HeaderOf(reply, "access-control-allow-credentials"), "none");
}

TEST(PreflightTest, WhoIsNoBrowserLearnsTheMethods) {
  HttpRequest request;
  request.method = HttpMethod::kOptions;
  const HttpReply reply = ReplyToOptions(request);
  EXPECT_EQ(HeaderOf(reply, "allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(HeaderOf(reply, "access-control-allow-methods"), "none");
}

}  // namespace
}  // namespace fsubs
