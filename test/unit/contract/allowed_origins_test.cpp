#include "contract/allowed_origins.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fsubs {
namespace {

std::string EntryWithProblem(std::string_view allowed) {
  const auto problem = FindOriginProblem(allowed);
  return problem ? std::string(problem->entry) : "none";
}

TEST(AllowedOriginsTest, OriginsAsBrowsersSendThemAreRight) {
  for (const char* allowed :
       {"", "*", "https://app.example.com", "http://localhost:3000", "http://127.0.0.1:8080",
        "http://[::1]:3000", "http://[2001:db8::1]", "https://*.example.com",
        "https://*.example.com:8443", "https://xn--bcher-kva.example", "http://my_app:65535",
        "http://a.1b", "capacitor://localhost", "chrome-extension://abcdefghijklmnop",
        " https://a.example ,  https://b.example", "*,https://a.example", "http://x:443",
        "https://x:80"}) {
    EXPECT_EQ(EntryWithProblem(allowed), "none") << allowed;
  }
}

TEST(AllowedOriginsTest, WhatNoPageOrEveryonesPageHasForItsOriginIsWrong) {
  for (const char* entry : {"null",
                            "app.example.com",
                            "localhost:3000",
                            "//app.example.com",
                            "://a.example",
                            "https://app.example.com/",
                            "https://app.example.com/path",
                            "https://a.example?b",
                            "https://a.example#b",
                            "https://App.example.com",
                            "HTTPS://app.example.com",
                            "https://app.example.com:443",
                            "http://app.example.com:80",
                            "https://a.example:",
                            "https://a.example:0",
                            "https://a.example:08443",
                            "https://a.example:65536",
                            "https://a.example:999999999999",
                            "https://a.example:*",
                            "https://a.example:1:2",
                            "https://user@a.example",
                            "https://user:password@a.example",
                            "https://",
                            "https://a b.example",
                            "https://a.example https://b.example",
                            "https://a.example.",
                            "https://.a.example",
                            "https://a..example",
                            "https://*",
                            "https://*.",
                            "https://*example.com",
                            "https://a.*.example.com",
                            "https://*.*.example.com",
                            "*.example.com",
                            "https://*.0.0.1",
                            "https://127.0.0.01",
                            "https://127.0.0",
                            "https://127.0.0.256",
                            "https://1",
                            "http://[::1",
                            "http://::1",
                            "http://[]",
                            "http://[::G]",
                            "http://[::1]x",
                            "http://[1]",
                            "wss://app.example.com",
                            "ws://localhost:4000",
                            "1http://a.example",
                            "https:/a.example",
                            "https://b\xc3\xbc"
                            "cher.example",
                            "https://a.example\t",
                            "https://a.example\n",
                            "https://a\"b",
                            "https://a\\b",
                            "https://a;b",
                            "* *",
                            "**"}) {
    EXPECT_EQ(EntryWithProblem(entry), entry);
    EXPECT_EQ(EntryWithProblem(std::string("https://a.example, ") + entry), entry);
  }
}

TEST(AllowedOriginsTest, ACommaStandsBetweenTwoOrigins) {
  for (const char* allowed : {",", "https://a.example,", ",https://a.example",
                              "https://a.example,,https://b.example", " ", " , "}) {
    EXPECT_EQ(EntryWithProblem(allowed), "") << allowed;
  }
}

TEST(AllowedOriginsTest, AProblemIsExplainedAndHasARemedy) {
  const auto problem = FindOriginProblem("https://a.example, https://b.example/");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->entry, "https://b.example/");
  EXPECT_STREQ(problem->detail, "goes on behind the host");
  EXPECT_STREQ(problem->hint, "Leave out the path, also if it is no more than a slash.");
}

TEST(AllowedOriginsTest, AnOriginIsListedWithSchemeHostAndPort) {
  constexpr char kList[] = "https://app.example.com , http://localhost:3000,http://[::1]:3000";
  for (const char* one :
       {"https://app.example.com", "http://localhost:3000", "http://[::1]:3000"}) {
    EXPECT_TRUE(ListsOrigin(kList, one)) << one;
  }
  for (const char* other :
       {"https://app.example.com.evil.example", "http://app.example.com", "http://localhost",
        "https://app.example.com:8443", "null", "", "https://", "https://evil.example", "*",
        "https://app.example.com/", "https://app.example.com.", "https://a@app.example.com",
        "https://app.example.com@evil.example", "http://[::1]", "http://[::1]:3000:3000"}) {
    EXPECT_FALSE(ListsOrigin(kList, other)) << other;
  }
  EXPECT_FALSE(ListsOrigin("", "https://app.example.com"));
  EXPECT_FALSE(ListsOrigin("*", "https://app.example.com"));
}

TEST(AllowedOriginsTest, AStarStandsForAllNamesBelowAnother) {
  constexpr char kList[] = "https://*.example.com, http://*.dev.example:3000";
  for (const char* below : {"https://a.example.com", "https://a.b.example.com",
                            "https://a-1.example.com", "http://x.dev.example:3000"}) {
    EXPECT_TRUE(ListsOrigin(kList, below)) << below;
  }
  for (const char* other :
       {"https://example.com", "https://.example.com", "http://a.example.com",
        "https://a.example.com:8443", "https://aexample.com", "https://a.example.com.evil.example",
        "https://evil.example/.example.com", "https://evil.example:1@a.example.com",
        "https://evil.example?a.example.com", "https://evil.example#a.example.com",
        "https://a..example.com", "https://*.example.com", "http://x.dev.example"}) {
    EXPECT_FALSE(ListsOrigin(kList, other)) << other;
  }
}

TEST(AllowedOriginsTest, AHostIsListedByTheOriginsOfItsPages) {
  constexpr char kList[] = "*, https://app.example.com, http://*.dev.example:3000, http://db";
  for (const char* host : {"app.example.com", "x.dev.example", "db"}) {
    EXPECT_TRUE(ListsHost(kList, host)) << host;
  }
  for (const char* host : {"example.com", "dev.example", "evil.example", "", "*"}) {
    EXPECT_FALSE(ListsHost(kList, host)) << host;
  }
}

TEST(AllowedOriginsTest, AStarAloneAllowsEveryPage) {
  EXPECT_TRUE(AllowsEveryPage("*"));
  EXPECT_TRUE(AllowsEveryPage("https://a.example, *"));
  EXPECT_FALSE(AllowsEveryPage(""));
  EXPECT_FALSE(AllowsEveryPage("https://*.example"));
}

}  // namespace
}  // namespace fsubs
