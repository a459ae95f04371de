#include "contract/redis_url.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

RedisUrl Read(std::string_view text) {
  RedisUrl url;
  EXPECT_EQ(ParseRedisUrl(text, &url), "") << text;
  return url;
}

std::string ProblemOf(std::string_view text) {
  RedisUrl url;
  return ParseRedisUrl(text, &url);
}

TEST(RedisUrl, HasTheUsualPortAndDatabaseUnlessItSaysOthers) {
  const RedisUrl url = Read("redis://cache.example");
  EXPECT_EQ(url.kind, RedisKind::kSingle);
  EXPECT_FALSE(url.tls);
  EXPECT_EQ(url.addresses, (std::vector<Address>{{"cache.example", 6379}}));
  EXPECT_EQ(url.database, 0u);
  EXPECT_EQ(Read("redis://h:6380/3").addresses[0].port, 6380);
  EXPECT_EQ(Read("redis://h:6380/3").database, 3u);
  EXPECT_TRUE(Read("rediss://h").tls);
}

TEST(RedisUrl, HasUserAndPasswordWithEscapes) {
  const RedisUrl url = Read("redis://app%40x:p%3Aa/s@s@h");
  EXPECT_EQ(url.user, "app@x");
  EXPECT_EQ(url.password, "p:a/s@s");
  EXPECT_EQ(url.addresses[0].host, "h");
  EXPECT_EQ(Read("redis://:secret@h").user, "");
  EXPECT_EQ(Read("redis://:secret@h").password, "secret");
}

TEST(RedisUrl, TakesIpv6InBrackets) {
  const RedisUrl url = Read("redis://[::1]:7000/1");
  EXPECT_EQ(url.addresses[0], (Address{"::1", 7000}));
  EXPECT_EQ(url.DisplayName(), "redis://[::1]:7000/1");
  EXPECT_NE(ProblemOf("redis://[::1"), "");
  EXPECT_NE(ProblemOf("redis://[::1]7000"), "");
  EXPECT_NE(ProblemOf("redis://[host]"), "");
}

TEST(RedisUrl, NamesSentinelsAndTheirService) {
  const RedisUrl url =
      Read("redis+sentinel://u:p@a,b:1234/events/2?sentinel_user=s&sentinel_password=%20");
  EXPECT_EQ(url.kind, RedisKind::kSentinel);
  EXPECT_EQ(url.addresses, (std::vector<Address>{{"a", 26379}, {"b", 1234}}));
  EXPECT_EQ(url.service, "events");
  EXPECT_EQ(url.database, 2u);
  EXPECT_EQ(url.sentinel_user, "s");
  EXPECT_EQ(url.sentinel_password, " ");
  EXPECT_EQ(url.DisplayName(), "redis+sentinel://a:26379,b:1234/events/2");
  EXPECT_NE(ProblemOf("redis+sentinel://a"), "");
}

TEST(RedisUrl, NamesNodesOfACluster) {
  EXPECT_EQ(Read("rediss+cluster://a,b").kind, RedisKind::kCluster);
  EXPECT_NE(ProblemOf("redis+cluster://a/1"), "");
}

TEST(RedisUrl, IsRefusedWithAReasonIfAnythingIsWrong) {
  for (const char* text : {"",
                           "redis:",
                           "http://h",
                           "redis://",
                           "redis://h:0",
                           "redis://h:65536",
                           "redis://h:x",
                           "redis://h/x",
                           "redis://h/-1",
                           "redis://h/99999999999",
                           "redis://a,b",
                           "redis://user@h",
                           "redis://user:@h",
                           "redis://u:%zz@h",
                           "redis://h?x=1",
                           "redis://h h",
                           "redis://h,",
                           "redis+sentinel://a//1",
                           "redis+sentinel://a/s?x=1",
                           "redis+sentinel://a/s?sentinel_user"}) {
    EXPECT_NE(ProblemOf(text), "") << text;
  }
}

TEST(RedisUrl, ItsSecretsAreNeitherInReasonsNorInItsName) {
  EXPECT_EQ(ProblemOf("redis://u:hunter2@h:x").find("hunter2"), std::string::npos);
  EXPECT_EQ(ProblemOf("redis://u:hunter2%@h").find("hunter2"), std::string::npos);
  EXPECT_EQ(Read("redis://u:hunter2@h").DisplayName(), "redis://h:6379/0");
}

}  // namespace
}  // namespace fsubs
