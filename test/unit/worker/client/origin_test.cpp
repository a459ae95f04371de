#include "worker/client/origin.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

constexpr char kList[] = "https://app.example.com , http://localhost:3000";

HttpRequest Asked(HttpMethod method, const char* host, const char* fetch_site = "",
                  const char* origin = "") {
  HttpRequest request;
  request.method = method;
  request.host = host;
  request.fetch_site = fetch_site;
  request.origin = origin;
  return request;
}

TEST(OriginTest, ClientsThatAreNotPagesAreAllowed) {
  EXPECT_TRUE(OriginAllowed("", "", "127.0.0.1:4000"));
  EXPECT_TRUE(OriginAllowed("", "", "db.internal:4000"));
}

TEST(OriginTest, AStarAllowsEveryPage) {
  EXPECT_TRUE(OriginAllowed("*", "https://anywhere.example", "h"));
  EXPECT_TRUE(OriginAllowed("*", "null", "h"));
}

TEST(OriginTest, AListAllowsItsOriginsInAnyCaseAndNoOthers) {
  EXPECT_TRUE(OriginAllowed(kList, "https://app.example.com", "h"));
  EXPECT_TRUE(OriginAllowed(kList, "HTTPS://APP.example.com", "h"));
  EXPECT_TRUE(OriginAllowed(kList, "http://localhost:3000", "h"));
  for (const char* other : {"https://app.example.com.evil.example", "http://app.example.com",
                            "http://localhost", "null", "https://evil.example"}) {
    EXPECT_FALSE(OriginAllowed(kList, other, "h")) << other;
  }
}

TEST(OriginTest, ThePageThatTheWorkerServesIsAllowed) {
  for (const char* host : {"127.0.0.1:4000", "192.0.2.1:4000", "[::1]:4000", "[2001:db8::1]",
                           "localhost:4000", "localhost", "app.localhost:4000", "LocalHost:4000"}) {
    EXPECT_TRUE(OriginAllowed("", std::string("http://") + host, host)) << host;
    EXPECT_TRUE(OriginAllowed("", std::string("https://") + host, host)) << host;
  }
  EXPECT_FALSE(OriginAllowed("", "http://127.0.0.1:3000", "127.0.0.1:4000"));
  EXPECT_FALSE(OriginAllowed("", "http://", ""));
  EXPECT_FALSE(OriginAllowed("", "capacitor://localhost", "localhost"));
}

TEST(OriginTest, APageIsNotTheWorkersOwnByANameThatIsMadeToLeadHere) {
  for (const char* host :
       {"evil.example:4000", "evil.example", "localhost.evil.example:4000", "evil-localhost:4000",
        "localhost.:4000", "127.0.0.1.evil.example:4000", "127.0.0.1.:4000", "127.1:4000",
        "2130706433:4000", "[::1", "[::1].evil.example:4000", "::1:4000", "db.internal:4000"}) {
    EXPECT_FALSE(OriginAllowed("", std::string("http://") + host, host)) << host;
    EXPECT_FALSE(OriginAllowed(kList, std::string("http://") + host, host)) << host;
  }
}

TEST(OriginTest, APageIsTheWorkersOwnByANameThatIsListed) {
  EXPECT_TRUE(OriginAllowed(kList, "http://app.example.com:4000", "app.example.com:4000"));
  EXPECT_TRUE(OriginAllowed("http://*.internal", "http://db.internal:4000", "db.internal:4000"));
  EXPECT_FALSE(OriginAllowed(kList, "http://app.example.com:4000", "127.0.0.1:4000"));
}

TEST(OriginTest, AReadByAnUnknownNameMayHideItsPage) {
  for (const HttpMethod method : {HttpMethod::kGet, HttpMethod::kHead}) {
    for (const char* site : {"", "none", "same-origin"}) {
      EXPECT_TRUE(MayHideItsPage(kList, Asked(method, "evil.example:4000", site)));
      EXPECT_TRUE(MayHideItsPage("", Asked(method, "db.internal:4000", site)));
      for (const char* known : {"127.0.0.1:4000", "[::1]:4000", "localhost:4000", "app.example.com",
                                "APP.example.com:4000"}) {
        EXPECT_FALSE(MayHideItsPage(kList, Asked(method, known, site))) << known;
      }
    }
    EXPECT_FALSE(MayHideItsPage("*", Asked(method, "evil.example:4000")));
    EXPECT_FALSE(MayHideItsPage("", Asked(method, ""))) << "HTTP/1.0";
  }
}

TEST(OriginTest, WhatAnotherSiteEmbedsHidesItsPage) {
  for (const char* site : {"cross-site", "same-site"}) {
    EXPECT_TRUE(MayHideItsPage(kList, Asked(HttpMethod::kGet, "127.0.0.1:4000", site)));
    EXPECT_FALSE(MayHideItsPage("*", Asked(HttpMethod::kGet, "127.0.0.1:4000", site)));
    EXPECT_FALSE(MayHideItsPage(
        kList, Asked(HttpMethod::kGet, "127.0.0.1:4000", site, "https://app.example.com")));
  }
}

TEST(OriginTest, BrowsersDoNotHideThePageOfAPost) {
  EXPECT_FALSE(MayHideItsPage("", Asked(HttpMethod::kPost, "db.internal:4000")));
}

}  // namespace
}  // namespace fsubs
