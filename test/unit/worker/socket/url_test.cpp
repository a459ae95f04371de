#include "worker/socket/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(UrlTest, PathAndParametersAreDecoded) {
  const auto target = ReadTarget("/gr%61phql?query=%7B%0Aa+b%7D&operationName=A%26B");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/graphql");
  EXPECT_THAT(target->parameters, ElementsAre("query={\na b}", "operationName=A&B"));
  EXPECT_EQ(target->authority, "");
}

TEST(UrlTest, APlusStandsForASpaceInParametersOnly) {
  EXPECT_EQ(ReadTarget("/a+b")->path, "/a+b");
  EXPECT_THAT(ReadTarget("/?a+b=%2B")->parameters, ElementsAre("a b=+"));
}

TEST(UrlTest, EmptyParametersAreNone) {
  EXPECT_THAT(ReadTarget("/")->parameters, IsEmpty());
  EXPECT_THAT(ReadTarget("/?")->parameters, IsEmpty());
  EXPECT_THAT(ReadTarget("/?&&a&")->parameters, ElementsAre("a"));
}

TEST(UrlTest, AnAbsoluteTargetNamesItsAuthority) {
  const auto target = ReadTarget("http://a.example:80/b?c");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->authority, "a.example:80");
  EXPECT_EQ(target->path, "/b");
  EXPECT_THAT(target->parameters, ElementsAre("c"));
  EXPECT_EQ(ReadTarget("http://a.example")->path, "/");
}

TEST(UrlTest, TheServerAsAWholeIsAStar) {
  EXPECT_EQ(ReadTarget("*")->path, "*");
}

TEST(UrlTest, WhatIsNoTargetIsRefused) {
  for (const char* const text : {"", "a", "a:80", "**", "http://", "http:///a", "ftp://a/b", "/%",
                                 "/%4", "/%zz", "/?a=%4", "/a#b", "/?a#b"}) {
    EXPECT_FALSE(ReadTarget(text)) << text;
  }
}

}  // namespace
}  // namespace fsubs
